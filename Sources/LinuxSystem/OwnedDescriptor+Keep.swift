internal import CLinux

/// What is needed to replace a whole file by another.
extension OwnedDescriptor {
  /// Makes a file below this directory that did not exist, and opens it for writing.
  ///
  /// - Parameter mode: The permission bits. Those of the umask are removed.
  /// - Throws: `EEXIST` where there is such a file.
  package func create(_ name: borrowing CPath, mode: UInt32) throws(Errno) -> OwnedDescriptor {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let directory = raw
    let descriptor = try retrying {
      unsafe name.withCString { name in unsafe Int(clinux_openat(directory, name, flags, mode)) }
    }
    return OwnedDescriptor(owning: Int32(descriptor))
  }

  /// Waits until everything that was written is on the disk (fsync(2)).
  package func flush() throws(Errno) {
    _ = try retrying { Int(fsync(raw)) }
  }

  /// Renames a file below this directory, and replaces any file of the new name (rename(2)).
  package func rename(_ old: borrowing CPath, to new: borrowing CPath) throws(Errno) {
    let directory = raw
    _ = try retrying {
      unsafe old.withCString { old in
        unsafe new.withCString { new in unsafe Int(clinux_rename(directory, old, new)) }
      }
    }
  }

  /// Renames a file below this directory, unless there is a file of the new name (renameat2(2)).
  ///
  /// - Throws: `EEXIST` where there is one.
  package func rename(_ old: borrowing CPath, toNew new: borrowing CPath) throws(Errno) {
    let directory = raw
    _ = try retrying {
      unsafe old.withCString { old in
        unsafe new.withCString { new in unsafe Int(clinux_rename_new(directory, old, new)) }
      }
    }
  }

  /// Removes a file below this directory (unlink(2)).
  package func remove(_ name: borrowing CPath) throws(Errno) {
    let directory = raw
    _ = try retrying { unsafe name.withCString { name in unsafe Int(clinux_unlink(directory, name)) } }
  }
}
