import ProcModel

/// A decision of the record, with what followed from it.
package struct AuditIncident: Sendable {
  /// The decision.
  package var decision: RecordEvent
  /// The outcome of the incident; in a dry run only where memory came back first.
  package var outcome: RecordEvent?
  /// The end of its episode; nil in records of agents that did not write it, and of one that goes on.
  package var episode: RecordEvent?
  /// What others killed meanwhile: the kernel, and programs such as earlyoom.
  package var kills: [PastKill] = []
  /// When nothing more belongs to it: the next start of an agent, or the next decision in its domain.
  package var closed: WallTime?

  package init(_ decision: RecordEvent) {
    self.decision = decision
  }

  package var isRehearsal: Bool { decision.isRehearsal }

  /// The kernel's kills among ``kills``.
  package var kernelKills: [PastKill] { kills.filter { $0.killer == .kernel } }

  /// Kills that the kernel counted during the episode, and that no log tells of. 0 where it does not count.
  package var untoldKernelKills: UInt64 {
    let counted = episode?.ended?.kernelKills ?? 0
    let told = UInt64(kernelKills.count)
    return counted > told ? counted - told : 0
  }

  /// How it came to its end.
  package var end: End {
    if kernelKills.contains(where: { $0.deed == .killed }) || untoldKernelKills > 0 { return .kernelKilled }
    if kills.contains(where: { $0.deed == .killed }) { return .otherKilled }
    if !isRehearsal, let outcome = outcome?.outcome,
      outcome.elementsEqual("exited".utf8) || outcome.elementsEqual("killed".utf8)
    {
      return .spillwayKilled
    }
    let end = episode?.ended?.end.map { String(decoding: $0, as: UTF8.self) }
    switch end {
    case "memory_back": return .memoryBack
    case "stopped", "domain_removed": return .stopped
    default: break
    }
    return outcome?.outcome.map { $0.elementsEqual("relieved".utf8) } ?? false ? .memoryBack : .unknown
  }

  package enum End: String, Sendable {
    case kernelKilled = "kernel_killed"
    /// Another program that kills, such as earlyoom.
    case otherKilled = "other_killed"
    case spillwayKilled = "spillway_killed"
    /// Without a kill.
    case memoryBack = "memory_back"
    /// The agent stopped, or the domain was removed, while memory was short.
    case stopped
    case unknown
  }

  /// Whether a kill is of a process that Spillway would have killed.
  package func foresaw(_ kill: PastKill) -> Bool {
    guard let pid = kill.victim.pid else {
      guard let unit = kill.victim.unit else { return false }
      return decision.victim?.unit == unit
    }
    return decision.victim?.pid == pid || (decision.killSet?.pids.contains(pid) ?? false)
  }

  /// Milliseconds from the decision to a kill; 0 where the kill's coarser clock has it before.
  package func lead(of kill: PastKill) -> UInt64? {
    guard let decided = decision.time, let killed = kill.time.wall else { return nil }
    return UInt64(max(killed.since(decided), 0))
  }

  // MARK: What belongs to it

  /// Milliseconds that two clocks may differ, as syslog's has whole seconds.
  private static let slack: Int64 = 5000
  /// How long an incident lasts at most where nothing tells its end.
  private static let patience: Int64 = 600_000

  /// Whether a kill happened while memory was short for this incident.
  func covers(_ kill: PastKill) -> Bool {
    guard let begin = decision.time, let time = kill.time.wall else { return false }
    if let boot = decision.boot, let other = kill.time.boot, boot != other { return false }
    guard time >= begin.advanced(milliseconds: -AuditIncident.slack) else { return false }
    if let end = episode?.time ?? outcomeEnd { return time <= end.advanced(milliseconds: AuditIncident.slack) }
    let last = begin.advanced(milliseconds: AuditIncident.patience)
    return time <= min(closed ?? last, last)
  }

  /// An outcome that ends the incident, where there is no event of the episode.
  private var outcomeEnd: WallTime? {
    guard let outcome, outcome.outcome.map({ $0.elementsEqual("relieved".utf8) }) ?? false else { return nil }
    return outcome.time
  }
}
