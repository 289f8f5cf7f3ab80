import Fixtures
import Policy
import ProcModel
import Testing

/// A machine, what is missing of memory on it, and whether there is a swarm to end.
struct SwarmCase: CustomTestStringConvertible, Sendable {
  typealias Person = Crowd.Person

  var testDescription: String
  var people: [Person]
  /// In MiB.
  var shortfall: UInt64 = 200
  /// Nil where there is none.
  var kinship: String?
  var count = 0
  var apart = 0

  /// So many that differ in their numbers alone.
  static func many(_ count: Int, from pid: Int32 = 1000, _ change: (inout Person) -> Void) -> [Person] {
    (0..<count).map { index in
      var person = Person(pid: pid + Int32(index), parent: pid + Int32(index / 2), group: 900, session: 900)
      person.cgroup = "/user.slice/user-1000.slice/session-3.scope"
      change(&person)
      return person
    }
  }

  static let leak = Person(
    pid: 50, group: 50, session: 50, cgroup: "/a.slice/leak.service", age: 3600, footprint: 100 * 1024)

  static let all: [SwarmCase] = [
    SwarmCase(
      testDescription: "a bomb of tiny processes", people: many(200) { $0.footprint = 300 }, kinship: "group",
      count: 200),
    SwarmCase(testDescription: "no more than a login", people: many(11) { $0.footprint = 9000 }),
    SwarmCase(
      testDescription: "just enough", people: many(12) { $0.footprint = 9000 }, kinship: "group", count: 12),
    SwarmCase(testDescription: "too light together", people: many(100) { $0.footprint = 300 }),
    SwarmCase(
      testDescription: "a bomb that grows is worse than an old leak that is larger",
      people: many(200) { $0.footprint = 300 } + [leak], shortfall: 500, kinship: "group", count: 200),
    SwarmCase(
      testDescription: "the bomb outweighs the leak", people: many(1100) { $0.footprint = 300 } + [leak],
      shortfall: 500, kinship: "group", count: 1100),
    SwarmCase(
      testDescription: "though ending the leak were enough", people: many(1100) { $0.footprint = 300 } + [leak],
      shortfall: 100, kinship: "group", count: 1100),
    SwarmCase(
      testDescription: "workers of long ago",
      people: many(40) { ($0.parent, $0.age, $0.footprint) = (900, 3600, 20_000) }),
    SwarmCase(testDescription: "half a minute old", people: many(40) { ($0.age, $0.footprint) = (30, 9000) }),
    SwarmCase(
      testDescription: "not quite half a minute old", people: many(40) { ($0.age, $0.footprint) = (29, 9000) },
      kinship: "group", count: 40),
    SwarmCase(
      testDescription: "old workers stay when the young go",
      people: many(40) { ($0.parent, $0.footprint) = (900, 9000) }
        + many(8, from: 2000) { ($0.parent, $0.age, $0.footprint) = (900, 3600, 9000) },
      kinship: "parent", count: 40, apart: 8),
    SwarmCase(
      testDescription: "a build of which one end is enough",
      people: many(16) { ($0.parent, $0.footprint) = (900, 100 * 1024) }, shortfall: 80),
    SwarmCase(
      testDescription: "a build of which it is not",
      people: many(16) { ($0.parent, $0.footprint) = (900, 100 * 1024) }, shortfall: 300, kinship: "parent", count: 16),
    SwarmCase(
      testDescription: "services are no children of process 1",
      people: many(40) { ($0.parent, $0.footprint) = (1, 9000) }.map { person in
        var person = person
        (person.group, person.session) = (person.pid, person.pid)
        person.cgroup = "/system.slice/s\(person.pid).service"
        return person
      }),
    SwarmCase(
      testDescription: "nor swarm of a user's manager",
      people: many(40) { ($0.parent, $0.footprint) = (900, 9000) }.map { person in
        var person = person
        (person.group, person.session) = (person.pid, person.pid)
        person.cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/s\(person.pid).service"
        return person
      }),
    SwarmCase(
      testDescription: "sessions of their own in one cgroup",
      people: many(200) { $0.parent = 1 }.map { person in
        var person = person
        (person.group, person.session) = (person.pid, person.pid)
        return person
      }, kinship: "cgroup", count: 200),
    SwarmCase(
      testDescription: "the same at the root are none",
      people: many(200) { $0.parent = 1 }.map { person in
        var person = person
        (person.group, person.session, person.cgroup) = (person.pid, person.pid, "/")
        return person
      }),
    SwarmCase(
      testDescription: "groups of their own in one session",
      people: many(200) { $0.parent = 1 }.map { person in
        var person = person
        person.group = person.pid
        return person
      }, kinship: "session", count: 200),
    SwarmCase(
      testDescription: "a few more in the session do not widen it",
      people: many(160) { $0.parent = 1 } + many(30, from: 3000) { ($0.parent, $0.group) = (1, 901) },
      kinship: "group", count: 160),
    SwarmCase(
      testDescription: "half as many again do",
      people: many(160) { $0.parent = 1 } + many(80, from: 3000) { ($0.parent, $0.group) = (1, 901) },
      kinship: "session", count: 240),
    SwarmCase(
      testDescription: "other namespaces' groups are none",
      people: many(200) { ($0.parent, $0.group, $0.session, $0.cgroup) = (0, 0, 0, "/") }),
    SwarmCase(
      testDescription: "the large one is a victim, not a member",
      people: many(200) { $0.footprint = 300 } + many(1, from: 5000) { $0.footprint = 15_000 }, kinship: "group",
      count: 201),
    SwarmCase(
      testDescription: "one by one is enough where one is as large as a third",
      people: many(200) { $0.footprint = 300 } + many(1, from: 5000) { $0.footprint = 31_000 }),
    SwarmCase(
      testDescription: "a later tier waits for the best single candidate",
      people: many(1100) { $0.tier = .last } + [leak], shortfall: 500),
    SwarmCase(
      testDescription: "an earlier tier goes first",
      people: many(200) { $0.tier = .first } + [leak], shortfall: 50, kinship: "group", count: 200),
    SwarmCase(
      testDescription: "but not for next to nothing", people: many(50) { $0.tier = .first } + [leak], shortfall: 500),
    SwarmCase(
      testDescription: "tiers do not mix",
      people: many(60) { $0.tier = .first } + many(60, from: 3000) { $0.tier = .normal }),
    SwarmCase(
      testDescription: "of two the earlier tier",
      people: many(110) { $0.tier = .normal }
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

  @Test(arguments: SwarmCase.all) func aSwarmIsToldFromWhatIsNone(example: SwarmCase) {
    let crowd = Crowd(example.people)
    let killSet = Self.find(crowd, shortfall: example.shortfall)
    #expect(killSet?.swarm?.name == example.kinship)
    guard let killSet else { return }
    #expect(killSet.members.count + killSet.beyond == example.count && killSet.apart == example.apart)
    #expect(killSet.members.count <= KillSet.capacity && killSet.scope == .process && killSet.fallback == nil)
    let footprints = killSet.members.map { crowd.table.rows[Int($0.row)].footprint }
    #expect(footprints.first == footprints.max())
  }

  @Test func whereItIsOffThereIsNone() {
    let crowd = Crowd(SwarmCase.many(200) { $0.footprint = 300 })
    #expect(Self.find(crowd, shortfall: 200) != nil)
    #expect(Self.find(crowd, .ofSwarms(nil), shortfall: 200) == nil)
  }

  @Test func withoutTheUptimeNobodyIsYoung() {
    var tally = Crowd.completeTally
    tally.uptimeError = .truncated(offset: 0)
    #expect(Self.find(Crowd(SwarmCase.many(200) { $0.footprint = 300 }), shortfall: 200, tally: tally) == nil)
  }

  @Test func whoeverIsOfUnknownAgeIsNotYoung() {
    var people = SwarmCase.many(200) { $0.footprint = 300 }
    for index in 0..<50 { people[index].isAgeKnown = false }
    #expect(Self.find(Crowd(people), shortfall: 200)?.members.count == 150)
    for index in people.indices { people[index].isAgeKnown = false }
    #expect(Self.find(Crowd(people), shortfall: 200) == nil)
  }

  @Test func theProtectedStayAndDoNotCount() {
    var people = SwarmCase.many(200) { $0.footprint = 300 }
    for index in 0..<20 { people[index].reach = .protected }
    people[20].reach = .inVain
    let killSet = Self.find(Crowd(people), shortfall: 200)
    #expect(killSet?.members.count == 179 && killSet?.protected == 20 && killSet?.inVain == 1)
    #expect(killSet?.whole == nil)
    for index in 0..<100 { people[index].reach = .protected }
    #expect(Self.find(Crowd(people), shortfall: 200) == nil)
  }

  @Test func aSingleStepIsAllowedOnlyWhereTheSwarmIsTheWhole() {
    var people = SwarmCase.many(200) { $0.footprint = 300 }
    #expect(Self.find(Crowd(people), shortfall: 200)?.whole == .group(900))
    #expect(Self.find(Crowd(people), shortfall: 200, tally: SurveyTally())?.whole == nil)
    // Of the group, and in another cgroup.
    people.append(.init(pid: 5000, group: 900, session: 900, cgroup: "/a", age: 3600))
    #expect(Self.find(Crowd(people), shortfall: 200)?.whole == nil)

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

  // Invented machines.

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

  /// The rules as they are written: the groups that go as a swarm because they outweigh everybody.
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
      let small = crowd.people.filter {
        $0.tier == tier && $0.reach == .eligible && $0.age < 30 && $0.footprint <= largest
      }
      let kinds: [(Crowd.Person) -> String?] = [
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

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func itFindsOneWhereTheSlowReckoningDoes(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var found = 0
    for _ in 0..<200 {
      let crowd = Self.machine(&numbers)
      let best = crowd.best(worth: 10 * 1024)
      let shortfall = UInt64.random(in: 1...100, using: &numbers)
      let killSet = Self.find(crowd, shortfall: shortfall)
      let groups = Self.groups(crowd, best: best, shortfall: shortfall * 1024)
      // One that is worse than the best single candidate goes too, without being so heavy.
      #expect(groups.isEmpty || killSet != nil)
      guard let killSet, let leader = killSet.members.first else { continue }
      found += 1
      let tier = crowd.people[Int(leader.row)].tier
      #expect(groups.allSatisfy { $0.tier >= tier })
      if groups.isEmpty { #expect(tier == best?.ruleOutcome.tier) }
      let members = killSet.members.map { crowd.people[Int($0.row)] }
      #expect(members.count >= 12)
      #expect(members.allSatisfy { $0.reach == .eligible && $0.age < 30 && $0.tier == tier })
      #expect(Set(killSet.pids).count == killSet.members.count)
    }
    #expect(found > 10)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func whatASurveyLeftOutIsLookedForWhereItCouldMatter(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var hidden = 0
    var spared = 0
    for _ in 0..<200 {
      let full = Self.machine(&numbers)
      var context = ScoringContext.ofSwarms()
      context.policy.addTextRule("sooner", order: .first, [(.comm, ["x"])])
      var tally = Crowd.completeTally
      var short = Crowd([])
      for person in full.people {
        if person.footprint < 10 * 1024 {
          tally.leftOut += 1
          tally.leftOutFootprint += KiB(person.footprint)
        } else {
          short.add(person)
        }
      }
      let shortfall = UInt64.random(in: 1...100, using: &numbers)
      let finder = SwarmFinder(capacity: 4)
      let mayHide = finder.mayHide(
        besides: short.table, eligibility: short.eligibility, best: short.best(worth: 10 * 1024),
        shortfall: KiB(shortfall * 1024), context: context, tally: tally)
      let killSet = Self.find(full, context, shortfall: shortfall)
      let isHidden = killSet?.members.contains { full.people[Int($0.row)].footprint < 10 * 1024 } ?? false
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
    // A handful that came since the last survey of all is no swarm, however many there are besides.
    #expect(!mayHide(.ofSwarms(), 4000, mib: 400, old: 3989) && mayHide(.ofSwarms(), 4000, mib: 400, old: 3988))
    #expect(!mayHide(.ofSwarms(), 4000, mib: 400, old: 4001))
    #expect(mayHide(.ofSwarms(), 400, mib: 400) && mayHide(.ofSwarms(), 12, mib: 10))
    #expect(!mayHide(.ofSwarms(nil), 400, mib: 400))
    #expect(
      !mayHide(.ofSwarms(), 11, mib: 400) && !mayHide(.ofSwarms(), 400, mib: 9) && !mayHide(.ofSwarms(), 0, mib: 0))
  }
}
