import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

/// What the killer is told of processes that it finds in a group or cgroup at the time of a signal.
@Suite struct StrikeTests {
  struct Newcomer: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var pid: Int32 = 300
    /// Adds it to the processes of ``AgentHarness``.
    var make: @Sendable (inout MemorySource) -> Void
    var clearance: Clearance

    init(
      _ name: String, pid: Int32 = 300, _ clearance: Clearance, _ make: @escaping @Sendable (inout MemorySource) -> Void
    ) {
      (testDescription, self.pid, self.clearance, self.make) = (name, pid, clearance, make)
    }
  }

  static let newcomers = [
    Newcomer("one like the victim may be killed", .mayGo) { $0.add(300, "hog", mib: 1) },
    Newcomer("one that no rule matches may be killed", .mayGo) { $0.add(300, "other", mib: 0) },
    Newcomer("one that a rule protects stays", .stays) { $0.add(300, "keeper", mib: 1) },
    Newcomer("one at oom_score_adj -1000 stays", .stays) { $0.add(300, "hog", mib: 1, adjustment: -1000) },
    Newcomer("process 1 stays", pid: 1, .stays) { _ in },
    Newcomer("the agent stays", pid: 77, .stays) { $0.add(77, "hog", mib: 1) },
    Newcomer("what the agent started stays", .stays) { $0.add(300, "hog", mib: 1, parent: 77) },
    Newcomer("one that has exited is gone", .gone) { _ in },
    Newcomer("a zombie is gone", .gone) { source in
      source.set(
        .stat, of: 300, "300 (hog) Z 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 300 0 0 0\n")
    },
    Newcomer("a stat that makes no sense stays", .stays) { source in
      source.add(300, "hog", mib: 1)
      source.set(.stat, of: 300, "300 hog\n")
    },
    Newcomer("one without a status that can be read stays", .stays) { source in
      source.add(300, "hog", mib: 1)
      source.set(.status, of: 300, "Name:\thog\n")
    },
    Newcomer("one whose oom_score_adj cannot be read stays", .stays) { source in
      source.add(300, "hog", mib: 1)
      source.files[MemorySource.Key(.oomScoreAdj, of: 300)] = nil
    },
    Newcomer("one whose cgroup makes no sense stays", .stays) { source in
      source.add(300, "hog", mib: 1)
      source.set(.cgroup, of: 300, "nonsense\n")
    },
  ]

  @Test(arguments: newcomers) func aProcessThatIsFoundIsClassifiedAtThatTime(newcomer: Newcomer) throws {
    let stage = try AgentHarness(available: [80], grace: .zero, ownPID: 77)
    #expect(stage.tick().last == "SIGTERM 100")
    newcomer.make(&stage.agent.machine.files)
    #expect(stage.tick().last == "SIGKILL 100")
    #expect(stage.clearances([newcomer.pid]) == [newcomer.clearance])
  }

  /// A signal to a whole group asks about each process that is in it by then.
  @Test(arguments: [(102, "protected"), (101, nil)] as [(Int32, String?)])
  func eachSignalAsksAboutTheProcessesOfTheGroup(newcomer: Int32, reason: String?) throws {
    let stage = try Self.ofGroup()
    stage.log.group = [100, newcomer]
    _ = stage.tick()
    stage.log.ended = [100]
    _ = stage.finish()
    let outcome = try #require(stage.records("outcome").first)
    #expect(outcome["one_by_one"] as? String == reason)
  }

  /// The hog leads a process group that is killed with it.
  private static func ofGroup(available: [UInt64?] = [80]) throws -> AgentHarness {
    let stage = try AgentHarness(available: available, grace: .zero) { policy in policy.rules[1].scope = .group }
    let stat = "100 (hog) S 1 100 100 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 100 314572800 76800 0\n"
    stage.agent.machine.files.set(.stat, of: 100, stat)
    return stage
  }

  /// By the name under which it was known it could have been killed.
  @Test func aProcessThatHasChangedIsClassifiedAnew() throws {
    let stage = try AgentHarness(available: [500, 80], grace: .zero)
    stage.agent.machine.files.add(300, "hog", mib: 1)
    _ = stage.tick()
    #expect(stage.tick().last == "SIGTERM 100")
    stage.agent.machine.files.add(300, "keeper", mib: 1)
    #expect(stage.tick().last == "SIGKILL 100")
    #expect(stage.clearances([300]) == [.stays])
  }

  /// The parent has executed another program since the survey.
  @Test func ancestorsAreReadAnewForASignal() throws {
    let stage = try AgentHarness(available: [500, 80], grace: .zero) { policy in
      policy.text += Array("guard".utf8)
      let name = UInt32(policy.text.count - 5)..<UInt32(policy.text.count)
      policy.addRule(name: name, comm: name, protects: true)
      policy.tests[policy.tests.count - 1].field = .ancestor
    }
    stage.agent.machine.files.add(50, "shell", mib: 1)
    _ = stage.tick()
    #expect(stage.tick().last == "SIGTERM 100")
    stage.agent.machine.files.add(50, "guard", mib: 1)
    stage.agent.machine.files.add(300, "hog", mib: 1, parent: 50)
    stage.agent.machine.files.add(301, "hog", mib: 1)
    #expect(stage.tick().last == "SIGKILL 100")
    #expect(stage.clearances([300, 301]) == [.stays, .mayGo])
  }

  @Test func thePolicyInForceDecidesAndNotTheOneThatChoseTheVictim() throws {
    let stage = try AgentHarness(available: [80], grace: .zero)
    #expect(stage.tick().last == "SIGTERM 100")
    var policy = stage.agent.policy
    policy.text += Array("newly".utf8)
    let name = UInt32(policy.text.count - 5)..<UInt32(policy.text.count)
    policy.addRule(name: name, comm: name, protects: true)
    stage.agent.putInForce(policy)
    stage.agent.machine.files.add(300, "newly", mib: 1)
    #expect(stage.tick().last == "SIGKILL 100")
    #expect(stage.clearances([300]) == [.stays])
  }

  @Test func anOutcomeTellsWhyProcessesWereSignalledOneByOneAndWhatCameBack() throws {
    let stage = try Self.ofGroup(available: [80, 80, 83])
    stage.log.groupRefusal = Errno(30)
    _ = stage.tick()
    _ = stage.tick()
    stage.log.ended = [100]
    _ = stage.finish()
    let outcome = try #require(stage.records("outcome").first)
    #expect(outcome["one_by_one"] as? String == "refused" && outcome["counted_kib"] as? Int == 300 * 1024)
    #expect(outcome["one_by_one_error"] as? String == "read-only file system")
    #expect(outcome["note"] as? String == "killing it gave back 3072 KiB of the 300 MiB counted")
    #expect(
      try stage.messages().contains(
        "available 83 MiB; signalled one by one: the kernel does not let it go in one step (read-only file system); "
          + "killing it gave back 3072 KiB of the 300 MiB counted\n"))
  }

  @Test func thatCgroupsCannotBeWrittenIsToldOnceWhereThePolicyMayKillOne() throws {
    let stage = try AgentHarness(available: [500])
    let said =
      "cgroups cannot be written here (read-only file system): where a whole cgroup is to be killed, its processes"
    stage.log.cgroupRefusal = Errno(30)
    stage.agent.sayUnwritableCgroups()
    #expect(try !stage.messages().contains(said))
    // A policy that is read later may kill a cgroup.
    var policy = stage.agent.policy
    policy.rules[1].scope = .unit
    for _ in 0..<2 { stage.agent.putInForce(policy) }
    #expect(try stage.messages().components(separatedBy: said).count == 2)
  }

  @Test(arguments: [
    (Scope.cgroup, false, true), (.unit, false, true), (.process, true, true), (.group, false, false),
    (.session, false, false), (.tree, false, false), (.process, false, false),
  ])
  func whichPoliciesMayReachCgroups(scope: Scope, hasSwarm: Bool, mayReach: Bool) throws {
    var plain = try AgentHarness(available: [500]).agent.policy
    #expect(!plain.mayReachCgroups)
    var settings = plain.settings
    settings.scope = scope
    if hasSwarm { settings.swarm = Swarm(members: 4, age: .milliseconds(30_000), times: 2) }
    var domain = plain
    domain.domains.append(
      Domain(name: Slice(start: 0, count: 1), cgroup: Slice(start: 0, count: 1), settings: settings))
    var rule = plain
    rule.rules[1].scope = scope
    plain.settings = settings
    #expect(plain.mayReachCgroups == mayReach && domain.mayReachCgroups == mayReach)
    #expect(rule.mayReachCgroups == (mayReach && !hasSwarm))
  }

  @Test func aProcessThatWasKilledInVainStays() throws {
    let stage = try AgentHarness(available: [80], grace: .zero)
    #expect(stage.tick().last == "SIGTERM 100")
    stage.agent.chooser.inVain.insert(ProcessIdentity(pid: 101, startTime: Ticks(101)))
    #expect(stage.tick().last == "SIGKILL 100")
    #expect(stage.clearances([101]) == [.stays])
  }

  /// A process outside the victim's domain was not ranked, and stays; so does a protected one inside. With `isHastened`
  /// the system around the domain ran short, and the victim's grace is over for that.
  @Test(arguments: [false, true]) func aProcessOutsideTheDomainStays(isHastened: Bool) throws {
    let stage = try AgentHarness(available: [800], grace: isHastened ? .milliseconds(60_000) : .zero) { policy in
      var settings = policy.settings
      settings.thresholds.floor.available = .share(.percent(20))
      settings.thresholds.release = .share(.percent(30))
      policy.text += Array("batch/batch".utf8)
      let end = UInt32(policy.text.count)
      policy.domains.append(
        Domain(name: Slice(start: end - 11, count: 5), cgroup: Slice(start: end - 6, count: 6), settings: settings))
    }
    stage.agent.machine.files.cgroupVersion = .v2
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    for (pid, name) in [(200, "job"), (201, "keeper"), (202, "job")] as [(Int32, String)] {
      stage.agent.machine.files.add(pid, name, mib: 90)
      stage.agent.machine.files.set(.cgroup, of: pid, "0::/batch/x.service\n")
    }
    stage.agent.machine.files.set(.cgroup, of: 202, "0::/elsewhere\n")
    stage.agent.machine.files.add(203, "job", mib: 1)
    stage.agent.machine.files.set(.cgroup, of: 203, "0::/batch/x.service\n")
    #expect(stage.tick().last == "SIGTERM 200")
    if isHastened { stage.agent.machine.available = [90] }
    #expect(stage.tick().contains("SIGKILL 200"))
    #expect(stage.clearances([201, 202, 203], in: 1) == [.stays, .stays, .mayGo])
  }
}
