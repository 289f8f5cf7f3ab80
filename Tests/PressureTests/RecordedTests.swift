import Fixtures
import Pressure
import ProcModel
import Testing

/// Recordings of real machines, on which only the kernel killed processes, as the readings of a detector.
@Suite struct RecordedTests {
  /// The first act of a detector, in milliseconds since the recording began.
  private struct Act {
    var at: UInt64
    var trigger: Trigger
  }

  private static func firstAct(of thresholds: Thresholds, in sequence: RecordedSequence) -> Act? {
    var detector = Detector(thresholds: thresholds, units: .common)
    for reading in sequence.readings {
      let verdict = detector.judge(reading)
      if verdict.acts {
        return Act(at: sequence.milliseconds(of: reading), trigger: verdict.trigger)
      }
    }
    return nil
  }

  /// One trigger of the default preset, beside a floor that is never reached.
  private static func only(stall: Bool = false, thrash: Bool = false, forecast: Bool = false) -> Thresholds {
    var thresholds = Thresholds.server
    thresholds.floor = Floor(available: .size(.zero), swapFree: .share(BasisPoints(0)))
    if !stall { thresholds.stall = nil }
    if !thrash { thresholds.thrash = nil }
    if !forecast { thresholds.forecast = nil }
    return thresholds
  }

  private static let streams = ["stream", "stream-held", "stream-tight", "stream-tight-one-cpu", "batch-streaming"]
  private static let thrashing = ["text-20", "text-55", "text-80"]
  private static let calm = ["idle", "build", "batch", "batch-cached", "text-160"] + streams

  @Test(arguments: calm) func noProcessIsKilledWhereMemoryIsAvailable(name: String) {
    let sequence = RecordedSequence(name)
    #expect(sequence.oomKilledAt == nil)
    let act = Self.firstAct(of: .server, in: sequence)
    #expect(act == nil, "\(act.map { "\($0.trigger) at \($0.at) ms" } ?? "")")
  }

  /// Each with the trigger that is first true, and the millisecond by which it must be. The kernel killed a process at
  /// 4850 ms (burst), 12.8 s (leak) and 16.7 s (swap-fill). The other machines stood still until the recording ended.
  static let trouble: [(name: String, trigger: String, by: UInt64)] = [
    ("burst", "floor", 4600),
    ("leak", "floor", 12_000),
    ("swap-fill", "stall", 13_500),
    ("swap-thrash", "stall", 7500),
    ("text-20", "stall", 14_000),
    ("text-55", "stall", 13_500),
    ("text-80", "stall", 13_500),
  ]

  @Test(arguments: trouble.indices) func whereMemoryRunsOutTheAgentActsBeforeTheKernel(index: Int) throws {
    let (name, trigger, by) = Self.trouble[index]
    let sequence = RecordedSequence(name)
    let act = try #require(Self.firstAct(of: .server, in: sequence))
    #expect(act.trigger.name == trigger)
    #expect(act.at <= by, "\(act.trigger) at \(act.at) ms")
    if let killed = sequence.oomKilledAt { #expect(act.at + 200 < killed) }
  }

  /// In the default preset the stall or the floor is true before. Without PSI the trigger goes by direct scans.
  @Test(arguments: thrashing, [true, false]) func thrashingInProgramTextIsSeenByTheTriggerThrashAlone(
    name: String, hasStalls: Bool
  )
    throws
  {
    var sequence = RecordedSequence(name)
    if !hasStalls {
      for index in sequence.readings.indices { sequence.readings[index].stall = nil }
    }
    let act = try #require(Self.firstAct(of: Self.only(thrash: true), in: sequence))
    #expect(act.trigger.name == "thrash")
    #expect(act.at < 15_000)
  }

  /// Memory was short before the first reading.
  @Test(arguments: thrashing) func thrashingThatBeganBeforeTheFirstReadingIsSeenToo(name: String) throws {
    var sequence = RecordedSequence(name)
    sequence.readings = sequence.readings.filter { sequence.milliseconds(of: $0) >= 18_000 }
    let act = try #require(Self.firstAct(of: Self.only(thrash: true), in: sequence))
    #expect(act.at < 22_000, "\(act.trigger) at \(act.at) ms")
  }

  @Test(arguments: calm, [true, false]) func readingBackPagesThatAreNotInUseIsNoThrashing(name: String, hasStalls: Bool)
  {
    var sequence = RecordedSequence(name)
    if !hasStalls {
      for index in sequence.readings.indices { sequence.readings[index].stall = nil }
    }
    let act = Self.firstAct(of: Self.only(thrash: true), in: sequence)
    #expect(act == nil, "\(act.map { "\($0.trigger) at \($0.at) ms" } ?? "")")
  }

  /// This is why refaults as such are not counted.
  @Test func aStreamHasMoreRefaultsThanAMachineThatStandsStill() {
    func most(_ name: String) -> UInt64 {
      let sequence = RecordedSequence(name)
      return (sequence.allRefaults.last ?? 0) - (sequence.allRefaults.first ?? 0)
    }
    #expect(Self.streams.map(most).min() ?? 0 > Self.thrashing.map(most).max() ?? .max)
  }
}
