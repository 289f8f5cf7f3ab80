import Foundation
import Testing

/// The whole path with real processes: which are killed, which are not, and what the record says.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct KillTests {
  /// Every machine is below this floor: the agent acts at once, and goes on while there is a candidate.
  static let always = """
    version = 1
    [trigger]
    floor = { available = "100%" }
    [badness]
    formula = "footprint"
    [action]
    grace = "1s"
    min_footprint = "10 MiB"
    [[rule]]
    name = "the big one stays"
    match = { comm = "keeper" }
    protect = true

    """

  @Test func theHogIsKilledAndNoOtherProcess() throws {
    let result = try Namespace.run(
      policy: Self.always,
      """
      start hog --mib 60
      start keeper --mib 120
      start small --mib 2
      agent
      until_record '"outcome":"exited"'
      until_record no_candidate
      sleep 0.5
      finish
      """)
    #expect(!result.isAlive("hog"))
    #expect(result.isAlive("keeper"))
    #expect(result.isAlive("small"))
    #expect(result.output.contains("agent status 0"))

    let decision = try #require(result.records("decision").first)
    let victim = try #require(decision["victim"] as? [String: Any])
    #expect(victim["comm"] as? String == "hog")
    #expect(decision["action"] as? String == "SIGTERM")
    #expect(decision["dry_run"] as? Bool == false)
    let outcome = try #require(result.records("outcome").first)
    #expect(outcome["outcome"] as? String == "exited")
    // The freed memory is a figure of the whole machine, on which other processes work. So only that the field is there
    // is checked.
    #expect(outcome["freed_kib"] is Int)
    // With the hog gone no candidate is left. That is told once, however long it lasts.
    #expect(result.records("decision").filter { $0["reason"] as? String == "no_candidate" }.count == 1)
  }

  @Test func aDryRunNamesTheHogOnceAndKillsNoProcess() throws {
    let result = try Namespace.run(
      policy: Self.always,
      """
      start hog --mib 60
      start keeper --mib 120
      agent --dry-run
      until_record '"outcome":"rehearsed"'
      sleep 1
      finish
      """)
    #expect(result.isAlive("hog"))
    #expect(result.isAlive("keeper"))
    let decisions = result.records("decision")
    #expect(decisions.count == 1)
    #expect((decisions.first?["victim"] as? [String: Any])?["comm"] as? String == "hog")
    #expect(decisions.first?["dry_run"] as? Bool == true)
    #expect(result.records("outcome").isEmpty)
  }

  @Test func aHogThatIgnoresSIGTERMIsKilledAfterItsGrace() throws {
    let result = try Namespace.run(
      policy: Self.always,
      """
      start hog --mib 60 --ignore-term
      agent
      until_record '"event":"outcome"'
      finish
      """)
    #expect(!result.isAlive("hog"))
    let outcome = try #require(result.records("outcome").first)
    #expect(outcome["outcome"] as? String == "killed")
    #expect(outcome["escalation"] as? String == "grace_ended")
    #expect(try #require(outcome["after_ms"] as? Int) >= 1000)
  }

  @Test func aProtectedProcessIsNeverSignalledEvenWhenItIsTheOnlyOne() throws {
    let result = try Namespace.run(
      policy: Self.always,
      """
      start keeper --mib 120
      agent
      until_record no_candidate
      sleep 1
      finish
      """)
    #expect(result.isAlive("keeper"))
    let decisions = result.records("decision")
    #expect(decisions.count == 1)
    #expect(decisions.first?["reason"] as? String == "no_candidate")
    #expect(decisions.first?["victim"] is NSNull)
    #expect(result.errors.contains("NO PROCESS CAN BE KILLED"))
  }

  @Test func aLeakWhoseMainThreadHasExitedIsFoundAndKilled() throws {
    let result = try Namespace.run(
      policy: Self.always,
      """
      start hog --mib 60 --leader-exits
      agent
      until_record '"event":"outcome"'
      finish
      """)
    #expect(!result.isAlive("hog"))
    #expect(result.records("outcome").first?["outcome"] as? String == "exited")
  }

  @Test func aLoneSharedMemoryHogIsFound() throws {
    let result = try Namespace.run(
      policy: Self.always,
      """
      start hog --shared-mib 60
      start small --mib 12
      agent --dry-run
      until_record '"event":"decision"'
      finish
      """)
    let victim = try #require(result.records("decision").first?["victim"] as? [String: Any])
    #expect(victim["comm"] as? String == "hog")
  }

  @Test func theNextProcessIsKilledWhileMemoryStaysShort() throws {
    let result = try Namespace.run(
      policy: Self.always,
      """
      start first --mib 80
      start second --mib 40
      agent
      until_record no_candidate
      finish
      """)
    #expect(!result.isAlive("first"))
    #expect(!result.isAlive("second"))
    let victims = result.records("outcome").compactMap { ($0["victim"] as? [String: Any])?["comm"] as? String }
    #expect(victims == ["first", "second"])
  }

  @Test func aProcessThatARulePutsFirstIsKilledFirstHoweverSmall() throws {
    let result = try Namespace.run(
      policy: Self.always + """
        [[rule]]
        name = "batch goes first"
        match = { comm = "batch" }
        order = "first"
        """,
      """
      start big --mib 80
      start batch --mib 20
      agent --dry-run
      until_record '"event":"decision"'
      finish
      """)
    let victim = try #require(result.records("decision").first?["victim"] as? [String: Any])
    #expect(victim["comm"] as? String == "batch")
    #expect(victim["rule"] as? String == "batch goes first")
  }

  @Test func underTheChecklistAProcessIsKilledOnceTheShortageIsConfirmed() throws {
    let result = try Namespace.run(
      policy: """
        version = 1
        [trigger]
        floor = { available = "100%" }
        confirm = { gate = "classic", gap = "5s", youngest = "200ms", failures = 3, pause = "1s" }
        [badness]
        formula = "classic"
        [action]
        min_footprint = "10 MiB"
        """,
      """
      start hog --mib 60
      start small --mib 2
      agent
      until_record '"event":"outcome"'
      finish
      """)
    #expect(!result.isAlive("hog"))
    #expect(result.isAlive("small"))
    #expect(result.records("outcome").map { $0["outcome"] as? String } == ["exited"])
  }
}
