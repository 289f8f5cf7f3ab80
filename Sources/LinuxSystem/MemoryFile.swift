internal import CLinux

/// Files that live in memory and have no name (memfd_create(2)): how a policy image travels from one program to the
/// next.
package enum MemoryFile {
  /// An empty one that may be sealed.
  ///
  /// - Parameter name: Seen in /proc/PID/fd only.
  package static func create(_ name: CPath) throws(Errno) -> OwnedDescriptor {
    let raw = try retrying { unsafe name.withCString { name in unsafe Int(clinux_memfd_create(name)) } }
    return OwnedDescriptor(owning: Int32(raw))
  }

  /// No size nor byte of it can change from here on.
  package static func seal(_ file: borrowing OwnedDescriptor) throws(Errno) {
    let seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
    let raw = file.raw
    _ = try retrying { Int(clinux_fcntl(raw, F_ADD_SEALS, seals)) }
  }
}
