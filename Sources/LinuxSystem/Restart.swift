internal import CLinux

/// Actions on the whole machine.
package enum Restart {
  /// Restarts the machine at once, without writing anything to its disks (reboot(2)). Returns only where it fails. In a
  /// pid namespace it kills the processes of that namespace instead.
  ///
  /// - Throws: `EPERM` without CAP_SYS_BOOT.
  package static func reboot() throws(Errno) {
    _ = try retrying { Int(clinux_reboot()) }
  }
}
