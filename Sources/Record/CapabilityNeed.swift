package import ProcModel

/// A capability that the agent has a use for, and what is lost without it.
package struct CapabilityNeed: Sendable {
  package var capability: CapabilitySet
  package var name: String
  /// What the agent then cannot do, as the end of a sentence.
  package var without: String
  /// Whether it is of use after start-up; the others are dropped with the rest once the agent runs.
  package var isLasting: Bool

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
  ]

  package static let everything = union { _ in true }
  package static let lasting = union { $0.isLasting }

  private static func union(where isWanted: (CapabilityNeed) -> Bool) -> CapabilitySet {
    var set: CapabilitySet = []
    for need in all where isWanted(need) {
      set.formUnion(need.capability)
    }
    return set
  }
}
