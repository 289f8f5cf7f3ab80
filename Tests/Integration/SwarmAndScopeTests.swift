import Foundation
import Testing

/// Several real processes that are killed together.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct SwarmAndScopeTests {
  /// `brood COUNT MIB [NAME]` starts COUNT processes as the children of one shell, which leads a session of its own.
  /// `count NAME` prints how many of a name live.
  private static let prelude = """
    brood() {
      COUNT=$1 MIB=$2 NAME=${3:-bee} setsid sh -c '
        while [ $COUNT -gt 0 ]; do
          "$TEST_PROGRAM" --name $NAME --mib $MIB >/dev/null & COUNT=$((COUNT - 1))
        done
        wait' &
      sleep 1
    }
    count() {
      living=0
      for comm in /proc/[0-9]*/comm; do
        [ "$(cat $comm 2>/dev/null)" = "$1" ] && alive "$(basename "$(dirname $comm)")" && living=$((living + 1))
      done
      echo "$1 $living"
    }

    """

  private static func policy(_ more: String) -> String {
    KillTests.always.replacingOccurrences(of: "[[rule]]", with: more + "\n[[rule]]")
  }

  @Test func aSwarmIsKilledTogether() throws {
    let result = try Namespace.run(
      policy: Self.policy("swarm = { members = 12, age = \"30s\", times = 3 }"),
      Self.prelude + """
        start keeper --mib 30
        brood 16 12
        agent
        until_record '"event":"outcome"'
        count bee
        finish
        """)
    let decision = try #require(result.records("decision").first)
    let killSet = try #require(decision["kill_set"] as? [String: Any])
    #expect(killSet["swarm"] as? String == "parent" && killSet["members"] as? Int == 16)
    #expect(try #require(killSet["footprint_kib"] as? Int) >= 16 * 12 * 1024)
    #expect(result.records("outcome").first?["members"] as? Int == 16)
    #expect(result.output.contains("bee 0\n") && result.isAlive("keeper"), "\(result.output)\(result.errors)")
    #expect(result.errors.contains("and 15 more (swarm of one parent)"))
  }

  /// Each of them is too small to be worth killing alone.
  @Test func aSwarmOfTinyProcessesIsFoundToo() throws {
    let result = try Namespace.run(
      policy: Self.policy("swarm = { members = 12, age = \"30s\", times = 3 }"),
      Self.prelude + """
        start keeper --mib 30
        brood 20 4
        agent
        until_record '"event":"outcome"'
        count bee
        finish
        """)
    let killSet = try #require(result.records("decision").first?["kill_set"] as? [String: Any])
    #expect(killSet["members"] as? Int == 20)
    #expect(result.output.contains("bee 0\n"), "\(result.output)\(result.errors)")
  }

  @Test func withoutTheSettingSwarmOneProcessIsKilledAtATime() throws {
    let result = try Namespace.run(
      policy: KillTests.always,
      Self.prelude + """
        brood 16 12
        agent --dry-run
        until_record '"event":"decision"'
        finish
        """)
    let killSet = try #require(result.records("decision").first?["kill_set"] as? [String: Any])
    #expect(killSet["members"] as? Int == 1 && killSet["swarm"] is NSNull)
  }

  @Test(arguments: ["group", "session"]) func withAScopeTheOthersOfTheGroupOrSessionAreKilledToo(scope: String) throws {
    let result = try Namespace.run(
      policy: Self.policy("") + """
        [[rule]]
        name = "whole"
        match = { comm = "bee" }
        scope = "\(scope)"
        order = "first"
        """,
      Self.prelude + """
        start other --mib 40
        brood 3 15
        brood 1 20 keeper
        agent
        until_record '"event":"outcome"'
        count bee
        count keeper
        finish
        """)
    let killSet = try #require(result.records("decision").first?["kill_set"] as? [String: Any])
    // The three and the shell that leads them. The keeper is of another group and session.
    #expect(killSet["scope"] as? String == scope && killSet["members"] as? Int == 4, "\(killSet)")
    #expect(result.output.contains("bee 0\n") && result.output.contains("keeper 1\n"), "\(result.output)")
    #expect(result.records("outcome").first?["outcome"] as? String == "exited")
  }

  @Test func aProtectedProcessInASessionStays() throws {
    let result = try Namespace.run(
      policy: Self.policy("scope = \"session\""),
      Self.prelude + """
        setsid sh -c '"$TEST_PROGRAM" --name keeper --mib 20 >/dev/null & "$TEST_PROGRAM" --name bee --mib 30 >/dev/null & wait' &
        sleep 1
        agent
        until_record '"event":"outcome"'
        count bee
        count keeper
        finish
        """)
    let killSet = try #require(result.records("decision").first?["kill_set"] as? [String: Any])
    #expect((killSet["left_out"] as? [String: Any])?["protected"] as? Int == 1)
    #expect(result.output.contains("bee 0\n") && result.output.contains("keeper 1\n"), "\(result.output)")
  }

  @Test func theSignalOfThePolicyIsSent() throws {
    let result = try Namespace.run(
      policy: Self.policy("signal = \"SIGUSR1\""),
      """
      start hog --mib 40
      agent
      until_record '"event":"outcome"'
      finish
      """)
    #expect(result.records("decision").first?["action"] as? String == "SIGUSR1")
    #expect(result.records("outcome").first?["outcome"] as? String == "exited" && !result.isAlive("hog"))
  }
}
