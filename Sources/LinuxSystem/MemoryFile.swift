internal import CLinux

/// Files that are in memory and have no name (memfd_create(2)). A policy image travels in one from program to program.
package enum MemoryFile {
  /// Makes an empty file that may be sealed.
  ///
  /// - Parameter name: A name that only /proc/PID/fd shows.
  package static func create(_ name: CPath) throws(Errno) -> OwnedDescriptor {
    let raw = try retrying { unsafe name.withCString { name in unsafe Int(clinux_memfd_create(name)) } }
    return OwnedDescriptor(owning: Int32(raw))
  }

  /// Seals the file: neither its size nor its content can change from here on.
  package static func seal(_ file: borrowing OwnedDescriptor) throws(Errno) {
    let seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
    let raw = file.raw
    _ = try retrying { Int(clinux_fcntl(raw, F_ADD_SEALS, seals)) }
  }
}
