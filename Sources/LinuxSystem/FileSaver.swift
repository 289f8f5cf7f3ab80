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

  /// Begins to name what is saved next. Not while a file is being saved.
  ///
  /// - Parameters:
  ///   - name: The file's name, without a slash.
  ///   - old: The name of a file that is removed first, to make room; empty where there is none.
  /// - Throws: `EBUSY`; `EINVAL` for a name that is empty or too long.
  package func name(_ name: Span<UInt8>, removing old: Span<UInt8>) throws(Errno) {
    guard !helper.isBusy else { throw .busy }
    guard !name.isEmpty, name.count <= FileSaver.longestName, old.count <= FileSaver.longestName else {
      throw .invalidArgument
    }
    unsafe clinux_save_job_begin(job)
    // The bytes are valid for the call, which copies them.
    unsafe name.withUnsafeBytes { unsafe clinux_save_job_name(job, $0.baseAddress, $0.count) }
    if old.isEmpty { return }
    unsafe old.withUnsafeBytes { unsafe clinux_save_job_old(job, $0.baseAddress, $0.count) }
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

  /// Has the helper save it.
  package func save() { unsafe helper.save(job) }
}
