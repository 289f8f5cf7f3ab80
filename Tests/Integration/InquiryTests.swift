import Foundation
import Testing

/// A rule protects by a command line, and a leak begins after the last survey. The decision asks the leak for its
/// command line, and no other process is killed in its place.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct InquiryTests {
  private static let policy = """
    version = 1
    [trigger]
    floor = { available = "10%" }
    [badness]
    formula = "footprint"
    [[rule]]
    name = "renders"
    protect = true
    match = { cmdline = "*--name render*", user = "*" }

    """

  /// A machine whose available memory is what a file says, in KiB of 1000000. The survey of the start is followed by
  /// none for two minutes.
  private static let prelude = """
    available() { printf 'MemTotal: 1000000 kB\\nMemFree: 1000 kB\\nMemAvailable: %7d kB\\n' "$1"; }
    available 800000 >memory
    mount --bind memory /proc/meminfo
    worsen() { available 80000 | dd of=memory conv=notrunc 2>dd.errors; }

    """

  /// With `hidepid` only one group may read the files of other users' processes without a privilege. The thread that
  /// asks has kept that privilege.
  @Test(arguments: [false, true]) func aNewcomerIsKilledUnlessTheRuleFitsItsCommandLine(isHidden: Bool) throws {
    let result = try Namespace.run(
      policy: Self.policy,
      Self.prelude + """
        \(isHidden ? "mount -o remount,hidepid=2,gid=4242 /proc" : "")
        cp "$TEST_PROGRAM" own; chmod 755 . own
        printf '#!/bin/sh\\nexec setpriv --reuid 1000 --regid 1000 --clear-groups "%s/own" "$@"\\n' "$PWD" >as-user
        chmod 755 as-user
        TEST_PROGRAM=./as-user
        start innocent --mib 40
        agent --verbose
        until_said 'calm: available'
        grep -h spillway-ask /proc/$agent/task/*/comm
        start render --mib 90
        start hog --mib 60
        worsen
        until_record '"event":"outcome"'
        finish
        """)
    #expect(result.output.hasPrefix("spillway-ask\n"), "\(result.output) \(result.errors)")
    let decision = try #require(result.records("decision").first, "\(result.output) \(result.errors)")
    #expect((decision["victim"] as? [String: Any])?["comm"] as? String == "hog", "\(decision)")
    #expect(result.isAlive("innocent") && result.isAlive("render") && !result.isAlive("hog"))
    #expect(result.records("decision").count == 1)
  }

  /// The thread counts the pages of workers in calm time, whatever the policy, and stays through reloads.
  @Test func theThreadThatReadsWhatMayWaitIsThereUnderEachPolicy() throws {
    let result = try Namespace.run(
      policy: "version = 1\n",
      Self.prelude + """
        cp policy.toml none.toml
        agent --verbose
        until_said 'calm: available'
        threads() { echo "$1 $(cat /proc/$agent/task/*/comm | grep -c spillway-ask)"; }
        threads without
        printf '[[rule]]\\nname = "r"\\nprotect = true\\nmatch = { cmdline = "*--render*" }\\n' >>policy.toml
        kill -HUP $agent
        until_record '"event":"reload"'
        threads with
        cp none.toml policy.toml
        kill -HUP $agent
        until [ "$(grep -c '"event":"reload"' record.jsonl)" = 2 ]; do sleep 0.05; done
        threads after
        finish
        """)
    #expect(result.output.contains("without 1\nwith 1\nafter 1\n"), "\(result.output) \(result.errors)")
  }
}
