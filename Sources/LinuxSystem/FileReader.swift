internal import CLinux

/// A thread that reads files which may keep their reader waiting, so that its owner waits for a given time at most. It
/// has one file at a time, and takes no memory after its start.
///
/// A reader of ``Kind/machine`` reads files for which another program answers (FUSE: lxcfs(1)). Each is kept open
/// (``read(_:_:into:)``); one whose descriptor is lost (``Errno/isLost``) is opened anew, at once and at every later
/// reading until it can be.
///
/// A reader of ``Kind/processes`` reads files of processes, each opened for one reading (``readOnce(_:into:)``). A
/// `cmdline` takes the memory lock of its process (fs/proc/base.c, `get_mm_cmdline`), which that process may hold while
/// it waits for memory itself.
@safe
package struct FileReader: ~Copyable {
  /// The number of different files that one thread can read.
  package static let capacity = Int(CLINUX_READER_FILES)

  /// What a reader's files are.
  package enum Kind: Sendable {
    /// The machine's. The thread has no capability.
    case machine
    /// Those of processes. The thread has no capability but CAP_SYS_PTRACE, where its maker has it: with `hidepid` the
    /// processes of other users are read by that (proc(5)).
    case processes

    /// How long an answer is waited for, in milliseconds.
    var patience: Int32 {
      switch self {
      // lxcfs takes well under one: it reads a few files itself.
      case .machine: 200
      case .processes: 40
      }
    }

    /// Bytes of a file that are read.
    var capacity: Int {
      switch self {
      case .machine: 16384
      case .processes: 4096
      }
    }
  }

  private let kind: Kind
  // Its own mapping, which lives as long as the thread: touched by clinux_reader_* alone, and here only while it is
  // idle.
  private let raw: UnsafeMutablePointer<clinux_reader>

  /// - Parameter directory: That paths are below.
  /// - Throws: `EAGAIN` or `ENOMEM` where the kernel has no room for a thread.
  package init(below directory: borrowing OwnedDescriptor, of kind: Kind = .machine) throws(Errno) {
    let raw = directory.raw
    let duplicate = Int32(try retrying { Int(clinux_fcntl(raw, F_DUPFD_CLOEXEC, 3)) })
    let started =
      switch kind {
      case .machine: unsafe clinux_reader_start(duplicate, clinux_reader_of_machine, kind.capacity)
      case .processes: unsafe clinux_reader_start(duplicate, clinux_reader_of_processes, kind.capacity)
      }
    guard let reader = unsafe started else {
      let reason = Errno.current
      close(duplicate)
      throw reason
    }
    self.kind = kind
    unsafe self.raw = unsafe reader
  }

  deinit {
    // The thread is idle, or the mapping is left to it for good.
    unsafe clinux_reader_end(raw)
  }

  /// Whether an answer is still due.
  package var isWaiting: Bool { unsafe clinux_reader_wait(raw, 0) == 0 }

  /// Reads a whole file that is kept open, up to the buffer's size or 16 KiB.
  ///
  /// - Parameters:
  ///   - file: Below ``capacity``, always with the same path.
  ///   - path: Below the directory, at most 63 bytes.
  /// - Returns: Bytes read.
  /// - Throws: `ETIMEDOUT` where no answer comes within 200 ms; from then on at once, until the answer has come and was
  ///   let fall. `EINVAL` of a longer path. Else why the file cannot be opened or read.
  package mutating func read(_ file: Int, _ path: borrowing CPath, into buffer: inout [UInt8]) throws(Errno) -> Int {
    guard file >= 0, file < FileReader.capacity else { throw .invalidArgument }
    return try ask(Int32(file), path, into: &buffer)
  }

  /// Opens a file, reads it up to the buffer's size or 4 KiB, and closes it.
  ///
  /// - Parameter path: Below the directory, at most 63 bytes.
  /// - Returns: Bytes read.
  /// - Throws: `ETIMEDOUT` where that takes more than 40 ms; from then on at once, until it has come to an end and what
  ///   was read is let fall. `EINVAL` of a longer path. Else why the file cannot be opened or read.
  package mutating func readOnce(_ path: borrowing CPath, into buffer: inout [UInt8]) throws(Errno) -> Int {
    try ask(Int32(CLINUX_READER_ONCE), path, into: &buffer)
  }

  private mutating func ask(_ file: Int32, _ path: borrowing CPath, into buffer: inout [UInt8]) throws(Errno) -> Int {
    guard unsafe clinux_reader_wait(raw, 0) == 1 else { throw .timedOut }
    let name = path.bytes
    guard name.count < Int(CLINUX_READER_PATH) else { throw .invalidArgument }
    unsafe raw.pointee.file = file
    // Within the array, by the guard above. A C array is a tuple in Swift, so it is reached by its address.
    unsafe withUnsafeMutableBytes(of: &raw.pointee.path) { bytes in
      for index in 0..<name.count { unsafe bytes[index] = name[index] }
      unsafe bytes[name.count] = 0
    }
    unsafe clinux_reader_post(raw)
    guard unsafe clinux_reader_wait(raw, kind.patience) == 1 else { throw .timedOut }
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
