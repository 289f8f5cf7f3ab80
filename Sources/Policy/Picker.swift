import Pressure
package import ProcModel

/// Picks the victim from a ranking, and the processes that are killed with it.
///
/// It opens no file and asks no clock: the same ranking, roster and shortage come to the same victim. It keeps what it
/// needs room for from one decision to the next, so that it takes no memory from the heap once it has seen as many
/// processes.
package struct Picker: Sendable {
  /// The processes that are killed together, of the last pick.
  package private(set) var killSet = KillSet()
  // Each place is resident; more are taken in calm time where there are more processes.
  private var resolver: ScopeResolver
  private var swarmFinder: SwarmFinder
  private var kinFinder: KinFinder
  /// Processes for which these have the memory.
  private var capacity: Int

  /// What came of looking for a victim.
  package enum Pick: Equatable, Sendable {
    /// The row of the leader of ``Picker/killSet``.
    case victim(row: Int)
    case none
    /// Processes that the survey left out as too small may decide: a survey of all has to be taken.
    case needsEveryone
  }

  /// - Parameter capacity: Processes that need no further memory.
  package init(capacity: Int) {
    resolver = ScopeResolver(capacity: capacity)
    swarmFinder = SwarmFinder(capacity: capacity)
    kinFinder = KinFinder(capacity: capacity)
    self.capacity = capacity
  }

  /// Takes, in calm time, what memory a table of this size may need.
  package mutating func prepare(for table: ProcessTable) {
    guard table.count > capacity else { return }
    capacity = table.count
    resolver.prepare(for: table)
    swarmFinder.prepare(for: table)
    kinFinder.prepare(for: table)
  }

  /// Counts, in calm time, the orphans of each program.
  mutating func countOrphans(in table: ProcessTable) { swarmFinder.countOrphans(in: table) }

  /// Whether a process is one of several orphans of a program (``SwarmFinder/hasFellowOrphans(_:)``).
  func hasFellowOrphans(_ process: ProcessFacts) -> Bool { swarmFinder.hasFellowOrphans(process) }

  /// Looks for the victim, in this order: a process that uses the memory up and is enough alone; a swarm; the foremost
  /// of the ranking, or where the order yields, the one that is enough alone; kin that are too small to be killed
  /// alone; and at the last level the largest.
  ///
  /// - Parameters:
  ///   - roster: How much each process has grown, and how fast.
  ///   - context: By which the ranking was made.
  package mutating func pick(
    from ranking: Ranking, roster: borrowing Roster, shortage: Shortage, context: ScoringContext
  ) -> Pick {
    let pick = choose(from: ranking, roster, shortage, context)
    if case .victim = pick { killSet.limit(to: shortage.inUse) }
    return pick
  }

  private mutating func choose(
    from ranking: Ranking, _ roster: borrowing Roster, _ shortage: Shortage, _ context: ScoringContext
  ) -> Pick {
    // What was learned since may have put the best candidate behind what the proof allows for.
    if ranking.tally.unread > 0, ranking.shortlist.victim.map({ $0.score <= ranking.tally.bound }) ?? true {
      return .needsEveryone
    }
    // Beside one there is no need to look for a swarm, which among thousands of the young takes seconds.
    var isCulprit = false
    if let victim = ranking.shortlist.victim { isCulprit = uses(victim, roster, shortage, context) }
    if !isCulprit, let pick = pickSwarm(from: ranking, shortage, context) { return pick }
    guard let victim = ranking.shortlist.victim else { return pickSmall(from: ranking, shortage, context) }
    if context.scope(of: victim.ruleOutcome) != .process, ranking.tally.isShort { return .needsEveryone }
    resolve(victim.process.identity, from: ranking, context)
    // One that was not read may be enough alone, or be ranked between the two.
    if killSet.footprint < shortage.shortfall, ranking.tally.unread > 0 { return .needsEveryone }
    guard let one = alone(insteadOf: victim, in: ranking, roster, shortage, context) else { return leader() }
    if ranking.eligibility[one].scope != .process, ranking.tally.isShort { return .needsEveryone }
    resolve(ranking.table.rows[one].identity, from: ranking, context)
    killSet.choice = .yielded
    return leader()
  }

  private func leader() -> Pick {
    killSet.leader.map { .victim(row: Int($0.row)) } ?? .none
  }

  /// Fills the kill set with a victim and the processes that its scope has killed with it.
  package mutating func resolve(
    _ victim: ProcessIdentity, scope: Scope? = nil, from ranking: Ranking, _ context: ScoringContext
  ) {
    let row = ranking.table.row(of: victim)
    resolver.resolve(
      victim, scope: scope ?? row.map { ranking.eligibility[$0].scope } ?? .process, in: ranking.table,
      eligibility: ranking.eligibility, agent: context.agent, isComplete: ranking.tally.isComplete, into: &killSet)
  }

  /// Says how the victim was chosen whose kill set was filled anew.
  mutating func keep(_ choice: Choice) { killSet.choice = choice }

  /// Whether a candidate takes swap away; or whether killing it is enough, it has taken three quarters of what has gone
  /// since the last survey, and no rule puts others before it.
  private func uses(
    _ candidate: Candidate, _ roster: borrowing Roster, _ shortage: Shortage, _ context: ScoringContext
  ) -> Bool {
    if candidate.isSwappingOff { return true }
    guard candidate.process.footprint >= shortage.shortfall, shortage.isFalling,
      !context.policy.hasOrder(before: candidate.ruleOutcome.tier),
      let grown = roster.grown(candidate.process, since: shortage.sinceSurvey)
    else { return false }
    return grown.count >= shortage.fallen.count / 4 * 3
  }

  /// - Returns: Nil where there is no swarm.
  private mutating func pickSwarm(from ranking: Ranking, _ shortage: Shortage, _ context: ScoringContext) -> Pick? {
    if ranking.tally.isShort,
      swarmFinder.mayHide(
        besides: ranking.table, eligibility: ranking.eligibility, best: ranking.shortlist.victim,
        shortfall: shortage.shortfall,
        context: context, tally: ranking.tally)
    {
      return .needsEveryone
    }
    let isFound = swarmFinder.find(
      in: ranking.table, eligibility: ranking.eligibility, best: ranking.shortlist.victim,
      shortfall: shortage.shortfall,
      inUse: shortage.inUse, context: context, tally: ranking.tally, into: &killSet)
    guard isFound else { return nil }
    // Its youngest hold next to nothing yet, and would go on where the others were stopped.
    return ranking.tally.isShort ? .needsEveryone : leader()
  }

  /// Picks where no process is worth killing alone: the kin that are worth it together, or, at the last level, the
  /// largest process that may be killed, whatever it gives back.
  private mutating func pickSmall(from ranking: Ranking, _ shortage: Shortage, _ context: ScoringContext) -> Pick {
    let isLast = shortage.level == .kill
    if ranking.tally.isShort,
      isLast
        || KinFinder.mayHide(
          besides: ranking.table, eligibility: ranking.eligibility, context: context, tally: ranking.tally)
    {
      return .needsEveryone
    }
    if kinFinder.find(
      in: ranking.table, eligibility: ranking.eligibility, shortfall: shortage.shortfall, context: context,
      tally: ranking.tally,
      into: &killSet)
    {
      return leader()
    }
    guard isLast, let row = KinFinder.largest(in: ranking.table, eligibility: ranking.eligibility) else { return .none }
    resolve(ranking.table.rows[row].identity, from: ranking, context)
    killSet.choice = .largest
    return leader()
  }

  /// The row of the one candidate that is enough alone, where all that are ranked before it would not be
  /// (``Yielding``).
  ///
  /// - Parameter victim: The foremost of the ranking, whose kill set was resolved.
  /// - Returns: Nil where the order holds.
  private func alone(
    insteadOf victim: Candidate, in ranking: Ranking, _ roster: borrowing Roster, _ shortage: Shortage,
    _ context: ScoringContext
  ) -> Int? {
    guard killSet.footprint < shortage.shortfall, var yielding = Yielding(victim, shortfall: shortage.shortfall) else {
      return nil
    }
    for row in ranking.table.rows.indices {
      let process = ranking.table.rows[row]
      if yielding.mayBeEnough(process, ranking.eligibility[row]) {
        yielding.seek(row, process, ranking.eligibility[row])
      }
    }
    guard yielding.isOpen else { return nil }
    for row in ranking.table.rows.indices {
      let process = ranking.table.rows[row]
      guard yielding.mayBeBefore(process, ranking.eligibility[row], context) else { continue }
      yielding.weigh(process, ranking.eligibility[row]) {
        Yielding.isGrowing(
          grown: roster.grown(process, since: shortage.sinceSurvey), fallen: shortage.fallen,
          rate: roster.measuredGrowth(of: process, now: shortage.now), shortfall: shortage.shortfall)
      }
    }
    return yielding.chosen
  }
}
