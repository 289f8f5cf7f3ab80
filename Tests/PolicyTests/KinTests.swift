import Badness
import Fixtures
import Policy
import ProcModel
import Testing

/// Many processes, of which none is worth killing alone.
@Suite struct KinTests {
  private static func find(
    _ crowd: Crowd, _ context: ScoringContext = .ofSwarms(nil), shortfall: UInt64 = 200,
    tally: SurveyTally = Crowd.completeTally
  ) -> KillSet? {
    var finder = KinFinder(capacity: 4)
    var killSet = KillSet()
    let isFound = finder.find(
      in: crowd.table, eligibility: crowd.eligibility, shortfall: KiB(shortfall * 1024), context: context, tally: tally,
      into: &killSet)
    return isFound ? killSet : nil
  }

  /// So many workers of one service, a day old, of 8 MiB each.
  private static func workers(
    _ count: Int, from pid: Int32 = 1000, _ change: (inout Crowd.Person) -> Void = { _ in }
  ) -> [Crowd.Person] {
    (0..<count).map { index in
      var person = Crowd.Person(
        pid: pid + Int32(index), parent: 900, group: 900, session: 900, cgroup: "/system.slice/app.service",
        age: 86_400, footprint: 8 * 1024)
      person.user = 33
      change(&person)
      return person
    }
  }

  private static func daemonized(_ person: inout Crowd.Person) {
    (person.parent, person.group, person.session) = (1, person.pid, person.pid)
  }

  @Test func neitherAgeNorSizeProtectsThem() throws {
    let killSet = try #require(Self.find(Crowd(Self.workers(40))))
    #expect(killSet.members.count == 40 && killSet.swarm == .parent(900) && killSet.choice == .kin)
    #expect(killSet.whole == nil, "a parent's children are no single step")
    #expect(Self.find(Crowd(Self.workers(1))) == nil, "together less than min_footprint")
    #expect(Self.find(Crowd(Self.workers(2)))?.members.count == 2)
  }

  @Test func aWiderKinshipIsTakenWhereTheCloserGivesTooLittle() {
    let two = Self.workers(30) + Self.workers(20, from: 2000) { $0.parent = 901 }
    #expect(Self.find(Crowd(two), shortfall: 200)?.swarm == .parent(900))
    #expect(Self.find(Crowd(two), shortfall: 300)?.swarm == .group(900))
    let loners = Self.workers(40, Self.daemonized)
    #expect(Self.find(Crowd(loners))?.swarm?.name == "cgroup")
    let rootless = Self.workers(40) { person in
      Self.daemonized(&person)
      person.cgroup = "/"
    }
    #expect(Self.find(Crowd(rootless)) == nil, "the root cgroup is the machine's")
  }

  /// As under Docker's cgroupfs driver: one service by systemd's name, a container each by what accounts their memory.
  @Test func whatOneHierarchyTellsApartAreNoKin() {
    let two =
      Self.workers(30) { $0.memory = "/docker/one" } + Self.workers(20, from: 2000) { $0.memory = "/docker/two" }
    let killSet = Self.find(Crowd(two), shortfall: 1000)
    #expect(killSet?.members.count == 30)
    let same = two.map { person in
      var person = person
      person.memory = "/docker/one"
      return person
    }
    #expect(Self.find(Crowd(same), shortfall: 1000)?.members.count == 50)
  }

  /// The cgroup of that path would take those with it that are known by another name.
  @Test func aCgroupThatIsNotOneInBothHierarchiesGoesNotInOneStep() {
    let own = Self.workers(40, Self.daemonized)
    #expect(Self.find(Crowd(own))?.whole != nil)
    let other = own.map { person in
      var person = person
      person.memory = "/docker/one"
      return person
    }
    let killSet = Self.find(Crowd(other))
    #expect(killSet?.members.count == 40 && killSet?.whole == nil)
  }

  @Test func theWorstByTheFormulaGoes() {
    let old = Self.workers(60)
    let young = Self.workers(40, from: 3000) { person in
      (person.parent, person.group, person.session, person.age) = (950, 950, 950, 40)
      (person.user, person.cgroup) = (1000, "/user.slice/user-1000.slice/session-3.scope")
    }
    #expect(Self.find(Crowd(old + young), .ofSwarms(nil, formula: .spillway))?.swarm == .parent(950))
    #expect(Self.find(Crowd(old + young), .ofSwarms(nil, formula: .footprint))?.swarm == .parent(900))
    let last = young.map { person in
      var person = person
      person.tier = .last
      return person
    }
    #expect(Self.find(Crowd(old + last), .ofSwarms(nil, formula: .spillway))?.swarm == .parent(900), "its order holds")
  }

  @Test func aSingleStepIsAllowedOnlyWhereItReachesNoOther() {
    var people = Self.workers(40) { $0.parent = 1 }
    #expect(Self.find(Crowd(people))?.whole == .group(900))
    #expect(Self.find(Crowd(people), tally: SurveyTally())?.whole == nil)
    people[7].user = 34
    let killSet = Self.find(Crowd(people))
    #expect(killSet?.whole == nil && killSet?.members.count == 39)
  }

  @Test func aProcessOfAnUnknownUserHasNoKin() {
    #expect(Self.find(Crowd(Self.workers(40) { $0.user = nil })) == nil)
    #expect(Self.find(Crowd(Self.workers(40) { if $0.pid % 2 == 0 { $0.user = nil } }))?.members.count == 20)
  }

  @Test func theLargestIsThatOfTheFirstTier() {
    var people = Self.workers(5)
    people[3].footprint = 9000
    people[4].footprint = 9900
    people[4].reach = .protected
    func largest() -> Int? {
      let crowd = Crowd(people)
      return KinFinder.largest(in: crowd.table, eligibility: crowd.eligibility)
    }
    #expect(largest() == 3)
    people[3].tier = .last
    people[1].footprint = 8193
    #expect(largest() == 1)
    for index in people.indices { people[index].reach = .outside }
    #expect(largest() == nil)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func itTakesWhomItMayInWhateverOrder(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var found = 0
    for _ in 0..<200 {
      var people: [Crowd.Person] = []
      for pid in Int32(2)..<Int32.random(in: 4...80, using: &numbers) {
        var person = Crowd.Person(
          pid: pid, parent: .random(in: 0...3, using: &numbers), group: .random(in: 0...3, using: &numbers),
          session: .random(in: 0...2, using: &numbers),
          cgroup: ["/", "/a.slice/b.service", "/a.slice/b.service/c"].randomElement(using: &numbers) ?? "/",
          age: .random(in: 0...10_000, using: &numbers), footprint: .random(in: 0...9000, using: &numbers))
        person.user = .random(in: 1000...1002, using: &numbers)
        person.tier = Tier.allCases.randomElement(using: &numbers) ?? .normal
        person.reach =
          [.eligible, .eligible, .eligible, .protected, .inVain, .outside].randomElement(using: &numbers) ?? .eligible
        people.append(person)
      }
      let context = ScoringContext.ofSwarms(
        nil, formula: [.spillway, .footprint, .linux].randomElement(using: &numbers) ?? .linux)
      let shortfall = UInt64.random(in: 1...200, using: &numbers)
      let killSet = Self.find(Crowd(people), context, shortfall: shortfall)
      let shuffled = Self.find(Crowd(people.shuffled(using: &numbers)), context, shortfall: shortfall)
      #expect(
        killSet.map { Set($0.pids) } == shuffled.map { Set($0.pids) } && killSet?.pids.first == shuffled?.pids.first)
      #expect(killSet?.swarm == shuffled?.swarm && killSet?.whole == shuffled?.whole)
      guard let killSet else { continue }
      found += 1
      let members = killSet.members.map { people[Int($0.row)] }
      #expect(members.allSatisfy { $0.reach == .eligible && $0.tier == members[0].tier })
      #expect(Set(members.map(\.user)).count == 1 && Set(members.map(\.cgroup)).count == 1)
      #expect(killSet.footprint.count >= 10 * 1024 && Set(killSet.pids).count == killSet.pids.count)
      if case .group(let group) = killSet.whole {
        #expect(people.filter { $0.group == group }.count == members.count)
      }
      if case .cgroup = killSet.whole {
        #expect(people.filter { $0.cgroup.hasPrefix(members[0].cgroup) }.count == members.count)
      }
    }
    #expect(found > 50)
  }
}
