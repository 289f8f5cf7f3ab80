internal import CLinux

/// A thread that reads files for which another program answers (FUSE: lxcfs(1)), so that the agent does not wait for a
/// program that does not answer. The thread has no privileges and does not allocate after its start.
///
/// Each file is kept open. A file whose descriptor is lost (``Errno/isLost``) is opened anew, at once and at every
/// later reading until that succeeds.
@safe
package struct FileReader: ~Copyable {
  /// The number of different files that one thread can read.
  package static let capacity = Int(CLINUX_READER_FILES)

  /// The time in milliseconds for which an answer is waited for. lxcfs takes well under one: it reads a few files
  /// itself.
  package static let patience: Int32 = 200

  // The thread's own mapping, which lives as long as the thread. Only clinux_reader_* access it, and this type while
  // the thread is idle.
  private let raw: UnsafeMutablePointer<clinux_reader>

  /// - Parameter directory: The directory that paths are relative to.
  package init(below directory: borrowing OwnedDescriptor) throws(Errno) {
    let raw = directory.raw
    let duplicate = Int32(try retrying { Int(clinux_fcntl(raw, F_DUPFD_CLOEXEC, 3)) })
    guard let reader = unsafe clinux_reader_start(duplicate) else {
      let reason = Errno.current
      close(duplicate)
      throw reason
    }
    unsafe self.raw = unsafe reader
  }

  deinit {
    // The thread is idle, or the mapping is left to it for good.
    unsafe clinux_reader_end(raw)
  }

  /// Reads a whole file, up to the buffer's size or 16 KiB.
  ///
  /// - Parameters:
  ///   - file: The file's number, below ``capacity``. It must always come with the same path.
  ///   - path: The path below the directory, of at most 63 bytes.
  /// - Returns: The number of bytes read.
  /// - Throws: `ETIMEDOUT` where no answer comes within ``patience``. From then on each call throws it at once, until
  ///   the answer has come and was discarded. `EINVAL` for a longer path. Otherwise why the file cannot be opened or
  ///   read.
  package mutating func read(_ file: Int, _ path: borrowing CPath, into buffer: inout [UInt8]) throws(Errno) -> Int {
    guard unsafe clinux_reader_wait(raw, 0) == 1 else { throw .timedOut }
    let name = path.bytes
    guard file >= 0, file < FileReader.capacity, name.count < Int(CLINUX_READER_PATH) else { throw .invalidArgument }
    unsafe raw.pointee.file = Int32(file)
    // The guard above keeps this within the array. A C array is a tuple in Swift, so it is reached by its address.
    unsafe withUnsafeMutableBytes(of: &raw.pointee.path) { bytes in
      for index in 0..<name.count { unsafe bytes[index] = name[index] }
      unsafe bytes[name.count] = 0
    }
    unsafe clinux_reader_post(raw)
    guard unsafe clinux_reader_wait(raw, FileReader.patience) == 1 else { throw .timedOut }
    let count = Int(unsafe raw.pointee.count)
    guard count >= 0 else { throw Errno(unsafe raw.pointee.error) }
    let taken = min(count, buffer.count)
    guard let text = unsafe clinux_reader_text(raw) else { throw .invalidArgument }
    // `taken` is within both buffers, and the thread is idle.
    for index in 0..<taken { buffer[index] = unsafe text[index] }
    return taken
  }
}

extension OwnedDescriptor {
  /// The `f_type` of a FUSE file system (linux/magic.h).
  package static let fuseFileSystem = 0x6573_5546

  /// Whether the file at `path` below this directory is on another file system, as a file that stands in the place of
  /// the kernel's in a container. No program is asked, since it might not answer.
  package func isReplaced(_ path: borrowing CPath) -> Bool {
    unsafe path.withCString { path in unsafe clinux_is_replaced(raw, path) == 1 }
  }
}
