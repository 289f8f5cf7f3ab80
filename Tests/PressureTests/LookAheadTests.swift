import Fixtures
import Pressure
import ProcModel
import Testing

@Suite struct LookAheadTests {
  private static func milliseconds(_ reading: MemoryReading, _ thresholds: Thresholds = tenPercent) -> UInt64 {
    var detector = Detector(thresholds: thresholds, units: .common)
    return LookAhead().delay(detector.judge(reading)).milliseconds
  }

  @Test(
    arguments: [
      // At the floor, and so near that it counts as at it.
      (reading(100, swapFree: 50), 1),
      (reading(103, swapFree: 50), 1),
      // 600 MiB at 6 GiB/s, without swap.
      (reading(700, swapTotal: 0), 100),
      // With 400 MiB of swap above its line, at 1 GiB/s: the longer of both times.
      (reading(700, swapFree: 450), 400),
      // Swap below its line does not change the delay.
      (reading(700, swapFree: 0), 100),
      (reading(50, swapFree: 450), 400),
      // The longest delay.
      (reading(500_000, total: 600_000), 10_000),
    ] as [(MemoryReading, UInt64)])
  func theDelayIsTheTimeToTheFloorAtTheFastestFill(reading: MemoryReading, expected: UInt64) {
    #expect(Self.milliseconds(reading) == expected)
  }

  @Test func swapThatThePolicyAsksNothingOfGivesNoTime() {
    #expect(Self.milliseconds(reading(700, swapFree: 450), memoryOnly) == 100)
  }

  @Test func theDelayIsBoundedAndGrowsWithAvailableMemory() {
    var numbers = SplitMix64(seed: 2)
    for _ in 0..<20_000 {
      let more = numbers.reading()
      var less = more
      less.available = KiB(numbers.next() % max(more.available.count, 1))
      less.swapFree = KiB(numbers.next() % max(more.swapFree.count, 1))
      let (longer, shorter) = (Self.milliseconds(more), Self.milliseconds(less))
      #expect(shorter <= longer)
      #expect(shorter >= LookAhead.shortest.milliseconds && longer <= LookAhead.longest.milliseconds)
    }
  }

  @Test func aFasterRateThatWasSeenIsUsedAndHalvedEachMinute() {
    var lookAhead = LookAhead()
    var calm = reading(10_000, total: 20_000)
    calm.time = .milliseconds(100_000)
    lookAhead.learn(calm)
    var later = calm
    later.time = .milliseconds(100_100)
    later.available = KiB(calm.available.count - 2_000 * 1024)
    lookAhead.learn(later)
    // 2000 MiB in 100 ms.
    #expect(lookAhead.fastestFill == 20_480)
    later.time = .milliseconds(170_000)
    lookAhead.learn(later)
    #expect(lookAhead.fastestFill == 10_240)
  }

  @Test func aWindowThatTheKernelDoesNotWatchIsReadFourTimes() {
    var detector = Detector(thresholds: tenPercent, units: .common)
    let verdict = detector.judge(reading(500_000, total: 600_000))
    #expect(LookAhead().delay(verdict, watching: .milliseconds(2000)) == .milliseconds(500))
  }
}
