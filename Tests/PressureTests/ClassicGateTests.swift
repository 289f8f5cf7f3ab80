import Pressure
import ProcModel
import Testing

/// The kernel's `out_of_memory()` of 2.4.19 to 2.6.7, in jiffies at HZ = 1000, written after its source and not after
/// the gate, so that the two can be compared.
private struct KernelChecklist {
  static let hz: UInt64 = 1000
  var first: UInt64 = 0
  var last: UInt64 = 0
  var count: UInt64 = 0
  var lastkill: UInt64?

  mutating func outOfMemory(now: UInt64, nrSwapPages: UInt64) -> Bool {
    if nrSwapPages > 0 { return false }
    let since = now - last
    last = now
    if since > 5 * Self.hz {
      first = now > first ? now : first
      count = 0
      return false
    }
    if now - first < Self.hz { return false }
    count += 1
    if count < 10 { return false }
    if let lastkill, now - lastkill < 5 * Self.hz { return false }
    lastkill = now
    first = now > first ? now : first
    count = 0
    return true
  }
}

@Suite struct ClassicGateTests {
  @Test func theGateAgreesWithTheKernelOnRandomFailures() {
    var generator = Generator(seed: 20_041_225)
    var ends = 0
    for _ in 0..<12_000 {
      var kernel = KernelChecklist()
      var gate = ClassicGate(ClassicConstants())
      var now: UInt64 = 10_000
      let pace = 1 + generator.next() % 900
      for _ in 0..<40 {
        // Most failures are close together. Sometimes there is a gap of about 5 s, and sometimes swap comes back.
        now += generator.next() % 12 == 0 ? 4990 + generator.next() % 20 : generator.next() % pace
        let hasSwap = generator.next() % 25 == 0
        let expected = kernel.outOfMemory(now: now, nrSwapPages: hasSwap ? 1 : 0)
        let admitted = gate.admits(failureAt: .milliseconds(now), hasSwap: hasSwap)
        #expect(admitted == expected)
        if expected { ends += 1 }
      }
    }
    // Both answers have been compared.
    #expect(ends > 1000)
  }

  @Test func theTenthFailureAfterASecondAdmitsAKill() {
    var gate = ClassicGate(ClassicConstants())
    var admitted: [UInt64] = []
    for millisecond in stride(from: UInt64(100_000), to: 120_000, by: 100) {
      if gate.admits(failureAt: .milliseconds(millisecond), hasSwap: false) { admitted.append(millisecond) }
    }
    // The first failure begins the episode. From 1 s on, nine are counted by 1.9 s, and the tenth admits a kill. The
    // next kill is admitted 5 s later.
    #expect(admitted.first == 101_900)
    #expect(admitted.dropFirst().first == 106_900)
  }

  @Test func aDetectorWithTheChecklistActsOnceForEachAdmission() {
    var thresholds = Thresholds.server
    thresholds.confirmation = .classic(ClassicConstants())
    var detector = Detector(thresholds: thresholds, units: .common)
    var acts = 0
    for index in 0..<200 {
      let reading = MemoryReading(
        time: .milliseconds(100_000 + UInt64(index) * 100), total: KiB(1_000_000), available: KiB(10_000),
        swapTotal: .zero, swapFree: .zero)
      if detector.judge(reading).acts { acts += 1 }
    }
    // In 20 s it acts at 1.9 s, and every 5 s from then on.
    #expect(acts == 4)
    #expect(detector.episode == 1)
  }
}

/// A small generator with a seed: the same sequence on every machine.
struct Generator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    // Knuth's MMIX constants; the upper bits are the random ones.
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}
