import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// Ranking and picking as functions of values: facts and the policy's word on each process go in, and a victim with its
/// kill set comes out. There is no file, no clock and no agent.
@Suite struct PickerTests {
  private typealias Member = Crowd.Member

  /// What is ranked and picked from, beside the processes.
  private struct Case {
    var level = Level.terminate
    /// In MiB.
    var shortfall: UInt64 = 100
    /// What is gone since the last survey of calm time, in MiB, and how long ago that was, in seconds.
    var fallen: UInt64 = 0
    var sinceSurvey: UInt64 = 10
    /// Processes that were killed in vain.
    var inVain: Set<Int32> = []
    var leftOut: UInt32 = 0
    /// The highest score of a process that was not read, in MiB; nil where all were.
    var bound: Double?
    var outcome: (Int32) -> RuleOutcome = { _ in RuleOutcome() }
  }

  private static func ranking(_ processes: [Member], _ it: Case, _ context: ScoringContext) -> Ranking {
    let crowd = Crowd(processes)
    var ranking = Ranking(capacity: 8)
    ranking.table = crowd.table
    ranking.tally = Crowd.completeTally
    ranking.tally.leftOut = it.leftOut
    if let bound = it.bound {
      ranking.tally.unread = 3
      ranking.tally.bound = bound * 1024
    }
    ranking.beginOutcomes()
    for process in processes { ranking.append(outcome: it.outcome(process.pid)) }
    ranking.rank(in: 0, by: context) { it.inVain.contains($0.pid) }
    return ranking
  }

  /// The pids of the kill set, the victim first; nil where every process has to be read.
  private static func pick(
    _ processes: [Member], _ it: Case = Case(), formula: Formula = .footprint
  ) -> (pids: [Int32]?, killSet: KillSet) {
    let context = ScoringContext.ofSwarms(formula: formula)
    let ranking = ranking(processes, it, context)
    var reading = MemoryReading(
      time: .milliseconds(1000), total: KiB(4 << 20), available: KiB(1 << 20), swapTotal: .zero, swapFree: .zero)
    reading.available = KiB(1 << 18)
    var detector = Detector(
      thresholds: Thresholds(floor: Floor(available: .size(KiB(1 << 19)), swapFree: nil), release: .size(.zero)),
      units: .common)
    var shortage = Shortage(
      detector.judge(reading), fallen: KiB(it.fallen << 10), isFalling: it.fallen > 0,
      sinceSurvey: Ticks(it.sinceSurvey * 100), now: .milliseconds(1000))
    shortage.level = it.level
    shortage.shortfall = KiB(it.shortfall << 10)
    var picker = Picker(capacity: 8)
    picker.prepare(for: ranking.table)
    switch picker.pick(from: ranking, roster: Roster(capacity: 8), shortage: shortage, context: context) {
    case .victim(let row):
      let leader = ranking.table.rows[row].identity.pid
      #expect(picker.killSet.pids.first == leader)
      return (picker.killSet.pids, picker.killSet)
    case .none: return ([], KillSet())
    case .needsEveryone: return (nil, KillSet())
    }
  }

  private static func process(_ pid: Int32, mib: UInt64, age: UInt64 = 3600) -> Member {
    Member(
      pid: pid, group: pid, session: pid, cgroup: "/system.slice/\(pid).service", age: age, footprint: mib << 10)
  }

  private let three = [process(10, mib: 300), process(11, mib: 200), process(12, mib: 400)]

  @Test func theForemostOfTheRankingIsPicked() {
    #expect(Self.pick(three).pids == [12])
  }

  @Test func allHaveToBeReadWhereOneThatWasNotCouldBeForemost() {
    #expect(Self.pick(three, Case(bound: 399)).pids == [12])
    #expect(Self.pick(three, Case(bound: 400)).pids == nil)
    #expect(Self.pick(three, Case(bound: .infinity)).pids == nil)
    #expect(Self.pick(three, Case(inVain: [12], bound: 399)).pids == nil)
    // One that was not read may be enough alone, where the foremost is not.
    #expect(Self.pick(three, Case(shortfall: 500, bound: 100)).pids == nil)
    #expect(Self.pick([], Case(bound: 0)).pids == nil)
  }

  @Test func aProcessThatWasKilledInVainIsPassedOver() {
    #expect(Self.pick(three, Case(inVain: [12])).pids == [10])
    #expect(Self.pick(three, Case(inVain: [10, 11, 12])).pids == [])
  }

  @Test func aProtectedProcessIsNotPickedHoweverLarge() {
    let protects: (Int32) -> RuleOutcome = { pid in
      var outcome = RuleOutcome()
      if pid == 12 { outcome.protection = .rule(0) }
      return outcome
    }
    #expect(Self.pick(three, Case(outcome: protects)).pids == [10])
  }

  @Test func aTierGoesBeforeTheNextWhateverTheirSizes() {
    let order: (Int32) -> RuleOutcome = { pid in
      var outcome = RuleOutcome()
      outcome.tier = pid == 11 ? .first : pid == 12 ? .last : .normal
      return outcome
    }
    #expect(Self.pick(three, Case(outcome: order)).pids == [11])
    #expect(Self.pick(three, Case(inVain: [11], outcome: order)).pids == [10])
  }

  @Test func aProcessOfAnotherDomainIsNoCandidate() {
    var processes = three
    processes[2].reach = .outside
    let context = ScoringContext.ofSwarms(formula: .footprint)
    var ranking = Self.ranking(processes, Case(), context)
    #expect(ranking.shortlist.victim?.process.identity.pid == 12)
    ranking.table.leaveDomains(2)
    ranking.rank(in: 0, by: context) { _ in false }
    #expect(ranking.shortlist.victim?.process.identity.pid == 10)
    #expect(ranking.eligibility[2].status == .outside)
  }

  private let swarm = SwarmCase.many(200) { $0.footprint = 2048 }

  @Test func aSwarmThatIsWorseIsPickedWhole() {
    let (pids, killSet) = Self.pick(swarm + [Self.process(10, mib: 90)])
    #expect(pids?.count == 200 && killSet.swarm == .group(900))
  }

  @Test func noSwarmIsPickedBesideAProcessThatUsesTheMemoryUp() {
    // It was started after the last survey, so that all it holds has gone since.
    let culprit = Self.process(10, mib: 500, age: 5)
    #expect(Self.pick(swarm + [culprit], Case(fallen: 600)).pids == [10])
    // Where it took less than three quarters of what is gone, the swarm is looked for, and is larger.
    let larger = SwarmCase.many(800) { $0.footprint = 2048 }
    #expect(Self.pick(larger + [culprit], Case(shortfall: 900, fallen: 2000)).pids?.count ?? 0 > 100)
  }

  @Test func aScopeHasItsWholeKilled() {
    var processes = three
    for pid: Int32 in [20, 21] {
      var worker = Self.process(pid, mib: 20)
      (worker.group, worker.session) = (12, 12)
      processes.append(worker)
    }
    let scoped: (Int32) -> RuleOutcome = { pid in
      var outcome = RuleOutcome()
      if pid == 12 { outcome.scope = .group }
      return outcome
    }
    #expect(Self.pick(processes, Case(outcome: scoped)).pids == [12, 20, 21])
    // Members may be among those that were left out as small.
    #expect(Self.pick(processes, Case(leftOut: 3, outcome: scoped)).pids == nil)
  }

  @Test func whereAllAreSmallKinAreKilledTogetherAndAtTheLastLevelTheLargest() {
    let old = SwarmCase.many(20) { ($0.parent, $0.age, $0.footprint) = (900, 3600, 9 << 10) }
    let (kin, killSet) = Self.pick(old)
    #expect(kin?.count == 20 && killSet.choice == .kin)
    let few = [Self.process(10, mib: 3), Self.process(11, mib: 4)]
    #expect(Self.pick(few).pids == [])
    let last = Self.pick(few, Case(level: .kill))
    #expect(last.pids == [11] && last.killSet.choice == .largest)
    #expect(Self.pick(few, Case(level: .kill, leftOut: 1)).pids == nil)
  }

  /// P6: the choice does not depend on the order of /proc.
  @Test(arguments: 0..<12)
  func theOrderOfTheTableDoesNotMatter(seed: Int) {
    var generator = SplitMix64(seed: UInt64(seed))
    var processes = three + swarm.prefix(seed.isMultiple(of: 2) ? 200 : 8)
    processes += (30..<60).map { Self.process($0, mib: UInt64.random(in: 1...500, using: &generator)) }
    let expected = Self.pick(processes)
    for _ in 0..<4 {
      processes.shuffle(using: &generator)
      let other = Self.pick(processes)
      #expect(other.pids?.first == expected.pids?.first)
      #expect(Set(other.pids ?? []) == Set(expected.pids ?? []))
    }
  }
}
