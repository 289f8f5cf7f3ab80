import Foundation
import Testing

/// Real processes that are related.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct RelativesTests {
  private static func policy(_ more: String, rules: String = "") -> String {
    KillTests.always.replacingOccurrences(of: "[[rule]]", with: more + "\n[[rule]]") + rules
  }

  private static func victim(_ result: Namespace.Result) throws -> [String: Any] {
    try #require(
      result.records("decision").first?["victim"] as? [String: Any], "\(result.output)\(result.errors)")
  }

  /// A shell leads a session, starts a program and exits. A larger program leads its own session, as a daemon does.
  @Test func whatASessionLeftBehindIsAnOrphanAndADaemonIsNone() throws {
    let result = try Namespace.run(
      policy: Self.policy(
        "",
        rules: "[[rule]]\nname = \"left behind\"\nmatch = { orphan = true }\norder = \"first\"\n"),
      """
      setsid "$TEST_PROGRAM" --name daemon --mib 120 >daemon.ready &
      setsid sh -c '"$TEST_PROGRAM" --name left --mib 30 >left.ready &'
      for name in daemon left; do until grep -q ready $name.ready; do sleep 0.05; done; done
      "$BIN/spillway" rank --policy policy.toml
      agent
      until_record '"event":"outcome"'
      finish
      """)
    let victim = try Self.victim(result)
    #expect(victim["comm"] as? String == "left" && victim["orphan"] as? Bool == true)
    let lines = result.output.split(separator: "\n")
    #expect(lines.first { $0.contains(" left ") }?.contains(" orphan ") == true, "\(result.output)")
    #expect(lines.first { $0.contains(" daemon ") }?.contains(" orphan ") == false, "\(result.output)")
  }

  @Test(arguments: [("ignore", "hog"), ("respect", "task")])
  func aValueThatAShellGaveToItselfIsNotItsChilds(use: String, victim: String) throws {
    let result = try Namespace.run(
      policy: Self.policy("").replacingOccurrences(
        of: "formula = \"footprint\"", with: "formula = \"linux\"\ninherited_oom_score_adj = \"\(use)\""),
      """
      start hog --mib 80
      sh -c 'echo 500 >/proc/self/oom_score_adj; "$TEST_PROGRAM" --name task --mib 30 >task.ready; exit' &
      until grep -q ready task.ready; do sleep 0.05; done
      agent
      until_record '"event":"outcome"'
      finish
      """)
    let killed = try Self.victim(result)
    #expect(killed["comm"] as? String == victim, "\(result.output)\(result.errors)")
    let candidates = try #require(result.records("decision").first?["candidates"] as? [[String: Any]])
    let task = try #require(candidates.first { $0["comm"] as? String == "task" })
    #expect(task["oom_score_adj"] as? Int == 500)
    #expect(task["oom_score_adj_inherited"] as? Bool == (use == "ignore" ? true : nil))
  }

  @Test func aDescendantIsToldByTheExecutableOfAnAncestor() throws {
    let result = try Namespace.run(
      policy: Self.policy(
        "",
        rules: "[[rule]]\nname = \"below\"\nmatch = { descendant_of = { exe = \"**/timeout\" }, "
          + "min_footprint = \"20 MiB\" }\norder = \"first\"\n"),
      """
      start hog --mib 80
      timeout --foreground 100 sh -c '"$TEST_PROGRAM" --name task --mib 30 >task.ready; exit' &
      until grep -q ready task.ready; do sleep 0.05; done
      agent
      until_record '"event":"outcome"'
      finish
      """)
    #expect(try Self.victim(result)["comm"] as? String == "task", "\(result.output)\(result.errors)")
  }

  /// They are older than a swarm's members may be, and each is in a session of its own. Daemons of the same executable
  /// were started one by one. Process 1, which adopted them, is small, and the agent has had no calm time to know it.
  @Test func oldOrphansOfOneProgramAreKilledTogether() throws {
    let result = try Namespace.run(
      policy: Self.policy("swarm = { members = 12, age = \"1s\", times = 3 }").replacingOccurrences(
        of: "10 MiB", with: "1 KiB"),
      """
      "$TEST_PROGRAM" --name orphan --mib 12 --orphans 16 >/dev/null
      for number in 1 2 3; do setsid "$TEST_PROGRAM" --name orphan --mib 12 >/dev/null & done
      sleep 2
      agent
      until_record '"event":"outcome"'
      finish
      """)
    let killSet = try #require(
      result.records("decision").first?["kill_set"] as? [String: Any], "\(result.output)\(result.errors)")
    #expect(killSet["swarm"] as? String == "program" && killSet["members"] as? Int == 16, "\(killSet)")
    #expect(result.records("outcome").first?["members"] as? Int == 16)
    #expect(result.errors.contains("and 15 more (swarm of one program)"), "\(result.errors)")
  }
}
