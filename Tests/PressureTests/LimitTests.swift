import Pressure
import ProcModel
import Testing

/// The trigger `limit`: a cgroup that the kernel holds at its limit.
@Suite struct LimitTests {
  /// A limit of 1000 MiB, with the floor at 20 MiB and the release line at 150.
  private static let thresholds = Thresholds(
    floor: Floor(available: .share(.percent(2)), swapFree: .share(.percent(10))),
    limit: Limit(available: .share(.percent(10)), swapFree: .share(.percent(10))), release: .share(.percent(15)))

  private static func reading(
    _ seconds: UInt64, available: UInt64, hits: UInt64?, failures: UInt64 = 0,
    swap: (total: UInt64, free: UInt64) = (0, 0)
  ) -> MemoryReading {
    var reading = MemoryReading(
      time: .milliseconds(seconds * 1000), total: KiB(1_024_000), available: KiB(available * 1024),
      swapTotal: KiB(swap.total * 1024), swapFree: KiB(swap.free * 1024))
    reading.limitCounts = hits.map { LimitCounts(hits: $0, failures: failures) }
    return reading
  }

  /// The trigger after each of two readings.
  private static func triggers(_ readings: MemoryReading...) -> [Trigger] {
    var detector = Detector(thresholds: thresholds, units: .common)
    return readings.map { detector.judge($0).trigger }
  }

  @Test func aLimitThatIsMetWithLittleToTakeBackIsTrouble() {
    #expect(
      Self.triggers(Self.reading(1, available: 90, hits: 5), Self.reading(2, available: 90, hits: 12)) == [
        .none, .limit(7),
      ])
    // Readings at the line, and above it.
    #expect(
      Self.triggers(Self.reading(1, available: 100, hits: 5), Self.reading(2, available: 100, hits: 6)) == [
        .none, .limit(1),
      ])
    #expect(
      Self.triggers(Self.reading(1, available: 101, hits: 5), Self.reading(2, available: 101, hits: 6)) == [
        .none, .none,
      ])
  }

  @Test func aLimitThatIsNotMetIsNoTrouble() {
    #expect(
      Self.triggers(Self.reading(1, available: 90, hits: 5), Self.reading(2, available: 90, hits: 5)) == [.none, .none])
    #expect(
      Self.triggers(Self.reading(1, available: 90, hits: nil), Self.reading(2, available: 90, hits: nil)) == [
        .none, .none,
      ])
    // The counter began anew: the cgroup was removed and made again.
    #expect(
      Self.triggers(Self.reading(1, available: 90, hits: 50), Self.reading(2, available: 90, hits: 3)) == [
        .none, .none,
      ])
  }

  /// A cgroup that reads more than fits meets its limit all the time.
  @Test func aStreamThroughTheCacheIsNoTrouble() {
    var detector = Detector(thresholds: Self.thresholds, units: .common)
    for second: UInt64 in 1...60 {
      let verdict = detector.judge(Self.reading(second, available: 400, hits: second * 5000))
      #expect(verdict.trigger == .none && !verdict.acts)
    }
  }

  @Test func aLimitIsNoTroubleWhileSwapIsFree() {
    #expect(
      Self.triggers(
        Self.reading(1, available: 50, hits: 0, swap: (500, 51)),
        Self.reading(2, available: 50, hits: 9, swap: (500, 51)),
        Self.reading(3, available: 50, hits: 12, swap: (500, 50))) == [.none, .none, .limit(3)])
  }

  /// Available memory is above the line, but the kernel found nothing to take back: that memory was in use.
  @Test func aFailedAllocationCountsUntilMemoryIsBack() {
    #expect(
      Self.triggers(
        Self.reading(1, available: 140, hits: 1, failures: 0), Self.reading(2, available: 140, hits: 2, failures: 1),
        // The kernel killed a process, and that was enough.
        Self.reading(3, available: 700, hits: 3, failures: 2)) == [.none, .limit(1), .none])
  }

  @Test func theMachineMeetsNoLimit() {
    #expect(
      Self.triggers(Self.reading(1, available: 90, hits: nil), Self.reading(2, available: 15, hits: nil)) == [
        .none, .floor,
      ])
  }
}
