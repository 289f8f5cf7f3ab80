import Fixtures
import Foundation
import Testing

/// `spillway diff`, on a captured machine.
@Suite struct DiffCommandTests {
  private static let old = "version = 1\nextends = \"server\"\n"
  private static let new =
    old + """
      action.grace = "3s"
      [[rule]]
      name = "node first"
      match = { comm = "node" }
      order = "first"
      scope = "cgroup"
      signal = "SIGKILL"
      [[rule]]
      name = "the compiler stays"
      match = { comm = "cc1plus", uid = 1000 }
      protect = true
      [[rule]]
      name = "told"
      match = { comm = "postgres", uid = 26 }
      weight = 0.5
      hook = { command = ["/bin/true"], user = "root" }

      """

  private static func diff(_ old: String, _ new: String, isJSON: Bool = false) throws -> Tool.Result {
    let tool = try Tool()
    try tool.write(old, to: "old.toml")
    try tool.write(new, to: "new.toml")
    let words = ["diff", "old.toml", "new.toml", "--proc-root", Fixture.path("5.10")]
    return try tool.run(words + (isJSON ? ["--json"] : []))
  }

  /// The nearest name comes first, then all others. A path is no name of a preset.
  @Test func anUnknownPresetIsAnErrorThatNamesThePresets() throws {
    let tool = try Tool()
    for words in [
      ["rank", "--policy", "sever"], ["explain", "1", "--policy", "Server"], ["diff", "server", "servr"],
    ] {
      let result = try tool.run(words + ["--proc-root", Fixture.path("5.10")])
      #expect(result.status == 78 && result.output.isEmpty)
      #expect(result.errors.contains("no preset of that name: did you mean \"server\"? There are also \"classic\","))
    }
    let path = try tool.run("rank", "--policy", "./sever", "--proc-root", Fixture.path("5.10"))
    #expect(path.status == 78 && !path.errors.contains("preset"))
  }

  @Test func aPolicyDoesNotDifferFromItself() throws {
    let result = try Self.diff(Self.new, Self.new)
    #expect(result.status == 0)
    #expect(result.output == "first to go: 950 (node), as before\nboth policies treat all 10 processes alike\n")
  }

  @Test func theProcessesForWhichThePoliciesDifferAreShown() throws {
    let result = try Self.diff(Self.old, Self.new)
    #expect(result.status == 1)
    #expect(
      result.output == """
        PID  NAME     FOOTPRINT  WHAT     OLD      NEW      RULE
        950  node       368 MiB  order    normal   first    node first
                                 scope    process  cgroup   node first
                                 signal   SIGTERM  SIGKILL  node first
                                 grace    5s       none     node first
        977  cc1plus    186 MiB  protect  no       yes      the compiler stays

        first to go: 950 (node), as before
        - grace: 5s
        + grace: 3s
        6 processes differ by these settings alone, in how they would be killed

        """)
  }

  @Test func aChangeOfTheForemostCandidateIsShown() throws {
    let protecting = Self.old + "[[rule]]\nname = \"node\"\nmatch = { comm = \"node\", uid = 1000 }\nprotect = true\n"
    let there = try Self.diff(Self.old, protecting)
    #expect(there.output.contains("950  node    368 MiB  protect  no   yes  node\n"))
    #expect(there.output.contains("first to go: 950 (node) → 977 (cc1plus)\n"))
    let back = try Self.diff(protecting, Self.old)
    #expect(back.output.contains("950  node    368 MiB  protect  yes  no   node (before)\n"))
    #expect(back.output.contains("first to go: 977 (cc1plus) → 950 (node)\n"))
  }

  /// A setting that comes to the same line on this machine is a difference too.
  @Test func aSettingAloneIsADifference() throws {
    let result = try Self.diff(Self.old, Self.old + "trigger.floor = { available = \"5%\" }\n")
    #expect(result.status == 1)
    #expect(result.output.contains("- floor: available memory at or below 8%"))
    #expect(result.output.contains("+ floor: available memory at or below 5%"))
    #expect(result.output.contains("both policies treat all 10 processes alike\n"))
  }

  @Test func theJSONHasEveryDifference() throws {
    let result = try Self.diff(Self.old, Self.new, isJSON: true)
    #expect(result.status == 1)
    let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    #expect(json["different"] as? Bool == true)
    let new = try #require(json["new"] as? [String: Any])
    #expect(new["policy"] as? String == "new.toml")
    #expect(new["settings"] as? [String] == ["grace: 3s"])
    #expect((new["first_to_go"] as? [String: Any])?["pid"] as? Int == 950)
    let processes = try #require(json["processes"] as? [[String: Any]])
    let node = try #require(processes.first)
    #expect(node["comm"] as? String == "node" && node["footprint_kib"] as? Int == 377_736)
    let then = try #require(node["old"] as? [String: Any])
    #expect(then["order"] as? String == "normal" && then["grace_ms"] as? Int == 5000 && then["rule"] is NSNull)
    let now = try #require(node["new"] as? [String: Any])
    #expect(now["order"] as? String == "first" && now["signal"] as? String == "SIGKILL")
    #expect(now["scope"] as? String == "cgroup" && now["grace_ms"] is NSNull && now["rule"] as? String == "node first")
    // Also those that differ by the settings alone.
    #expect(processes.count == 8)
  }

  @Test func aPresetIsNamedAndAFileOfThatNameGoesBeforeIt() throws {
    let tool = try Tool()
    #expect(try tool.run("diff", "server", "server", "--proc-root", Fixture.path("5.10")).status == 0)
    #expect(try tool.run("diff", "server", "classic", "--proc-root", Fixture.path("5.10")).status == 1)
    #expect(try tool.run("rank", "--policy", "database", "--proc-root", Fixture.path("5.10")).status == 0)
    try tool.write("version = 1\nextends = \"server\"\n", to: "classic")
    #expect(try tool.run("diff", "server", "classic", "--proc-root", Fixture.path("5.10")).status == 0)
    #expect(try tool.run("diff", "server", "servr").status == 78)
    #expect(try tool.run("diff", "server", "server", "--proc-root", "missing").status == 64)
    #expect(try tool.run("diff", "server").status == 64)
  }
}
