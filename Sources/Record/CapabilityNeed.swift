package import ProcModel

/// A capability that the agent has a use for, and what is lost without it.
package struct CapabilityNeed: Sendable {
  package var capability: CapabilitySet
  package var name: String
  /// What the agent then cannot do, as the end of a sentence.
  package var without: String
  /// Whether it is of use after start-up; the others are dropped with the rest once the agent runs.
  package var isLasting: Bool
  /// Nil where it is of use under every policy.
  package var purpose: Purpose?

  /// What a policy may ask for that takes a capability of its own: without the first it is neither looked for nor kept.
  package struct Purpose: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    /// Programs that run as others than the agent's user.
    package static let hooks = Purpose(rawValue: 1)
    /// `last_resort` with `reboot`.
    package static let reboot = Purpose(rawValue: 2)
  }

  /// In the order in which they are told.
  package static let all: [CapabilityNeed] = [
    CapabilityNeed(
      capability: .kill, name: "CAP_KILL", without: "only processes of this user can be ended", isLasting: true),
    CapabilityNeed(
      capability: .sysPtrace, name: "CAP_SYS_PTRACE",
      without: "executables of other users cannot be read: whom a rule by exe might protect counts as protected",
      isLasting: true),
    CapabilityNeed(
      capability: .dacReadSearch, name: "CAP_DAC_READ_SEARCH",
      without: "files of /proc that are closed to others cannot be read", isLasting: true),
    CapabilityNeed(
      capability: .ipcLock, name: "CAP_IPC_LOCK",
      without: "the agent's memory may be swapped out beyond this user's lock limit", isLasting: true),
    CapabilityNeed(
      capability: .sysNice, name: "CAP_SYS_NICE",
      without: "the agent cannot raise its own priority, nor that of a victim that is to die", isLasting: true),
    CapabilityNeed(
      capability: .sysResource, name: "CAP_SYS_RESOURCE",
      without: "the agent cannot lower its own oom_score_adj, so the kernel may choose it", isLasting: false),
    CapabilityNeed(
      capability: .syslog, name: "CAP_SYSLOG",
      without: "the kernel's log cannot be read where kernel.dmesg_restrict is set", isLasting: false),
    CapabilityNeed(
      capability: .setUID, name: "CAP_SETUID", without: "hooks cannot be started as the users the policy names",
      isLasting: true, purpose: .hooks),
    CapabilityNeed(
      capability: .setGID, name: "CAP_SETGID", without: "hooks cannot be started with the groups of their users alone",
      isLasting: true, purpose: .hooks),
    CapabilityNeed(
      capability: .sysBoot, name: "CAP_SYS_BOOT",
      without: "the last resort is a restart by sysrq, which a sandbox may refuse as well", isLasting: true,
      purpose: .reboot),
  ]

  /// All that are of use for these purposes.
  package static func everything(for purposes: Purpose) -> CapabilitySet {
    union { $0.isWanted(for: purposes) }
  }

  /// Of these, those that are kept.
  package static func lasting(for purposes: Purpose) -> CapabilitySet {
    union { $0.isLasting && $0.isWanted(for: purposes) }
  }

  private func isWanted(for purposes: Purpose) -> Bool {
    guard let purpose else { return true }
    return purposes.contains(purpose)
  }

  private static func union(where isWanted: (CapabilityNeed) -> Bool) -> CapabilitySet {
    var set: CapabilitySet = []
    for need in all where isWanted(need) {
      set.formUnion(need.capability)
    }
    return set
  }
}
