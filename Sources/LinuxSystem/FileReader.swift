internal import CLinux

/// A thread that reads files for which another program answers (FUSE: lxcfs(1)), so that nobody waits for one that does
/// not answer. It has no privileges, and takes no memory after its start.
///
/// Each file is kept open; one whose descriptor is lost (``Errno/isLost``) is opened anew, at once and at every later
/// reading until it can be.
@safe
package struct FileReader: ~Copyable {
  /// Different files that it can read.
  package static let capacity = Int(CLINUX_READER_FILES)

  /// How long an answer is waited for, in milliseconds. lxcfs takes well under one: it reads a few files itself.
  package static let patience: Int32 = 200

  // Its own mapping, which lives as long as the thread: touched by clinux_reader_* alone, and here only while it is idle.
  private let raw: UnsafeMutablePointer<clinux_reader>

  /// - Parameter directory: That paths are below.
  /// - Throws: `EAGAIN` or `ENOMEM` where the kernel has no room for a thread.
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
    // The thread is idle, or is left its mapping for good.
    unsafe clinux_reader_end(raw)
  }

  /// Reads a whole file, up to the buffer's size or 16 KiB.
  ///
  /// - Parameters:
  ///   - file: Below ``capacity``, always with the same path.
  ///   - path: Below the directory, at most 63 bytes.
  /// - Returns: Bytes read.
  /// - Throws: `ETIMEDOUT` where nobody answers in ``patience``; from then on at once, until the answer has come and was
  ///   let fall. `EINVAL` of a longer path. Else why the file cannot be opened or read.
  package mutating func read(_ file: Int, _ path: borrowing CPath, into buffer: inout [UInt8]) throws(Errno) -> Int {
    guard unsafe clinux_reader_wait(raw, 0) == 1 else { throw .timedOut }
    let name = path.bytes
    guard file >= 0, file < FileReader.capacity, name.count < Int(CLINUX_READER_PATH) else { throw .invalidArgument }
    unsafe raw.pointee.file = Int32(file)
    // Within the array, by the guard above. A C array is a tuple in Swift, so it is reached by its address.
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
    // `taken` is within both, and the thread is idle.
    for index in 0..<taken { buffer[index] = unsafe text[index] }
    return taken
  }
}

extension OwnedDescriptor {
  /// `f_type` of a FUSE file system (linux/magic.h).
  package static let fuseFileSystem = 0x6573_5546

  /// Whether what stands at `path` below this directory is of another file system, as a file that a container is given in
  /// place of the kernel's. Nobody is asked who might not answer.
  package func isReplaced(_ path: borrowing CPath) -> Bool {
    unsafe path.withCString { path in unsafe clinux_is_replaced(raw, path) == 1 }
  }
}
