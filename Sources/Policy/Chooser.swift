import Badness
package import Pressure
package import ProcModel

/// Chooses victims: it gathers facts, ranks them, and picks. Only gathering touches the machine.
///
/// ```
/// gather (ReadingPlan)  →  rank (Ranking)  →  pick (Picker)
///        ↑_______________needsEveryone_____________|
/// ```
///
/// The agent, `rank`, `explain` and `diff` choose by this.
package struct Chooser: Sendable {
  package var survey: Survey
  package var roster: Roster
  package var ranking: Ranking
  package var picker: Picker
  /// When the last survey began.
  package private(set) var surveyBeganAt = Nanoseconds.zero
  /// When the last survey in calm time was taken, from which growth is measured; zero where none was.
  package var learnedAt = Nanoseconds.zero

  /// - Parameter capacity: Processes that need no further memory.
  package init(capacity: Int, picking: Int) {
    survey = Survey(capacity: capacity)
    roster = Roster(capacity: capacity)
    ranking = Ranking(capacity: capacity)
    picker = Picker(capacity: picking)
  }

  // MARK: Gather

  /// Begins a survey of the processes that a plan names.
  package mutating func beginSurvey<Source: ProcSource & ~Copyable>(
    _ plan: ReadingPlan, isForScores: Bool = true, units: KernelUnits, now: Nanoseconds, from source: inout Source
  ) throws(ReadFailure) {
    surveyBeganAt = now
    try survey.begin(
      from: &source, units: units, leavingOutBelow: plan.leastFootprint, isForScores: isForScores,
      into: &ranking.table)
  }

  /// Reads the next processes.
  ///
  /// - Returns: Whether the survey is complete.
  package mutating func stepSurvey<Source: ProcSource & ~Copyable>(
    _ processes: Int, units: KernelUnits, from source: inout Source
  ) throws(ReadFailure) -> Bool {
    guard let tally = try survey.step(processes, from: &source, units: units, into: &ranking.table) else {
      return false
    }
    ranking.tally = tally
    return true
  }

  /// Reads one process anew, as a survey of this moment would.
  package mutating func look<Source: ProcSource & ~Copyable>(
    at pid: Int32, units: KernelUnits, now: Nanoseconds, from source: inout Source
  ) -> ProcessSighting {
    survey.look(
      at: pid, later: units.ticks(now - surveyBeganAt), from: &source, units: units, cgroups: &ranking.table.cgroups)
  }

  /// Learns in calm time what a decision has no time for: who each process is, how much it holds, and who is old.
  ///
  /// - Parameters:
  ///   - eldest: A process of this age is part of no swarm, in whichever domain.
  ///   - budget: Processes that are classified at most; the others wait for the next time.
  ///   - mayWait: Whether files may be read that can wait for their process's memory.
  package mutating func learn<Source: ProcSource & ~Copyable>(
    _ context: ScoringContext, needs: MatchNeeds, eldest: Ticks, now: Nanoseconds, budget: Int, mayWait: Bool,
    from source: inout Source
  ) {
    survey.rememberElders(of: ranking.table, from: eldest)
    picker.prepare(for: ranking.table)
    roster.refresh(
      ranking.table, now: now, policy: context.policy, needs: needs, budget: budget, mayWait: mayWait, from: &source)
  }

  /// Forgets what was learned by another policy.
  package mutating func forget() {
    roster.clear()
    survey.forgetElders()
    learnedAt = .zero
  }

  // MARK: Rank

  /// Ranks a memory domain's part of the table. Takes no memory from the heap, and reads only what takes no process's
  /// memory lock: of those that the roster does not know.
  ///
  /// - Parameter isPassedOver: Whether killing a process was tried in vain, or is under way.
  package mutating func rank<Source: ProcSource & ~Copyable>(
    in domain: Int, by context: ScoringContext, needs: MatchNeeds, now: Nanoseconds, from source: inout Source,
    isPassedOver: (ProcessIdentity) -> Bool
  ) {
    ranking.begin(for: domain)
    roster.meet(ranking.table, policy: context.policy, needs: needs)
    for row in ranking.table.rows.indices {
      let process = ranking.table.rows[row]
      guard process.domains.contains(DomainSet(number: domain)) else {
        ranking.append(nil, isPassedOver: false, by: context)
        continue
      }
      let candidate = candidate(process, context, needs, now, from: &source)
      ranking.append(candidate, isPassedOver: isPassedOver(process.identity), by: context)
    }
  }

  /// A process with its place in the order in which processes are killed.
  ///
  /// - Parameter isAssuming: Whether what could not be read of it counts for protection.
  package mutating func candidate<Source: ProcSource & ~Copyable>(
    _ facts: ProcessFacts, _ context: ScoringContext, _ needs: MatchNeeds, _ now: Nanoseconds,
    from source: inout Source,
    assuming isAssuming: Bool = true
  ) -> Candidate {
    var process = facts
    process.growthPerSecond = roster.growthPerSecond(of: process, now: now, units: context.machine.units)
    var ruleOutcome = roster.ruleOutcome(
      of: process, policy: context.policy, needs: needs, machine: context.machine, from: &source)
    if !isAssuming, case .assumed = ruleOutcome.protection { ruleOutcome.protection = .none }
    var noTerms = NoTerms()
    return context.candidate(process, ruleOutcome: ruleOutcome, terms: &noTerms)
  }

  /// Leaves a process out of every memory domain: the one that asks.
  package mutating func leaveOut(_ pid: Int32) {
    if let row = ranking.table.row(ofPID: pid) { ranking.table.leaveDomains(row) }
  }

  // MARK: Pick

  /// What a choice has to know of a domain.
  package func shortage(
    _ verdict: Verdict, fallen: KiB, isFalling: Bool, units: KernelUnits, now: Nanoseconds
  ) -> Shortage {
    Shortage(
      verdict, fallen: fallen, isFalling: isFalling, sinceSurvey: units.ticks(now - learnedAt), now: now)
  }

  /// Picks a victim from the ranking. The processes that are killed with it are ``Picker/killSet``.
  package mutating func pick(_ shortage: Shortage, by context: ScoringContext) -> Picker.Pick {
    picker.pick(from: ranking, roster: roster, shortage: shortage, context: context)
  }
}
