internal import CLinux

/// What can be done to the whole machine.
package enum Restart {
  /// Restarts it at once, without writing anything to its disks (reboot(2)). Returns only by failing; in a pid namespace
  /// it ends that namespace.
  ///
  /// - Throws: `EPERM` without CAP_SYS_BOOT.
  package static func reboot() throws(Errno) {
    _ = try retrying { Int(clinux_reboot()) }
  }
}
