internal import CLinux

/// Opens one file in a thread of its own, for a file system that may not answer: a frozen one, or one whose server is
/// away.
@safe
package struct FileOpener: ~Copyable {
  private let helper: HelperThread
  // The job's own storage. The helper accesses it while it is busy, and this type otherwise.
  private let job: UnsafeMutablePointer<clinux_open_job>

  /// - Parameters:
  ///   - path: The file's path, of at most 4095 bytes.
  ///   - access: What may be done with the file.
  ///   - options: The flags with which it is opened.
  /// - Throws: Why no thread can be made; `ENAMETOOLONG` for a longer path.
  package init(
    _ path: borrowing CPath, _ access: OwnedDescriptor.AccessMode, _ options: OwnedDescriptor.OpenOptions
  ) throws(Errno) {
    let helper = try HelperThread()
    let flags = OwnedDescriptor.flags(access, options)
    // The path is valid for the call, which copies it.
    let made = unsafe path.withCString { path in unsafe clinux_open_job_make(path, flags) }
    guard let job = unsafe made else { throw .current }
    self.helper = helper
    unsafe self.job = unsafe job
  }

  deinit {
    // A thread that hangs in its call keeps the storage.
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

  /// Waits until the call has returned, at most this long. This is for the start: a loop never waits.
  package func wait(milliseconds: Int32) {
    helper.wait(milliseconds: milliseconds)
  }

  /// Returns the file, once. Nil while it is being opened.
  package func take() throws(Errno) -> OwnedDescriptor? {
    guard !helper.isBusy else { return nil }
    let result = unsafe clinux_open_job_take(job)
    guard result >= 0 else { throw Errno(-result) }
    return OwnedDescriptor(owning: result)
  }
}
