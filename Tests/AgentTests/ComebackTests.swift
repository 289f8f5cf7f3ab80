import Fixtures
import Foundation
import Policy
import ProcModel
import Replay
import Testing

@testable import Agent

/// A service manager, or a master, starts a victim again: after two kills in vain its service goes with it.
@Suite struct ServiceComebackTests {
  /// Puts the hog into a cgroup, beside its master of 8 MiB.
  private static func place(_ pid: Int32, in cgroup: String, _ stage: AgentHarness, parent: Int32 = 50) {
    stage.agent.machine.files.add(pid, "hog", mib: 300, parent: parent)
    stage.agent.machine.files.add(50, "master", mib: 8)
    for pid in [50, pid] { stage.agent.machine.files.set(.cgroup, of: pid, "0::\(cgroup)\n") }
  }

  /// Kills a process of the machine that is short of memory, and lets memory come back.
  ///
  /// - Returns: What was done to it.
  private static func kill(
    _ pid: Int32, _ stage: AgentHarness, restartsAs next: Int32, in cgroup: String, parent: Int32 = 50
  ) -> [String] {
    stage.agent.machine.available = [80]
    let done = stage.tick().filter { $0 != "meminfo" }
    stage.agent.machine.available = [500]
    stage.log.ended.insert(pid)
    stage.agent.machine.files.remove(pid)
    _ = stage.finish()
    place(next, in: cgroup, stage, parent: parent)
    stage.look()
    _ = stage.log.take()
    return done
  }

  /// The three decisions about a hog that is started again each time. Process numbers are start times too.
  private static func decisions(
    in cgroup: String, parent: Int32 = 50, _ change: (inout CompiledPolicy) -> Void = { _ in },
    _ alter: (AgentHarness) -> Void = { _ in }
  ) throws -> (records: [[String: Any]], messages: String) {
    let stage = try AgentHarness(available: [500], policy: change)
    stage.agent.machine.files.set(.uptime, "9000.00 9000.00\n")
    place(100, in: cgroup, stage, parent: parent)
    alter(stage)
    stage.look()
    _ = stage.log.take()
    let pids: [Int32] = [100, 200_000, 300_000, 400_000]
    for index in 0..<3 {
      let done = kill(pids[index], stage, restartsAs: pids[index + 1], in: cgroup, parent: parent)
      #expect(done.contains("SIGTERM \(pids[index])"), "\(done)")
    }
    return (try stage.records("decision"), try stage.messages())
  }

  private static func scope(_ record: [String: Any]) -> String? {
    (record["kill_set"] as? [String: Any])?["scope"] as? String
  }

  private static let service = "/system.slice/hog.service"

  @Test func afterTwoKillsInVainTheServiceGoesWithIt() throws {
    let (records, messages) = try Self.decisions(in: Self.service)
    try #require(records.count == 3)
    #expect(records.map(Self.scope) == ["process", "process", "unit"])
    #expect((records[2]["kill_set"] as? [String: Any])?["members"] as? Int == 2)
    #expect((records[2]["kill_set"] as? [String: Any])?["choice"] as? String == "ranking")
    #expect(records[0]["comeback"] == nil && records[1]["comeback"] == nil)
    let comeback = try #require(records[2]["comeback"] as? [String: Any])
    #expect(comeback["kills"] as? Int == 2 && comeback["widened"] as? Bool == true)
    #expect(messages.contains("it was killed 2 times before and came back each time"))
    #expect(messages.components(separatedBy: "its unit goes with it now").count == 2)
  }

  @Test(arguments: [
    // A session and a user's own services have only the user in common.
    "/user.slice/user-1000.slice/session-3.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/hog.service",
    "/docker/0123", "/",
  ]) func whatIsInNoSystemServiceIsKilledAlone(cgroup: String) throws {
    let (records, messages) = try Self.decisions(in: cgroup)
    try #require(records.count == 3)
    #expect(records.map(Self.scope) == ["process", "process", "process"])
    #expect((records[2]["comeback"] as? [String: Any])?["widened"] as? Bool == false)
    #expect(messages.contains("killing it alone does not help"))
  }

  @Test func aServiceWithAProtectedProcessStays() throws {
    let (records, _) = try Self.decisions(in: Self.service) { _ in
    } _: { stage in
      stage.agent.machine.files.set(.cgroup, of: 102, "0::\(Self.service)\n")
    }
    #expect(records.map(Self.scope) == ["process", "process", "process"])
    #expect((records.last?["comeback"] as? [String: Any])?["widened"] as? Bool == false)
  }

  /// It is the service manager that starts it again, and that would do so with the unit too.
  @Test func whatProcessOneStartsAgainIsKilledAlone() throws {
    let (records, messages) = try Self.decisions(in: Self.service, parent: 1)
    #expect(records.map(Self.scope) == ["process", "process", "process"])
    #expect(messages.contains("killing it alone does not help"))
  }

  @Test func aRuleThatNamesAScopeHolds() throws {
    let (records, _) = try Self.decisions(in: Self.service) { $0.rules[1].scope = .process }
    #expect(records.map(Self.scope) == ["process", "process", "process"])
  }

  /// Another start is no comeback where it holds little, or comes late.
  @Test func whatComesBackLateIsNoComeback() throws {
    let stage = try AgentHarness(available: [500])
    stage.agent.machine.files.set(.uptime, "9000.00 9000.00\n")
    Self.place(100, in: Self.service, stage)
    stage.look()
    let pids: [Int32] = [100, 200_000, 300_000, 400_000]
    for index in 0..<3 {
      _ = Self.kill(pids[index], stage, restartsAs: pids[index + 1], in: Self.service)
      stage.agent.machine.pass(300_001)
    }
    let records = try stage.records("decision")
    #expect(records.count == 3 && records.allSatisfy { $0["comeback"] == nil })
  }

  /// What it depends on is decisions, outcomes and facts, which a flight has. Most of the memory is the kernel's, which
  /// each decision says.
  @Test func aReplayComesToTheSame() throws {
    let run = try RecordedRun(available: [500]) { _ in
    } machine: {
      $0.lines = "AnonPages: 102400 kB\nSUnreclaim: 819200 kB\n"
      $0.files.set(.uptime, "9000.00 9000.00\n")
      $0.files.add(50, "master", mib: 8)
      $0.files.set(.cgroup, of: 50, "0::\(Self.service)\n")
      $0.files.add(100, "hog", mib: 300, parent: 50)
    }
    run.look(2, apart: 700)
    let pids: [Int32] = [100, 200_000, 300_000, 400_000]
    for index in 0..<3 {
      run.agent.machine.base.available = [80]
      run.look(3)
      run.log.ended.insert(pids[index])
      run.agent.machine.base.files.remove(pids[index])
      run.agent.machine.base.available = [500]
      run.look(100)
      run.agent.machine.base.files.add(pids[index + 1], "hog", mib: 300, parent: 50)
      run.look(2, apart: 700)
    }
    let outcome = try Replay(run.bytes()).run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    let lines = outcome.computed.map { String(decoding: $0, as: UTF8.self) }
    #expect(lines.count { $0.contains(#""comeback":{"kills":2"#) && $0.contains(#""widened":true"#) } == 1)
    #expect(lines.count { $0.contains(#""holder":{"kind":"kernel","held_kib":819200"#) } == 3)
  }
}
