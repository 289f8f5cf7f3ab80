internal import CLinux

/// The result of a job of the helper.
package struct HelperResult: Equatable, Sendable {
  /// The number of processes whose memory was given back.
  package var released = 0
  /// The number of processes that had no memory any more (`ESRCH`).
  package var vanished = 0
  /// The number of processes whose memory was in use at each try (`EAGAIN`).
  package var busy = 0
  /// The number of processes whose memory is not theirs alone (`EINVAL`): another living process shares it, or a core
  /// dump reads it.
  package var entangled = 0
  /// The number of processes that were refused for another reason, the first of which is ``error``.
  package var failed = 0
  /// The reason for which the job's call failed.
  package var error: Errno?
  /// The time from taking the job to its end, in nanoseconds.
  package var nanoseconds: UInt64 = 0

  package init() {}
}

/// A thread for calls that may take long, so that the loop never waits for one. It has one job at a time.
///
/// It is made at the start, with its stack and its storage touched and every signal blocked, and does not allocate
/// later. It keeps the capabilities, the priority and the other privileges that its maker had when it was made.
@safe
package struct HelperThread: ~Copyable {
  /// The largest number of descriptors that one job takes.
  package static let capacity = Int(CLINUX_HELPER_DESCRIPTORS)

  // The thread's own mapping, which lives as long as the thread. Only clinux_helper_* access it, and this type while
  // the thread is idle.
  private let raw: UnsafeMutablePointer<clinux_helper>

  /// - Throws: `EAGAIN` or `ENOMEM` where the kernel has no room for a thread.
  package init() throws(Errno) {
    guard let helper = unsafe clinux_helper_start() else { throw .current }
    unsafe raw = unsafe helper
  }

  deinit {
    // The thread is idle, or the mapping is left to it for good.
    unsafe clinux_helper_end(raw)
  }

  /// Returns the sizes in bytes of a helper's guard and stack.
  ///
  /// - Parameters:
  ///   - pageSize: The machine's page size in bytes: 4, 16 or 64 KiB.
  ///   - minimum: The C library's least stack size in bytes (`sysconf(_SC_THREAD_STACK_MIN)`).
  package static func layout(pageSize: Int, minimum: Int) -> (guard: Int, stack: Int) {
    let layout = clinux_thread_layout_for(pageSize, minimum)
    return (layout.guard, layout.stack)
  }

  /// Whether this kernel has process_mrelease(2), Linux 5.15.
  package static var canReleaseMemory: Bool {
    clinux_process_mrelease(-1) == -1 && Errno.current != .notSupported
  }

  /// A descriptor that becomes readable each time a job has ended. ``acknowledge()`` makes it unreadable.
  package var doneDescriptor: Int32 { unsafe raw.pointee.done }

  /// Whether a job is under way. A new one can be begun when none is.
  package var isBusy: Bool { unsafe clinux_helper_is_busy(raw) != 0 }

  /// The result of the last job; nil while one is under way.
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

  /// Waits for the end of the job that is under way, at most this long. This is for an agent that exits: a loop never
  /// waits.
  package func wait(milliseconds: Int32) {
    acknowledge()
    guard isBusy else { return }
    var request = pollfd(fd: doneDescriptor, events: Int16(POLLIN), revents: 0)
    // One pollfd, on the stack, for the call.
    _ = unsafe poll(&request, 1, milliseconds)
  }

  /// Makes ``doneDescriptor`` unreadable, until the next job has ended.
  package func acknowledge() {
    var count: UInt64 = 0
    // Eight bytes on the stack, for the call; it does not wait.
    _ = unsafe read(doneDescriptor, &count, 8)
  }

  /// Adds a process to those of the next ``release()``.
  ///
  /// - Parameter process: A pidfd. The helper takes a duplicate of it.
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

  /// Begins to give back the memory of the staged processes (process_mrelease(2)), which must have been sent SIGKILL;
  /// does not wait.
  ///
  /// The kernel refuses with `EAGAIN` while the memory is being changed. The helper tries ten times, 10 ms apart.
  ///
  /// - Throws: `EBUSY` while a job is under way.
  package func release() throws(Errno) {
    guard !isBusy else { throw .busy }
    unsafe raw.pointee.count = raw.pointee.staged
    unsafe raw.pointee.staged = 0
    unsafe clinux_helper_post(raw, clinux_helper_reap)
  }

  /// Begins to write `bytes` to `file` by one write(2), which may take as long as the kernel likes.
  ///
  /// - Parameter bytes: At most 64 bytes.
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

  /// Begins to write everything to the disks (sync(2)); does not wait.
  ///
  /// - Throws: `EBUSY` while a job is under way.
  package func sync() throws(Errno) {
    guard !isBusy else { throw .busy }
    unsafe clinux_helper_post(raw, clinux_helper_sync)
  }

  /// Begins to open a file. The caller has made sure that no job is under way, and keeps `job` until the job has ended.
  func open(_ job: UnsafeMutablePointer<clinux_open_job>) {
    unsafe clinux_helper_open(raw, job)
  }

  /// Begins to save a file. The caller has made sure that no job is under way, and keeps `job` and what it points to
  /// until the job has ended.
  func save(_ job: UnsafeMutablePointer<clinux_save_job>) {
    unsafe clinux_helper_save(raw, job)
  }

  /// Begins to start a program.
  ///
  /// - Throws: `EBUSY` while a job is under way.
  package func start(_ program: inout ProgramStart) throws(Errno) {
    guard !isBusy else { throw .busy }
    // The caller keeps `program` until the job has ended, which it learns by ``ProgramStart/isStarting``.
    unsafe clinux_helper_start_hook(raw, program.raw)
  }
}
