import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// Who holds most of the memory, where that is not the victim.
@Suite struct HolderTests {
  /// In MiB: what meminfo tells, and the machine.
  private struct Case: CustomTestStringConvertible {
    var anonymous: UInt64 = 400
    var shared: UInt64 = 0
    var kernel: UInt64 = 0
    var pageTables: UInt64 = 0
    var hugePages: UInt64 = 0
    var unnamed: UInt64 = 0
    /// Of those that a survey left out.
    var leftOut: UInt64 = 0
    var kind: Holder.Kind
    var size: UInt64
    var pid: Int32?

    var testDescription: String { kind.name }
  }

  private static func reading(_ it: Case) -> MemoryReading {
    func kib(_ mib: UInt64) -> KiB { KiB(mib << 10) }
    var reading = MemoryReading(
      time: .zero, total: kib(4096), available: kib(96), swapTotal: .zero, swapFree: .zero)
    reading.hugePool = kib(it.hugePages)
    reading.parts = MemoryParts(
      anonymous: kib(it.anonymous), shared: kib(it.shared), pageTables: kib(it.pageTables), kernel: kib(it.kernel),
      unnamed: kib(it.unnamed))
    return reading
  }

  /// A database of 300 MiB that a rule protects, a job of 100 MiB, and one of another domain with 800 MiB.
  private static func ranking(leftOut: UInt64 = 0, outcome: Protection = .rule(0)) -> Ranking {
    let context = ScoringContext.ofSwarms()
    var ranking = Ranking(capacity: 4)
    ranking.tally = Crowd.completeTally
    ranking.tally.leftOutFootprint = KiB(leftOut << 10)
    ranking.beginOutcomes()
    for (pid, mib, domains) in [(812, 300, DomainSet.system), (977, 100, .system), (33, 800, [])]
      as [(Int32, UInt64, DomainSet)]
    {
      var facts = ProcessFacts(identity: ProcessIdentity(pid: pid, startTime: Ticks(5)))
      facts.anonymous = KiB(mib << 10)
      facts.shared = KiB(20 << 10)
      facts.sharedElsewhere = KiB(10 << 10)
      facts.domains = domains
      ranking.table.append(facts)
      var word = RuleOutcome()
      if pid == 812 { word.protection = outcome }
      ranking.append(outcome: word)
    }
    ranking.rank(in: 0, by: context) { $0.pid == 812 && outcome == .none }
    return ranking
  }

  @Test(arguments: [
    Case(kind: .process, size: 310, pid: 812),
    // Each of the two maps 20 MiB and is counted for 10.
    Case(shared: 331, kind: .shared, size: 311), Case(shared: 330, kind: .process, size: 310, pid: 812),
    Case(kernel: 311, kind: .kernel, size: 311), Case(pageTables: 311, kind: .pageTables, size: 311),
    Case(hugePages: 311, kind: .hugePages, size: 311), Case(unnamed: 311, kind: .unnamed, size: 311),
    Case(anonymous: 711, kind: .unseen, size: 311),
    // What a survey left out is seen, if not in rows.
    Case(anonymous: 711, leftOut: 1, kind: .process, size: 310, pid: 812),
    // Shared memory and processes overlap where pages are shared since a fork, and never count below nothing.
    Case(anonymous: 0, shared: 0, kind: .process, size: 310, pid: 812),
  ])
  private func theLargestOfAllIsFound(_ it: Case) throws {
    let ranking = Self.ranking(leftOut: it.leftOut)
    let holder = try #require(Holder(in: ranking, Self.reading(it), by: .ofSwarms()))
    #expect(holder.kind == it.kind && holder.size == KiB(it.size << 10))
    #expect(holder.process?.process.identity.pid == it.pid)
    #expect(holder.process.map { $0.ruleOutcome.protection == .rule(0) } ?? true)
  }

  @Test func aProcessThatWasTriedInVainHoldsToo() {
    let ranking = Self.ranking(outcome: .none)
    let holder = Holder(in: ranking, Self.reading(Case(kind: .process, size: 0)), by: .ofSwarms())
    #expect(holder?.process?.process.identity.pid == 812 && holder?.process?.ruleOutcome.protection == Protection.none)
  }

  @Test func nothingIsSaidWhereTheFileDoesNotTell() {
    var reading = Self.reading(Case(kind: .process, size: 0))
    reading.parts = nil
    #expect(Holder(in: Self.ranking(), reading, by: .ofSwarms()) == nil)
    var empty = Ranking(capacity: 1)
    empty.tally = Crowd.completeTally
    reading.parts = MemoryParts(anonymous: .zero, shared: .zero)
    #expect(Holder(in: empty, reading, by: .ofSwarms()) == nil)
  }

  /// 4000 MiB are in use. A holder is told from twice what the kill gives back, and above a quarter of that.
  @Test(
    arguments: [(1001, 500, true), (1001, 501, false), (1000, 1, false), (3000, 1500, true), (3000, 1501, false)]
      as [(UInt64, UInt64, Bool)])
  func itIsToldBesideAVictimThatIsSmallAgainstIt(size: UInt64, footprint: UInt64, isTold: Bool) throws {
    let reading = Self.reading(Case(anonymous: 10, kernel: size, kind: .kernel, size: size))
    let holder = try #require(Holder(in: Self.ranking(), reading, by: .ofSwarms()))
    #expect(holder.dwarfs(KiB(footprint << 10), reading) == isTold)
  }

  private static func decision(_ reading: MemoryReading, victim: Bool) -> Decision {
    let ranking = ranking()
    var detector = Detector(
      thresholds: Thresholds(floor: Floor(available: .size(KiB(1 << 19)), swapFree: nil), release: .size(.zero)),
      units: .common)
    var decision = Decision(
      incident: 1, domain: nil, verdict: detector.judge(reading),
      victim: victim ? ranking.candidate(1, by: .ofSwarms()) : nil, killSet: KillSet(),
      shortlist: ranking.shortlist, context: .ofSwarms(), took: .zero)
    decision.noteHolder(in: ranking)
    return decision
  }

  @Test func aDecisionWithoutAVictimAlwaysHasTheLargest() {
    let little = Self.reading(Case(kind: .process, size: 0))
    #expect(Self.decision(little, victim: false).holder?.process?.process.identity.pid == 812)
    // The job gives 110 MiB back, and the database holds 310 of 4000.
    #expect(Self.decision(little, victim: true).holder == nil)
    let much = Self.reading(Case(shared: 1500, kind: .shared, size: 0))
    #expect(Self.decision(much, victim: true).holder?.kind == .shared)
  }
}
