import Pressure
import ProcModel
import Testing

/// What triggers make of impossible numbers, and of memory that is gone without having been used up.
@Suite struct ImpossibleTests {
  /// The share of two readings a second apart, with these counters of lost time.
  private static func share(_ earlier: UInt64, _ later: UInt64) -> BasisPoints? {
    var trend = Trend(span: .milliseconds(1000))
    var first = reading(50)
    first.time = .milliseconds(10_000)
    first.stall = StallTotals(some: earlier, full: earlier)
    trend.add(first)
    var second = reading(50)
    second.time = .milliseconds(11_000)
    second.stall = StallTotals(some: later, full: later)
    let stall = Stall(isFull: true, share: .percent(25), over: .milliseconds(1000), below: .share(.percent(40)))
    return stall.measured(second, trend)
  }

  @Test(
    arguments: [
      (0, 500_000, 5000), (0, 1_000_000, 10_000), (0, 3_000_000, 10_000), (0, 3_000_001, nil), (7, 6, nil),
      (0, .max, nil), (.max, 0, nil),
    ] as [(UInt64, UInt64, UInt32?)])
  func impossibleLostTimeIsNotMeasured(earlier: UInt64, later: UInt64, share: UInt32?) {
    #expect(Self.share(earlier, later) == share.map { BasisPoints($0) })
  }

  @Test(arguments: [(50, true), (.max, false), (.max / 4096, false), (.max / 4 + 1, false)] as [(UInt64, Bool)])
  func anImpossibleCountOfRestoredPagesIsNotMeasured(pages: UInt64, isMeasured: Bool) {
    var trend = Trend(span: .milliseconds(2000))
    var first = reading(50)
    (first.time, first.reclaim, first.fileCache) = (
      .milliseconds(10_000), ReclaimTotals(refaults: 0, directScans: 0), KiB(1000)
    )
    trend.add(first)
    var second = first
    (second.time, second.reclaim) = (.milliseconds(12_000), ReclaimTotals(refaults: pages, directScans: 0))
    let thrash = Thrash(refaults: .percent(1), over: .milliseconds(2000), swapFree: .share(.percent(10)))
    #expect((thrash.measured(second, trend, units: .common) != nil) == isMeasured)
  }

  @Test func theLargestPossibleRateDoesNotTrap() {
    var lookAhead = LookAhead()
    var (before, after) = (reading(1), reading(0))
    (before.time, before.available) = (.milliseconds(1), KiB(.max))
    after.time = .milliseconds(2)
    lookAhead.learn(before)
    lookAhead.learn(after)
    #expect(lookAhead.fastestFill == .max)
    var detector = Detector(thresholds: tenPercent, units: .common)
    #expect(lookAhead.delay(detector.judge(reading(900))) == LookAhead.shortest)
    let rates: [UInt64] = [.max, .max / 5 * 4 + 9, .max / 2 + 1, 1]
    for one in rates {
      #expect(LookAhead.fill(of: one, times: 1) >= min(one, 512))
    }
    #expect(LookAhead(fill: 0).delay(detector.judge(reading(900))) >= LookAhead.shortest)
  }

  /// 600 of 1000 MiB are gone within 200 ms, twice as fast as the forecast's horizon asks for.
  private static func forecast(_ change: (inout MemoryReading) -> Void) -> Nanoseconds? {
    var trend = Trend(span: Forecast.longWindow)
    var before = reading(750, swapFree: 500)
    for step in 0..<20 {
      before.time = .milliseconds(10_000 + 10 * UInt64(step))
      trend.add(before)
    }
    var after = before
    after.time = .milliseconds(10_200)
    change(&after)
    return Forecast(horizon: .milliseconds(300), below: .share(.percent(100))).fires(after, trend)
  }

  @Test func memoryThatWentToHugePagesOrWithSwapoffIsNoConsumption() {
    #expect(
      Self.forecast {
        $0.available = mebibytes(50); $0.swapFree = .zero
      } != nil)
    #expect(Self.forecast { ($0.available, $0.hugePool) = (mebibytes(150), mebibytes(600)) } == nil)
    #expect(Self.forecast { ($0.available, $0.hugePool, $0.swapFree) = (mebibytes(50), mebibytes(100), .zero) } != nil)
    // swapoff(2) begins: free swap is gone, and no process used it.
    #expect(Self.forecast { ($0.swapFree, $0.swapTotal) = (.zero, .zero) } == nil)
    // It reads back the pages that were there, which uses up memory.
    #expect(
      Self.forecast { ($0.available, $0.swapFree, $0.swapTotal) = (mebibytes(100), mebibytes(500), mebibytes(100)) }
        != nil)
  }
}
