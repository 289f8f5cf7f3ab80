package import Policy
package import ProcModel

/// What an episode has cost so far, by which the last resort is reached: pure, with time as an argument.
///
/// Time asleep does not count, and of the time between two looks one second at most: longer than that the agent did not
/// run, because it was stopped or because the machine stood still. Which of the two it was the kernel's account of
/// stalls tells: what it counted meanwhile, as time in which all that had work waited for memory, counts whole.
package struct EpisodeTotals: Equatable, Sendable {
  package private(set) var episode: UInt32 = 0
  /// Those that were signalled and it is over with, whatever came of it. Those who went together are one.
  package private(set) var victims: UInt32 = 0
  package private(set) var lasted = Nanoseconds.zero
  private var latest = Nanoseconds.zero
  private var stalled: UInt64?

  package init() {}

  /// One look in an episode. The first of another begins anew.
  ///
  /// - Parameters:
  ///   - awake: `CLOCK_MONOTONIC`, which stands while the machine sleeps.
  ///   - stall: Nil where the policy does not look at stalls, or the kernel keeps no account of them.
  package mutating func look(_ episode: UInt32, awake: Nanoseconds, stall: StallTotals?) {
    if episode != self.episode {
      self = EpisodeTotals()
      self.episode = episode
    } else {
      let step = awake - latest
      var counted = min(step, Ladder.longestStep)
      if let stalled, let total = stall?.full, total > stalled {
        let (stood, isOver) = (total - stalled).multipliedReportingOverflow(by: 1000)
        counted = max(counted, isOver ? step : min(step, Nanoseconds(stood)))
      }
      lasted = lasted + counted
    }
    latest = awake
    stalled = stall?.full
  }

  /// It is over with a victim that was signalled.
  ///
  /// - Parameter episode: In which it was chosen.
  package mutating func count(victimOf episode: UInt32) {
    if episode == self.episode, victims < .max { victims += 1 }
  }

  /// Whether all is reached that is asked for.
  package func reaches(_ resort: LastResort) -> Bool {
    if let victims = resort.afterVictims, self.victims < victims { return false }
    if let stall = resort.afterStall, lasted < stall { return false }
    return true
  }
}
