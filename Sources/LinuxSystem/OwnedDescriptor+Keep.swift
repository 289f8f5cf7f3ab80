internal import CLinux

/// What it takes to put a whole file in the place of another.
extension OwnedDescriptor {
  /// Makes a file below this directory that was not there, and opens it for writing.
  ///
  /// - Parameter mode: Permission bits, less those of the umask.
  package func create(_ name: borrowing CPath, mode: UInt32) throws(Errno) -> OwnedDescriptor {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let directory = raw
    let descriptor = try retrying {
      unsafe name.withCString { name in unsafe Int(clinux_openat(directory, name, flags, mode)) }
    }
    return OwnedDescriptor(owning: Int32(descriptor))
  }

  /// Waits until what was written is on the disk (fsync(2)).
  package func flush() throws(Errno) {
    _ = try retrying { Int(fsync(raw)) }
  }

  /// Gives a file below this directory another name there, in place of what has it (rename(2)).
  package func rename(_ old: borrowing CPath, to new: borrowing CPath) throws(Errno) {
    let directory = raw
    _ = try retrying {
      unsafe old.withCString { old in
        unsafe new.withCString { new in unsafe Int(clinux_rename(directory, old, new)) }
      }
    }
  }

  /// Takes a file below this directory away (unlink(2)).
  package func remove(_ name: borrowing CPath) throws(Errno) {
    let directory = raw
    _ = try retrying { unsafe name.withCString { name in unsafe Int(clinux_unlink(directory, name)) } }
  }
}
