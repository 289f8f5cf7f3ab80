internal import CLinux

/// Saves bytes as files of one folder, in a thread of its own: a disk may be slow, full or frozen.
///
/// A file is written beside its place and then renamed, so that one that has its name is whole.
@safe
package struct FileSaver: ~Copyable {
  /// The longest name of a file, in bytes.
  package static let longestName = Int(CLINUX_SAVE_NAME) - 1
  /// The most pieces of a file.
  package static let pieces = Int(CLINUX_SAVE_PIECES)
  /// The most files that one job removes.
  package static let removals = Int(CLINUX_SAVE_REMOVALS)

  private let helper: HelperThread
  private let folder: OwnedDescriptor
  // The job's own storage. The helper accesses it while it is busy, and this type otherwise.
  private let job: UnsafeMutablePointer<clinux_save_job>

  /// - Throws: Why no thread can be made.
  package init(in folder: consuming OwnedDescriptor) throws(Errno) {
    let helper = try HelperThread()
    guard let job = unsafe clinux_save_job_make(folder.raw) else { throw .current }
    self.helper = helper
    self.folder = folder
    unsafe self.job = unsafe job
  }

  deinit {
    // A thread that hangs in its call keeps the storage.
    if !helper.isBusy { unsafe free(job) }
  }

  /// Whether a file is being saved.
  package var isBusy: Bool { helper.isBusy }

  /// Waits until it is saved, at most this long. This is for an agent that stops.
  package func wait(milliseconds: Int32) { helper.wait(milliseconds: milliseconds) }

  /// Why the last file could not be saved; nil where it is, or is being saved.
  package var failure: Errno? {
    guard !helper.isBusy else { return nil }
    let result = unsafe job.pointee.result
    return result == 0 ? nil : Errno(result)
  }

  /// Begins the next job. Without a ``name(_:)`` it saves nothing and removes only.
  ///
  /// - Throws: `EBUSY` while a file is being saved.
  package func begin() throws(Errno) {
    guard !helper.isBusy else { throw .busy }
    unsafe clinux_save_job_begin(job)
  }

  /// Names what is saved next, without a slash.
  ///
  /// - Throws: `EINVAL` for a name that is empty or too long.
  package func name(_ name: Span<UInt8>) throws(Errno) {
    guard !name.isEmpty, name.count <= FileSaver.longestName else { throw .invalidArgument }
    // The bytes are valid for the call, which copies them.
    unsafe name.withUnsafeBytes { unsafe clinux_save_job_name(job, $0.baseAddress, $0.count) }
  }

  /// Has a file of the folder removed first, to make room. One that is not there is no failure.
  ///
  /// - Throws: `EINVAL` for a name that is empty or too long, `E2BIG` for more than ``removals``.
  package func remove(_ name: Span<UInt8>) throws(Errno) {
    guard !name.isEmpty, name.count <= FileSaver.longestName else { throw .invalidArgument }
    // The bytes are valid for the call, which copies them.
    let result = unsafe name.withUnsafeBytes { unsafe clinux_save_job_remove(job, $0.baseAddress, $0.count) }
    if result != 0 { throw .tooLong }
  }

  /// Adds a piece of what is saved next.
  ///
  /// - Parameter bytes: The memory is read by the helper later. The caller keeps it where it is until the file is saved;
  ///   what it changes meanwhile may be saved either way.
  /// - Throws: `E2BIG` for more than ``pieces``.
  package func add(_ bytes: Span<UInt8>) throws(Errno) {
    if bytes.isEmpty { return }
    // The caller keeps the memory: see above.
    let result = unsafe bytes.withUnsafeBytes { unsafe clinux_save_job_add(job, $0.baseAddress, $0.count) }
    if result != 0 { throw .tooLong }
  }

  /// Has the helper do the job.
  package func save() { unsafe helper.save(job) }
}
