import Badness
import Fixtures
import ProcModel
import Testing

/// What formulas make of unknown facts, and of the pool of huge pages.
@Suite struct UnknownTests {
  @Test(arguments: [Formula.classic, .linux24, .linux26, .spillway])
  func anUnknownAgeNeverScoresHigherThanAKnownOne(formula: Formula) {
    var numbers = SplitMix64(seed: 12)
    for _ in 0..<500 {
      var unknown = numbers.process()
      unknown.age = nil
      var known = unknown
      // The coarse root of 2.4 is not monotonic.
      known.age = formula == .linux24 ? .zero : Ticks(numbers.next() % (300 * 8_640_000))
      #expect(formula.plainScore(unknown) <= formula.plainScore(known) * (1 + 1e-12))
    }
  }

  @Test func theKernelsFormulaReckonsWithHugePages() {
    let process = sampleProcess { ($0.resident, $0.oomScoreAdj) = (KiB(4000), 500) }
    // 8 000 000 KiB in all: a thousandth is 2000 pages.
    let pool = MachineFacts(ram: KiB(1_000_000), hugePool: KiB(7_000_000), swap: .zero, units: .common)
    #expect(Formula.linux.plainScore(process, on: pool) == 1000 + 500 * 2000)
    #expect(Formula.linux.plainScore(process, on: pool) == Formula.linux.plainScore(process))
  }
}
