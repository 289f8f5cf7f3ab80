internal import CLinux

/// What a job of the helper came to.
package struct HelperResult: Equatable, Sendable {
  /// Processes whose memory was given back.
  package var released = 0
  /// Processes that had no memory any more (`ESRCH`).
  package var vanished = 0
  /// Processes whose memory was in use at each try (`EAGAIN`).
  package var busy = 0
  /// Processes whose memory is not theirs alone: another that lives shares it, or a core dump reads it (`EINVAL`).
  package var entangled = 0
  /// Processes refused for another reason, the first of which is ``error``.
  package var failed = 0
  /// Why the call failed.
  package var error: Errno?
  /// From taking the job to its end.
  package var nanoseconds: UInt64 = 0

  package init() {}
}

/// A thread for calls that may take long, so that the loop never waits for one: it has one job at a time.
///
/// It is made at start, with its stack and its storage touched and every signal blocked, and takes no memory later. It
/// has the capabilities, the priority and the other privileges that its maker had when it was made.
@safe
package struct HelperThread: ~Copyable {
  /// Descriptors that one job takes at most.
  package static let capacity = Int(CLINUX_HELPER_DESCRIPTORS)

  // Its own mapping, which lives as long as the thread: touched by clinux_helper_* alone, and here only while it is
  // idle.
  private let raw: UnsafeMutablePointer<clinux_helper>

  /// - Throws: `EAGAIN` or `ENOMEM` where the kernel has no room for a thread.
  package init() throws(Errno) {
    guard let helper = unsafe clinux_helper_start() else { throw .current }
    unsafe raw = unsafe helper
  }

  deinit {
    // The thread is idle, or is left its mapping for good.
    unsafe clinux_helper_end(raw)
  }

  /// The sizes in bytes of a helper's guard and stack.
  ///
  /// - Parameters:
  ///   - pageSize: Of the machine, in bytes: 4, 16 or 64 KiB.
  ///   - minimum: The C library's, in bytes (`sysconf(_SC_THREAD_STACK_MIN)`).
  package static func layout(pageSize: Int, minimum: Int) -> (guard: Int, stack: Int) {
    let layout = clinux_thread_layout_for(pageSize, minimum)
    return (layout.guard, layout.stack)
  }

  /// Whether this kernel has process_mrelease(2), Linux 5.15.
  package static var canReleaseMemory: Bool {
    clinux_process_mrelease(-1) == -1 && Errno.current != .notSupported
  }

  /// Becomes readable each time a job has ended; ``acknowledge()`` makes it unreadable.
  package var doneDescriptor: Int32 { unsafe raw.pointee.done }

  /// Whether a job is under way. A new one can be begun when none is.
  package var isBusy: Bool { unsafe clinux_helper_is_busy(raw) != 0 }

  /// What the last job came to; nil while one is under way.
  package var result: HelperResult? {
    guard !isBusy else { return nil }
    let last = unsafe raw.pointee.result
    var result = HelperResult()
    result.released = Int(last.released)
    result.vanished = Int(last.vanished)
    result.busy = Int(last.busy)
    result.entangled = Int(last.entangled)
    result.failed = Int(last.failed)
    result.error = last.error == 0 ? nil : Errno(last.error)
    result.nanoseconds = UInt64(max(last.nanoseconds, 0))
    return result
  }

  /// Waits for the end of the job that is under way, for so long at most. For an agent that ends: a loop never waits.
  package func wait(milliseconds: Int32) {
    acknowledge()
    guard isBusy else { return }
    var request = pollfd(fd: doneDescriptor, events: Int16(POLLIN), revents: 0)
    // One pollfd, on the stack, for the call.
    _ = unsafe poll(&request, 1, milliseconds)
  }

  /// Takes note of the ends there have been.
  package func acknowledge() {
    var count: UInt64 = 0
    // Eight bytes on the stack, for the call; it does not wait.
    _ = unsafe read(doneDescriptor, &count, 8)
  }

  /// Adds a process to those of the next ``release()``.
  ///
  /// - Parameter process: A pidfd, of which the helper takes a duplicate.
  /// - Throws: `EBUSY` while a job is under way, `EMFILE` beyond ``capacity`` or this process's limit.
  package func stage(_ process: Int32) throws(Errno) {
    guard !isBusy else { throw .busy }
    let staged = Int(unsafe raw.pointee.staged)
    guard staged < HelperThread.capacity else { throw .tooManyFiles }
    let duplicate = try retrying { Int(clinux_fcntl(process, F_DUPFD_CLOEXEC, 3)) }
    // Within the table, by the guard above. A C array is a tuple in Swift, so it is reached by its address.
    unsafe withUnsafeMutableBytes(of: &raw.pointee.descriptors) { table in
      unsafe table.storeBytes(of: Int32(duplicate), toByteOffset: staged * 4, as: Int32.self)
    }
    unsafe raw.pointee.staged += 1
  }

  /// Has the memory of the staged processes given back (process_mrelease(2)): they must have got SIGKILL.
  ///
  /// The kernel refuses with `EAGAIN` while the memory is being changed; that is tried ten times, 10 ms apart.
  ///
  /// - Throws: `EBUSY` while a job is under way.
  package func release() throws(Errno) {
    guard !isBusy else { throw .busy }
    unsafe raw.pointee.count = raw.pointee.staged
    unsafe raw.pointee.staged = 0
    unsafe clinux_helper_post(raw, clinux_helper_reap)
  }

  /// Has `bytes` written to `file` by one write(2), which may take as long as the kernel likes.
  ///
  /// - Parameter bytes: At most 64.
  /// - Throws: `EBUSY` while a job is under way, `EINVAL` for more bytes.
  package func write(_ bytes: Span<UInt8>, to file: borrowing OwnedDescriptor) throws(Errno) {
    guard !isBusy else { throw .busy }
    guard bytes.count <= Int(CLINUX_HELPER_TEXT) else { throw .invalidArgument }
    let source = file.raw
    let duplicate = Int32(try retrying { Int(clinux_fcntl(source, F_DUPFD_CLOEXEC, 3)) })
    unsafe withUnsafeMutableBytes(of: &raw.pointee.text) { text in
      for index in 0..<bytes.count { unsafe text[index] = bytes[index] }
    }
    unsafe raw.pointee.length = Int32(bytes.count)
    unsafe raw.pointee.target = duplicate
    unsafe clinux_helper_post(raw, clinux_helper_write)
  }

  /// Has everything that was written put on the disks (sync(2)).
  ///
  /// - Throws: `EBUSY` while a job is under way.
  package func sync() throws(Errno) {
    guard !isBusy else { throw .busy }
    unsafe clinux_helper_post(raw, clinux_helper_sync)
  }

  /// Has a file opened. The caller keeps `job` until the job has ended, and has seen that none is under way.
  func open(_ job: UnsafeMutablePointer<clinux_open_job>) {
    unsafe clinux_helper_open(raw, job)
  }

  /// Has a program started.
  ///
  /// - Throws: `EBUSY` while a job is under way.
  package func start(_ program: inout ProgramStart) throws(Errno) {
    guard !isBusy else { throw .busy }
    // The caller keeps `program` until the job has ended: it says so itself, by ``ProgramStart/isStarting``.
    unsafe clinux_helper_start_hook(raw, program.raw)
  }
}
