internal import CLinux

/// The kernel's record of a file (fstat(2)).
package struct FileStatus: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    case file
    case directory
    case link
    case other
  }

  package var kind: Kind
  /// The user ID of the owner.
  package var owner: UInt32
  /// The permission bits with the set-ID bits and the sticky bit.
  package var mode: UInt32

  package init(kind: Kind, owner: UInt32, mode: UInt32) {
    self.kind = kind
    self.owner = owner
    self.mode = mode
  }

  package var isWritableByGroup: Bool { mode & 0o020 != 0 }
  package var isWritableByOthers: Bool { mode & 0o002 != 0 }
  /// Whether the sticky bit is set: users may remove only their own files from such a directory.
  package var isSticky: Bool { mode & 0o1000 != 0 }
}

extension OwnedDescriptor {
  /// Returns the size in bytes of a file below this directory (fstatat(2)); of a symbolic link that of the link itself.
  package func size(of name: borrowing CPath) throws(Errno) -> UInt64 {
    var status = stat()
    let directory = raw
    _ = try retrying {
      // A C struct on the stack, for the call.
      unsafe name.withCString { name in unsafe Int(clinux_status_of_name(directory, name, &status)) }
    }
    return UInt64(max(status.st_size, 0))
  }

  /// Returns the record of the open file, whatever has become of its name.
  package func status() throws(Errno) -> FileStatus {
    var status = stat()
    // A C struct on the stack, for the call.
    _ = try retrying { unsafe Int(fstat(raw, &status)) }
    let kind: FileStatus.Kind =
      // S_IFMT and the kinds (inode(7)); C's macros are of another type than the field.
      switch UInt32(status.st_mode) & 0o170000 {
      case 0o100000: .file
      case 0o040000: .directory
      case 0o120000: .link
      default: .other
      }
    return FileStatus(kind: kind, owner: status.st_uid, mode: UInt32(status.st_mode) & 0o7777)
  }
}
