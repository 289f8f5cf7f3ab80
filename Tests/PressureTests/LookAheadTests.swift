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

  /// Readings each 4 ms, with what is available in MiB at each, beside a floor of 100.
  @Test(
    arguments: [
      // It rests: 3 MiB above the floor, and half of the floor.
      ([UInt64](repeating: 103, count: 300), false, 8),
      // For less than a second.
      ([UInt64](repeating: 103, count: 200), false, 1),
      // It fell a moment ago.
      ([UInt64](repeating: 110, count: 300) + [103], false, 1),
      // It falls slowly: by 3 MiB in the last second.
      ((0..<300).map { 110 - $0 / 70 }, false, 1),
      // Something stalls.
      ([UInt64](repeating: 103, count: 300), true, 1),
      // It has been coming back.
      ((0..<300).map { 101 + $0 / 150 }, false, 8),
    ] as [([UInt64], Bool, UInt64)])
  func whereMemoryRestsNearTheFloorTheAgentLooksLessOften(available: [UInt64], stalls: Bool, expected: UInt64) {
    var lookAhead = LookAhead()
    var detector = Detector(thresholds: tenPercent, units: .common)
    var delay = Nanoseconds.zero
    for (index, mib) in available.enumerated() {
      var next = reading(mib, swapFree: 50)
      next.time = .milliseconds(100_000 + UInt64(index) * 4)
      next.stall = StallTotals(some: stalls ? UInt64(index) * 100 : 7, full: 7)
      lookAhead.learn(next)
      delay = lookAhead.delay(detector.judge(next))
    }
    #expect(delay.milliseconds == expected)
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
