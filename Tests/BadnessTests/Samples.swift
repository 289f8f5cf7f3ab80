import Badness
import Fixtures
import ProcModel

/// 4 KiB pages, 100 ticks a second, 2 000 000 pages of RAM and no swap: a thousandth is 2000 pages.
let sampleMachine = MachineFacts(ram: KiB(8_000_000), swap: .zero, units: .common)

/// A process of an ordinary user without memory, time or age, changed by `change`.
func sampleProcess(_ change: (inout ProcessFacts) -> Void = { _ in }) -> ProcessFacts {
  var process = ProcessFacts(identity: ProcessIdentity(pid: 4711, startTime: Ticks(100)))
  process.realUID = 1000
  process.effectiveUID = 1000
  change(&process)
  return process
}

extension Formula {
  /// The score without its terms.
  func plainScore(
    _ process: ProcessFacts, on machine: MachineFacts = sampleMachine,
    adjustment: OomScoreAdjUse = .respect
  ) -> Double {
    var none = NoTerms()
    return score(process, on: machine, adjustment: adjustment, terms: &none)
  }

  /// Whether each of its steps is rounded to a whole number.
  var isWhole: Bool {
    switch self {
    case .classic, .linux24, .linux26, .linux, .oomScore: true
    case .footprint, .spillway: false
    }
  }
}

extension SplitMix64 {
  /// An amount of any magnitude below 2³⁰.
  mutating func amount() -> UInt64 {
    next() >> UInt64.random(in: 34...63, using: &self)
  }

  /// A random process, of any size that a machine may have.
  mutating func process() -> ProcessFacts {
    sampleProcess { process in
      process.nice = Int8.random(in: -20...19, using: &self)
      process.cpu = Ticks(amount())
      process.age = Ticks(amount() * 4)
      process.realUID = UInt32.random(in: 0...2, using: &self)
      process.effectiveUID = UInt32.random(in: 0...2, using: &self)
      process.effectiveCapabilities =
        [
          [], [.sysAdmin], [.sysRawIO], [.sysAdmin, .sysRawIO],
        ][Int.random(in: 0...3, using: &self)]
      process.virtual = KiB(amount())
      process.resident = KiB(amount())
      process.anonymous = KiB(amount())
      process.file = KiB(amount())
      process.shared = KiB(amount())
      process.swap = KiB(amount())
      process.pageTables = KiB(amount())
      process.oomScoreAdj = Int16.random(in: -1000...1000, using: &self)
      process.oomScore = Bool.random(using: &self) ? Int32.random(in: 0...2000, using: &self) : nil
      process.childrenVirtual = KiB(amount())
      process.sharedElsewhere = KiB(UInt64.random(in: 0...process.shared.count, using: &self))
      process.growthPerSecond = KiB(amount())
    }
  }
}
