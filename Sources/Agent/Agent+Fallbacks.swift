import Policy
import Pressure
import ProcModel

/// A victim where the ranking has none that would help.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Chooses where no process is worth killing alone: the kin that are worth it together, or, at the last level, the
  /// largest process that may be killed, whatever it gives back.
  ///
  /// - Returns: The party's leader; nil where there is none, or processes cannot be listed.
  mutating func chooseSmall(_ number: Int, _ verdict: Verdict, _ shortfall: KiB, _ now: Nanoseconds) -> Candidate? {
    let isLast = verdict.level == .kill
    if tally.leftOut > 0, isLast || KinFinder.mayHide(besides: table, places: places, judge: judge, tally: tally) {
      guard surveyProcesses(isWhole: true) else { return nil }
      rankAsking(now, in: number)
      // One that has grown over the line meanwhile.
      if let victim = shortlist.victim {
        resolve(victim)
        return victim
      }
    }
    if kinFinder.find(in: table, places: places, shortfall: shortfall, judge: judge, tally: tally, into: &party) {
      return party.leader.map { candidate(at: Int($0.row), now) }
    }
    guard isLast, let row = KinFinder.largest(in: table, places: places) else { return nil }
    let victim = candidate(at: row, now)
    resolve(victim)
    party.choice = .largest
    return victim
  }

  /// The one candidate that is enough alone, where all that are ranked before it would not be (``Yielding``).
  ///
  /// - Parameter victim: The foremost of the ranking, whose party was resolved.
  /// - Returns: Nil where the order holds.
  mutating func alone(
    insteadOf victim: Candidate, _ number: Int, _ shortfall: KiB, _ now: Nanoseconds
  ) -> Candidate? {
    guard party.footprint < shortfall, var yielding = Yielding(victim, shortfall: shortfall) else { return nil }
    for row in table.rows.indices where yielding.mayBeEnough(table.rows[row], places[row]) {
      yielding.seek(candidate(at: row, now))
    }
    guard yielding.isOpen else { return nil }
    let elapsed = judge.machine.units.ticks(now - surveyedAt)
    let fallen = watches[number].fallen
    for row in table.rows.indices where yielding.mayBeBefore(table.rows[row], places[row], judge) {
      let candidate = candidate(at: row, now)
      yielding.weigh(candidate) {
        Yielding.isGrowing(
          grown: roster.grown(candidate.process, since: elapsed), fallen: fallen,
          rate: roster.measuredGrowth(of: candidate.process, now: now), shortfall: shortfall)
      }
    }
    return yielding.chosen
  }

  /// Fills the party with those who go with the candidate that the order yields to.
  ///
  /// - Returns: The party's leader; where the candidate has gone meanwhile, the foremost of the ranking.
  mutating func takeAlone(_ one: Candidate, _ number: Int, _ now: Nanoseconds) -> Candidate? {
    if judge.scope(of: one.standing) != .process, tally.leftOut > 0 {
      guard surveyProcesses(isWhole: true) else { return nil }
      rank(now, in: number)
      guard let row = table.row(of: one.process.identity), places[row].reach == .mayEnd else {
        if let victim = shortlist.victim { resolve(victim) }
        return shortlist.victim
      }
    }
    resolve(one)
    party.choice = .yielded
    return one
  }
}
