/// Whose lost time the `stall` trigger measures (`stall.of`).
///
/// A container that thrashes at its own limit loses time, and so does a batch that was made to wait. What must live may
/// run well meanwhile. Talos measured the machine's stalls first and killed bystanders; it watches the pressure of what
/// must live since.
package enum StallSource: UInt8, CaseIterable, Sendable {
  /// Of the machine's tasks, or of the domain's.
  case domain = 0
  /// Of the cgroups of processes that a rule protects.
  case protected = 1
  /// Of one cgroup, which is the last of the policy's.
  case cgroup = 2
}
