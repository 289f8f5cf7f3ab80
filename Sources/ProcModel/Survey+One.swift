/// The outcome of reading one process.
package enum ProcessSighting: Sendable {
  case found(ProcessFacts)
  /// The process has exited, or is a thread of the kernel. Nothing can be done to it.
  case gone
  /// The process exists, but its facts cannot be learned.
  case unreadable
}

extension Survey {
  /// Reads one process as a survey for a decision would, for a caller that has to know what it is at this moment.
  ///
  /// Facts that depend on other processes, such as ``ProcessFacts/childrenVirtual``, are not set.
  ///
  /// - Parameters:
  ///   - later: The time since the last survey began, whose clock is the base of ages.
  ///   - cgroups: The tree to which the process's cgroup is added.
  /// - Returns: The facts. The outcome is `unreadable` also where a file makes no sense, or where the user or
  ///   `oom_score_adj` is unknown: a survey uses 2³²−1 and 0 for those, and they protect no process.
  package mutating func look<Source: ProcSource & ~Copyable>(
    at pid: Int32, later: Ticks, from source: inout Source, units: KernelUnits, cgroups: inout CgroupTree
  ) -> ProcessSighting {
    var tally = SurveyTally()
    let forScores = isForScores
    isForScores = true
    defer { isForScores = forScores }
    let began = now
    defer { now = began }
    if let clock = source.clock { now = units.ticks(clock) } else if now > .zero { now = now + later }
    let facts = facts(of: pid, from: &source, units: units, cgroups: &cgroups, tally: &tally)
    guard let facts else {
      let isGone = tally.vanished > 0 || tally.zombies > 0 || tally.kernelThreads > 0
      return isGone ? .gone : .unreadable
    }
    let isKnown = tally.malformed == 0 && facts.unread.isDisjoint(with: [.user, .oomScoreAdj])
    return isKnown ? .found(facts) : .unreadable
  }
}
