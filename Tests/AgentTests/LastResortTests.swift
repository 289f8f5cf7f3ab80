import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

/// When the last resort is reached, and what follows. The machine only writes a log.
@Suite struct LastResortTests {
  private static func stage(
    _ available: [UInt64?], _ resort: LastResort?, isSynced: Bool = true, failures: [String: Errno] = [:],
    grace: Nanoseconds = .milliseconds(60_000)
  ) throws -> AgentHarness {
    let log = Log()
    return try AgentHarness(
      available: available, log: log, grace: grace,
      policy: { $0.measures.lastResort = resort },
      lastResort: LoggingRestartCalls(log: log, isSynced: isSynced, failures: failures))
  }

  private static func resort(
    _ action: LastResort.Action = .reboot, victims: UInt32? = nil, stall: UInt64? = nil
  ) -> LastResort {
    LastResort(action: action, afterVictims: victims, afterStall: stall.map { Nanoseconds.milliseconds($0) })
  }

  /// The records of the last resort, as `action outcome`.
  private static func outcomes(_ stage: AgentHarness) throws -> [String] {
    try stage.records("last_resort").map { "\($0["action"] ?? "") \($0["outcome"] ?? "")" }
  }

  /// Lets the victim that is being killed exit.
  private func end(_ pid: Int32, _ stage: AgentHarness) {
    stage.log.ended.insert(pid)
    stage.agent.machine.files.remove(pid)
    #expect(stage.finish() == [])
  }

  private let calls = Set(["sync", "reboot", "sysrq b", "sysrq c"])

  /// Looks until there is such a record. Returns what was done to the machine until then.
  private func until(_ outcome: String, _ stage: AgentHarness) throws -> [String] {
    var done: [String] = []
    for _ in 0..<20_000 {
      done += stage.tick().filter(calls.contains)
      if try Self.outcomes(stage).contains(outcome) { return done }
      stage.wait()
    }
    Issue.record("\(outcome) never came")
    return done
  }

  @Test func theMachineIsRestartedAfterTheSetNumberOfVictims() throws {
    let stage = try Self.stage([80], Self.resort(victims: 2))
    for pid: Int32 in [100, 101] {
      #expect(stage.tick() == ["meminfo", "hold \(pid)", "meminfo", "SIGTERM \(pid)"])
      // The last resort does not begin while a victim is being killed.
      #expect(stage.tick() == ["meminfo"])
      end(pid, stage)
      stage.agent.machine.available = [73]
    }
    // The beginning is recorded first. Then each look takes one step.
    #expect(stage.tick() == ["meminfo"])
    #expect(try Self.outcomes(stage) == ["reboot begun"])
    #expect(stage.tick() == ["meminfo", "sync"])
    #expect(stage.tick() == ["meminfo", "reboot"])
    #expect(try Self.outcomes(stage) == ["reboot begun", "reboot told"])
    let record = try #require(stage.records("last_resort").first)
    #expect(record["victims"] as? Int == 2 && record["episode"] as? Int == 1 && record["domain"] as? String == "system")
    #expect(record["dry_run"] as? Bool == false && (record["lasted_ms"] as? Int ?? 0) >= 100)
    #expect(try stage.messages().contains("LAST RESORT, reboot: memory is not back after 2 victims and "))
  }

  /// Its outcome does not matter. A process that was chosen and not signalled does not count.
  @Test func aProcessThatWasSignalledCountsAsAVictim() throws {
    let stage = try Self.stage([80], Self.resort(victims: 1), grace: .zero)
    stage.log.holds[100] = .refused(.notPermitted)
    #expect(stage.tick() == ["meminfo", "hold 100"])
    #expect(stage.tick() == ["meminfo", "hold 101", "meminfo", "SIGTERM 101"])
    #expect(try Self.outcomes(stage) == [])
    stage.log.deliveries[101] = .refused(.notPermitted)
    #expect(stage.tick() == ["meminfo", "SIGKILL 101"])
    #expect(stage.tick() == ["meminfo"])
    #expect(try Self.outcomes(stage) == ["reboot begun"])
  }

  @Test func theMachineIsRestartedAfterTheSetTimeWithoutACandidate() throws {
    let stage = try Self.stage([80], Self.resort(.panic, stall: 40))
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    #expect(try until("panic told", stage) == ["sync", "sysrq c"])
    let record = try #require(stage.records("last_resort").first)
    #expect(record["victims"] as? Int == 0 && (record["lasted_ms"] as? Int ?? 0) >= 40)
  }

  @Test func whereThePolicyHasBothFiguresBothMustBeReached() throws {
    let stage = try Self.stage([80], Self.resort(victims: 1, stall: 20))
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    stage.look()
    while stage.agent.lastResort.totals.lasted < .milliseconds(40) { stage.look() }
    #expect(try Self.outcomes(stage) == [])
    stage.agent.machine.files.add(200, "late", mib: 100)
    _ = stage.log.take()
    #expect(stage.tick() == ["meminfo", "hold 200", "meminfo", "SIGTERM 200"])
    end(200, stage)
    #expect(try until("reboot told", stage) == ["sync", "reboot"])
  }

  @Test func aRefusedRestartIsRecordedAndNotTriedAgain() throws {
    let stage = try Self.stage(
      [80], Self.resort(stall: 0),
      failures: ["sync": .busy, "reboot": .notPermitted, "sysrq b": .accessDenied])
    stage.agent.machine.files.remove(101)
    #expect(try until("reset exhausted", stage) == ["sync", "reboot", "sysrq b"])
    #expect(try Self.outcomes(stage) == ["reboot begun", "reboot refused", "reset refused", "reset exhausted"])
    #expect(
      try stage.records("last_resort").compactMap { $0["error"] as? String } == [
        "operation not permitted", "permission denied",
      ])
    // The agent goes on killing as before, to the end of the episode.
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    end(100, stage)
    for _ in 0..<5 { #expect(stage.tick() == ["meminfo"]) }
    #expect(try Self.outcomes(stage).count == 4)
    // In another episode it is tried again.
    stage.agent.machine.available = [200, 80]
    #expect(stage.tick() == ["meminfo"])
    #expect(try until("reset exhausted", stage) == [])
    for _ in 0..<5 { stage.look() }
    #expect(stage.log.take().filter(calls.contains) == ["sync", "reboot", "sysrq b"])
    #expect(try Self.outcomes(stage).count == 8)
  }

  @Test func memoryThatComesBackCallsTheLastResortOff() throws {
    let stage = try Self.stage([80], Self.resort(stall: 0), isSynced: false)
    for _ in 0..<4 { stage.look() }
    #expect(stage.log.take().filter(calls.contains) == ["sync"])
    stage.agent.machine.available = [200]
    for _ in 0..<4 { stage.look() }
    #expect(stage.log.take().allSatisfy { $0 == "meminfo" })
    #expect(try Self.outcomes(stage) == ["reboot begun", "reboot called_off"])
  }

  @Test func aPolicyWithoutALastResortCallsItOff() throws {
    let stage = try Self.stage([80], Self.resort(stall: 0), isSynced: false)
    for _ in 0..<3 { stage.look() }
    var other = stage.agent.policy
    other.measures.lastResort = nil
    stage.agent.putInForce(other)
    _ = stage.log.take()
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    #expect(try Self.outcomes(stage) == ["reboot begun", "reboot called_off"])
  }

  @Test func aReloadWithALastResortTellsThatItCannotBeTaken() throws {
    let stage = try AgentHarness(available: [500, 500, 80])
    var other = stage.agent.policy
    other.measures.lastResort = Self.resort(stall: 0)
    stage.agent.putInForce(other)
    #expect(try stage.messages().contains("the last resort cannot be taken: the policy at the start had none"))
    for _ in 0..<4 { stage.look() }
    #expect(try Self.outcomes(stage) == ["reboot exhausted"])
    #expect(stage.log.take().suffix(4) == ["hold 100", "meminfo", "SIGTERM 100", "meminfo"])
  }

  @Test func aDryRunTellsOfTheLastResortOncePerEpisodeAndDoesNothing() throws {
    let log = Log()
    let stage = try AgentHarness(available: [80], log: log, isDryRun: true) {
      $0.measures.lastResort = Self.resort(victims: 1, stall: 5)
    }
    for _ in 0..<100 {
      stage.look()
      stage.wait()
    }
    stage.agent.machine.available = [200, 80]
    for _ in 0..<100 {
      stage.look()
      stage.wait()
    }
    #expect(log.take().allSatisfy { $0 == "meminfo" })
    #expect(try Self.outcomes(stage) == ["reboot rehearsed", "reboot rehearsed"])
    #expect(try stage.records("last_resort").map { $0["victims"] as? Int } == [1, 1])
  }

  /// The last resort counts the system's trouble only. It waits for a victim that is killed for a domain.
  @Test func aDomainThatStaysFullDoesNotRestartTheMachine() throws {
    let log = Log()
    let stage = try AgentHarness(
      available: [500], log: log,
      policy: { policy in
        policy.measures.lastResort = Self.resort(stall: 0)
        let name = policy.add("batch")
        policy.domains = [Domain(name: name, cgroup: policy.add("/batch"), settings: policy.settings)]
      }, lastResort: LoggingRestartCalls(log: log))
    stage.agent.machine.files.cgroupVersion = .v2
    stage.agent.machine.files.add(200, "job", mib: 90)
    stage.agent.machine.files.set(.cgroup, of: 200, "0::/batch/x.service\n")
    stage.agent.machine.files.limit("/batch", mib: 240, used: 239)
    #expect(stage.tick().suffix(2) == ["meminfo", "SIGKILL 200"])
    for _ in 0..<5 { stage.look() }
    #expect(stage.agent.lastResort.totals == EpisodeTotals())
    stage.agent.machine.available = [80]
    for _ in 0..<5 { stage.look() }
    #expect(try Self.outcomes(stage) == [])
    stage.log.ended = [200]
    stage.agent.machine.files.remove(200)
    stage.agent.machine.files.limit("/batch", mib: 240, used: 10)
    _ = stage.finish()
    #expect(try until("reboot told", stage) == ["sync", "reboot"])
    #expect(try stage.records("last_resort").map { $0["victims"] as? Int } == [0, 0])
  }
}
