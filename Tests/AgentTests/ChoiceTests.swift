import Badness
import Fixtures
import Foundation
import Policy
import ProcModel
import Testing

@testable import Agent

/// Which process is killed where the foremost of the ranking is not enough, or there is none.
@Suite struct ChoiceTests {
  private static func killSet(_ stage: AgentHarness) throws -> [String: Any] {
    let decision = try #require(stage.records("decision").last)
    return try #require(decision["kill_set"] as? [String: Any])
  }

  // Every process is too small to be killed alone.

  /// The workers have 9 MiB each and are a quarter of an hour old. The policy has no setting for swarms.
  @Test(arguments: [(80, "SIGTERM"), (40, "SIGKILL")] as [(UInt64, String)])
  func smallKinAreKilledTogetherAtEitherLevel(available: UInt64, signal: String) throws {
    let stage = try AgentHarness(available: [500, available])
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    for pid: Int32 in 2001...2040 { stage.agent.machine.files.add(pid, "worker", mib: 9, parent: 2000) }
    // This one is of another service, and alone it is not enough.
    stage.agent.machine.files.add(3001, "other", mib: 9, parent: 2000)
    #expect(stage.tick() == ["meminfo"])
    #expect(stage.tick().prefix(4) == ["meminfo", "hold 2040", "meminfo", "\(signal) 2040"])
    let killSet = try Self.killSet(stage)
    #expect(killSet["choice"] as? String == "kin" && killSet["swarm"] as? String == "parent")
    #expect(killSet["members"] as? Int == 40 && killSet["footprint_kib"] as? Int == 40 * 9 * 1024)
    #expect(try stage.messages().contains("2040 (worker) and 39 more (kin of the small, of one parent)"))
  }

  @Test func aProcessThatIsWorthKillingAloneIsKilledBeforeKin() throws {
    let stage = try AgentHarness(available: [500, 80])
    stage.agent.machine.files.remove(100)
    for pid: Int32 in 2001...2060 { stage.agent.machine.files.add(pid, "worker", mib: 9, parent: 2000) }
    #expect(stage.tick() == ["meminfo"])
    #expect(stage.tick().last == "SIGTERM 101")
    #expect(try Self.killSet(stage)["choice"] as? String == "ranking")
  }

  /// Without kin of enough size `min_footprint` holds until the last level, and does not hold there.
  @Test func atTheLastLevelTheLargestIsKilledHoweverSmall() throws {
    let stage = try AgentHarness(available: [500, 80])
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    for (pid, mib) in [(2001, 6), (2002, 8), (2003, 7)] as [(Int32, UInt64)] {
      stage.agent.machine.files.add(pid, "c\(pid)", mib: mib)
    }
    #expect(stage.tick() == ["meminfo"])
    #expect(stage.tick() == ["meminfo"])
    #expect(try stage.records("decision").last?["reason"] as? String == "no_candidate")
    stage.agent.machine.available = [40]
    #expect(stage.tick() == ["meminfo", "hold 2002", "meminfo", "SIGKILL 2002"])
    #expect(try Self.killSet(stage)["choice"] as? String == "largest")
  }

  // One process alone is enough.

  /// A process that has used eight hours of processor time and holds 300 MiB. The formula ranks it after newcomers.
  private static func stage(available: [UInt64?], hog: UInt64 = 300) throws -> AgentHarness {
    let stage = try AgentHarness(available: available) { $0.settings.formula = .spillway }
    stage.agent.machine.files.remove(101)
    stage.agent.machine.files.set(.uptime, "40000.00 1.00\n")
    stage.agent.machine.files.add(100, "hog", mib: hog)
    let pages = hog * 256
    stage.agent.machine.files.set(
      .stat, of: 100,
      "100 (hog) S 1 1 1 0 -1 4194304 0 0 0 0 2880000 0 0 0 20 0 1 0 100 \(pages * 4096) \(pages) 0\n")
    return stage
  }

  private static func addNewcomers(_ stage: AgentHarness) {
    for pid: Int32 in 3_999_901...3_999_904 { stage.agent.machine.files.add(pid, "new\(pid)", mib: 15) }
  }

  /// 70 MiB are missing to the release line. The four newcomers have 60 MiB.
  @Test(arguments: [(300, true), (65, false)] as [(UInt64, Bool)])
  func anOldHogIsKilledBeforeNewcomersWhereItIsEnough(hog: UInt64, yields: Bool) throws {
    let stage = try Self.stage(available: [500, 80], hog: hog)
    Self.addNewcomers(stage)
    #expect(stage.tick() == ["meminfo"])
    _ = stage.tick()
    let decision = try #require(stage.records("decision").last)
    #expect((victim(decision) == 100) == yields)
    #expect(try Self.killSet(stage)["choice"] as? String == (yields ? "yielded" : "ranking"))
    let first = try #require((decision["candidates"] as? [[String: Any]])?.first)
    #expect(first["pid"] as? Int != 100, "the ranking is what it was")
  }

  /// They were started after the last survey. Each has taken what it holds, and none has taken half of what is gone.
  @Test func newcomersThatNoSurveyHasSeenDoNotCountAsALeak() throws {
    let stage = try Self.stage(available: [170, 80])
    #expect(stage.tick() == ["meminfo"])
    Self.addNewcomers(stage)
    _ = stage.tick()
    #expect(victim(try #require(stage.records("decision").last)) == 100)
  }

  /// 90 MiB are gone since the survey. Either the leak has taken 50 of them, or it had its size before.
  @Test(arguments: [(10, 3_990_000), (60, 100)] as [(UInt64, Int)])
  func aGrowingLeakIsKilledBeforeADatabaseThatWouldBeEnough(before: UInt64, expected: Int) throws {
    let stage = try Self.stage(available: [170, 80])
    stage.agent.machine.files.add(3_990_000, "leak", mib: before)
    #expect(stage.tick() == ["meminfo"])
    stage.agent.machine.files.add(3_990_000, "leak", mib: 60)
    _ = stage.tick()
    #expect(victim(try #require(stage.records("decision").last)) == expected)
  }

  @Test func aProcessThatARulePutsLastIsNotChosenForBeingEnough() throws {
    let stage = try Self.stage(available: [500, 80])
    Self.addNewcomers(stage)
    var policy = stage.agent.policy
    policy.rules[1].order = .last
    stage.agent.putInForce(policy)
    _ = stage.log.take()
    #expect(stage.tick() == ["meminfo"])
    _ = stage.tick()
    #expect(victim(try #require(stage.records("decision").last)) != 100)
  }
}
