/// What a look at one process came to.
package enum ProcessSighting: Sendable {
  case found(ProcessFacts)
  /// It has ended, or is a kernel's thread: nothing can be done to it.
  case gone
  /// It is there, and what it is cannot be told.
  case unreadable
}

extension Survey {
  /// Reads one process, as a survey for a decision would: for whoever has to know what it is at this moment.
  ///
  /// What depends on the other processes, such as ``ProcessFacts/childrenVirtual``, is not told.
  ///
  /// - Parameters:
  ///   - later: Since the last survey began, by whose clock ages are told.
  ///   - cgroups: Takes in its cgroup.
  /// - Returns: Also `unreadable` where a file of it makes no sense, or its user or its `oom_score_adj` cannot be had: for a
  ///   survey those stand as nobody's and as 0, by which nobody is protected.
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
