import Fixtures
import Policy
import ProcModel
import Testing

@Suite struct ScopeTests {
  private static let login = "/user.slice/user-1000.slice/session-3.scope"

  /// A login with a build, a service with a cgroup below its own, and some single processes.
  private static let crowd = Crowd([
    .init(pid: 1, parent: 0, group: 1, session: 1, cgroup: "/init.scope"),
    .init(pid: 10, group: 10, session: 10, cgroup: "/system.slice/ssh.service"),
    .init(pid: 20, parent: 10, group: 20, session: 20, cgroup: login),
    .init(pid: 21, parent: 20, group: 21, session: 20, cgroup: login),
    .init(pid: 22, parent: 21, group: 21, session: 20, cgroup: login),
    .init(pid: 23, parent: 21, group: 21, session: 20, cgroup: login),
    .init(pid: 24, parent: 22, group: 24, session: 24, cgroup: login),
    .init(pid: 25, parent: 20, group: 25, session: 20, cgroup: login + "/sub"),
    .init(pid: 30, group: 30, session: 30, cgroup: "/system.slice/pg.service"),
    .init(pid: 31, parent: 30, group: 31, session: 31, cgroup: "/system.slice/pg.service/worker"),
    .init(pid: 32, parent: 30, group: 32, session: 32, cgroup: "/system.slice/pg.service.d"),
    .init(pid: 40, group: 40, session: 40, cgroup: "/batch.slice"),
    .init(pid: 41, group: 0, session: 0, cgroup: "/docker/c1"),
    .init(pid: 42, group: 1, session: 1),
  ])

  @Test(
    arguments: [
      (20, .process, [20]), (21, .group, [21, 22, 23]), (22, .group, [22, 21, 23]), (24, .group, [24]),
      (23, .session, [23, 20, 21, 22, 25]), (24, .session, [24]), (21, .tree, [21, 22, 23, 24]),
      (20, .tree, [20, 21, 22, 23, 24, 25]), (22, .tree, [22, 24]), (10, .tree, [10, 20, 21, 22, 23, 24, 25]),
      (20, .cgroup, [20, 21, 22, 23, 24, 25]), (25, .cgroup, [25]), (30, .cgroup, [30, 31]), (31, .cgroup, [31]),
      (25, .unit, [25, 20, 21, 22, 23, 24]), (31, .unit, [31, 30]), (40, .cgroup, [40]), (41, .cgroup, [41]),
    ] as [(Int32, Scope, [Int32])]) func aScopeTakesTheseProcessesAndNoOther(victim: Int32, scope: Scope, pids: [Int32])
  {
    let killSet = Self.crowd.killSet(of: victim, scope)
    #expect(killSet.pids == pids)
    #expect(killSet.wanted == scope && killSet.scope == scope && killSet.fallback == nil && killSet.swarm == nil)
    #expect(killSet.footprint == KiB(300 * UInt64(pids.count)))
    #expect(killSet.protected == 0 && killSet.beyond == 0)
    let processes = Self.crowd.processes
    #expect(killSet.members.allSatisfy { processes[Int($0.row)].identity == $0.identity })
  }

  @Test(
    arguments: [
      (41, .group, .otherNamespace), (41, .session, .otherNamespace), (42, .group, .holdsInit),
      (42, .session, .holdsInit), (42, .cgroup, .rootCgroup), (42, .unit, .rootCgroup), (41, .unit, .noUnit),
      (40, .unit, .noUnit),
    ] as [(Int32, Scope, ScopeFallback)])
  func whereThereIsNoScopeTheProcessIsKilledAlone(victim: Int32, scope: Scope, fallback: ScopeFallback) {
    let killSet = Self.crowd.killSet(of: victim, scope)
    #expect(killSet.pids == [victim])
    #expect(
      killSet.wanted == scope && killSet.scope == .process && killSet.fallback == fallback && killSet.whole == nil)
  }

  @Test(
    arguments: [
      (22, .group, 21), (23, .session, 20), (10, .tree, 22), (30, .cgroup, 31), (31, .unit, 30),
    ] as [(Int32, Scope, Int32)])
  func aScopeWithTheAgentInItFallsBackToTheProcess(victim: Int32, scope: Scope, agent: Int32) {
    let killSet = Self.crowd.killSet(of: victim, scope, agent: agent)
    #expect(
      killSet.pids == [victim] && killSet.fallback == .holdsAgent && killSet.whole == nil && killSet.protected == 0)
    #expect(killSet.footprint == KiB(300))
  }

  @Test func aScopeWithProcessOneInItFallsBackToTheProcess() {
    let crowd = Crowd([
      .init(pid: 1, parent: 0, group: 7, session: 7, cgroup: "/a"), .init(pid: 2, group: 7, session: 7, cgroup: "/a"),
    ])
    for scope in [Scope.group, .session, .cgroup] {
      let killSet = crowd.killSet(of: 2, scope)
      #expect(killSet.pids == [2] && killSet.fallback == .holdsInit)
    }
  }

  /// Two containers that are one service in systemd's hierarchy, two that are one slice in that of memory, and one that
  /// is the same in both.
  private static let hybrid = Crowd([
    .init(pid: 50, cgroup: "/system.slice/slurmd.service", memory: "/slurm/job_1"),
    .init(pid: 51, cgroup: "/system.slice/slurmd.service", memory: "/slurm/job_1/step"),
    .init(pid: 52, cgroup: "/system.slice/slurmd.service", memory: "/slurm/job_2"),
    .init(pid: 60, cgroup: "/user.slice/u.slice/session-1.scope", memory: "/user.slice"),
    .init(pid: 61, cgroup: "/user.slice/u.slice/session-1.scope", memory: "/user.slice"),
    .init(pid: 62, cgroup: "/user.slice/u.slice/session-2.scope", memory: "/user.slice"),
    .init(pid: 70, cgroup: "/docker/a", memory: "/docker/a"), .init(pid: 71, cgroup: "/docker/a", memory: "/docker/a"),
    .init(pid: 80, cgroup: "/a.service", memory: "/"), .init(pid: 81, cgroup: "/a.service", memory: "/x"),
  ])

  @Test(
    arguments: [
      (50, .cgroup, [50, 51], false), (51, .cgroup, [51], false), (50, .unit, [50, 51, 52], true),
      (60, .cgroup, [60, 61], false), (60, .unit, [60, 61], true), (70, .cgroup, [70, 71], true),
      (80, .cgroup, [80, 81], true), (81, .cgroup, [81], false),
    ] as [(Int32, Scope, [Int32], Bool)])
  func aScopeReachesProcessesThatAgreeInBothHierarchies(victim: Int32, scope: Scope, pids: [Int32], isWhole: Bool) {
    let killSet = Self.hybrid.killSet(of: victim, scope)
    #expect(killSet.pids == pids && killSet.fallback == nil)
    #expect((killSet.whole != nil) == isWhole)
  }

  /// In the unified hierarchy the containers are in the cgroup of their runtime.
  @Test func aCgroupThatHoldsProcessesOfAnotherNameIsNotActedOnAsAWhole() {
    var processes = [
      Crowd.Member(pid: 90, cgroup: "/system.slice/containerd.service"),
      Crowd.Member(pid: 91, cgroup: "/system.slice/containerd.service"),
    ]
    #expect(Crowd(processes).killSet(of: 90, .cgroup).whole != nil)
    processes.append(
      .init(pid: 92, cgroup: "/docker/a", memory: "/docker/a", unified: "/system.slice/containerd.service/x"))
    let crowd = Crowd(processes)
    for scope in [Scope.cgroup, .unit] {
      let killSet = crowd.killSet(of: 90, scope)
      #expect(killSet.pids == [90, 91] && killSet.whole == nil)
    }
    #expect(crowd.killSet(of: 92, .cgroup).pids == [92])
  }

  @Test func anUnknownCgroupReachesNoOtherProcess() {
    let crowd = Crowd([
      .init(pid: 5, cgroup: "/../a.service", isUnplaced: true),
      .init(pid: 6, cgroup: "/../a.service", isUnplaced: true),
      .init(pid: 7, cgroup: "/../a.service"),
    ])
    for scope in [Scope.cgroup, .unit] {
      let killSet = crowd.killSet(of: 5, scope)
      #expect(killSet.pids == [5] && killSet.fallback == .unknownCgroup && killSet.whole == nil)
    }
    #expect(crowd.killSet(of: 7, .cgroup).pids == [7])
  }

  @Test func aScopeShrinksToTheProcessesThatMayBeKilled() {
    var processes = Self.crowd.processes
    processes[4].reach = .protected
    processes[7].reach = .inVain
    let crowd = Crowd(processes)
    let killSet = crowd.killSet(of: 20, .cgroup)
    #expect(killSet.pids == [20, 21, 23, 24] && killSet.protected == 1 && killSet.inVain == 1)
    #expect(killSet.whole == nil && killSet.scope == .cgroup)
    #expect(killSet.footprint == KiB(1200))
    processes[4].reach = .outside
    let smaller = Crowd(processes).killSet(of: 20, .cgroup)
    #expect(smaller.pids == killSet.pids && smaller.outside == 1 && smaller.protected == 0 && smaller.whole == nil)
    // The descendants of a protected process are reached through it.
    #expect(crowd.killSet(of: 21, .tree).pids == [21, 23, 24])
  }

  @Test func aVictimThatMayNotBeKilledHasNoKillSet() {
    for reach in [Eligibility.Status.protected, .inVain] {
      var processes = Self.crowd.processes
      processes[2].reach = reach
      for scope in Scope.allCases {
        #expect(Crowd(processes).killSet(of: 20, scope).members.isEmpty)
      }
    }
    #expect(Self.crowd.killSet(of: 4711, .cgroup).leader == nil)
  }

  @Test func aSingleStepIsAllowedOnlyWhereItKillsNoOther() {
    #expect(Self.crowd.killSet(of: 22, .group).whole == .group(21))
    let key = Self.crowd.table.rows[8].cgroupKey ?? 0
    #expect(Self.crowd.killSet(of: 30, .cgroup).whole == .cgroup(key))
    #expect(Self.crowd.killSet(of: 31, .unit).whole == .cgroup(key))
    for scope in [Scope.process, .session, .tree] { #expect(Self.crowd.killSet(of: 22, scope).whole == nil) }
    for scope in Scope.allCases { #expect(Self.crowd.killSet(of: 22, scope, isComplete: false).whole == nil) }
  }

  @Test func aKillSetHasALimitAndCountsTheProcessesBeyondIt() {
    var crowd = Crowd([])
    for pid in Int32(100)..<800 { crowd.add(.init(pid: pid, group: 100, session: 100, cgroup: "/a.service")) }
    let killSet = crowd.killSet(of: 700, .cgroup)
    #expect(killSet.members.count == KillSet.capacity && killSet.beyond == 700 - KillSet.capacity)
    #expect(killSet.leader?.identity.pid == 700 && killSet.footprint == KiB(300 * UInt64(KillSet.capacity)))
    // Killing the whole kills those too, and no others.
    #expect(killSet.whole != nil)
  }

  @Test func aKillSetThatIsUsedAgainKeepsNothing() {
    var resolver = ScopeResolver(capacity: 4)
    var killSet = KillSet()
    let crowd = Self.crowd
    for (victim, scope, count) in [(20, Scope.cgroup, 6), (42, .unit, 1), (21, .group, 3), (10, .process, 1)] {
      let identity = ProcessIdentity(pid: Int32(victim), startTime: Ticks(UInt64(victim)))
      resolver.resolve(
        identity, scope: scope, in: crowd.table, eligibility: crowd.eligibility, agent: 0, isComplete: true,
        into: &killSet)
      #expect(killSet.members.count == count)
    }
    #expect(killSet.fallback == nil && killSet.whole == nil)
  }

  @Test func circlesOfParentsAndReusedParentNumbersAreNoDescent() {
    let crowd = Crowd([
      .init(pid: 10, parent: 12, startTime: 5), .init(pid: 11, parent: 10, startTime: 5),
      .init(pid: 12, parent: 11, startTime: 5), .init(pid: 13, parent: 13, startTime: 5),
      .init(pid: 14, parent: 12, startTime: 6), .init(pid: 20, parent: 1, startTime: 9),
      // It is older than the process that has its parent's number now.
      .init(pid: 21, parent: 20, startTime: 8), .init(pid: 22, parent: 20, startTime: 9),
    ])
    #expect(crowd.killSet(of: 13, .tree).pids == [13])
    #expect(crowd.killSet(of: 20, .tree).pids == [20, 22])
    #expect(crowd.killSet(of: 14, .tree).pids == [14])
    #expect(crowd.killSet(of: 10, .tree).pids == [10, 11, 12, 14])
  }

  @Test func aTreeMayBeAsDeepAsThereAreProcesses() {
    // The last come first, so that each way up is walked from its far end.
    var crowd = Crowd([])
    for pid in (Int32(2)..<20_002).reversed() { crowd.add(.init(pid: pid, parent: pid - 1)) }
    let killSet = crowd.killSet(of: 10_001, .tree)
    #expect(killSet.members.count == KillSet.capacity && killSet.beyond == 10_001 - KillSet.capacity)
    #expect(killSet.pids.allSatisfy { $0 >= 10_001 })
  }

  /// On generated machines.
  @Test(arguments: 1...40 as ClosedRange<UInt64>) func scopesAgreeWithTheReferenceAlgorithm(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    let paths = ["/", "/a.slice", "/a.slice/b.service", "/a.slice/b.service/c", "/a.slice/b.service/cd", "/x/y"]
    let count = Int32.random(in: 2...60, using: &numbers)
    var processes: [Crowd.Member] = []
    for pid in 2...count {
      processes.append(
        .init(
          pid: pid, parent: Int32.random(in: 0..<pid, using: &numbers), group: Int32.random(in: 0...6, using: &numbers),
          session: Int32.random(in: 0...4, using: &numbers), cgroup: paths.randomElement(using: &numbers) ?? "/",
          reach: Int.random(in: 0..<6, using: &numbers) == 0 ? .protected : .eligible))
    }
    processes.shuffle(using: &numbers)
    let crowd = Crowd(processes)
    let agent = Int32.random(in: 0...count, using: &numbers)
    for victim in processes {
      for scope in Scope.allCases {
        let killSet = crowd.killSet(of: victim.pid, scope, agent: agent)
        let asked = processes.filter { $0.pid == victim.pid || Self.reaches(scope, victim, $0, processes) }
        let isNone =
          switch scope {
          case .process, .tree: false
          case .group: victim.group <= 1
          case .session: victim.session <= 1
          case .cgroup: victim.cgroup == "/"
          case .unit: !victim.cgroup.hasPrefix("/a.slice/b.service")
          }
        guard victim.reach == .eligible else {
          #expect(killSet.members.isEmpty)
          continue
        }
        let fallsBack = isNone || (victim.pid != agent && scope != .process && asked.contains { $0.pid == agent })
        let expected = fallsBack ? [victim] : asked.filter { $0.reach == .eligible }
        #expect(Set(killSet.pids) == Set(expected.map(\.pid)) && killSet.pids.count == expected.count)
        #expect(
          killSet.pids.first == victim.pid && (killSet.fallback != nil) == fallsBack, "\(scope.name) of \(victim.pid)")
        #expect(fallsBack || killSet.protected == asked.count - expected.count)
        if killSet.whole != nil { #expect(asked.count == killSet.members.count) }
      }
    }
  }

  private static func reaches(
    _ scope: Scope, _ victim: Crowd.Member, _ other: Crowd.Member, _ processes: [Crowd.Member]
  ) -> Bool {
    switch scope {
    case .process: return false
    case .group: return other.group == victim.group
    case .session: return other.session == victim.session
    case .tree:
      var at: Crowd.Member? = other
      while let process = at {
        if process.pid == victim.pid { return true }
        at = processes.first { $0.pid == process.parent }
      }
      return false
    case .cgroup: return (other.cgroup + "/").hasPrefix(victim.cgroup + "/")
    case .unit: return other.cgroup.hasPrefix("/a.slice/b.service")
    }
  }
}
