import Badness
import Fixtures
import ProcModel
import Testing

@Suite struct PropertyTests {
  /// The score that follows from the terms.
  private func fold(_ terms: TermList, whole: Bool) -> Double {
    var score = 0.0
    for index in 0..<terms.count {
      switch terms[index].effect {
      case .add(let amount): score += amount
      case .multiply(let factor): score *= factor
      case .divide(let divisor): score /= divisor
      case .none: break
      }
      if whole { score.round(.towardZero) }
    }
    return score
  }

  private func expectExplained(
    _ formula: Formula, _ process: ProcessFacts, on machine: MachineFacts, _ use: OomScoreAdjUse
  ) {
    var terms = TermList()
    let score = formula.score(process, on: machine, adjustment: use, terms: &terms)
    #expect(fold(terms, whole: formula.isWhole) == score)
    #expect(score == formula.plainScore(process, on: machine, adjustment: use))
    #expect(terms.dropped == 0)
  }

  @Test(arguments: goldens) func termsExplainEachGoldenScore(golden: Golden) {
    expectExplained(golden.formula, golden.process, on: golden.machine, golden.adjustment)
  }

  @Test(arguments: Formula.allCases) func termsExplainTheScore(formula: Formula) {
    var numbers = SplitMix64(seed: 2)
    for _ in 0..<1000 {
      let process = numbers.process()
      for use in OomScoreAdjUse.allCases {
        expectExplained(formula, process, on: sampleMachine, use)
      }
    }
  }

  @Test(arguments: Formula.allCases) func termsFitTheListAndAreNamedOnce(formula: Formula) {
    var numbers = SplitMix64(seed: 3)
    for _ in 0..<100 {
      var terms = TermList()
      _ = formula.score(numbers.process(), on: sampleMachine, adjustment: .respect, terms: &terms)
      #expect(terms.count > 0)
      #expect(terms.dropped == 0)
      var seen: Set<String> = []
      for index in 0..<terms.count {
        let name = terms[index].name
        #expect(seen.insert(name).inserted)
        #expect(!name.isEmpty)
        #expect(name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") })
      }
    }
  }

  private let amounts: [(String, WritableKeyPath<ProcessFacts, KiB>)] = [
    ("virtual", \.virtual), ("resident", \.resident), ("anonymous", \.anonymous),
    ("shared", \.shared), ("swap", \.swap), ("page tables", \.pageTables),
    ("children's virtual", \.childrenVirtual), ("growth", \.growthPerSecond),
  ]

  @Test(arguments: Formula.allCases) func moreMemoryNeverScoresLower(formula: Formula) {
    var numbers = SplitMix64(seed: 4)
    for _ in 0..<1000 {
      let process = numbers.process()
      for (name, amount) in amounts {
        var larger = process
        larger[keyPath: amount] += KiB(1 + numbers.amount())
        // Floating-point numbers are rounded at each step.
        let before = formula.plainScore(process)
        let after = formula.plainScore(larger)
        #expect(after >= before - abs(before) * 1e-12, "\(name)")
      }
    }
  }

  /// It does not hold for `linux-2.4`, whose coarse root is not monotonic.
  @Test(arguments: Formula.allCases.filter { $0 != .linux24 })
  func longerServiceNeverScoresHigher(formula: Formula) {
    var numbers = SplitMix64(seed: 5)
    for _ in 0..<1000 {
      let process = numbers.process()
      let before = formula.plainScore(process)
      var older = process
      older.age = (older.age ?? .zero) + Ticks(1 + numbers.amount())
      #expect(formula.plainScore(older) <= before + abs(before) * 1e-12)
      var busier = process
      busier.cpu = busier.cpu + Ticks(1 + numbers.amount())
      #expect(formula.plainScore(busier) <= before + abs(before) * 1e-12)
    }
  }

  @Test func serviceNeverSparesMoreThanSixteenfold() {
    var numbers = SplitMix64(seed: 6)
    for _ in 0..<1000 {
      var process = numbers.process()
      let score = Formula.spillway.plainScore(process)
      process.cpu = .zero
      process.age = .zero
      #expect(score * 16 >= Formula.spillway.plainScore(process) * (1 - 1e-12))
    }
  }

  @Test(arguments: Formula.allCases) func privilegeNeverScoresHigher(formula: Formula) {
    var numbers = SplitMix64(seed: 7)
    for _ in 0..<1000 {
      let process = numbers.process()
      var root = process
      root.effectiveUID = 0
      root.effectiveCapabilities = [.sysAdmin, .sysRawIO]
      #expect(formula.plainScore(root) <= formula.plainScore(process))
    }
  }

  @Test(arguments: OomScoreAdjUse.allCases)
  func anAdjustmentOfMinus1000CountsUnderEachUse(use: OomScoreAdjUse) {
    #expect(use.effective(-1000) == -1000)
    #expect(use.effective(.min) == -1000)
    #expect(use.effective(-999) == (use == .ignore ? 0 : -999))
    #expect(use.effective(200) == (use == .respect ? 200 : 0))
  }

  @Test(arguments: Formula.allCases) func extremeReadingsGiveANumberAndNoTrap(formula: Formula) {
    let extremes: [UInt64] = [0, 1, .max / 1000, .max >> 1, .max]
    for amount in extremes {
      for time in extremes {
        for adjustment in [Int16.min, -1000, -999, 0, 999, 1000, .max] {
          let process = sampleProcess { process in
            for (_, field) in amounts { process[keyPath: field] = KiB(amount) }
            process.file = KiB(amount)
            process.cpu = Ticks(time)
            process.age = Ticks(time)
            process.nice = amount == 0 ? .min : .max
            process.realUID = UInt32(clamping: amount)
            process.effectiveUID = UInt32(clamping: amount)
            process.effectiveCapabilities = CapabilitySet(rawValue: time)
            process.oomScoreAdj = adjustment
            process.oomScore = amount == 0 ? .min : .max
            process.sharedElsewhere = KiB(time)
          }
          for units in [
            KernelUnits.common, .init(pageSizeKiB: 0, ticksPerSecond: 0),
            .init(pageSizeKiB: .max, ticksPerSecond: .max),
          ] {
            let machine = MachineFacts(ram: KiB(amount), swap: KiB(time), units: units)
            for use in OomScoreAdjUse.allCases {
              var terms = TermList()
              let score = formula.score(process, on: machine, adjustment: use, terms: &terms)
              #expect(score.isFinite)
              #expect(terms.dropped == 0)
              _ = kernelOomScore(points: score, totalPages: machine.totalPages)
            }
          }
        }
      }
    }
  }
}
