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
  var forkFamilies: ForkFamilies
  /// The bounded reading that is under way.
  var bounded: BoundedReading?
  var order = ReadingOrder()
  /// Nil where not all processes are known.
  var known: Known?
  /// The number that was given last before the survey began.
  var numberBeforeSurvey: Int32?
  /// Whether a decision may leave processes unread. A test asks for both.
  package var isBoundedAllowed = true
  /// When the last survey began.
  package private(set) var surveyBeganAt = Nanoseconds.zero
  /// When the last survey in calm time was taken, from which growth is measured; zero where none was.
  package var learnedAt = Nanoseconds.zero
  /// What was killed in vain, and is passed over.
  package var inVain = InVain()
  /// What was killed and may come back.
  package var comebacks = Comebacks()
  /// What the decision under way may still ask.
  package var inquiry = Inquiry()

  /// What a complete survey in calm time has made known beside the roster.
  struct Known: Sendable {
    /// The number that was given last to a process or thread before it; nil where that is not known.
    var lastNumber: Int32?
    /// Shared memory and tmpfs that no process mapped.
    var unmapped: KiB
  }

  /// - Parameter capacity: Processes that need no further memory.
  package init(capacity: Int, picking: Int) {
    survey = Survey(capacity: capacity)
    roster = Roster(capacity: capacity)
    ranking = Ranking(capacity: capacity)
    picker = Picker(capacity: picking)
    forkFamilies = ForkFamilies(capacity: capacity)
  }

  // MARK: Gather

  private var isBounded: Bool {
    switch bounded {
    case .some: true
    case .none: false
    }
  }

  /// Begins a survey of the processes that a plan names.
  package mutating func beginSurvey<Source: ProcSource & ~Copyable>(
    _ plan: ReadingPlan, isForScores: Bool = true, units: KernelUnits, now: Nanoseconds, from source: inout Source
  ) throws(ReadFailure) {
    surveyBeganAt = now
    if plan == .everyone { numberBeforeSurvey = lastNumber(from: &source) }
    try survey.begin(
      from: &source, units: units, leavingOutBelow: plan.leastFootprint, isForScores: isForScores,
      isWalk: !plan.isBounded, into: &ranking.table)
    if plan.isBounded { try beginBounded(from: &source) }
  }

  /// Begins a survey whose rows are told and not read: they are to be put into ``Ranking/table``.
  package mutating func beginRecorded(at now: Nanoseconds) {
    surveyBeganAt = now
    ranking.table.clear()
  }

  /// Reads the next processes.
  ///
  /// - Returns: Whether the survey is complete.
  package mutating func stepSurvey<Source: ProcSource & ~Copyable>(
    _ processes: Int, units: KernelUnits, from source: inout Source
  ) throws(ReadFailure) -> Bool {
    if isBounded { return try stepBounded(processes, units: units, from: &source) }
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
  ///   - counting: Processes whose pages are counted at most, where files may be read that can wait.
  ///   - mayWait: Whether files may be read that can wait for their process's memory.
  package mutating func learn<Source: ProcSource & ~Copyable>(
    _ context: ScoringContext, eldest: Ticks, now: Nanoseconds, budget: Int,
    counting: OwnMemoryBudget = .ofTheAgent, mayWait: Bool, from source: inout Source
  ) {
    for row in ranking.table.rows.indices { tellImageOfParent(row) }
    picker.prepare(for: ranking.table)
    forkFamilies.relate(&ranking.table, roster)
    picker.countOrphans(in: ranking.table)
    let counted = picker
    survey.rememberElders(of: ranking.table, from: eldest) { process in counted.hasFellowOrphans(process) }
    roster.refresh(
      ranking.table, now: now, policy: context.policy, needs: context.needs, budget: budget, mayWait: mayWait,
      from: &source)
    if mayWait { roster.countOwnMemory(in: ranking.table, counting, from: &source) }
  }

  /// Forgets what was learned by another policy.
  package mutating func forget() {
    roster.clear()
    survey.forgetElders()
    learnedAt = .zero
    known = nil
  }

  /// Gathers what the policy says of a memory domain's part of the table, and how fast each process grows. Takes no
  /// memory from the heap, and reads only what takes no process's memory lock: of those that the roster does not know.
  package mutating func classify<Source: ProcSource & ~Copyable>(
    in domain: Int, by context: ScoringContext, now: Nanoseconds, from source: inout Source
  ) {
    forkFamilies.relate(&ranking.table, roster)
    roster.meet(ranking.table, policy: context.policy, needs: context.needs)
    ranking.beginOutcomes()
    for row in ranking.table.rows.indices {
      guard ranking.table.rows[row].domains.contains(DomainSet(number: domain)) else {
        ranking.append(outcome: RuleOutcome())
        continue
      }
      let growth = roster.growthPerSecond(
        of: ranking.table.rows[row], now: now, units: context.machine.units)
      ranking.table.setGrowth(growth, row: row)
      tellImageOfParent(row)
      var process = ranking.table.rows[row]
      roster.relate(
        &process, needs: context.needs, settings: context.settings, isHidden: ranking.tally.isHidden, from: &source)
      ranking.table.setRelations(of: process, row: row)
      ranking.append(
        outcome: roster.ruleOutcome(
          of: ranking.table.rows[row], policy: context.policy, needs: context.needs, machine: context.machine,
          from: &source))
    }
  }

  /// A parent that a survey left out as too small is known from calm time.
  private mutating func tellImageOfParent(_ row: Int) {
    let process = ranking.table.rows[row]
    let image =
      ranking.table.parent(of: row).map { ranking.table.rows[$0].image }
      ?? roster.image(ofParentOf: process) ?? 0
    ranking.table.setImage(ofParent: image, row: row)
  }

  /// A process with its place in the order in which processes are killed, as gathering and ranking would have it.
  ///
  /// - Parameter isAssuming: Whether what could not be read of it counts for protection.
  package mutating func candidate<Source: ProcSource & ~Copyable>(
    _ facts: ProcessFacts, _ context: ScoringContext, _ now: Nanoseconds, from source: inout Source,
    assuming isAssuming: Bool = true
  ) -> Candidate {
    var process = facts
    process.growthPerSecond = roster.growthPerSecond(of: process, now: now, units: context.machine.units)
    roster.relate(
      &process, needs: context.needs, settings: context.settings, isHidden: ranking.tally.isHidden, from: &source)
    var ruleOutcome = roster.ruleOutcome(
      of: process, policy: context.policy, needs: context.needs, machine: context.machine, from: &source)
    if !isAssuming, case .assumed = ruleOutcome.protection { ruleOutcome.protection = .none }
    var noTerms = NoTerms()
    return context.candidate(process, ruleOutcome: ruleOutcome, terms: &noTerms)
  }

  /// Leaves a process out of every memory domain: the one that asks.
  package mutating func leaveOut(_ pid: Int32) {
    if let row = ranking.table.row(ofPID: pid) { ranking.table.leaveDomains(row) }
  }

  // MARK: Rank and pick

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
