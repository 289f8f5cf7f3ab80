import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// The order in which processes are killed, and which are not in it.
@Suite struct ShortlistTests {
  /// Few different values, so that ties are common at every step of the order.
  private static func candidate(_ pid: Int32, _ numbers: inout SplitMix64) -> Candidate {
    var process = ProcessFacts(
      identity: ProcessIdentity(pid: pid, startTime: Ticks(UInt64.random(in: 1...3, using: &numbers))))
    process.anonymous = KiB(UInt64.random(in: 0...3, using: &numbers))
    var ruleOutcome = RuleOutcome()
    ruleOutcome.tier = Tier.allCases.randomElement(using: &numbers) ?? .normal
    if Int.random(in: 0..<10, using: &numbers) == 0 { ruleOutcome.protection = .rule(0) }
    return Candidate(process: process, ruleOutcome: ruleOutcome, score: Double(Int.random(in: -1...2, using: &numbers)))
  }

  private static func pid(_ candidate: Candidate) -> Int32 { candidate.process.identity.pid }

  @Test func theOrderIsByTierScoreFootprintYouthAndNumber() {
    func candidate(_ tier: Tier, _ score: Double, _ footprint: UInt64, _ start: UInt64, _ pid: Int32) -> Candidate {
      var process = ProcessFacts(identity: ProcessIdentity(pid: pid, startTime: Ticks(start)))
      process.anonymous = KiB(footprint)
      var ruleOutcome = RuleOutcome()
      ruleOutcome.tier = tier
      return Candidate(process: process, ruleOutcome: ruleOutcome, score: score)
    }
    let inOrder = [
      candidate(.first, 1, 1, 1, 1), candidate(.normal, 9, 1, 1, 1), candidate(.normal, 5, 9, 1, 1),
      candidate(.normal, 5, 5, 9, 1), candidate(.normal, 5, 5, 5, 9), candidate(.normal, 5, 5, 5, 5),
      candidate(.normal, -3, 99, 99, 99), candidate(.last, 1000, 99, 99, 99),
    ]
    for (left, one) in inOrder.enumerated() {
      for (right, other) in inOrder.enumerated() {
        #expect(one.goesBefore(other) == (left < right), "\(left) before \(right)")
      }
    }
  }

  @Test func theOrderIsStrictAndTransitive() {
    var numbers = SplitMix64(seed: 5)
    for _ in 0..<300 {
      let some = (1...12).map { Self.candidate($0, &numbers) }
      for a in some {
        #expect(!a.goesBefore(a))
        for b in some where Self.pid(a) != Self.pid(b) {
          // No two processes are equal: the number decides last.
          #expect(a.goesBefore(b) != b.goesBefore(a))
          for c in some where a.goesBefore(b) && b.goesBefore(c) { #expect(a.goesBefore(c)) }
        }
      }
    }
  }

  @Test func theShortlistIsTheFrontOfTheWholeOrder() {
    var numbers = SplitMix64(seed: 6)
    var shortlist = Shortlist()
    for round in 0..<4000 {
      let count = Int.random(in: 0...30, using: &numbers)
      let all = (0..<count).map { Self.candidate(Int32($0 + 1), &numbers) }.shuffled(using: &numbers)
      let worth = Set(all.map(Self.pid).filter { _ in Int.random(in: 0..<4, using: &numbers) > 0 })
      let passed = Set(all.map(Self.pid).filter { _ in Int.random(in: 0..<10, using: &numbers) == 0 })
      shortlist.clear()
      for candidate in all {
        shortlist.offer(
          candidate, isWorthKilling: worth.contains(Self.pid(candidate)),
          isPassedOver: passed.contains(Self.pid(candidate)))
      }
      let free = all.filter { !$0.ruleOutcome.protection.protects && !passed.contains(Self.pid($0)) }
      let expected = free.filter { worth.contains(Self.pid($0)) }.sorted { $0.goesBefore($1) }
      let found = (0..<shortlist.count).map { Self.pid(shortlist[$0]) }
      #expect(found == expected.prefix(Shortlist.capacity).map(Self.pid), "round \(round)")
      #expect(shortlist.victim.map(Self.pid) == expected.first.map(Self.pid))
      let protected = all.count { $0.ruleOutcome.protection.protects }
      #expect(shortlist.considered == count && shortlist.protected == protected)
      #expect(shortlist.tooSmall == free.count - expected.count)
      #expect(shortlist.passedOver == count - protected - free.count)
    }
  }

  @Test func anEmptyListHasNoVictim() {
    var shortlist = Shortlist()
    #expect(shortlist.victim == nil && shortlist.count == 0)
    var numbers = SplitMix64(seed: 7)
    var candidate = Self.candidate(1, &numbers)
    candidate.ruleOutcome.protection = .none
    shortlist.offer(candidate, isWorthKilling: true, isPassedOver: false)
    #expect(shortlist.victim != nil)
    shortlist.clear()
    #expect(shortlist.victim == nil && shortlist.considered == 0)
  }
}

/// Protections that no policy can lift.
@Suite struct ScoringContextTests {
  private static func context(_ change: (inout CompiledPolicy) -> Void = { _ in }, agent: Int32 = 50) -> ScoringContext
  {
    var policy = CompiledPolicy.blank
    policy.settings.formula = .footprint
    change(&policy)
    return ScoringContext(
      policy: policy, machine: MachineFacts(ram: KiB(1_000_000), swap: .zero, units: .common), agent: agent)
  }

  private static func candidate(
    _ context: ScoringContext, _ process: ProcessFacts, _ ruleOutcome: RuleOutcome = RuleOutcome()
  ) -> Candidate {
    var terms = NoTerms()
    return context.candidate(process, ruleOutcome: ruleOutcome, terms: &terms)
  }

  @Test(
    arguments: [
      (1, 0, 0, .initProcess), (1, 50, -1000, .initProcess), (50, 1, 0, .agent), (51, 50, 0, .agent),
      (50, 1, -1000, .agent), (52, 51, 0, .none), (60, 1, -1000, .oomScoreAdj), (60, 1, -999, .none),
      (60, 1, 1000, .none), (60, 0, 0, .none),
    ] as [(Int32, Int32, Int16, Protection)])
  func theBuiltInProtectionsHoldWhateverARuleSays(pid: Int32, parent: Int32, adjustment: Int16, expected: Protection) {
    let process = Neighbour { $0.pid = pid }.facts.with { ($0.parent, $0.oomScoreAdj) = (parent, adjustment) }
    #expect(Self.candidate(Self.context(), process).ruleOutcome.protection == expected)
    // They go before the protection of a rule, and hold whatever else a rule says.
    var ruleOutcome = RuleOutcome()
    ruleOutcome.protection = .rule(3)
    let ruled = Self.candidate(Self.context(), process, ruleOutcome).ruleOutcome.protection
    #expect(ruled == (expected == .none ? .rule(3) : expected))
    ruleOutcome = RuleOutcome()
    (ruleOutcome.tier, ruleOutcome.weight) = (.first, 1000)
    #expect(Self.candidate(Self.context(), process, ruleOutcome).ruleOutcome.protection == expected)
  }

  @Test func withoutAnAgentNoProcessIsItsChild() {
    let process = Neighbour { $0.pid = 60 }.facts.with { $0.parent = 0 }
    #expect(Self.candidate(Self.context(agent: 0), process).ruleOutcome.protection == .none)
  }

  @Test(arguments: OomScoreAdjUse.allCases) func anAdjustmentOfMinus1000ProtectsUnderEachUse(use: OomScoreAdjUse) {
    for formula in Formula.allCases {
      let context = Self.context { ($0.settings.formula, $0.settings.adjustment) = (formula, use) }
      let process = Neighbour().facts.with { $0.oomScoreAdj = -1000 }
      #expect(Self.candidate(context, process).ruleOutcome.protection == .oomScoreAdj)
    }
  }

  @Test(arguments: [(1, 100_000), (2.5, 250_000), (0, 0)] as [(Double, Double)])
  func theScoreIsThatOfTheFormulaTimesTheWeight(weight: Double, expected: Double) {
    var ruleOutcome = RuleOutcome()
    ruleOutcome.weight = weight
    #expect(Self.candidate(Self.context(), Neighbour().facts, ruleOutcome).score == expected)
  }

  @Test(
    arguments: [
      // 10 MiB or 2 % of what there is, whichever is less.
      (.automatic, 1_000_000, 10_240), (.automatic, 100_000, 2000), (.automatic, 512_000, 10_240),
      (.amount(.size(KiB(7))), 1_000_000, 7), (.amount(.share(.percent(50))), 1_000_000, 500_000),
      (.amount(.size(.zero)), 1, 0),
    ] as [(MinimumFootprint, UInt64, UInt64)])
  func theLeastFootprintWorthKilling(minimum: MinimumFootprint, ram: UInt64, line: UInt64) {
    var context = Self.context { $0.settings.minimumFootprint = minimum }
    context.machine.ram = KiB(ram)
    #expect(context.isWorthKilling(Neighbour { $0.footprint = line }.facts))
    if line > 0 { #expect(!context.isWorthKilling(Neighbour { $0.footprint = line - 1 }.facts)) }
  }
}

extension ProcessFacts {
  func with(_ change: (inout ProcessFacts) -> Void) -> ProcessFacts {
    var copy = self
    change(&copy)
    return copy
  }
}
