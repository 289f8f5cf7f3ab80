import Foundation
import Testing

/// The last resort in the small form of the agent, as far as a test may go: in a dry run.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct LastResortTests {
  private static let policy = """
    version = 1
    [trigger]
    floor = { available = "100%" }
    [action]
    min_footprint = "10 MiB"
    [last_resort]
    action = "reboot"
    after_stall = "1s"
    """

  @Test func aDryRunTellsOfTheLastResortAndGoesOn() throws {
    let result = try Namespace.run(
      policy: Self.policy,
      """
      start hog --mib 60
      agent --dry-run
      until_record '"event":"last_resort"'
      finish
      """)
    let resort = try #require(result.records("last_resort").first)
    #expect(resort["outcome"] as? String == "rehearsed" && resort["action"] as? String == "reboot")
    #expect((resort["lasted_ms"] as? Int ?? 0) >= 1000 && resort["domain"] as? String == "system")
    let start = try #require(result.records("start").first)
    for (field, file) in [("panic_on_oom", "vm/panic_on_oom"), ("kernel_panic", "kernel/panic")] {
      let text = try String(contentsOfFile: "/proc/sys/\(file)", encoding: .utf8)
      #expect(start[field] as? Int == Int(text.trimmingCharacters(in: .newlines)))
    }
    #expect(result.errors.contains("vm.panic_on_oom is ") && result.errors.contains("; it would be begun now\n"))
    // CAP_SYS_BOOT is neither asked for nor kept.
    #expect(!result.errors.contains("CAP_SYS_BOOT"))
    #expect(result.isAlive("hog") && result.output.contains("agent status 0"))
  }

  /// The agent is armed. Its floor is never reached, and it has no other trigger.
  @Test func aReloadWithALastResortTellsThatItCannotBeTaken() throws {
    let result = try Namespace.run(
      policy: Self.policy.replacingOccurrences(of: "100%", with: "1 KiB")
        .replacingOccurrences(of: "reboot", with: "panic").replacingOccurrences(of: "1s", with: "10min"),
      """
      if [ -e /proc/sysrq-trigger ]; then touch trigger; mount --bind trigger /proc/sysrq-trigger || exit 1; fi
      agent
      until_record '"event":"start"'
      sed -i 's/panic/reboot/' policy.toml
      kill -HUP $agent
      until_said 'CAP_SYS_BOOT is not held; restart the agent'
      finish
      """)
    #expect(!result.output.contains("never"), "\(result.output)")
    #expect(result.records("last_resort").isEmpty && result.output.contains("agent status 0"))
    // The policy at the start took no capability for it.
    #expect(!result.errors.contains("lacks CAP_SYS_BOOT") && !result.errors.contains("keeps CAP_SYS_BOOT"))
  }
}
