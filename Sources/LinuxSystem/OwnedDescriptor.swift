internal import CLinux

/// A file descriptor with one owner, which closes it when the owner's lifetime ends. All are close-on-exec, except
/// where a name says otherwise.
package struct OwnedDescriptor: ~Copyable {
  package let raw: Int32

  /// Takes over a descriptor that nothing else will close.
  package init(owning raw: Int32) {
    self.raw = raw
  }

  deinit {
    close(raw)
  }

  /// What may be done with an open file: one of the values that `O_ACCMODE` selects among, which are no flags to be
  /// combined (`O_RDONLY` is 0).
  package enum AccessMode: Sendable {
    case read
    case write
    case readWrite
    /// `O_PATH`: the file can be looked at (fstat(2)), and files below it opened, but it is neither read nor written.
    case path

    fileprivate var flag: Int32 {
      switch self {
      case .read: O_RDONLY
      case .write: O_WRONLY
      case .readWrite: O_RDWR
      case .path: O_PATH
      }
    }
  }

  /// The flags of open(2) that go with any access mode.
  ///
  /// Calls have `OpenOptions(rawValue: 0)` for a default, and not `[]`: as a default argument the literal is not
  /// folded, and made the small form of the agent 5.9 kB larger.
  package struct OpenOptions: OptionSet, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) {
      self.rawValue = rawValue
    }

    /// Makes the file where there is none, readable and writable by its owner and readable by its group.
    package static let create = OpenOptions(rawValue: O_CREAT)
    /// Each write goes to the end of the file.
    package static let append = OpenOptions(rawValue: O_APPEND)
    /// Anything but a directory is refused with `ENOTDIR`.
    package static let directory = OpenOptions(rawValue: O_DIRECTORY)
    /// A symbolic link at the end of the path is refused with `ELOOP`; with ``AccessMode/path`` the link itself is
    /// opened.
    package static let noFollow = OpenOptions(rawValue: O_NOFOLLOW)
    /// Neither the call nor later reads and writes wait: `EAGAIN` is thrown where they would.
    package static let nonBlocking = OpenOptions(rawValue: O_NONBLOCK)
  }

  /// The flags of open(2) for both, close-on-exec.
  static func flags(_ access: AccessMode, _ options: OpenOptions) -> Int32 {
    access.flag | options.rawValue | O_CLOEXEC
  }

  /// open(2), close-on-exec.
  package static func open(
    _ path: borrowing CPath, _ access: AccessMode, _ options: OpenOptions = OpenOptions(rawValue: 0)
  ) throws(Errno) -> OwnedDescriptor {
    try open(path, flags(access, options), below: AT_FDCWD)
  }

  /// openat(2) below this directory, close-on-exec.
  package func open(
    _ path: borrowing CPath, _ access: AccessMode, _ options: OpenOptions = OpenOptions(rawValue: 0)
  ) throws(Errno) -> OwnedDescriptor {
    try OwnedDescriptor.open(path, OwnedDescriptor.flags(access, options), below: raw)
  }

  private static func open(
    _ path: borrowing CPath, _ flags: Int32, below directory: Int32
  ) throws(Errno) -> OwnedDescriptor {
    let descriptor = try retrying {
      unsafe path.withCString { path in unsafe Int(clinux_openat(directory, path, flags, 0o640)) }
    }
    return OwnedDescriptor(owning: Int32(descriptor))
  }

  /// Returns another descriptor for the same open file, close-on-exec. The original stays with its owner.
  package static func duplicate(_ raw: Int32) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(owning: Int32(try retrying { Int(clinux_fcntl(raw, F_DUPFD_CLOEXEC, 3)) }))
  }

  /// Reads once from `offset` into `buffer`, from `start` on. The corresponding C function is pread(2).
  ///
  /// - Returns: The number of bytes read; 0 at the end of the file, or where the buffer has no room.
  package func read(
    into buffer: inout [UInt8], from start: Int = 0, at offset: Int
  ) throws(Errno) -> Int {
    guard start < buffer.count else { return 0 }
    return try retrying {
      // The slice is inside the array, which outlives the call.
      unsafe buffer.withUnsafeMutableBytes { bytes in
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
        return unsafe pread(raw, room.baseAddress, room.count, off_t(offset))
      }
    }
  }

  /// Reads once from the current position, for descriptors that have no offset (signals, timers). The corresponding C
  /// function is read(2).
  package func readNext(into buffer: inout [UInt8]) throws(Errno) -> Int {
    try retrying {
      // The array outlives the call.
      unsafe buffer.withUnsafeMutableBytes { bytes in unsafe CLinux.read(raw, bytes.baseAddress, bytes.count) }
    }
  }

  /// Reads the whole file from its beginning, up to the buffer's size, with as many calls of pread(2) as that takes.
  ///
  /// - Returns: The number of bytes read.
  package func readWhole(into buffer: inout [UInt8]) throws(Errno) -> Int {
    var count = 0
    while count < buffer.count {
      let more = try read(into: &buffer, from: count, at: count)
      if more == 0 { break }
      count += more
    }
    return count
  }

  /// Reads the rest of a file or pipe, up to the buffer's size, with as many calls of read(2) as that takes.
  ///
  /// - Returns: The number of bytes read.
  package func readAll(into buffer: inout [UInt8]) throws(Errno) -> Int {
    var count = 0
    while count < buffer.count {
      let start = count
      let more = try retrying {
        // The slice is inside the array, which outlives the call.
        unsafe buffer.withUnsafeMutableBytes { bytes in
          let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
          return unsafe CLinux.read(raw, room.baseAddress, room.count)
        }
      }
      if more == 0 { break }
      count += more
    }
    return count
  }

  /// Whether `text` is within the first 128 bytes of the file.
  package func contains(_ text: String) throws(Errno) -> Bool {
    var buffer = InlineArray<128, UInt8>(repeating: 0)
    let count = try retrying {
      var span = buffer.mutableSpan
      // The buffer outlives the call.
      return unsafe span.withUnsafeMutableBytes { bytes in unsafe pread(raw, bytes.baseAddress, bytes.count, 0) }
    }
    for start in 0..<count {
      var index = start
      var isFound = true
      for byte in text.utf8 {
        guard index < count, buffer[index] == byte else {
          isFound = false
          break
        }
        index += 1
      }
      if isFound { return true }
    }
    return false
  }

  /// Writes all of `bytes`, with as many calls of write(2) as that takes.
  package func write(_ bytes: Span<UInt8>) throws(Errno) {
    try writeAll(bytes, isFromBeginning: false)
  }

  /// Writes all of `bytes` over the beginning of the file, with as many calls of pwrite(2) as that takes. The current
  /// position is not changed.
  package func overwrite(_ bytes: Span<UInt8>) throws(Errno) {
    try writeAll(bytes, isFromBeginning: true)
  }

  private func writeAll(_ bytes: Span<UInt8>, isFromBeginning: Bool) throws(Errno) {
    var written = 0
    while written < bytes.count {
      let start = written
      written += try retrying {
        // The span is borrowed for the call.
        unsafe bytes.withUnsafeBytes { all in
          let rest = unsafe UnsafeRawBufferPointer(rebasing: all[start...])
          return isFromBeginning
            ? unsafe pwrite(raw, rest.baseAddress, rest.count, off_t(start))
            : unsafe CLinux.write(raw, rest.baseAddress, rest.count)
        }
      }
    }
  }

  /// Reads the target of a symbolic link below this directory into `buffer`, cut at the buffer's size. The
  /// corresponding C function is readlinkat(2).
  ///
  /// - Returns: The number of bytes of the target.
  package func readLink(_ path: borrowing CPath, into buffer: inout [UInt8]) throws(Errno) -> Int {
    try retrying {
      unsafe path.withCString { path in
        // The array outlives the call.
        unsafe buffer.withUnsafeMutableBytes { bytes in
          unsafe clinux_readlinkat(
            raw, path, bytes.assumingMemoryBound(to: CChar.self).baseAddress, bytes.count)
        }
      }
    }
  }

  /// Reads the path of this open file, as the kernel has it and without symbolic links (`/proc/self/fd`, proc(5)).
  ///
  /// - Returns: The number of bytes of the path, cut at the buffer's size.
  package func readOwnPath(into buffer: inout [UInt8]) throws(Errno) -> Int {
    // The link's path is absolute, so the directory does not matter.
    try readLink(CPath(descriptor: raw), into: &buffer)
  }

  /// Makes a directory that only its owner may use (mkdir(2)).
  package static func makeFolder(_ path: borrowing CPath) throws(Errno) {
    _ = try retrying { unsafe path.withCString { path in unsafe Int(clinux_mkdir(path)) } }
  }

  /// Moves the position to the beginning (lseek(2)), so that a directory is listed anew.
  package func rewind() throws(Errno) {
    try seek(to: 0)
  }

  /// Moves the position, counted from the beginning (lseek(2)).
  package func seek(to position: Int) throws(Errno) {
    _ = try retrying { Int(lseek(raw, off_t(position), SEEK_SET)) }
  }

  /// Sets whether a program that is executed next loses this descriptor.
  package func setCloseOnExec(_ closes: Bool) throws(Errno) {
    _ = try retrying { Int(clinux_fcntl(raw, F_SETFD, closes ? FD_CLOEXEC : 0)) }
  }

  /// Returns the type of the file's file system (`f_type` of fstatfs(2)).
  package func fileSystemType() throws(Errno) -> Int {
    var statistics = statfs()
    // A C struct on the stack, for the call.
    _ = try retrying { unsafe Int(fstatfs(raw, &statistics)) }
    return Int(statistics.f_type)
  }

  /// The `f_type` of a proc file system (linux/magic.h).
  package static let procFileSystem = 0x9fa0
}

extension OwnedDescriptor {
  /// Whether this is the root of a proc file system that gives this process the same number as getpid(2).
  package func namesThisProcess() -> Bool {
    var target = [UInt8](repeating: 0, count: 16)
    guard let count = try? readLink(CPath("self"), into: &target) else { return false }
    var number: Int32 = 0
    for digit in target[0..<count] {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9"), number < 100_000_000 else { return false }
      number = number * 10 + Int32(digit - UInt8(ascii: "0"))
    }
    return number == getpid()
  }
}
