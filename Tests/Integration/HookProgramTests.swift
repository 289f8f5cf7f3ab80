import Foundation
import Testing

/// Hooks with real victims, in the small form of the agent.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct HookProgramTests {
  /// As in ``KillTests``, with hooks that write into the folder in `$PWD`, which every user may write.
  private static func policy(_ hooks: String, _ more: String = "") -> String {
    """
    version = 1
    [trigger]
    floor = { available = "100%" }
    [badness]
    formula = "footprint"
    [action]
    grace = "1s"
    min_footprint = "10 MiB"
    [hooks]
    \(hooks)
    \(more)
    """
  }

  /// Makes a folder `told` that the user nobody may write, and puts its path into the policy.
  private static let prepare = """
    mkdir told && chown 65534:65534 told && chmod 755 .
    sed -i "s,TOLD,$PWD/told,g" policy.toml
    # Every folder on the way to it has to let that user through.
    folder=$PWD; while [ "$folder" != / ]; do chmod o+x "$folder" 2>/dev/null; folder=$(dirname "$folder"); done

    """

  private static func shell(_ script: String) -> String { #"["/bin/sh", "-c", "\#(script)"]"# }

  /// Fields 40 and 41 of `stat` are the real-time priority and the policy: 1 is SCHED_FIFO, and 0 the ordinary one.
  @Test func theAgentRunsInRealTimeAndItsHelpersAndHooksDoNot() throws {
    let result = try Namespace.run(
      policy: Self.policy("after = " + Self.shell("cut -d ' ' -f 18,19,40,41 /proc/self/stat >TOLD/hook")),
      Self.prepare + """
        start hog --mib 60
        agent
        until_record '"event":"hook"'
        echo "hook $(cat told/hook)"
        echo "agent $(cut -d ' ' -f 40,41 /proc/$agent/task/$agent/stat)"
        for thread in /proc/$agent/task/*; do
          [ "${thread##*/}" = $agent ] || echo "helper $(cut -d ' ' -f 19,40,41 $thread/stat)"
        done
        finish
        """)
    #expect(result.output.contains("hook 20 0 0 0\n"))
    #expect(result.output.contains("agent 1 1\n"))
    #expect(result.output.contains("helper -20 0 0\n") && !result.output.contains("helper 0"), "\(result.output)")
    #expect(!result.errors.contains("real-time"))
  }

  @Test func aHookRunsAsNobodyWithoutAnyPrivilege() throws {
    let result = try Namespace.run(
      policy: Self.policy(
        "after = "
          + Self.shell(
            "cat >TOLD/line; (id -u; id -G; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status) >TOLD/who; cat /proc/self/oom_score_adj >>TOLD/who; echo $SPILLWAY_COMM $SPILLWAY_OUTCOME"
          )),
      Self.prepare + """
        start hog --mib 60
        agent
        until_record '"event":"hook"'
        cat told/who told/line
        finish
        """)
    let hook = try #require(result.records("hook").first)
    #expect(hook["outcome"] as? String == "exited" && hook["occasion"] as? String == "after", "\(hook)")
    #expect(hook["output"] as? String == "hog exited\n", "\(hook)")
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(
      lines.prefix(5) == ["65534", "65534", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "0"], "\(result.output)")
    let told = try #require(lines.dropFirst(5).first)
    let line = try #require(try JSONSerialization.jsonObject(with: Data(told.utf8)) as? [String: Any])
    #expect(NSDictionary(dictionary: line) == NSDictionary(dictionary: try #require(result.records("outcome").first)))
    #expect(result.errors.contains("CAP_SETUID CAP_SETGID"))
    #expect(result.output.contains("agent status 0"))
  }

  @Test func aHookThatHangsDelaysNoKillAndIsKilled() throws {
    let result = try Namespace.run(
      policy: Self.policy(
        "before = { command = " + Self.shell("trap '' TERM; sleep 50 & sleep 50") + #", limit = "500ms" }"#),
      """
      start hog --mib 60
      agent
      until_record '"event":"hook"'
      sleeping=$(grep -l '^sleep$' /proc/[0-9]*/comm 2>/dev/null | wc -l); echo "sleeping $sleeping"
      finish
      """)
    let events = result.records.compactMap { $0["event"] as? String }.filter { $0 == "outcome" || $0 == "hook" }
    #expect(events == ["outcome", "hook"])
    #expect(result.records("hook").first?["outcome"] as? String == "timed_out")
    #expect(result.output.contains("sleeping 0"), "\(result.output)")
    #expect(!result.isAlive("hog"))
  }

  /// The agent signals no process meanwhile. Memory stays below the floor, so that the agent looks for the next victim
  /// afterwards.
  @Test func aHookThatTakesOverMayKillTheVictimItself() throws {
    let result = try Namespace.run(
      policy: Self.policy(
        "before = { command = " + Self.shell("sleep 0.5; kill -USR1 $SPILLWAY_PID; sleep 0.2")
          + #", user = "root", limit = "10s", takes_over = true }"#),
      """
      start hog --mib 60
      agent
      until_record no_candidate
      finish
      """)
    #expect(!result.isAlive("hog"))
    // The hook was asked once. Memory was not back, and no candidate was left.
    #expect(result.records("hook").map { $0["outcome"] as? String } == ["exited"])
    #expect(result.records("outcome").isEmpty)
    #expect(result.errors.contains("ms for the hook before, before it sends SIGTERM to"))
  }

  @Test func afterTheLimitOfAHookThatTakesOverTheVictimIsSignalled() throws {
    let result = try Namespace.run(
      policy: Self.policy(
        "before = { command = " + Self.shell("sleep 50") + #", limit = "500ms", takes_over = true }"#),
      """
      start hog --mib 60
      agent
      until_record '"event":"outcome"'
      until_record '"event":"hook"'
      finish
      """)
    #expect(!result.isAlive("hog"))
    #expect(result.records("hook").first?["outcome"] as? String == "timed_out")
    #expect(result.records("outcome").first?["outcome"] as? String == "exited")
    #expect(result.records("decision").filter { $0["victim"] is [String: Any] }.count == 2)
  }

  @Test func aDryRunStartsNoHook() throws {
    let result = try Namespace.run(
      policy: Self.policy("warn = " + Self.shell("touch TOLD/warn") + "\nbefore = " + Self.shell("touch TOLD/before")),
      Self.prepare + """
        start hog --mib 60
        agent --dry-run
        until_record '"occasion":"before"'
        ls told
        finish
        """)
    #expect(result.isAlive("hog"))
    #expect(result.records("hook").map { $0["outcome"] as? String } == ["rehearsed", "rehearsed"])
    #expect(!result.output.contains("warn\n") && !result.errors.contains("CAP_SETUID"))
  }

  @Test func hooksAreKilledWhenTheAgentStops() throws {
    let result = try Namespace.run(
      policy: Self.policy(
        "no_candidate = { command = " + Self.shell("echo $$ >TOLD/pid; exec sleep 50") + #", limit = "1min" }"#),
      Self.prepare + """
        agent
        tries=0
        until [ -s told/pid ] || [ $tries -gt 400 ]; do tries=$((tries + 1)); sleep 0.05; done
        hook=$(cat told/pid)
        alive $hook && echo "runs"
        finish
        tries=0
        while alive $hook && [ $tries -lt 400 ]; do tries=$((tries + 1)); sleep 0.05; done
        alive $hook || echo "ended with it"
        """)
    #expect(result.output.contains("runs\n") && result.output.contains("ended with it\n"), "\(result.output)")
  }

  @Test func aReloadThatBringsHooksTellsThatTheyCannotBeStarted() throws {
    let result = try Namespace.run(
      policy: Self.policy("").replacingOccurrences(of: "100%", with: "1 KiB"),
      """
      start hog --mib 60
      agent
      until_record '"event":"start"'
      sed -i -e 's/1 KiB/100%/' -e 's,^.hooks.,[hooks]\\nafter = ["/bin/true"],' policy.toml
      kill -HUP $agent
      until_record '"event":"hook"'
      finish
      """)
    #expect(result.errors.contains("hooks cannot be started: the policy at the start had none; restart the agent"))
    let hook = try #require(result.records("hook").first)
    #expect(hook["outcome"] as? String == "not_started")
    #expect((hook["error"] as? String)?.hasPrefix("its user could not be set") == true)
    #expect(!result.isAlive("hog"))
  }
}
