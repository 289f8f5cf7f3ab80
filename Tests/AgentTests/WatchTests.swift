import Badness
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

@Suite struct WatchTests {
  private static func watch(available percent: UInt64?, isCgroup: Bool = false, stallBelow: UInt32 = 25) -> Watch {
    let thresholds = Thresholds(
      floor: Floor(available: .share(.percent(8)), swapFree: nil),
      stall: Stall(
        isFull: true, share: .percent(20), over: .milliseconds(2000), below: .share(.percent(stallBelow))),
      release: .share(.percent(12)))
    let settings = Settings(
      thresholds: thresholds, formula: .spillway, adjustment: .respect, grace: .zero, minimumFootprint: .automatic)
    var watch = Watch(name: nil, isCgroup: isCgroup, settings: settings, units: .common, fill: LookAhead.usualFill)
    if let percent {
      watch.verdict = watch.detector.judge(
        MemoryReading(
          time: .zero, total: KiB(100_000), available: KiB(percent * 1000), swapTotal: .zero, swapFree: .zero))
    }
    return watch
  }

  @Test func windowsAreMeasuredOnlyWhereATriggerComesNear() {
    let now = Nanoseconds.milliseconds(60_000)
    let cases: [(Watch, Bool)] = [
      (WatchTests.watch(available: nil), true), (WatchTests.watch(available: 51), false),
      (WatchTests.watch(available: 50), true), (WatchTests.watch(available: 51, isCgroup: true), true),
      // Stalls count however much is available.
      (WatchTests.watch(available: 95, stallBelow: 100), true),
    ]
    for (watch, expected) in cases {
      #expect(watch.measuresWindows(at: now, alertUntil: .zero) == expected)
      // The kernel told of a stall.
      #expect(watch.measuresWindows(at: now, alertUntil: now + .milliseconds(1)))
    }
    var recent = WatchTests.watch(available: 50)
    recent.windowsAt = now
    #expect(!recent.measuresWindows(at: now, alertUntil: .zero))
  }
}
