import Fixtures
import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

@testable import Agent

/// A dry run differs from an armed run in the machine's kill calls and nowhere else.
@Suite struct DryRunTests {
  private static func dry(_ available: [UInt64?]) throws -> AgentHarness {
    try AgentHarness(available: available, isDryRun: true)
  }

  /// A record without its time, its duration and its outcome.
  private static func comparable(_ record: [String: Any]) throws -> String {
    let rest = record.filter { !["time", "took_us", "dry_run", "outcome"].contains($0.key) }
    return String(decoding: try JSONSerialization.data(withJSONObject: rest, options: .sortedKeys), as: UTF8.self)
  }

  @Test(arguments: [[80], [50], [500, 100], [500, 120, 99, 99]] as [[UInt64?]])
  func aDryRunDecidesAsAnArmedRunDoes(available: [UInt64?]) throws {
    let live = try AgentHarness(available: available)
    let dry = try Self.dry(available)
    for _ in 0..<6 {
      _ = live.tick()
      _ = dry.tick()
    }
    let (decided, rehearsed) = (try live.records("decision"), try dry.records("decision"))
    try #require(decided.count == 1 && rehearsed.count == 1)
    #expect(try Self.comparable(decided[0]) == Self.comparable(rehearsed[0]))
    #expect(decided[0]["dry_run"] as? Bool == false && rehearsed[0]["dry_run"] as? Bool == true)
    #expect(decided[0]["outcome"] == nil && rehearsed[0]["outcome"] as? String == "rehearsed")
  }

  @Test func aDryRunTellsOfOneVictimPerEpisode() throws {
    let stage = try Self.dry([80])
    for _ in 0..<10 { _ = stage.tick() }
    #expect(try stage.records("decision").map(victim) == [100])
    #expect(try stage.records("outcome").isEmpty)
    #expect(try stage.messages().contains("would send SIGTERM to 100 (hog)"))
    stage.agent.machine.available = [149, 99, 151, 100]
    for _ in 0..<10 { _ = stage.tick() }
    #expect(try stage.records("decision").map { $0["episode"] as? Int } == [1, 2])
  }

  @Test func aVictimIsNotRehearsedWhereMemoryCameBackInTime() throws {
    let stage = try Self.dry([80, 200])
    _ = stage.tick()
    #expect(try #require(stage.records("decision").first)["outcome"] == nil)
    #expect(try outcomes(stage) == ["100 relieved none"])
  }

  @Test func aDryRunTellsOnceThatThereIsNoCandidate() throws {
    let stage = try Self.dry([80])
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    for _ in 0..<5 { _ = stage.tick() }
    let decisions = try stage.records("decision")
    #expect(decisions.count == 1 && decisions.first?["outcome"] as? String == "none")
  }
}
