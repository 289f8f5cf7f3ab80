import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

/// Memory domains: which process is killed for which domain, and which domain waits for another.
@Suite struct DomainTests {
  /// The system has 1000 MiB, its floor at 100 MiB and its release line at 150. Those of the domain `batch`, cgroup
  /// /batch, are at 20 % and 30 % of its limit. In it are job (200, 90 MiB) and keeper (201, 95 MiB); outside it are
  /// the processes of ``AgentHarness``.
  private static func stage(
    available: [UInt64?] = [800], domains: [(name: String, cgroup: String)] = [("batch", "/batch")],
    system: String? = nil, settings change: (inout Settings) -> Void = { _ in }
  ) throws -> AgentHarness {
    let stage = try AgentHarness(available: available) { policy in
      for domain in domains {
        var settings = policy.settings
        settings.thresholds.floor.available = .share(.percent(20))
        settings.thresholds.release = .share(.percent(30))
        change(&settings)
        let name = policy.add(domain.name)
        policy.domains.append(Domain(name: name, cgroup: policy.add(domain.cgroup), settings: settings))
      }
    }
    stage.agent.machine.files.cgroupVersion = .v2
    stage.agent.machine.files.add(200, "job", mib: 90)
    stage.agent.machine.files.add(201, "keeper", mib: 95)
    for pid: Int32 in [200, 201] { stage.agent.machine.files.set(.cgroup, of: pid, "0::/batch/x.service\n") }
    if let system { stage.agent.machine.files.set(.cgroup, of: 1, "0::\(system)\n") }
    return stage
  }

  @Test func aDomainInTroubleKillsAProcessOfItsOwn() throws {
    let stage = try Self.stage()
    stage.agent.machine.files.limit("/batch", mib: 240, used: 150)
    #expect(stage.tick() == ["meminfo", "meminfo"])
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    // The machine has plenty. The larger processes outside the domain are no candidates, and the keeper is protected.
    #expect(stage.tick() == ["meminfo", "meminfo", "hold 200", "meminfo", "SIGTERM 200"])
    let decision = try #require(stage.records("decision").first)
    #expect(decision["domain"] as? String == "batch" && decision["episode"] as? Int == 1)
    #expect(decision["considered"] as? Int == 2 && decision["protected"] as? Int == 1)
    let reading = try #require(decision["reading"] as? [String: Any])
    #expect(reading["total_kib"] as? Int == 240 * 1024 && reading["available_kib"] as? Int == 45 * 1024)
    stage.log.ended = [200]
    stage.agent.machine.files.limit("/batch", mib: 240, used: 100)
    _ = stage.finish()
    _ = stage.tick()
    #expect(try stage.records("outcome").map { $0["domain"] as? String } == ["batch"])
    let messages = try stage.messages()
    #expect(messages.contains("domain batch: cgroup /batch with 240 MiB of memory\n"))
    #expect(messages.contains("domain batch: sent SIGTERM to 200 (job), footprint 90 MiB"))
    #expect(messages.hasSuffix("domain batch: memory is back: available 140 MiB\n"))
  }

  @Test func aDomainWithoutACandidateKillsNoProcessOutsideIt() throws {
    let stage = try Self.stage(domains: [("empty", "/nobody")])
    stage.agent.machine.files.limit("/nobody", mib: 100, used: 99)
    for _ in 0..<5 { #expect(stage.tick() == ["meminfo", "meminfo"]) }
    let decisions = try stage.records("decision")
    #expect(decisions.count == 1 && decisions[0]["reason"] as? String == "no_candidate")
    #expect(decisions[0]["considered"] as? Int == 0 && decisions[0]["domain"] as? String == "empty")
    #expect(try stage.messages().contains("domain empty: NO PROCESS CAN BE KILLED: of 0 processes"))
  }

  @Test func theSystemWaitsForAVictimOfADomainWithinItAndSendsItSIGKILL() throws {
    let stage = try Self.stage(available: [800, 800, 800, 800, 90])
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    #expect(stage.tick() == ["meminfo", "meminfo", "hold 200", "meminfo", "SIGTERM 200"])
    // Now the machine is short too: the victim's grace is over, and no other process is chosen.
    stage.agent.machine.available = [90]
    #expect(stage.tick().filter { $0 != "meminfo" } == ["SIGKILL 200"])
    for _ in 0..<5 { #expect(stage.tick().filter { $0 != "meminfo" } == []) }
    stage.log.ended = [200]
    stage.agent.machine.files.remove(200)
    stage.agent.machine.files.limit("/batch", mib: 240, used: 100)
    stage.agent.machine.available = [160]
    _ = stage.finish()
    #expect(try outcomes(stage) == ["200 killed SIGKILL"])
    #expect(try stage.records("outcome").first?["escalation"] as? String == "needed_elsewhere")
    // That was not enough for the machine, which now chooses a victim of its own.
    stage.agent.machine.available = [90]
    #expect(stage.tick().filter { $0 != "meminfo" } == ["hold 100", "SIGTERM 100"])
  }

  @Test func aDomainDoesNotWaitForAVictimOutsideIt() throws {
    let stage = try Self.stage(available: [90])
    stage.agent.machine.files.limit("/batch", mib: 240, used: 100)
    #expect(stage.tick().filter { $0 != "meminfo" } == ["hold 100", "SIGTERM 100"])
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    #expect(stage.tick().contains("SIGTERM 200"))
    stage.log.ended = [100, 200]
    _ = stage.finish()
    #expect(try Set(outcomes(stage)) == ["100 exited SIGTERM", "200 exited SIGTERM"])
  }

  @Test func aDomainWaitsForAVictimOfADomainWithinIt() throws {
    let stage = try Self.stage(domains: [("outer", "/batch"), ("inner", "/batch/x.service")])
    stage.agent.machine.files.limit("/batch", mib: 400, used: 100)
    stage.agent.machine.files.limit("/batch/x.service", mib: 240, used: 195)
    #expect(stage.tick().contains("SIGTERM 200"))
    stage.agent.machine.files.limit("/batch", mib: 240, used: 200)
    #expect(stage.tick().filter { $0 != "meminfo" } == ["SIGKILL 200"])
    #expect(try stage.records("decision").map { $0["domain"] as? String } == ["inner"])
  }

  @Test func aCgroupThatIsMadeLaterIsWatchedFromThenOn() throws {
    let stage = try Self.stage()
    for _ in 0..<3 { _ = stage.tick() }
    #expect(
      try stage.messages().components(separatedBy: "domain batch: its cgroup cannot be read").count == 2, "said once")
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    #expect(stage.tick().last == "SIGTERM 200")
  }

  /// Many old processes that the domain's minimum does not leave out: they are larger than the minimum of the domain
  /// that was read last, map shared memory, or have exited since. None of them may count as a member of the swarm.
  @Test(arguments: ["larger", "shared", "gone"]) func aSwarmInADomainIsFoundBesideOldProcesses(old: String) throws {
    // Not worth killing: under 4.8 MiB in `batch`, under 10 MiB in `wide`, which is read last.
    let stage = try Self.stage(domains: [("batch", "/batch"), ("wide", "/wide")]) { settings in
      settings.swarm = Swarm(members: 4, age: .milliseconds(30_000), times: 2)
    }
    for pid: Int32 in [200, 201] { stage.agent.machine.files.remove(pid) }
    for pid: Int32 in 2001...2060 {
      stage.agent.machine.files.add(pid, "old", mib: old == "larger" ? 6 : 1)
      if old == "shared" { stage.agent.machine.files.addShared(pid, kib: 4) }
    }
    stage.agent.machine.files.limit("/wide", mib: 1000, used: 10)
    stage.agent.machine.files.limit("/batch", mib: 240, used: 100)
    _ = stage.tick()
    if old == "gone" { for pid: Int32 in 2001...2060 { stage.agent.machine.files.remove(pid) } }
    for pid: Int32 in 99_901...99_930 {
      stage.agent.machine.files.add(pid, "bomb", mib: 3, parent: 99_900)
      stage.agent.machine.files.set(.cgroup, of: pid, "0::/batch/x.service\n")
    }
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    // Keeps this look from taking another survey in calm time.
    stage.agent.chooser.learnedAt = stage.agent.machine.now
    _ = stage.tick()
    let decision = try #require(stage.records("decision").first)
    #expect(decision["domain"] as? String == "batch")
    #expect((decision["kill_set"] as? [String: Any])?["members"] as? Int == 30)
  }

  @Test func triggersWhoseFiguresACgroupLacksAreOff() throws {
    let stage = try AgentHarness(available: [800]) { policy in
      var settings = policy.settings
      settings.thresholds.stall = Stall(
        isFull: true, share: .percent(20), over: .milliseconds(2000), below: .share(.percent(20)))
      settings.thresholds.thrash = Thrash(
        refaults: .percent(1), over: .milliseconds(2000), swapFree: .share(.percent(10)))
      let name = policy.add("old")
      policy.domains = [Domain(name: name, cgroup: policy.add("/old"), settings: settings)]
    }
    stage.agent.machine.files.cgroupVersion = .v1
    stage.agent.machine.files.limit("/old", mib: 100, used: 50)
    _ = stage.tick()
    _ = stage.tick()
    let messages = try stage.messages()
    for trigger in ["stall", "thrash"] {
      #expect(messages.components(separatedBy: "the trigger \(trigger) is off").count == 2, "said once")
    }
  }

  @Test func inAContainerTheSystemIsItsCgroup() throws {
    let stage = try Self.stage(domains: [], system: "/init.scope")
    // As in a cgroup namespace: the container's own cgroup is the root.
    stage.agent.machine.files.limit("", mib: 200, used: 100)
    stage.agent.takeUpDomains()
    _ = stage.log.take()
    #expect(stage.agent.domains[0].isCgroup)
    #expect(stage.tick() == ["meminfo"])
    stage.agent.machine.files.limit("", mib: 200, used: 181)
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    let decision = try #require(stage.records("decision").first)
    #expect(decision["domain"] as? String == "system")
    #expect((decision["reading"] as? [String: Any])?["total_kib"] as? Int == 200 * 1024)
    #expect(try stage.messages().contains("the system is what lies in cgroup / with 200 MiB of memory\n"))
  }

  @Test func aProcessOutsideTheContainerIsNotKilled() throws {
    let stage = try Self.stage(domains: [], system: "/batch/x.service")
    stage.agent.machine.files.limit("/batch", mib: 200, used: 195)
    stage.agent.takeUpDomains()
    _ = stage.log.take()
    #expect(stage.tick() == ["meminfo", "hold 200", "meminfo", "SIGKILL 200"])
    // Process 1 is in the container and protected, as is the keeper. The cgroup of the small one is not known.
    #expect(try stage.records("decision").first?["considered"] as? Int == 4)
  }

  @Test func theSystemIsTheMachineWhereProcessOneHasNoLimit() throws {
    for limit: UInt64 in [1000, 5000] {
      let stage = try Self.stage(domains: [], system: "/init.scope")
      stage.agent.machine.files.limit("", mib: limit, used: 100)
      stage.agent.takeUpDomains()
      _ = stage.log.take()
      #expect(!stage.agent.domains[0].isCgroup)
    }
  }

  @Test func aReloadKeepsADomainsReadingsAndItsVictim() throws {
    let stage = try Self.stage()
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    #expect(stage.tick().last == "SIGTERM 200")
    var other = stage.agent.policy
    other.domains[0].settings.thresholds.floor.available = .share(.percent(5))
    other.domains[0].settings.thresholds.release = .share(.percent(5))
    stage.agent.putInForce(other)
    #expect(try stage.records("reload").count == 1)
    #expect(stage.isPursuing)
    stage.log.ended = [200]
    #expect(stage.finish() == [])
    #expect(try stage.records("outcome").map { $0["domain"] as? String } == ["batch"])
    #expect(stage.agent.domains[1].detector.episode == 1)
    // By the new lines the domain is calm.
    _ = stage.tick()
    #expect(stage.tick() == ["meminfo", "meminfo"])

    // Without the domain only the system is looked at. When the domain is back, it begins anew.
    var none = other
    none.domains = []
    stage.agent.putInForce(none)
    _ = stage.log.take()
    #expect(stage.agent.domains.count == 1 && stage.tick() == ["meminfo"])
    stage.agent.putInForce(other)
    #expect(stage.agent.domains.count == 2 && stage.agent.domains[1].detector.episode == 0)
  }

  @Test func aDomainThatAReloadRemovesStaysUntilItsVictimIsDead() throws {
    let stage = try Self.stage(domains: [("batch", "/batch"), ("other", "/other")])
    stage.agent.machine.files.limit("/other", mib: 240, used: 10)
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    #expect(stage.tick().contains("SIGTERM 200"))
    // The domain `other` was the second and is the first now: the number 1 means another cgroup.
    var other = stage.agent.policy
    other.domains.removeFirst()
    stage.agent.putInForce(other)
    #expect(stage.agent.domains.map(\.number) == [0, 1, nil])
    stage.agent.machine.files.limit("/other", mib: 240, used: 239)
    #expect(stage.tick().allSatisfy { $0 == "meminfo" }, "the victim does not lie in the other domain")
    stage.log.ended = [200]
    _ = stage.finish()
    let outcome = try #require(stage.records("outcome").first)
    #expect(outcome["domain"] as? String == "batch" && victim(outcome) == 200)
    #expect(stage.agent.domains.map(\.number) == [0, 1])
  }

  /// A container's cgroup is removed with its last process.
  @Test func aVictimIsFollowedToItsExitAfterItsCgroupIsGone() throws {
    let stage = try Self.stage()
    stage.agent.machine.files.limit("/batch", mib: 240, used: 195)
    #expect(stage.tick().last == "SIGTERM 200")
    stage.agent.machine.files.cgroups["/batch"] = nil
    // The victim lives. Without a reading nothing more is done to it.
    stage.agent.machine.pass(120_000)
    #expect(stage.tick().allSatisfy { $0 == "meminfo" })
    stage.log.ended = [200]
    _ = stage.finish()
    #expect(!stage.isPursuing)
    // What the kill gave back could not be read.
    #expect(try stage.records("outcome").allSatisfy { $0["counted_kib"] is NSNull && $0["note"] is NSNull })
    #expect(try stage.records("outcome").map { $0["outcome"] as? String } == ["exited"])
  }

  @Test func theAgentLearnsOfProcessesWhileADomainIsInTrouble() throws {
    let stage = try Self.stage(domains: [("empty", "/nobody")])
    stage.agent.machine.files.limit("/nobody", mib: 100, used: 99)
    _ = stage.tick()
    stage.agent.chooser.learnedAt = .zero
    _ = stage.tick()
    #expect(stage.agent.chooser.learnedAt != .zero)
    #expect(stage.agent.chooser.roster.count == 7)
  }
}

extension MemorySource {
  /// A cgroup with a limit and nothing in it that could be taken back.
  mutating func limit(_ path: String, mib: UInt64, used: UInt64) {
    set(.limit, ofCgroup: path, "\(mib << 20)\n")
    set(.usage, ofCgroup: path, "\(used << 20)\n")
    set(.stat, ofCgroup: path, "anon \(used << 20)\nactive_file 0\ninactive_file 0\n")
    set(.events, ofCgroup: path, "max 0\noom 0\n")
  }
}

extension CompiledPolicy {
  mutating func add(_ word: String) -> Slice {
    let start = UInt32(text.count)
    text += Array(word.utf8)
    return Slice(start: start, count: UInt32(word.utf8.count))
  }
}
