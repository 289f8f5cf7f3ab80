import Fixtures
import Policy
import ProcModel
import Testing

/// A machine, its shortfall of memory, and whether there is a swarm to kill.
struct SwarmCase: CustomTestStringConvertible, Sendable {
  typealias Member = Crowd.Member

  var testDescription: String
  var processes: [Member]
  /// In MiB.
  var shortfall: UInt64 = 200
  /// Nil where there is none.
  var kinship: String?
  var count = 0
  var apart = 0

  /// Processes that differ in their numbers alone.
  static func many(_ count: Int, from pid: Int32 = 1000, _ change: (inout Member) -> Void) -> [Member] {
    (0..<count).map { index in
      var process = Member(pid: pid + Int32(index), parent: pid + Int32(index / 2), group: 900, session: 900)
      process.cgroup = "/user.slice/user-1000.slice/session-3.scope"
      change(&process)
      return process
    }
  }

  static let leak = Member(
    pid: 50, group: 50, session: 50, cgroup: "/a.slice/leak.service", age: 3600, footprint: 100 * 1024)

  static let all: [SwarmCase] = [
    SwarmCase(
      testDescription: "a bomb of tiny processes", processes: many(200) { $0.footprint = 300 }, kinship: "group",
      count: 200),
    SwarmCase(testDescription: "no more than a login", processes: many(11) { $0.footprint = 9000 }),
    SwarmCase(
      testDescription: "just enough", processes: many(12) { $0.footprint = 9000 }, kinship: "group", count: 12),
    SwarmCase(testDescription: "too light together", processes: many(100) { $0.footprint = 300 }),
    SwarmCase(
      testDescription: "a bomb that grows is worse than an old leak that is larger",
      processes: many(200) { $0.footprint = 300 } + [leak], shortfall: 500, kinship: "group", count: 200),
    SwarmCase(
      testDescription: "the bomb outweighs the leak", processes: many(1100) { $0.footprint = 300 } + [leak],
      shortfall: 500, kinship: "group", count: 1100),
    SwarmCase(
      testDescription: "also where killing the leak would be enough",
      processes: many(1100) { $0.footprint = 300 } + [leak],
      shortfall: 100, kinship: "group", count: 1100),
    SwarmCase(
      testDescription: "workers of long ago",
      processes: many(40) { ($0.parent, $0.age, $0.footprint) = (900, 3600, 20_000) }),
    SwarmCase(testDescription: "half a minute old", processes: many(40) { ($0.age, $0.footprint) = (30, 9000) }),
    SwarmCase(
      testDescription: "not quite half a minute old", processes: many(40) { ($0.age, $0.footprint) = (29, 9000) },
      kinship: "group", count: 40),
    SwarmCase(
      testDescription: "old workers stay when the young are killed",
      processes: many(40) { ($0.parent, $0.footprint) = (900, 9000) }
        + many(8, from: 2000) { ($0.parent, $0.age, $0.footprint) = (900, 3600, 9000) },
      kinship: "parent", count: 40, apart: 8),
    SwarmCase(
      testDescription: "a build of which killing one is enough",
      processes: many(16) { ($0.parent, $0.footprint) = (900, 100 * 1024) }, shortfall: 80),
    SwarmCase(
      testDescription: "a build of which killing one is not enough",
      processes: many(16) { ($0.parent, $0.footprint) = (900, 100 * 1024) }, shortfall: 300, kinship: "parent",
      count: 16),
    SwarmCase(
      testDescription: "services are no children of process 1",
      processes: many(40) { ($0.parent, $0.footprint) = (1, 9000) }.map { process in
        var process = process
        (process.group, process.session) = (process.pid, process.pid)
        process.cgroup = "/system.slice/s\(process.pid).service"
        return process
      }),
    SwarmCase(
      testDescription: "nor are services of a user's manager",
      processes: many(40) { ($0.parent, $0.footprint) = (900, 9000) }.map { process in
        var process = process
        (process.group, process.session) = (process.pid, process.pid)
        process.cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/s\(process.pid).service"
        return process
      }),
    SwarmCase(
      testDescription: "sessions of their own in one cgroup",
      processes: many(200) { $0.parent = 1 }.map { process in
        var process = process
        (process.group, process.session) = (process.pid, process.pid)
        return process
      }, kinship: "cgroup", count: 200),
    SwarmCase(
      testDescription: "the same at the root are none",
      processes: many(200) { $0.parent = 1 }.map { process in
        var process = process
        (process.group, process.session, process.cgroup) = (process.pid, process.pid, "/")
        return process
      }),
    SwarmCase(
      testDescription: "groups of their own in one session",
      processes: many(200) { $0.parent = 1 }.map { process in
        var process = process
        process.group = process.pid
        return process
      }, kinship: "session", count: 200),
    SwarmCase(
      testDescription: "a few more in the session do not widen it",
      processes: many(160) { $0.parent = 1 } + many(30, from: 3000) { ($0.parent, $0.group) = (1, 901) },
      kinship: "group", count: 160),
    SwarmCase(
      testDescription: "half as many again do",
      processes: many(160) { $0.parent = 1 } + many(80, from: 3000) { ($0.parent, $0.group) = (1, 901) },
      kinship: "session", count: 240),
    SwarmCase(
      testDescription: "other namespaces' groups are none",
      processes: many(200) { ($0.parent, $0.group, $0.session, $0.cgroup) = (0, 0, 0, "/") }),
    SwarmCase(
      testDescription: "the large one is a victim, not a member",
      processes: many(200) { $0.footprint = 300 } + many(1, from: 5000) { $0.footprint = 15_000 }, kinship: "group",
      count: 201),
    SwarmCase(
      testDescription: "one by one is enough where one is as large as a third",
      processes: many(200) { $0.footprint = 300 } + many(1, from: 5000) { $0.footprint = 31_000 }),
    SwarmCase(
      testDescription: "a later tier waits for the best single candidate",
      processes: many(1100) { $0.tier = .last } + [leak], shortfall: 500),
    SwarmCase(
      testDescription: "an earlier tier is killed first",
      processes: many(200) { $0.tier = .first } + [leak], shortfall: 50, kinship: "group", count: 200),
    SwarmCase(
      testDescription: "but not for next to nothing", processes: many(50) { $0.tier = .first } + [leak], shortfall: 500),
    SwarmCase(
      testDescription: "tiers do not mix",
      processes: many(60) { $0.tier = .first } + many(60, from: 3000) { $0.tier = .normal }),
    SwarmCase(
      testDescription: "of two the earlier tier",
      processes: many(110) { $0.tier = .normal }
        + many(1500, from: 3000) { $0.tier = .last }, kinship: "group", count: 110, apart: 1500),
  ]
}

@Suite struct SwarmTests {
  private static func find(
    _ crowd: Crowd, _ context: ScoringContext = .ofSwarms(), shortfall: UInt64, inUse: UInt64 = 1 << 30,
    tally: SurveyTally = Crowd.completeTally
  ) -> KillSet? {
    var finder = SwarmFinder(capacity: 4)
    var killSet = KillSet()
    let isFound = finder.find(
      in: crowd.table, eligibility: crowd.eligibility, best: crowd.best(worth: 10 * 1024),
      shortfall: KiB(shortfall * 1024),
      inUse: KiB(inUse * 1024), context: context, tally: tally, into: &killSet)
    return isFound ? killSet : nil
  }

  @Test(arguments: SwarmCase.all + SwarmCase.ofOrphans) func aSwarmIsFoundWhereThereIsOne(example: SwarmCase) {
    let crowd = Crowd(example.processes)
    let killSet = Self.find(crowd, shortfall: example.shortfall)
    #expect(killSet?.swarm?.name == example.kinship)
    guard let killSet else { return }
    #expect(killSet.members.count + killSet.beyond == example.count && killSet.apart == example.apart)
    #expect(killSet.members.count <= KillSet.capacity && killSet.scope == .process && killSet.fallback == nil)
    let footprints = killSet.members.map { crowd.table.rows[Int($0.row)].footprint }
    #expect(footprints.first == footprints.max())
  }

  @Test func withTheSettingOffThereIsNoSwarm() {
    let crowd = Crowd(SwarmCase.many(200) { $0.footprint = 300 })
    #expect(Self.find(crowd, shortfall: 200) != nil)
    #expect(Self.find(crowd, .ofSwarms(nil), shortfall: 200) == nil)
  }

  @Test func withoutTheUptimeNoProcessIsYoung() {
    var tally = Crowd.completeTally
    tally.uptimeError = .truncated(offset: 0)
    #expect(Self.find(Crowd(SwarmCase.many(200) { $0.footprint = 300 }), shortfall: 200, tally: tally) == nil)
  }

  @Test func aProcessOfUnknownAgeIsNotYoung() {
    var processes = SwarmCase.many(200) { $0.footprint = 300 }
    for index in 0..<50 { processes[index].isAgeKnown = false }
    #expect(Self.find(Crowd(processes), shortfall: 200)?.members.count == 150)
    for index in processes.indices { processes[index].isAgeKnown = false }
    #expect(Self.find(Crowd(processes), shortfall: 200) == nil)
  }

  @Test func protectedProcessesStayAndDoNotCount() {
    var processes = SwarmCase.many(200) { $0.footprint = 300 }
    for index in 0..<20 { processes[index].reach = .protected }
    processes[20].reach = .inVain
    let killSet = Self.find(Crowd(processes), shortfall: 200)
    #expect(killSet?.members.count == 179 && killSet?.protected == 20 && killSet?.inVain == 1)
    #expect(killSet?.whole == nil)
    for index in 0..<100 { processes[index].reach = .protected }
    #expect(Self.find(Crowd(processes), shortfall: 200) == nil)
  }

  @Test func orphansAreKilledInOneStepWhereNothingElseIsInTheirCgroup() {
    let orphans = SwarmCase.orphans(50)
    let alone = Self.find(Crowd(orphans), shortfall: 200)
    #expect(alone?.whole == Crowd(orphans).table.rows[0].cgroupKey.map { .cgroup($0) } && alone?.whole != nil)
    let runner = SwarmCase.Member(
      pid: 60, group: 60, session: 60, cgroup: "/system.slice/runner.service", age: 9999, footprint: 2000, image: 60)
    let beside = Self.find(Crowd(orphans + [runner]), shortfall: 200)
    #expect(beside?.members.count == 50 && beside?.whole == nil && beside?.pids.contains(60) == false)
  }

  @Test func aSingleStepIsAllowedOnlyWhereTheSwarmIsTheWhole() {
    var processes = SwarmCase.many(200) { $0.footprint = 300 }
    #expect(Self.find(Crowd(processes), shortfall: 200)?.whole == .group(900))
    #expect(Self.find(Crowd(processes), shortfall: 200, tally: SurveyTally())?.whole == nil)
    // This one is in the group, and in another cgroup.
    processes.append(.init(pid: 5000, group: 900, session: 900, cgroup: "/a", age: 3600))
    #expect(Self.find(Crowd(processes), shortfall: 200)?.whole == nil)

    var loners = SwarmCase.many(200) { $0.parent = 1 }
    for index in loners.indices {
      (loners[index].group, loners[index].session) = (loners[index].pid, loners[index].pid)
    }
    guard case .cgroup = Self.find(Crowd(loners), shortfall: 200)?.whole else {
      Issue.record("the cgroup is the swarm")
      return
    }
    loners.append(.init(pid: 5000, group: 5000, session: 5000, cgroup: loners[0].cgroup + "/below", age: 3600))
    #expect(Self.find(Crowd(loners), shortfall: 200)?.whole == nil)
  }

  @Test func aFinderIsUsedAgainAndKeepsNothing() {
    var finder = SwarmFinder(capacity: 1)
    var killSet = KillSet()
    for size in [300, 5, 200, 11, 150] {
      let crowd = Crowd(SwarmCase.many(size) { $0.footprint = 400 })
      finder.prepare(for: crowd.table)
      let isFound = finder.find(
        in: crowd.table, eligibility: crowd.eligibility, best: nil, shortfall: KiB(1 << 20), inUse: KiB(1 << 40),
        context: .ofSwarms(),
        tally: Crowd.completeTally, into: &killSet)
      #expect(isFound == (size > 100))
      if isFound { #expect(killSet.members.count == size) }
    }
  }

  // Generated machines.

  private static func machine(_ numbers: inout SplitMix64) -> Crowd {
    let paths = ["/", "/a.slice/b.service", "/a.slice/b.service/c"]
    let sizes: [UInt64] = [200, 1000, 4000, 12_000, 20_000, 60_000]
    let large = Int.random(in: 2...sizes.count, using: &numbers)
    let tiers = Int.random(in: 1...3, using: &numbers)
    var crowd = Crowd([])
    for pid in Int32(2)..<Int32.random(in: 3...120, using: &numbers) {
      crowd.add(
        .init(
          pid: pid, parent: Int32.random(in: 0...3, using: &numbers), group: Int32.random(in: 0...3, using: &numbers),
          session: Int32.random(in: 0...2, using: &numbers), cgroup: paths.randomElement(using: &numbers) ?? "/",
          age: UInt64.random(in: 0...40, using: &numbers),
          footprint: sizes[..<large].randomElement(using: &numbers) ?? 0,
          tier: [.normal, .last, .first][Int.random(in: 0..<tiers, using: &numbers)],
          reach: Int.random(in: 0..<8, using: &numbers) == 0 ? .protected : .eligible))
    }
    return crowd
  }

  /// The reference algorithm: the groups that are a swarm because they outweigh every other process.
  private static func groups(_ crowd: Crowd, best: Candidate?, shortfall: UInt64) -> [(tier: Tier, total: UInt64)] {
    var groups: [(tier: Tier, total: UInt64)] = []
    for tier in Tier.allCases {
      var largest: UInt64 = 10 * 1024
      var suffices = false
      if let best, tier >= best.ruleOutcome.tier {
        if tier > best.ruleOutcome.tier { continue }
        suffices = best.process.footprint.count >= shortfall
        largest = max(largest, best.process.footprint.count)
      }
      let small = crowd.processes.filter {
        $0.tier == tier && $0.reach == .eligible && $0.age < 30 && $0.footprint <= largest
      }
      let kinds: [(Crowd.Member) -> String?] = [
        { $0.parent > 1 ? "p\($0.parent) \($0.cgroup)" : nil }, { $0.group > 1 ? "g\($0.group) \($0.cgroup)" : nil },
        { $0.session > 1 ? "s\($0.session) \($0.cgroup)" : nil }, { $0.cgroup == "/" ? nil : $0.cgroup },
      ]
      for kind in kinds {
        let kin = Dictionary(grouping: small.filter { kind($0) != nil }, by: kind)
        for members in kin.values where members.count >= 12 {
          let total = members.reduce(0) { $0 + $1.footprint }
          if total >= 3 * largest, !suffices { groups.append((tier, total)) }
        }
      }
    }
    return groups
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func swarmsAgreeWithTheReferenceAlgorithm(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var found = 0
    for _ in 0..<200 {
      let crowd = Self.machine(&numbers)
      let best = crowd.best(worth: 10 * 1024)
      let shortfall = UInt64.random(in: 1...100, using: &numbers)
      let killSet = Self.find(crowd, shortfall: shortfall)
      let groups = Self.groups(crowd, best: best, shortfall: shortfall * 1024)
      // A group that scores above the best single candidate is a swarm too, without being as heavy.
      #expect(groups.isEmpty || killSet != nil)
      guard let killSet, let leader = killSet.members.first else { continue }
      found += 1
      let tier = crowd.processes[Int(leader.row)].tier
      #expect(groups.allSatisfy { $0.tier >= tier })
      if groups.isEmpty { #expect(tier == best?.ruleOutcome.tier) }
      let members = killSet.members.map { crowd.processes[Int($0.row)] }
      #expect(members.count >= 12)
      #expect(members.allSatisfy { $0.reach == .eligible && $0.age < 30 && $0.tier == tier })
      #expect(Set(killSet.pids).count == killSet.members.count)
    }
    #expect(found > 10)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func aSurveyOfAllIsAskedForWhereTheProcessesLeftOutCouldMatter(
    seed: UInt64
  ) {
    var numbers = SplitMix64(seed: seed)
    var hidden = 0
    var spared = 0
    for _ in 0..<200 {
      let full = Self.machine(&numbers)
      var context = ScoringContext.ofSwarms()
      context.policy.addTextRule("sooner", order: .first, [(.comm, ["x"])])
      var tally = Crowd.completeTally
      var short = Crowd([])
      for process in full.processes {
        if process.footprint < 10 * 1024 {
          tally.leftOut += 1
          tally.leftOutFootprint += KiB(process.footprint)
        } else {
          short.add(process)
        }
      }
      let shortfall = UInt64.random(in: 1...100, using: &numbers)
      let finder = SwarmFinder(capacity: 4)
      let mayHide = finder.mayHide(
        besides: short.table, eligibility: short.eligibility, best: short.best(worth: 10 * 1024),
        shortfall: KiB(shortfall * 1024), context: context, tally: tally)
      let killSet = Self.find(full, context, shortfall: shortfall)
      let isHidden = killSet?.members.contains { full.processes[Int($0.row)].footprint < 10 * 1024 } ?? false
      if isHidden {
        hidden += 1
        #expect(mayHide)
      } else if !mayHide {
        spared += 1
      }
    }
    #expect(hidden > 5 && spared > 5)
  }

  @Test func aSurveyIsNotRepeatedForNothing() {
    let finder = SwarmFinder(capacity: 4)
    let crowd = Crowd([SwarmCase.leak])
    func mayHide(_ context: ScoringContext, _ count: UInt32, mib: UInt64, old: UInt32 = 0) -> Bool {
      var tally = Crowd.completeTally
      (tally.leftOut, tally.leftOutFootprint, tally.leftOutOld) = (count, KiB(mib * 1024), old)
      return finder.mayHide(
        besides: crowd.table, eligibility: crowd.eligibility, best: SwarmCase.leak.candidate,
        shortfall: KiB(500 * 1024),
        context: context, tally: tally)
    }
    // A few that were started since the last survey of all are no swarm, however many others there are.
    #expect(!mayHide(.ofSwarms(), 4000, mib: 400, old: 3989) && mayHide(.ofSwarms(), 4000, mib: 400, old: 3988))
    #expect(!mayHide(.ofSwarms(), 4000, mib: 400, old: 4001))
    #expect(mayHide(.ofSwarms(), 400, mib: 400) && mayHide(.ofSwarms(), 12, mib: 10))
    #expect(!mayHide(.ofSwarms(nil), 400, mib: 400))
    #expect(
      !mayHide(.ofSwarms(), 11, mib: 400) && !mayHide(.ofSwarms(), 400, mib: 9) && !mayHide(.ofSwarms(), 0, mib: 0))
  }
}
