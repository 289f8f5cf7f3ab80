import Badness
import ProcModel
import Testing

/// A score worked out by hand.
struct Golden: Sendable, CustomTestStringConvertible {
  var claim: String
  var formula: Formula
  var machine: MachineFacts
  var adjustment: OomScoreAdjUse
  var process: ProcessFacts
  var score: Double

  init(
    _ formula: Formula, _ claim: String, _ score: Double, on machine: MachineFacts = sampleMachine,
    adjustment: OomScoreAdjUse = .respect, _ change: (inout ProcessFacts) -> Void
  ) {
    self.claim = claim
    self.formula = formula
    self.machine = machine
    self.adjustment = adjustment
    self.process = sampleProcess(change)
    self.score = score
  }

  var testDescription: String { "\(formula.name): \(claim)" }
}

/// 500 000 pages of address space; for the formulas before 2.6.36.
private func large(_ process: inout ProcessFacts) {
  process.virtual = KiB(2_000_000)
}

/// The same after 1000 s of CPU time and 86 400 s of life.
private func veteran(_ process: inout ProcessFacts) {
  large(&process)
  process.cpu = Ticks(100_000)
  process.age = Ticks(8_640_000)
}

private let goldenClassic: [Golden] = [
  // √1000 = 31; 86 400 s = 1440 min, √1440 = 37, √37 = 6; 500 000 / 31 = 16 129, / 6 = 2688.
  Golden(.classic, "a veteran", 2688, veteran),
  // 2688 / 4 = 672.
  Golden(.classic, "effective root", 672) {
    veteran(&$0)
    $0.effectiveUID = 0
  },
  // 672 / 4 = 168: root and CAP_SYS_ADMIN count once, CAP_SYS_RAWIO by itself.
  Golden(.classic, "root with both capabilities", 168) {
    veteran(&$0)
    $0.effectiveUID = 0
    $0.effectiveCapabilities = [.sysAdmin, .sysRawIO]
  },
  // Roots of 0 count as 1.
  Golden(.classic, "no CPU time and no age", 500_000, large),
  // 99.99 s are 99, √99 = 9; 59.99 s are 0 min; 500 000 / 9 = 55 555.
  Golden(.classic, "seconds and minutes are rounded down", 55_555) {
    large(&$0)
    $0.cpu = Ticks(9_999)
    $0.age = Ticks(5_999)
  },
  // 500 000 / 4.
  Golden(.classic, "CAP_SYS_ADMIN without root", 125_000) {
    large(&$0)
    $0.effectiveCapabilities = [.sysAdmin]
  },
  // A set-uid program that gave up root for the moment.
  Golden(.classic, "real root", 125_000) {
    large(&$0)
    $0.realUID = 0
  },
  Golden(.classic, "nice and oom_score_adj have no part", 500_000) {
    large(&$0)
    $0.nice = 19
    $0.oomScoreAdj = 1000
  },
]

private let goldenLinux24: [Golden] = [
  // cpu 100 000 >> 10 = 97; 97 → 24 → 6 → 1 halves 97 to 48, 24, 12, less a quarter 9.
  // run 8 640 000 >> 17 = 65; 65 → 16 → 4 → 1 halves 65 to 32, 16, 8, less a quarter 6; 6 → 1 halves 6 to 3, less 0.
  // 500 000 / 9 = 55 555, / 3 = 18 518.
  Golden(.linux24, "a veteran", 18_518, veteran),
  // The same time counted by a kernel whose USER_HZ is 1000: 1 000 000 ticks are 100 000 jiffies.
  Golden(
    .linux24, "a veteran in other ticks", 18_518,
    on: MachineFacts(
      ram: KiB(8_000_000), swap: .zero, units: KernelUnits(pageSizeKiB: 4, ticksPerSecond: 1000))
  ) {
    large(&$0)
    $0.cpu = Ticks(1_000_000)
    $0.age = Ticks(86_400_000)
  },
  Golden(.linux24, "no CPU time and no age", 500_000, large),
  // 40.96 s = 4096 jiffies >> 10 = 4, whose coarse root is 2.
  Golden(.linux24, "four units of CPU time", 250_000) {
    large(&$0)
    $0.cpu = Ticks(4096)
  },
  // 16 << 17 = 2 097 152; 16 → 3, and 3 → 1 (3 → 0 halves 3 to 1, with no bit left): the coarse root at its coarsest.
  Golden(.linux24, "sixteen units of age", 500_000) {
    large(&$0)
    $0.age = Ticks(2_097_152)
  },
  // 18 518 × 2.
  Golden(.linux24, "nice", 37_036) {
    veteran(&$0)
    $0.nice = 1
  },
  // 18 518 / 4 = 4629, / 4 = 1157.
  Golden(.linux24, "root with CAP_SYS_RAWIO", 1157) {
    veteran(&$0)
    $0.realUID = 0
    $0.effectiveUID = 0
    $0.effectiveCapabilities = [.sysRawIO]
  },
  // 18 518 × 2 = 37 036, / 4 = 9259, / 4 = 2314.
  Golden(.linux24, "nice root with CAP_SYS_RAWIO", 2314) {
    veteran(&$0)
    $0.nice = 19
    $0.effectiveUID = 0
    $0.effectiveCapabilities = [.sysRawIO]
  },
]

private let goldenLinux26: [Golden] = [
  // cpu 1 000 000 jiffies >> 13 = 122, √122 = 11; run 86 400 >> 10 = 84, √84 = 9, √9 = 3.
  // 500 000 / 11 = 45 454, / 3 = 15 151.
  Golden(.linux26, "a veteran", 15_151, veteran),
  // 15 151 / 4 = 3787.
  Golden(.linux26, "root", 3787) {
    veteran(&$0)
    $0.realUID = 0
    $0.effectiveUID = 0
  },
  // 3787 / 4 = 946.
  Golden(.linux26, "root with CAP_SYS_RAWIO", 946) {
    veteran(&$0)
    $0.effectiveUID = 0
    $0.effectiveCapabilities = [.sysRawIO]
  },
  // 15 151 × 2.
  Golden(.linux26, "nice", 30_302) {
    veteran(&$0)
    $0.nice = 5
  },
  Golden(.linux26, "a negative nice is no merit", 15_151) {
    veteran(&$0)
    $0.nice = -20
  },
  // 8.19 s = 8190 jiffies >> 13 = 0; 1023 s >> 10 = 0: neither divides.
  Golden(.linux26, "roots of zero do not divide", 500_000) {
    large(&$0)
    $0.cpu = Ticks(819)
    $0.age = Ticks(102_399)
  },
  // 500 000 + 300 000, before anything divides: / 11 = 72 727, / 3 = 24 242.
  Golden(.linux26, "children count in full", 24_242) {
    veteran(&$0)
    $0.childrenVirtual = KiB(1_200_000)
  },
  // 1000 → oom_adj 15; 500 000 × 32 768.
  Golden(.linux26, "oom_score_adj 1000", 16_384_000_000) {
    large(&$0)
    $0.oomScoreAdj = 1000
  },
  // 500 × 17 / 1000 = 8; 500 000 × 256.
  Golden(.linux26, "oom_score_adj 500", 128_000_000) {
    large(&$0)
    $0.oomScoreAdj = 500
  },
  // −500 × 17 / 1000 = −8 (toward zero); 500 000 >> 8 = 1953.
  Golden(.linux26, "oom_score_adj −500", 1953) {
    large(&$0)
    $0.oomScoreAdj = -500
  },
  // −999 → −16; 500 000 >> 16 = 7.
  Golden(.linux26, "oom_score_adj −999", 7) {
    large(&$0)
    $0.oomScoreAdj = -999
  },
  // −1000 → −17, OOM_DISABLE.
  Golden(.linux26, "oom_score_adj −1000", 0) {
    large(&$0)
    $0.oomScoreAdj = -1000
  },
  Golden(.linux26, "oom_score_adj 500, of which only sparing counts", 500_000, adjustment: .protectOnly) {
    large(&$0)
    $0.oomScoreAdj = 500
  },
  Golden(.linux26, "nothing shifted up stays nothing", 0) { $0.oomScoreAdj = 1000 },
]

/// 100 000 pages resident, 20 000 swapped out and 500 of page tables.
private func resident(_ process: inout ProcessFacts) {
  process.virtual = KiB(90_000_000)
  process.resident = KiB(400_000)
  process.swap = KiB(80_000)
  process.pageTables = KiB(2000)
}

private let goldenLinux: [Golden] = [
  // 100 000 + 20 000 + 500.
  Golden(.linux, "resident, swap and page tables", 120_500, resident),
  // 300 × 2000 = 600 000 more.
  Golden(.linux, "oom_score_adj 300", 720_500) {
    resident(&$0)
    $0.oomScoreAdj = 300
  },
  // 600 000 less.
  Golden(.linux, "oom_score_adj −300", -479_500) {
    resident(&$0)
    $0.oomScoreAdj = -300
  },
  // 120 500 − 999 × 2000.
  Golden(.linux, "oom_score_adj −999", -1_877_500) {
    resident(&$0)
    $0.oomScoreAdj = -999
  },
  // 120 500 + 1000 × 2000.
  Golden(.linux, "oom_score_adj 1000", 2_120_500) {
    resident(&$0)
    $0.oomScoreAdj = 1000
  },
  Golden(.linux, "oom_score_adj −1000", 0) {
    resident(&$0)
    $0.oomScoreAdj = -1000
  },
  Golden(.linux, "oom_score_adj −1000 is not ignored", 0, adjustment: .ignore) {
    resident(&$0)
    $0.oomScoreAdj = -1000
  },
  Golden(.linux, "oom_score_adj 300, ignored", 120_500, adjustment: .ignore) {
    resident(&$0)
    $0.oomScoreAdj = 300
  },
  // 7 999 996 KiB = 1 999 999 pages; / 1000 = 1999 before × 300 = 599 700.
  Golden(
    .linux, "the total is divided first", 720_200,
    on: MachineFacts(ram: KiB(6_999_996), swap: KiB(1_000_000), units: .common)
  ) {
    resident(&$0)
    $0.oomScoreAdj = 300
  },
  // 64 KiB pages: 400 000 / 64 = 6250, 80 000 / 64 = 1250, 2000 / 64 = 31.
  Golden(
    .linux, "large pages", 7531,
    on: MachineFacts(
      ram: KiB(8_000_000), swap: .zero, units: KernelUnits(pageSizeKiB: 64, ticksPerSecond: 100)),
    resident),
]

/// 40 000 KiB of shared memory among four, and 120 400 KiB of its own: 130 400 KiB.
private func sharing(_ process: inout ProcessFacts) {
  process.virtual = KiB(90_000_000)
  process.resident = KiB(400_000)
  process.file = KiB(260_000)
  process.anonymous = KiB(100_000)
  process.swap = KiB(20_000)
  process.pageTables = KiB(400)
  process.shared = KiB(40_000)
  process.sharedElsewhere = KiB(30_000)
}

private let goldenFootprint: [Golden] = [
  // 100 000 + 20 000 + 400 + 40 000 − 30 000; file pages do not count.
  Golden(.footprint, "a quarter of shared memory", 130_400, sharing),
  Golden(.footprint, "a lone holder of shared memory", 160_400) {
    sharing(&$0)
    $0.sharedElsewhere = .zero
  },
  Golden(.footprint, "no more is counted elsewhere than there is", 120_400) {
    sharing(&$0)
    $0.sharedElsewhere = KiB(50_000)
  },
  Golden(.footprint, "root, age and oom_score_adj have no part", 130_400) {
    sharing(&$0)
    $0.effectiveUID = 0
    $0.age = Ticks(8_640_000)
    $0.oomScoreAdj = 500
  },
]

/// 240 000 KiB of anonymous memory.
private func anonymous(_ process: inout ProcessFacts) {
  process.anonymous = KiB(240_000)
}

private let goldenSpillway: [Golden] = [
  Golden(.spillway, "newborn", 240_000, anonymous),
  Golden(.spillway, "all parts of the footprint", 130_400, sharing),
  // ⁴√(1 + 15) = 2 and ⁴√(1 + 80) = 3.
  Golden(.spillway, "15 s of CPU time and 80 min of age", 40_000) {
    anonymous(&$0)
    $0.cpu = Ticks(1500)
    $0.age = Ticks(480_000)
  },
  // ⁴√65 536 = 16 and ⁴√256 = 4, but 16 at most.
  Golden(.spillway, "service counts no more than 16", 15_000) {
    anonymous(&$0)
    $0.cpu = Ticks(6_553_500)
    $0.age = Ticks(1_530_000)
  },
  Golden(.spillway, "root", 120_000) {
    anonymous(&$0)
    $0.effectiveUID = 0
  },
  Golden(.spillway, "CAP_SYS_ADMIN and CAP_SYS_RAWIO", 60_000) {
    anonymous(&$0)
    $0.effectiveCapabilities = [.sysAdmin, .sysRawIO]
  },
  // 12 000 × 10 is half of 240 000: × (1 + 3 × ½).
  Golden(.spillway, "half as large again in 10 s", 600_000) {
    anonymous(&$0)
    $0.growthPerSecond = KiB(12_000)
  },
  // × (1 + 3 × 1).
  Golden(.spillway, "growth counts no more than fourfold", 960_000) {
    anonymous(&$0)
    $0.growthPerSecond = KiB(1_000_000)
  },
  Golden(.spillway, "growth of nothing", 0) { $0.growthPerSecond = KiB(1000) },
  // 2^(300/250): between 2 at 250 and 4 at 500, a fifth of the way.
  Golden(.spillway, "oom_score_adj 300", 576_000) {
    anonymous(&$0)
    $0.oomScoreAdj = 300
  },
  Golden(.spillway, "oom_score_adj −300", 100_000) {
    anonymous(&$0)
    $0.oomScoreAdj = -300
  },
  Golden(.spillway, "oom_score_adj −500", 60_000) {
    anonymous(&$0)
    $0.oomScoreAdj = -500
  },
  Golden(.spillway, "oom_score_adj 1000", 3_840_000) {
    anonymous(&$0)
    $0.oomScoreAdj = 1000
  },
  Golden(.spillway, "oom_score_adj 300, of which only sparing counts", 240_000, adjustment: .protectOnly) {
    anonymous(&$0)
    $0.oomScoreAdj = 300
  },
  Golden(.spillway, "oom_score_adj −300, ignored", 240_000, adjustment: .ignore) {
    anonymous(&$0)
    $0.oomScoreAdj = -300
  },
  // 240 000 / 6 / 2 / 2 × 2.5 / 4.
  Golden(.spillway, "everything at once", 6250) {
    anonymous(&$0)
    $0.cpu = Ticks(1500)
    $0.age = Ticks(480_000)
    $0.realUID = 0
    $0.effectiveCapabilities = [.sysRawIO]
    $0.growthPerSecond = KiB(12_000)
    $0.oomScoreAdj = -500
  },
]

private let goldenOomScore: [Golden] = [
  Golden(.oomScore, "what the kernel says", 666) { $0.oomScore = 666 },
  Golden(.oomScore, "unread", 0) { $0.resident = KiB(400_000) },
]

let goldens =
  goldenClassic + goldenLinux24 + goldenLinux26 + goldenLinux + goldenFootprint + goldenSpillway
  + goldenOomScore
