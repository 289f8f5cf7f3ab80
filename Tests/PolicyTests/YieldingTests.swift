import Fixtures
import Policy
import ProcModel
import Testing

/// Where one candidate alone is enough, and those that are ranked before it are not.
@Suite struct YieldingTests {
  private struct Entrant: Sendable {
    var candidate: Candidate
    var reach = Eligibility.Status.eligible
    var isGrowing = false

    init(_ pid: Int32, mib: UInt64, score: Double, tier: Tier = .normal, isGrowing: Bool = false) {
      var facts = ProcessFacts(identity: ProcessIdentity(pid: pid, startTime: Ticks(UInt64(pid))))
      facts.anonymous = KiB(mib * 1024)
      var ruleOutcome = RuleOutcome()
      ruleOutcome.tier = tier
      candidate = Candidate(process: facts, ruleOutcome: ruleOutcome, score: score)
      self.isGrowing = isGrowing
    }
  }

  /// The choice, as the picker asks for it.
  private static func chosen(_ entrants: [Entrant], shortfall: UInt64) -> Int32? {
    let context = ScoringContext.ofSwarms(nil)
    let worth = entrants.filter { $0.reach == .eligible && context.isWorthKilling($0.candidate.process) }
    guard let foremost = worth.map(\.candidate).min(by: { $0.goesBefore($1) }),
      var yielding = Yielding(foremost, shortfall: KiB(shortfall * 1024))
    else { return nil }
    func place(_ entrant: Entrant) -> Eligibility {
      Eligibility(tier: entrant.candidate.ruleOutcome.tier, status: entrant.reach, score: entrant.candidate.score)
    }
    for (row, entrant) in entrants.enumerated()
    where yielding.mayBeEnough(entrant.candidate.process, place(entrant)) {
      yielding.seek(row, entrant.candidate.process, place(entrant))
    }
    for entrant in entrants where yielding.mayBeBefore(entrant.candidate.process, place(entrant), context) {
      yielding.weigh(entrant.candidate.process, place(entrant)) { entrant.isGrowing }
    }
    return yielding.chosen.map { entrants[$0].candidate.process.identity.pid }
  }

  private static let veteran = Entrant(9, mib: 1200, score: 10)

  private static func newcomers(_ count: Int32) -> [Entrant] {
    (0..<count).map { Entrant(100 + $0, mib: 117, score: 100) }
  }

  @Test func anOldHogIsKilledBeforeNewcomersThatWouldNotBeEnough() {
    #expect(Self.chosen([Self.veteran] + Self.newcomers(4), shortfall: 600) == 9)
    #expect(Self.chosen([Self.veteran] + Self.newcomers(40), shortfall: 600) == nil, "together they would")
    #expect(Self.chosen([Self.veteran] + Self.newcomers(4), shortfall: 100) == nil, "one of them would")
    #expect(Self.chosen([Self.veteran] + Self.newcomers(4), shortfall: 1300) == nil, "nor would it")
    #expect(Self.chosen([Self.veteran] + Self.newcomers(4), shortfall: 468) == nil, "they would, just")
    #expect(Self.chosen([Self.veteran] + Self.newcomers(4), shortfall: 469) == 9)
  }

  @Test func aGrowingLeakIsKilledBeforeADatabase() {
    let database = Entrant(9, mib: 230, score: 10)
    #expect(Self.chosen([database, Entrant(10, mib: 146, score: 100, isGrowing: true)], shortfall: 200) == nil)
    #expect(Self.chosen([database, Entrant(10, mib: 146, score: 100)], shortfall: 200) == 9)
    #expect(
      Self.chosen(
        [database, Entrant(10, mib: 146, score: 1, isGrowing: true), Entrant(11, mib: 20, score: 100)],
        shortfall: 200) == 9, "whatever grows behind it has no say")
  }

  @Test func anOrderOfTheRulesDoesNotYield() {
    var veteran = Entrant(9, mib: 1200, score: 10, tier: .last)
    #expect(Self.chosen([veteran] + Self.newcomers(4), shortfall: 600) == nil)
    veteran = Self.veteran
    for reach in [Eligibility.Status.protected, .inVain, .outside] {
      veteran.reach = reach
      #expect(Self.chosen([veteran] + Self.newcomers(4), shortfall: 600) == nil)
    }
  }

  @Test(
    arguments: [
      (50, 100, nil, true), (49, 100, nil, false), (nil, 100, nil, false), (0, 0, nil, false), (5, 0, nil, false),
      (0, 100, 10, true), (0, 100, 9, false), (0, 100, 0, false), (nil, 0, .max, true),
    ] as [(UInt64?, UInt64, UInt64?, Bool)])
  func aGrowingProcessHasTakenHalfOfWhatIsGoneOrWouldTakeTheShortfall(
    grown: UInt64?, fallen: UInt64, rate: UInt64?, isGrowing: Bool
  ) {
    #expect(
      Yielding.isGrowing(
        grown: grown.map { KiB($0) }, fallen: KiB(fallen), rate: rate.map { KiB($0) }, shortfall: KiB(600)) == isGrowing
    )
  }

  /// The reference algorithm: the rule for each candidate in turn.
  private static func slowly(_ entrants: [Entrant], shortfall: UInt64) -> Int32? {
    let ranked = entrants.filter { $0.reach == .eligible && $0.candidate.process.footprint.count >= 10 * 1024 }
      .sorted { $0.candidate.goesBefore($1.candidate) }
    for (place, entrant) in ranked.enumerated().dropFirst() {
      let before = ranked[..<place]
      if entrant.candidate.process.footprint.count >= shortfall * 1024,
        before.reduce(0, { $0 + $1.candidate.process.footprint.count }) < shortfall * 1024,
        before.allSatisfy({ $0.candidate.ruleOutcome.tier == entrant.candidate.ruleOutcome.tier && !$0.isGrowing })
      {
        return entrant.candidate.process.identity.pid
      }
    }
    return nil
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func yieldingAgreesWithTheReferenceAlgorithmInAnyOrder(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var yielded = 0
    for _ in 0..<500 {
      var entrants: [Entrant] = []
      for pid in 2..<Int32.random(in: 3...12, using: &numbers) {
        var entrant = Entrant(
          pid, mib: [5, 20, 60, 200, 700].randomElement(using: &numbers) ?? 5,
          score: Double(Int.random(in: 1...6, using: &numbers)),
          tier: Int.random(in: 0..<6, using: &numbers) == 0 ? .last : .normal,
          isGrowing: Int.random(in: 0..<6, using: &numbers) == 0)
        if Int.random(in: 0..<6, using: &numbers) == 0 { entrant.reach = .protected }
        entrants.append(entrant)
      }
      let shortfall = UInt64.random(in: 30...800, using: &numbers)
      let chosen = Self.chosen(entrants, shortfall: shortfall)
      #expect(chosen == Self.slowly(entrants, shortfall: shortfall))
      #expect(chosen == Self.chosen(entrants.shuffled(using: &numbers), shortfall: shortfall))
      if chosen != nil { yielded += 1 }
    }
    #expect(yielded > 20)
  }
}
