import Badness
import Ladder
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

@Suite struct MemoryDomainTests {
  private static func domain(available percent: UInt64?, isCgroup: Bool = false, stallBelow: UInt32 = 25)
    -> MemoryDomain<LiveCalls>
  {
    let thresholds = Thresholds(
      floor: Floor(available: .share(.percent(8)), swapFree: nil),
      stall: Stall(
        isFull: true, share: .percent(20), over: .milliseconds(2000), below: .share(.percent(stallBelow))),
      release: .share(.percent(12)))
    let settings = Settings(
      thresholds: thresholds, formula: .spillway, adjustment: .respect, grace: .zero, minimumFootprint: .automatic)
    let nowhere: [UInt8] = []
    let domain = MemoryDomain<LiveCalls>(
      number: 0, tag: 0, isCgroup: isCgroup, path: nowhere.span, policy: CompiledPolicy(settings: settings),
      units: .common, fill: LookAhead.usualFill, calls: nil)
    if let percent {
      domain.verdict = domain.detector.judge(
        MemoryReading(
          time: .zero, total: KiB(100_000), available: KiB(percent * 1000), swapTotal: .zero, swapFree: .zero))
    }
    return domain
  }

  @Test func windowsAreMeasuredOnlyWhereATriggerComesNear() {
    let now = Nanoseconds.milliseconds(60_000)
    let cases: [(MemoryDomain<LiveCalls>, Bool)] = [
      (MemoryDomainTests.domain(available: nil), true), (MemoryDomainTests.domain(available: 51), false),
      (MemoryDomainTests.domain(available: 50), true), (MemoryDomainTests.domain(available: 51, isCgroup: true), true),
      // By this policy stalls count however much is available.
      (MemoryDomainTests.domain(available: 95, stallBelow: 100), true),
    ]
    for (domain, expected) in cases {
      #expect(domain.measuresWindows(at: now, alertUntil: .zero) == expected)
      // The kernel woke the agent at a stall.
      #expect(domain.measuresWindows(at: now, alertUntil: now + .milliseconds(1)))
    }
    let recent = MemoryDomainTests.domain(available: 50)
    recent.windowsAt = now
    #expect(!recent.measuresWindows(at: now, alertUntil: .zero))
  }
}
