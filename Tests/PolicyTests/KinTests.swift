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

  /// Workers of one service, a day old, of 8 MiB each.
  private static func workers(
    _ count: Int, from pid: Int32 = 1000, _ change: (inout Crowd.Member) -> Void = { _ in }
  ) -> [Crowd.Member] {
    (0..<count).map { index in
      var process = Crowd.Member(
        pid: pid + Int32(index), parent: 900, group: 900, session: 900, cgroup: "/system.slice/app.service",
        age: 86_400, footprint: 8 * 1024)
      process.user = 33
      change(&process)
      return process
    }
  }

  private static func daemonized(_ process: inout Crowd.Member) {
    (process.parent, process.group, process.session) = (1, process.pid, process.pid)
  }

  @Test func kinAreKilledWhateverTheirAgeAndSize() throws {
    let killSet = try #require(Self.find(Crowd(Self.workers(40))))
    #expect(killSet.members.count == 40 && killSet.swarm == .parent(900) && killSet.choice == .kin)
    #expect(killSet.whole == nil, "a parent's children are no single step")
    #expect(Self.find(Crowd(Self.workers(1))) == nil, "together less than min_footprint")
    #expect(Self.find(Crowd(Self.workers(2)))?.members.count == 2)
  }

  @Test func aWiderKinshipCountsWhereTheCloserGivesTooLittle() {
    let two = Self.workers(30) + Self.workers(20, from: 2000) { $0.parent = 901 }
    #expect(Self.find(Crowd(two), shortfall: 200)?.swarm == .parent(900))
    #expect(Self.find(Crowd(two), shortfall: 300)?.swarm == .group(900))
    let loners = Self.workers(40, Self.daemonized)
    #expect(Self.find(Crowd(loners))?.swarm?.name == "cgroup")
    let rootless = Self.workers(40) { process in
      Self.daemonized(&process)
      process.cgroup = "/"
    }
    #expect(Self.find(Crowd(rootless)) == nil, "the root cgroup is the machine's")
  }

  /// As with Docker's cgroupfs driver: one service in systemd's hierarchy, and a container each in that of memory.
  @Test func processesOfDifferentCgroupsInOneHierarchyAreNoKin() {
    let two =
      Self.workers(30) { $0.memory = "/docker/one" } + Self.workers(20, from: 2000) { $0.memory = "/docker/two" }
    let killSet = Self.find(Crowd(two), shortfall: 1000)
    #expect(killSet?.members.count == 30)
    let same = two.map { process in
      var process = process
      process.memory = "/docker/one"
      return process
    }
    #expect(Self.find(Crowd(same), shortfall: 1000)?.members.count == 50)
  }

  /// Killing the cgroup of that path would kill processes that systemd knows by another name.
  @Test func aCgroupThatHasOtherProcessesInTheOtherHierarchyIsNotKilledInOneStep() {
    let own = Self.workers(40, Self.daemonized)
    #expect(Self.find(Crowd(own))?.whole != nil)
    let other = own.map { process in
      var process = process
      process.memory = "/docker/one"
      return process
    }
    let killSet = Self.find(Crowd(other))
    #expect(killSet?.members.count == 40 && killSet?.whole == nil)
  }

  @Test func theKinWithTheHighestScoreAreKilled() {
    let old = Self.workers(60)
    let young = Self.workers(40, from: 3000) { process in
      (process.parent, process.group, process.session, process.age) = (950, 950, 950, 40)
      (process.user, process.cgroup) = (1000, "/user.slice/user-1000.slice/session-3.scope")
    }
    #expect(Self.find(Crowd(old + young), .ofSwarms(nil, formula: .spillway))?.swarm == .parent(950))
    #expect(Self.find(Crowd(old + young), .ofSwarms(nil, formula: .footprint))?.swarm == .parent(900))
    let last = young.map { process in
      var process = process
      process.tier = .last
      return process
    }
    #expect(Self.find(Crowd(old + last), .ofSwarms(nil, formula: .spillway))?.swarm == .parent(900), "its order holds")
  }

  @Test func kinAreKilledInOneStepOnlyWhereThatReachesNoOther() {
    var processes = Self.workers(40) { $0.parent = 1 }
    #expect(Self.find(Crowd(processes))?.whole == .group(900))
    #expect(Self.find(Crowd(processes), tally: SurveyTally())?.whole == nil)
    processes[7].user = 34
    let killSet = Self.find(Crowd(processes))
    #expect(killSet?.whole == nil && killSet?.members.count == 39)
  }

  @Test func aProcessOfAnUnknownUserHasNoKin() {
    #expect(Self.find(Crowd(Self.workers(40) { $0.user = nil })) == nil)
    #expect(Self.find(Crowd(Self.workers(40) { if $0.pid % 2 == 0 { $0.user = nil } }))?.members.count == 20)
  }

  @Test func theLargestIsLookedForInTheFirstTier() {
    var processes = Self.workers(5)
    processes[3].footprint = 9000
    processes[4].footprint = 9900
    processes[4].reach = .protected
    func largest() -> Int? {
      let crowd = Crowd(processes)
      return KinFinder.largest(in: crowd.table, eligibility: crowd.eligibility)
    }
    #expect(largest() == 3)
    processes[3].tier = .last
    processes[1].footprint = 8193
    #expect(largest() == 1)
    for index in processes.indices { processes[index].reach = .outside }
    #expect(largest() == nil)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func kinAgreeWithTheReferenceAlgorithmInAnyOrder(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var found = 0
    for _ in 0..<200 {
      var processes: [Crowd.Member] = []
      for pid in Int32(2)..<Int32.random(in: 4...80, using: &numbers) {
        var process = Crowd.Member(
          pid: pid, parent: .random(in: 0...3, using: &numbers), group: .random(in: 0...3, using: &numbers),
          session: .random(in: 0...2, using: &numbers),
          cgroup: ["/", "/a.slice/b.service", "/a.slice/b.service/c"].randomElement(using: &numbers) ?? "/",
          age: .random(in: 0...10_000, using: &numbers), footprint: .random(in: 0...9000, using: &numbers))
        process.user = .random(in: 1000...1002, using: &numbers)
        process.tier = Tier.allCases.randomElement(using: &numbers) ?? .normal
        process.reach =
          [.eligible, .eligible, .eligible, .protected, .inVain, .outside].randomElement(using: &numbers) ?? .eligible
        processes.append(process)
      }
      let context = ScoringContext.ofSwarms(
        nil, formula: [.spillway, .footprint, .linux].randomElement(using: &numbers) ?? .linux)
      let shortfall = UInt64.random(in: 1...200, using: &numbers)
      let killSet = Self.find(Crowd(processes), context, shortfall: shortfall)
      let shuffled = Self.find(Crowd(processes.shuffled(using: &numbers)), context, shortfall: shortfall)
      #expect(
        killSet.map { Set($0.pids) } == shuffled.map { Set($0.pids) } && killSet?.pids.first == shuffled?.pids.first)
      #expect(killSet?.swarm == shuffled?.swarm && killSet?.whole == shuffled?.whole)
      guard let killSet else { continue }
      found += 1
      let members = killSet.members.map { processes[Int($0.row)] }
      #expect(members.allSatisfy { $0.reach == .eligible && $0.tier == members[0].tier })
      #expect(Set(members.map(\.user)).count == 1 && Set(members.map(\.cgroup)).count == 1)
      #expect(killSet.footprint.count >= 10 * 1024 && Set(killSet.pids).count == killSet.pids.count)
      if case .group(let group) = killSet.whole {
        #expect(processes.filter { $0.group == group }.count == members.count)
      }
      if case .cgroup = killSet.whole {
        #expect(processes.filter { $0.cgroup.hasPrefix(members[0].cgroup) }.count == members.count)
      }
    }
    #expect(found > 50)
  }
}
