import Fixtures
import Pressure
import ProcModel
import Testing

@Suite struct DetectorTests {
  /// The first reading of a detector.
  @Test(
    arguments: [
      (tenPercent, reading(500, swapFree: 400), .calm),
      // Memory alone, or swap alone, is not enough.
      (tenPercent, reading(90, swapFree: 400), .watch),
      (tenPercent, reading(90, swapFree: 51), .watch),
      (tenPercent, reading(200, swapFree: 0), .calm),
      // Readings on the lines, and next to them.
      (tenPercent, reading(100, swapFree: 50), .terminate),
      (tenPercent, reading(101, swapFree: 50), .watch),
      (tenPercent, reading(150, swapFree: 0), .watch),
      (tenPercent, reading(151, swapFree: 0), .calm),
      // A machine without swap is always at its line.
      (tenPercent, reading(100, swapTotal: 0), .terminate),
      (tenPercent, reading(101, swapTotal: 0), .watch),
      // Half of both lines.
      (tenPercent, reading(50, swapFree: 25), .kill),
      (tenPercent, reading(51, swapFree: 25), .terminate),
      (tenPercent, reading(50, swapFree: 26), .terminate),
      (tenPercent, reading(50, swapTotal: 0), .kill),
      // The policy asks nothing of swap.
      (memoryOnly, reading(100, swapFree: 500), .terminate),
      (memoryOnly, reading(50, swapFree: 500), .kill),
      (memoryOnly, reading(101, swapFree: 0), .watch),
      // A total of zero makes no sense, and no process is killed for it.
      (tenPercent, reading(0, total: 0), .calm),
      (tenPercent, reading(0, total: 0, swapTotal: 0), .calm),
    ] as [(Thresholds, MemoryReading, Level)])
  func theLevelOfAFirstReading(thresholds: Thresholds, reading: MemoryReading, level: Level) {
    var detector = Detector(thresholds: thresholds, units: .common)
    let verdict = detector.judge(reading)
    #expect(verdict.level == level)
    #expect(verdict.acts == (level == .terminate || level == .kill))
    #expect(detector.isInEpisode == verdict.acts)
    #expect(verdict.episode == (verdict.acts ? 1 : 0))
  }

  @Test(
    arguments: [
      (.share(.percent(10)), .share(.percent(15)), 102_400, 153_600),
      (.size(KiB(40_960)), .share(.percent(15)), 40_960, 153_600),
      (.size(KiB(40_960)), .size(KiB(40_961)), 40_960, 40_961),
      // A release below the floor would end an episode at once: the floor holds.
      (.share(.percent(20)), .share(.percent(15)), 204_800, 204_800),
      (.size(KiB(2_000_000)), .share(.percent(15)), 2_000_000, 2_000_000),
      (.share(.percent(100)), .share(.percent(100)), 1_024_000, 1_024_000),
      (.share(BasisPoints(1)), .share(BasisPoints(1)), 102, 102),
    ] as [(Amount, Amount, UInt64, UInt64)])
  func linesAreSharesOrSizes(floor: Amount, release: Amount, floorKiB: UInt64, releaseKiB: UInt64) {
    let lines = Lines(
      Thresholds(floor: Floor(available: floor, swapFree: .size(KiB(7))), release: release), total: mebibytes(1000),
      swapTotal: mebibytes(500))
    #expect(lines.floorAvailable == KiB(floorKiB))
    #expect(lines.release == KiB(releaseKiB))
    #expect(lines.floorSwapFree == KiB(7))
  }

  /// Available memory in MiB, one reading after the other, without swap, and the levels that follow.
  @Test(
    arguments: [
      ([200, 101, 100, 101, 149, 150, 151, 150], "calm watch terminate terminate terminate terminate calm watch", 1),
      // Readings that waver about the floor, or about the release line, are one episode.
      ([99, 101, 99, 101, 99, 101], "terminate terminate terminate terminate terminate terminate", 1),
      ([99, 150, 151, 150, 151, 150], "terminate terminate calm watch calm watch", 1),
      ([99, 49, 51, 200], "terminate kill terminate calm", 1),
      ([99, 200, 99, 200, 99], "terminate calm terminate calm terminate", 3),
      ([101, 102, 103], "watch watch watch", 0),
    ] as [([UInt64], String, UInt32)])
  func episodesBeginAtTheFloorAndEndOverTheReleaseLine(available: [UInt64], levels: String, episodes: UInt32) {
    var detector = Detector(thresholds: tenPercent, units: .common)
    let seen = available.map { detector.judge(reading($0, swapTotal: 0)).level.name }
    #expect(seen.joined(separator: " ") == levels)
    #expect(detector.episode == episodes)
  }

  @Test func freeSwapEndsTheEpisode() {
    var detector = Detector(thresholds: tenPercent, units: .common)
    #expect(detector.judge(reading(90, swapFree: 10)).level == .terminate)
    #expect(detector.judge(reading(120, swapFree: 50)).level == .terminate)
    #expect(detector.judge(reading(90, swapFree: 51)).level == .watch)
    #expect(detector.judge(reading(90, swapFree: 10)).episode == 2)
  }

  @Test func swapAddedAtRunTimeCounts() {
    var detector = Detector(thresholds: tenPercent, units: .common)
    #expect(detector.judge(reading(90, swapTotal: 0)).level == .terminate)
    let verdict = detector.judge(reading(90, swapFree: 900, swapTotal: 900))
    #expect(verdict.level == .watch)
    #expect(verdict.lines.floorSwapFree == mebibytes(90))
    #expect(detector.judge(reading(90, swapTotal: 0)).episode == 2)
  }

  @Test func aFloorOfTheWholeMachineIsAlwaysReached() {
    var detector = Detector(
      thresholds: Thresholds(
        floor: Floor(available: .share(.percent(100)), swapFree: nil), release: .share(.percent(10))), units: .common)
    #expect(detector.judge(reading(1000)).level == .terminate)
    #expect(detector.judge(reading(501)).level == .terminate)
    #expect(detector.judge(reading(500)).level == .kill)
    #expect(detector.judge(reading(1000)).episode == 1)
  }

  @Test func aSenselessReadingLeavesTheEpisodeAsItIs() {
    var detector = Detector(
      thresholds: Thresholds(
        floor: Floor(available: .size(mebibytes(100)), swapFree: nil), release: .size(mebibytes(150))), units: .common)
    #expect(detector.judge(reading(0, total: 0)).level == .calm)
    #expect(detector.judge(reading(90)).level == .terminate)
    #expect(detector.judge(reading(0, total: 0)).level == .calm)
    #expect(detector.isInEpisode)
    #expect(detector.judge(reading(120)).level == .terminate)
    #expect(detector.episode == 1)
  }

  @Test func thresholdsMayChangeInAnEpisode() {
    var detector = Detector(thresholds: tenPercent, units: .common)
    #expect(detector.judge(reading(90, swapTotal: 0)).level == .terminate)
    detector.replace(
      Thresholds(floor: Floor(available: .share(.percent(1)), swapFree: nil), release: .share(.percent(2))))
    #expect(detector.judge(reading(90, swapTotal: 0)).level == .calm)
    #expect(detector.episode == 1)
  }

  @Test func levelsAreInOrder() {
    #expect([Level.kill, .calm, .terminate, .watch].sorted() == [.calm, .watch, .terminate, .kill])
  }

  /// After any earlier readings, of two readings the one with less available memory gives at least the level of the
  /// other.
  @Test func lessAvailableMemoryNeverGivesALowerLevel() {
    var numbers = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      var detector = Detector(thresholds: Bool.random(using: &numbers) ? tenPercent : memoryOnly, units: .common)
      for _ in 0..<3 { _ = detector.judge(numbers.reading()) }
      let higher = numbers.reading()
      var lower = higher
      lower.available = KiB(numbers.next() % max(higher.available.count, 1))
      var other = detector
      #expect(other.judge(lower).level >= detector.judge(higher).level)
    }
  }

  @Test func theLastReadingBeforeASignalChangesNothing() {
    var thresholds = tenPercent
    thresholds.confirmation = .classic(ClassicConstants(youngest: .zero, failures: 1, pause: .zero))
    var detector = Detector(thresholds: thresholds, units: .common)
    var low = reading(50, swapTotal: 0)
    low.time = .milliseconds(100_000)
    _ = detector.judge(low)
    low.time = .milliseconds(100_100)
    #expect(detector.judge(low).acts)
    // The checklist has begun to count anew, but it is trouble.
    for _ in 0..<3 { #expect(detector.isTrouble(low)) }
    #expect(!detector.isTrouble(reading(500, swapTotal: 0)))
    #expect(!detector.isTrouble(reading(0, total: 0)))
  }
}
