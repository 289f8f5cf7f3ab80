import Foundation
import ProcModel
import Testing

/// The unified hierarchy, with or without the memory controller.
enum UnifiedHierarchy {
  /// The directory of the unified hierarchy, where new cgroups can be made and frozen in it.
  static let top: String? = {
    guard geteuid() == 0, let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) else {
      return nil
    }
    for line in mounts.split(separator: "\n") where line.contains(" - cgroup2 ") {
      let fields = line.split(separator: " ")
      guard fields[3] == "/" else { continue }
      let probe = "\(fields[4])/spillway-probe-\(UUID().uuidString)"
      guard (try? FileManager.default.createDirectory(atPath: probe, withIntermediateDirectories: false)) != nil else {
        continue
      }
      defer { unsafe rmdir(probe) }
      if FileManager.default.fileExists(atPath: probe + "/cgroup.freeze") { return String(fields[4]) }
    }
    return nil
  }()
}

/// Relief in the small form of the agent, with a cgroup on a real hierarchy of version 2. Where version 1 accounts the
/// machine's memory, that hierarchy is hidden from the agent here, and only freezing can be tested.
@Suite(.serialized, .enabled(if: UnifiedHierarchy.top != nil, "freezing needs root and cgroups of version 2"))
struct ReliefTests {
  /// Memory is short from the first look on, and no process has to be killed.
  private static func policy(_ relief: String) -> String {
    """
    version = 1
    [trigger]
    floor = { available = "1 KiB" }
    release = "100%"
    [badness]
    formula = "footprint"
    [action]
    min_footprint = "10 MiB"
    [relief]
    \(relief)
    """
  }

  /// Puts the hog into a cgroup of its own, and hides from the agent the machine's notes below /run and its hierarchies
  /// of version 1.
  private static let prelude = """
    mount -t tmpfs none /run
    awk '$3 == "cgroup" { print $2 }' /proc/self/mounts | while read -r point; do
      echo $$ >"$point/cgroup.procs"; umount "$point"
    done
    start hog --mib 60
    echo $hog >"$CGROUP/cgroup.procs"
    until_frozen() {
      tries=0
      until grep -q "^frozen $1" "$CGROUP/cgroup.events"; do
        tries=$((tries + 1)); [ $tries -lt 400 ] || { echo "never frozen $1"; break; }
        sleep 0.05
      done
      echo "frozen $1"
    }

    """

  private func run(_ relief: String, _ script: String) throws -> Namespace.Result {
    let top = try #require(UnifiedHierarchy.top)
    let name = "spillway-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: "\(top)/\(name)", withIntermediateDirectories: false)
    // The processes in it have exited with the namespace, or are about to.
    defer { for _ in 0..<200 where unsafe rmdir("\(top)/\(name)") != 0 && errno == EBUSY { usleep(20_000) } }
    let result = try Namespace.run(
      policy: Self.policy(relief), environment: ["CGROUP": "\(top)/\(name)"], Self.prelude + script)
    for record in result.records("relief") where record["action"] as? String == "freeze" {
      #expect(record["cgroup"] as? String == "/" + name)
    }
    return result
  }

  private func outcomes(_ result: Namespace.Result) -> [String] {
    result.records("relief").map { "\($0["action"] ?? "") \($0["outcome"] ?? "")" }
  }

  @Test func aFrozenCgroupIsThawedAfterTheSetTimeAndWhenTheAgentStops() throws {
    let result = try run(
      "freeze = { for = \"1s\" }",
      """
      agent
      until_frozen 1
      until_frozen 0
      until_record '"outcome":"undone"'
      finish
      sed -i 's/1s/10min/' policy.toml
      agent
      until_frozen 1
      finish
      until_frozen 0
      """)
    #expect(!result.output.contains("never"), "\(result.output)")
    #expect(outcomes(result) == ["freeze began", "freeze undone", "freeze began", "freeze undone"])
    #expect(result.isAlive("hog") && result.records("decision").isEmpty)
  }

  @Test func afterACrashTheNextStartThawsTheCgroup() throws {
    let result = try run(
      "freeze = { for = \"10min\" }",
      """
      agent
      until_record '"outcome":"began"'
      until_frozen 1
      kill -KILL $agent; wait $agent
      grep -c '^cgroup.freeze 0 /spillway-test-' /run/spillway/relief
      stat -c '%a %U' /run/spillway
      # Whatever the policy says by then.
      sed -i 's/^freeze.*$/freeze = false/' policy.toml
      agent
      until_said 'put back what a run before this one left changed: 1 cgroup'
      until_frozen 0
      finish
      """)
    #expect(!result.output.contains("never"), "\(result.output)")
    #expect(result.output.contains("1\n700 root\n"), "\(result.output)")
    #expect(outcomes(result) == ["freeze began"])
    #expect(result.isAlive("hog") && result.output.contains("agent status 0"))
  }

  @Test func aDryRunFreezesNoCgroup() throws {
    let result = try run(
      "freeze = true",
      """
      agent --dry-run
      until_record '"event":"relief"'
      grep '^frozen' "$CGROUP/cgroup.events"
      [ -e /run/spillway ] && echo "left a folder"
      finish
      """)
    #expect(outcomes(result) == ["freeze rehearsed"])
    #expect(result.output.hasPrefix("frozen 0\nagent status 0\n"), "\(result.output)")
  }

  /// A victim that relief froze acts on its first signal.
  @Test func aVictimIsThawedBeforeItIsSignalled() throws {
    let result = try run(
      "freeze = { for = \"10min\" }",
      """
      agent
      until_frozen 1
      sed -i 's/1 KiB/100%/' policy.toml
      kill -HUP $agent
      until_record '"event":"outcome"'
      finish
      """)
    let outcome = try #require(result.records("outcome").first)
    #expect(outcome["outcome"] as? String == "exited" && outcome["escalation"] is NSNull, "\(outcome)")
    #expect(outcomes(result) == ["freeze began", "freeze undone"] && !result.isAlive("hog"))
  }
}
