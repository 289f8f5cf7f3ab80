import Ladder
import Policy
import ProcModel
import Testing

@Suite struct EpisodeTotalsTests {
  /// - Parameter looks: The looks of one episode, with the time awake and the time that the kernel counted as stalled,
  /// both
  ///   in milliseconds; -1 is no such count.
  private func lasted(_ looks: [(awake: UInt64, stood: Int)]) -> UInt64 {
    var totals = EpisodeTotals()
    for look in looks {
      let stall = look.stood < 0 ? nil : StallTotals(some: .max, full: UInt64(look.stood) * 1000)
      totals.look(1, awake: .milliseconds(look.awake), stall: stall)
    }
    return totals.lasted.milliseconds
  }

  @Test(
    arguments: [
      // Nothing is known of the time before the first look.
      ([(5000, -1)], 0),
      ([(5000, -1), (5010, -1), (5900, -1), (6900, -1)], 1900),
      // The agent was stopped, or the kernel keeps no account of stalls: at most a second counts for each look.
      ([(0, -1), (10_000, -1)], 1000), ([(0, 0), (10_000, 0)], 1000), ([(0, 100), (10_000, 900)], 1000),
      ([(0, 0), (10_000, -1)], 1000), ([(0, -1), (10_000, 9000)], 1000),
      // No process could work: all of that time counts.
      ([(0, 0), (10_000, 9000)], 9000), ([(0, 0), (10_000, 9000), (20_000, 9500)], 10_000),
      // No more counts than has passed, whatever the kernel counted, and neither count goes back.
      ([(0, 0), (10_000, 30_000)], 10_000), ([(0, 9000), (500, 0)], 500), ([(500, 0), (0, 9000)], 0),
      ([(0, 0), (10, 9_000_000_000_000_000)], 10),
    ] as [([(awake: UInt64, stood: Int)], UInt64)])
  func timeInWhichTheAgentDidNotRunCountsAsTheStallsTell(looks: [(awake: UInt64, stood: Int)], expected: UInt64) {
    #expect(lasted(looks) == expected)
  }

  @Test func eachEpisodeHasItsOwnTotals() {
    var totals = EpisodeTotals()
    totals.look(3, awake: .milliseconds(100), stall: nil)
    totals.look(3, awake: .milliseconds(200), stall: nil)
    for episode: UInt32 in [3, 3, 2, 4] { totals.count(victimOf: episode) }
    #expect(totals.victims == 2 && totals.lasted == .milliseconds(100) && totals.episode == 3)
    totals.look(4, awake: .milliseconds(900), stall: nil)
    #expect(totals.victims == 0 && totals.lasted == .zero && totals.episode == 4)
  }

  @Test(
    arguments: [
      (2, nil, true), (3, nil, false), (nil, 500, true), (nil, 501, false), (2, 500, true), (3, 500, false),
      (2, 501, false),
    ] as [(UInt32?, UInt64?, Bool)])
  func whereThePolicyHasBothFiguresBothMustBeReached(victims: UInt32?, milliseconds: UInt64?, isReached: Bool) {
    var totals = EpisodeTotals()
    totals.look(1, awake: .zero, stall: nil)
    totals.look(1, awake: .milliseconds(500), stall: nil)
    for _ in 0..<2 { totals.count(victimOf: 1) }
    let resort = LastResort(
      action: .panic, afterVictims: victims, afterStall: milliseconds.map { Nanoseconds.milliseconds($0) })
    #expect(totals.reaches(resort) == isReached)
  }
}
