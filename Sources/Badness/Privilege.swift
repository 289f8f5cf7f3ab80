import ProcModel

/// The marks of an important process, for the historical formulas and for ours after them.
extension ProcessFacts {
  /// Whether `cap_effective & CAP_SYS_ADMIN || uid == 0 || euid == 0` holds, which `badness()` asked from 2.4 to 2.6.
  var isRootOrAdministrator: Bool {
    realUID == 0 || effectiveUID == 0 || effectiveCapabilities.contains(.sysAdmin)
  }

  /// Whether the process has CAP_SYS_RAWIO, the right to access hardware directly. Killing such a process may leave a
  /// device in disorder.
  var hasRawIO: Bool {
    effectiveCapabilities.contains(.sysRawIO)
  }
}

extension WholeTally {
  /// Divides by 4 for root or CAP_SYS_ADMIN, and by 4 for CAP_SYS_RAWIO. The value of each term is 0 or 1.
  mutating func dividePrivilege<Sink: TermSink>(of process: ProcessFacts, terms: inout Sink) {
    let administers = process.isRootOrAdministrator
    divide(
      by: administers ? 4 : 1, for: "root_or_sys_admin", administers ? 1 : 0, terms: &terms)
    let touchesHardware = process.hasRawIO
    divide(
      by: touchesHardware ? 4 : 1, for: "sys_rawio", touchesHardware ? 1 : 0, terms: &terms)
  }
}
