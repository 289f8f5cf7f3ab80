internal import CLinux

/// Which file it is, how large, and when it was last written (fstat(2)).
package struct FileFacts: Equatable, Sendable {
  package var device: UInt64
  package var inode: UInt64
  package var size: UInt64
  /// Nanoseconds since 1970-01-01 UTC; 0 before that.
  package var modified: UInt64

  /// Whether both are of one file, whatever its name.
  package func isSameFile(as other: FileFacts) -> Bool { device == other.device && inode == other.inode }
}

extension OwnedDescriptor {
  package func facts() throws(Errno) -> FileFacts {
    var status = stat()
    // A C struct on the stack, for the call.
    _ = try retrying { unsafe Int(fstat(raw, &status)) }
    let seconds = UInt64(max(status.st_mtim.tv_sec, 0))
    return FileFacts(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: UInt64(max(status.st_size, 0)),
      modified: seconds * 1_000_000_000 + UInt64(max(status.st_mtim.tv_nsec, 0)))
  }
}

extension OwnedDescriptor {
  /// The position at which the next read or write is, counted from the beginning (lseek(2)).
  package func position() throws(Errno) -> UInt64 {
    UInt64(try retrying { Int(lseek(raw, 0, SEEK_CUR)) })
  }
}

extension Clock {
  /// Seconds that local time is east of UTC at a moment in seconds since 1970 (localtime_r(3), `TZ`).
  package static func localOffset(at seconds: Int64) -> Int64 {
    Int64(clinux_local_offset(seconds))
  }
}
