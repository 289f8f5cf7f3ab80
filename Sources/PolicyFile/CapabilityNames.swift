package import ProcModel

/// The names of capabilities(7), as of Linux 6.12.
package enum CapabilityNames {
  /// The names in the order of their numbers in linux/capability.h, without `CAP_` and in lower case.
  package static let all = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
  ]

  /// The capability of this name, with or without `CAP_` and in any case, or nil.
  package static func capability(_ name: String) -> CapabilitySet? {
    all.firstIndex(of: stem(name)).map { CapabilitySet(number: UInt8($0)) }
  }

  /// The full names of the capabilities of a set, as capabilities(7) writes them.
  package static func names(of set: CapabilitySet) -> [String] {
    all.indices.filter { set.contains(CapabilitySet(number: UInt8($0))) }.map { fullName(all[$0]) }
  }

  /// The full name of the known capability that an unknown name most likely stands for; nil where there is none.
  static func nearestName(to name: String) -> String? {
    nearest(to: stem(name), among: all).map(fullName)
  }

  private static func fullName(_ stem: String) -> String { "CAP_" + stem.uppercased() }

  private static func stem(_ name: String) -> String {
    let lower = name.lowercased()
    return lower.hasPrefix("cap_") ? String(lower.dropFirst(4)) : lower
  }
}
