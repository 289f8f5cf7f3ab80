import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

/// What the record tells of an episode once it is over.
@Suite struct EpisodeTests {
  private static func vmstat(_ kills: UInt64, on stage: AgentHarness) {
    stage.agent.machine.files.set(.vmstat, "pgpgin 1\noom_kill \(kills)\n")
  }

  private static func end(_ stage: AgentHarness) throws -> [String: Any] {
    let episodes = try stage.records("episode")
    #expect(episodes.count == 1)
    return try #require(episodes.first)
  }

  @Test func aDryRunTellsWhatBecameOfTheVictimAndWhatTheKernelKilled() throws {
    let stage = try AgentHarness(available: [80], isDryRun: true)
    Self.vmstat(7, on: stage)
    _ = stage.tick()
    stage.agent.machine.available = [20]
    stage.agent.machine.pass(2000)
    _ = stage.tick()
    stage.agent.machine.pass(3000)
    Self.vmstat(8, on: stage)
    stage.agent.machine.files.remove(100)
    _ = stage.tick()
    stage.agent.machine.available = [300]
    stage.agent.machine.pass(1000)
    _ = stage.tick()
    let end = try Self.end(stage)
    let incident = try stage.records("decision").first?["incident"] as? String
    #expect(end["incident"] as? String == incident && incident != nil)
    #expect(end["decisions"] as? Int == 1 && end["kernel_kills"] as? Int == 1)
    // Each look of the harness takes a millisecond.
    #expect(end["victim_exited_after_ms"] as? Int == 5002 && end["duration_ms"] as? Int == 6003)
    #expect(end["lowest_available_kib"] as? Int == 20 * 1024 && end["available_kib"] as? Int == 300 * 1024)
    #expect(end["end"] as? String == "memory_back" && end["dry_run"] as? Bool == true)
    let said =
      "memory is back: available 300 MiB; hog (process 100), which would have been killed, was gone 5002 ms later; the "
      + "kernel itself killed 1 process meanwhile"
    #expect(try stage.messages().contains(said))
  }

  /// A process number that another process has by now is no life.
  @Test(arguments: [false, true]) func theVictimIsToldByItsStartTimeToo(isReplaced: Bool) throws {
    let stage = try AgentHarness(available: [80], isDryRun: true)
    _ = stage.tick()
    if isReplaced {
      stage.agent.machine.files.remove(100)
      stage.agent.machine.files.add(100, "other", mib: 1)
      stage.agent.machine.files.set(
        .stat, of: 100, "100 (other) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 99000 4096 1 0\n")
    }
    _ = stage.tick()
    stage.agent.machine.available = [300]
    _ = stage.tick()
    let end = try Self.end(stage)
    #expect((end["victim_exited_after_ms"] is NSNull) == !isReplaced)
    #expect(end["kernel_kills"] is NSNull)
    #expect(try stage.messages().contains("which would have been killed, still runs") == !isReplaced)
  }

  @Test func anArmedAgentTellsOfAllItsDecisions() throws {
    let stage = try AgentHarness(available: [80], grace: .milliseconds(5000))
    Self.vmstat(3, on: stage)
    for _ in 0..<3 { _ = stage.tick() }
    stage.log.ended = [100]
    stage.agent.machine.files.remove(100)
    _ = stage.finish()
    stage.agent.machine.available = [300]
    _ = stage.tick()
    let end = try Self.end(stage)
    #expect(end["decisions"] as? Int == (try stage.records("decision").count))
    #expect(end["victim_exited_after_ms"] is NSNull && end["kernel_kills"] as? Int == 0)
  }

  @Test func aStopTellsOfAnEpisodeThatIsNotOver() throws {
    let stage = try AgentHarness(available: [80], isDryRun: true)
    _ = stage.tick()
    _ = stage.agent.take(.signal(.terminate))
    #expect(try Self.end(stage)["end"] as? String == "stopped")
  }

  @Test func anotherEpisodeHasItsOwnAccount() throws {
    let stage = try AgentHarness(available: [80], isDryRun: true)
    for available in [300, 70, 400] as [UInt64] {
      _ = stage.tick()
      stage.agent.machine.available = [available]
    }
    _ = stage.tick()
    let episodes = try stage.records("episode")
    #expect(episodes.map { $0["episode"] as? Int } == [1, 2])
    #expect(episodes.map { $0["lowest_available_kib"] as? Int } == [80 * 1024, 70 * 1024])
    #expect(Set(episodes.compactMap { $0["incident"] as? String }).count == 2)
  }

  @Test func noEpisodeIsToldOfInCalm() throws {
    let stage = try AgentHarness(available: [400], isDryRun: true)
    for _ in 0..<3 { _ = stage.tick() }
    _ = stage.agent.take(.signal(.terminate))
    #expect(try stage.records("episode").isEmpty)
  }
}
