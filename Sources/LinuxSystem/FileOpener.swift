internal import CLinux

/// Opens one file in a thread of its own, for where a file system may not answer: a frozen one, or a server's that is away.
@safe
package struct FileOpener: ~Copyable {
  private let helper: HelperThread
  // Its own storage, touched by the helper while that is busy and else here.
  private let job: UnsafeMutablePointer<clinux_open_job>

  /// - Parameters:
  ///   - path: At most 4095 bytes.
  ///   - access: What may be done with the file.
  ///   - options: How it is opened.
  /// - Throws: Why there is no thread; `ENAMETOOLONG`.
  package init(
    _ path: borrowing CPath, _ access: OwnedDescriptor.AccessMode, _ options: OwnedDescriptor.OpenOptions
  ) throws(Errno) {
    let helper = try HelperThread()
    let flags = OwnedDescriptor.flags(access, options)
    // The path is good for the call, which copies it.
    let made = unsafe path.withCString { path in unsafe clinux_open_job_make(path, flags) }
    guard let job = unsafe made else { throw .current }
    self.helper = helper
    unsafe self.job = unsafe job
  }

  deinit {
    // A thread that hangs in its call keeps its storage.
    if !helper.isBusy { unsafe clinux_open_job_free(job) }
  }

  /// Whether the call is under way.
  package var isBusy: Bool { helper.isBusy }

  /// Begins to open the file.
  ///
  /// - Throws: `EBUSY` while it is being opened.
  package func begin() throws(Errno) {
    guard !helper.isBusy else { throw .busy }
    unsafe helper.open(job)
  }

  /// Waits for the end of that, so long at most. For a start: a loop never waits.
  package func wait(milliseconds: Int32) {
    helper.wait(milliseconds: milliseconds)
  }

  /// The file, once: nil while it is being opened.
  ///
  /// - Throws: Why it could not be opened.
  package func take() throws(Errno) -> OwnedDescriptor? {
    guard !helper.isBusy else { return nil }
    let result = unsafe clinux_open_job_take(job)
    guard result >= 0 else { throw Errno(-result) }
    return OwnedDescriptor(owning: result)
  }
}
