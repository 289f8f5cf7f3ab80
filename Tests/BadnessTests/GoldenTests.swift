import Badness
import Fixtures
import ProcModel
import Testing

@Suite struct GoldenTests {
  @Test(arguments: goldens) func theScoreIsTheOneWorkedOutByHand(golden: Golden) {
    let score = golden.formula.plainScore(
      golden.process, on: golden.machine, adjustment: golden.adjustment)
    if golden.formula.isWhole {
      #expect(score == golden.score)
    } else {
      #expect(abs(score - golden.score) <= golden.score * 1e-12)
    }
  }

  @Test func theFormulaFootprintIsTheFootprintOfTheFacts() {
    var numbers = SplitMix64(seed: 1)
    for _ in 0..<1000 {
      let process = numbers.process()
      #expect(Formula.footprint.plainScore(process) == Double(process.footprint.count))
    }
  }

  /// This is why `oom_score_adj` multiplies: if it were added, the small one with +300 would score above the hog with
  /// −500.
  @Test func aHogWithALowerAdjustmentStillScoresAboveASmallInnocentProcess() {
    let hog = sampleProcess {
      $0.anonymous = KiB(2_000_000)
      $0.resident = KiB(2_000_000)
      $0.oomScoreAdj = -500
    }
    let innocent = sampleProcess {
      $0.anonymous = KiB(20_000)
      $0.resident = KiB(20_000)
      $0.oomScoreAdj = 300
    }
    #expect(Formula.linux.plainScore(hog) < Formula.linux.plainScore(innocent))
    #expect(Formula.spillway.plainScore(hog) > Formula.spillway.plainScore(innocent))
  }

  @Test func aYoungLeakScoresAboveAnOldDatabaseTenTimesItsSize() {
    let leak = sampleProcess {
      $0.anonymous = KiB(200_000)
      $0.age = Ticks(6000)
      $0.growthPerSecond = KiB(50_000)
    }
    let database = sampleProcess {
      $0.anonymous = KiB(2_000_000)
      $0.cpu = Ticks(360_000)
      $0.age = Ticks(30 * 8_640_000)
    }
    #expect(Formula.spillway.plainScore(leak) > Formula.spillway.plainScore(database))
  }

  @Test(
    arguments: [
      (1000, 15), (999, 15), (942, 15), (941, 15), (940, 15), (882, 14), (59, 1), (58, 0), (0, 0), (-58, 0), (-59, -1),
      (-999, -16), (-1000, -17), (Int16.max, 15), (.min, -17),
    ] as [(Int16, Int)]) func oldOomAdjIsThatOfTheKernelsFile(adjustment: Int16, old: Int)
  {
    #expect(linuxOomAdj(adjustment) == old)
  }

  @Test(
    arguments: [
      // 1000 × 2 / 3 = 666.
      (0.0, 2_000_000, 666),
      // 2000 × 2 / 3 = 1333.
      (2_000_000.0, 2_000_000, 1333),
      // All of memory at 1000: 3000 × 2 / 3.
      (4_000_000.0, 2_000_000, 2000),
      // −999 × 2000: 1 × 2 / 3 = 0.
      (-1_998_000.0, 2_000_000, 0),
      // −1.5 is −1, not −2, in C: 999 × 2 / 3 = 666 (998 would make 665).
      (-3000.0, 2_000_000, 666),
      // 120 500 000 / 2 000 000 = 60: 1060 × 2 / 3 = 706.
      (120_500.0, 2_000_000, 706),
      // The kernel's badness is never so low. Ours is never below 0.
      (-4_000_000.0, 2_000_000, 0),
      (1e300, 1, 1_431_656_431), (-1e300, 1, 0), (5, 0, 4000), (.nan, 7, 0),
    ] as [(Double, UInt64, Int32)]) func pointsBecomeTheKernelsScore(points: Double, totalPages: UInt64, shown: Int32)
  {
    #expect(kernelOomScore(points: points, totalPages: totalPages) == shown)
  }
}
