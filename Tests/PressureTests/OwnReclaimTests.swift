import Fixtures
import Pressure
import ProcModel
import Testing

/// Lost time is trouble of the domain only where the domain itself reclaims memory.
@Suite struct OwnReclaimTests {
  /// All tasks lose seven tenths of the time from the first second on.
  ///
  /// - Parameter available: The share of memory that is available.
  private static func stalls(_ available: Double, _ own: (@Sendable (Double) -> Double)?) -> Scenario {
    var scenario = Scenario()
    scenario.available = { _ in available }
    scenario.stalled = { second in second > 1 ? (0.7, 0.95) : (0, 0) }
    scenario.ownReclaim = own
    return scenario
  }

  /// The same, and pages are read back that were in use.
  private static func thrashes(_ available: Double, _ own: (@Sendable (Double) -> Double)?) -> (Scenario, Thresholds) {
    var scenario = stalls(available, own)
    scenario.reclaim = { second in second > 1 ? (8000, 0) : (0, 0) }
    scenario.fileCache = { _ in 0.1 }
    var thresholds = Thresholds.server
    thresholds.stall = nil
    return (scenario, thresholds)
  }

  @Test func aContainerThatThrashesAtItsLimitIsNotTheMachine() {
    // In the report a database elsewhere was sent SIGTERM with 37 % available.
    #expect(Self.stalls(0.37, { _ in 0 }).run(against: .server).actedAt == nil)
    #expect(Self.stalls(0.15, { _ in 0 }).run(against: .server).actedAt == nil)
    let (scenario, thresholds) = Self.thrashes(0.15, { _ in 0 })
    #expect(scenario.run(against: thresholds).actedAt == nil)
    var unheard = scenario
    unheard.stalled = nil
    unheard.reclaim = { _ in (8000, 500) }
    #expect(unheard.run(against: thresholds).actedAt == nil, "refaults and scans of whom it may be")
  }

  @Test(arguments: [nil, 40, 100_000] as [Double?]) func aMachineThatReclaimsActs(own: Double?) throws {
    var rate: (@Sendable (Double) -> Double)?
    if let own { rate = { _ in own } }
    let stalled = Self.stalls(0.37, rate).run(against: .server)
    #expect(stalled.trigger.name == "stall")
    #expect(try #require(stalled.actedAt) < 2)
    let (scenario, thresholds) = Self.thrashes(0.15, rate)
    let thrashed = scenario.run(against: thresholds)
    #expect(thrashed.trigger.name == "thrash")
    #expect(try #require(thrashed.actedAt) < 4)
  }

  @Test func reclaimCountsOnlyWithinTheWindow() throws {
    // The machine reclaimed before the tasks stalled, in a burst that is over.
    #expect(Self.stalls(0.37, { second in second < 0.2 ? 9000 : 0 }).run(against: .server).actedAt == nil)
    let late = Self.stalls(0.37, { second in second > 5 ? 9000 : 0 }).run(against: .server)
    #expect(try #require(late.actedAt) > 5)
    // While swap lasts a larger share is asked for, over a longer window.
    var patient = Self.stalls(0.37, { second in second > 5 ? 9000 : 0 })
    patient.swapTotal = 1024 * 1024
    #expect(try #require(patient.run(against: .server).actedAt) > 5)
    patient.ownReclaim = { _ in 0 }
    #expect(patient.run(against: .server).actedAt == nil)
  }

  @Test func otherTriggersDoNotNeedReclaim() {
    var scenario = Scenario()
    scenario.available = { second in second > 2 ? 0.05 : 0.9 }
    scenario.ownReclaim = { _ in 0 }
    #expect(scenario.run(against: .server).trigger.name == "floor")
  }

  /// Recordings have no such counts. With a count of nothing reclaimed, only the floor and the forecast are left.
  @Test(arguments: ["swap-thrash", "text-20", "text-55", "text-80"])
  func recordedStallsAreNoTroubleWhereTheMachineReclaimsNothing(name: String) {
    for (count, acts) in [(UInt64?.none, true), (7, false)] {
      var detector = Detector(thresholds: .server, units: .common)
      var triggers: Set<String> = []
      for var reading in RecordedSequence(name).readings {
        reading.ownReclaim = count
        let verdict = detector.judge(reading)
        if verdict.acts { triggers.insert(verdict.trigger.name) }
      }
      #expect(triggers.contains("stall") == acts)
    }
  }
}
