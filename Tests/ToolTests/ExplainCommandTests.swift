import Fixtures
import Testing

/// The last lines of `spillway explain`, on a captured machine: how the process would be killed.
@Suite struct ExplainCommandTests {
  private static let server = "version = 1\nextends = \"server\"\n"

  /// The last part of the output, after a blank line.
  private static func end(of pid: Int, _ policy: String) throws -> String {
    String(try #require(try text(of: pid, policy).split(separator: "\n\n").last))
  }

  private static func text(of pid: Int, _ policy: String) throws -> String {
    let tool = try Tool()
    try tool.write(server + policy, to: "policy.toml")
    let result = try tool.run(
      "explain", "\(pid)", "--policy", "policy.toml", "--proc-root", Fixture.path("5.10"))
    #expect(result.status == 0)
    return result.output
  }

  private static func rule(_ match: String, _ effects: String) -> String {
    "[[rule]]\nname = \"it\"\nmatch = { \(match) }\n\(effects)\n"
  }

  @Test(arguments: [
    ("", "SIGTERM, and SIGKILL after 5s, or sooner if memory keeps falling"),
    ("action.grace = \"1min 30s\"\n", "SIGTERM, and SIGKILL after 1min 30s, or sooner if memory keeps falling"),
    ("action = { signal = \"SIGINT\", grace = \"0s\" }\n", "SIGINT, and SIGKILL at once"),
    (rule("comm = \"cc1plus\"", "signal = \"SIGKILL\""), "SIGKILL"),
    (
      "action.grace = \"2s\"\n" + rule("comm = \"cc1plus\"", "signal = \"SIGHUP\"\ngrace = \"10s\""),
      "SIGHUP, and SIGKILL after 10s, or sooner if memory keeps falling"
    ),
    // A rule about another process.
    (
      rule("comm = \"node\"", "signal = \"SIGKILL\"\nscope = \"session\""),
      "SIGTERM, and SIGKILL after 5s, or sooner if memory keeps falling"
    ),
  ])
  func theSignalsAreThoseOfTheRules(policy: String, signals: String) throws {
    #expect(try Self.end(of: 977, policy) == "when its turn comes it would be sent \(signals)\n")
  }

  @Test(arguments: [
    (520, "tree", "scope tree: 2 other processes would be killed with it; together they give back 111 MiB"),
    (521, "group", "scope group: no other process would be killed with it"),
    (521, "unit", "scope unit: 2 other processes would be killed with it; together they give back 111 MiB"),
    (900, "unit", "scope unit: 1 other process would be killed with it; together they give back 371 MiB"),
    (640, "cgroup", "scope cgroup: 1 other process would be killed with it; together they give back 5097 KiB"),
    (521, "process", ""),
  ])
  func theProcessesThatAreKilledWithItAreShown(pid: Int, scope: String, line: String) throws {
    let end = try Self.end(of: pid, "action = { scope = \"\(scope)\", min_footprint = \"0%\" }\n")
    let first =
      "when its turn comes it would be sent SIGTERM, and SIGKILL after 5s, or sooner if memory keeps falling\n"
    #expect(end == first + (line.isEmpty ? "" : "  \(line)\n"))
  }

  /// They are counted, and not killed.
  @Test func protectedProcessesOfTheScopeStay() throws {
    let scope = "action = { scope = \"unit\", min_footprint = \"0%\" }\n"
    let rule = Self.rule("comm = \"postgres\", oom_score_adj = \"-999..-1\"", "protect = true")
    #expect(
      try Self.end(of: 521, scope + rule).hasSuffix(
        "  scope unit: 1 other process would be killed with it; together they give back 104 MiB; "
          + "1 protected process in it would be spared\n"))
  }

  @Test func theHooksAreThoseOfItsRules() throws {
    let hooks = """
      hooks.before = { command = ["/bin/true"], user = "root", takes_over = true }
      hooks.after = ["/bin/false"]

      """
    let both = "  hook before, which takes over: \"/bin/true\" as 0:0 within 2s\n  hook after: \"/bin/false\" as "
    #expect(try Self.end(of: 977, hooks).contains("falling\n" + both))
    let own = Self.rule("comm = \"cc1plus\"", "hook = { command = [\"/bin/echo\", \"it\"], user = \"root\" }")
    #expect(try Self.end(of: 977, hooks + own).hasSuffix("  hook after: \"/bin/echo\" \"it\" as 0:0 within 2s\n"))
    let none = Self.rule("comm = \"cc1plus\"", "hook = \"off\"")
    #expect(try !Self.end(of: 977, hooks + none).contains("hook after"))
  }

  @Test func onlyAYoungProcessMayBePartOfASwarm() throws {
    let swarm = "action = { swarm = { members = 8, age = \"2min\" } }\n"
    let line =
      "  it could be killed sooner, as part of a swarm: "
      + "it is younger than 2min, and 8 such processes can be a swarm\n"
    #expect(try Self.end(of: 977, swarm).hasSuffix("falling\n" + line))
    #expect(try !Self.end(of: 950, swarm).contains("swarm"))
    let small = "action = { min_footprint = \"1 GiB\", swarm = { members = 8, age = \"2min\" } }\n"
    #expect(try Self.end(of: 977, small).hasSuffix("(min_footprint)\n" + line))
    #expect(try !Self.end(of: 977, "action.swarm = \"off\"\n").contains("swarm"))
  }

  @Test(arguments: [
    (1, "it is never killed (built-in: init)"), (412, "it is never killed (built-in: oom_score_adj -1000)"),
    (977, "it is never killed: the rule \"it\" protects it"),
  ])
  func aProtectedProcessIsSentNothing(pid: Int, why: String) throws {
    let policy = "action.scope = \"unit\"\n" + Self.rule("comm = \"cc1plus\", uid = 1000", "protect = true")
    #expect(try Self.text(of: pid, policy).hasSuffix("\n\n\(why)\n\nno signal would be sent to it\n"))
  }

  @Test func theEffectsOfEachRuleAreShown() throws {
    let rule = Self.rule("comm = \"cc1plus\"", "scope = \"tree\"\ngrace = \"1s\"")
    #expect(try Self.text(of: 977, rule).contains("\"it\": scope tree, grace 1s\n"))
  }
}
