import Foundation
import Testing

/// An agent in a cgroup namespace of its own that sees processes outside of it, as in a container with the host's pid
/// namespace.
@Suite(.serialized, .enabled(if: LimitedCgroup.isPossible, "memory cgroups must be there, and be ours to make"))
struct CgroupViewTests {
  /// Starts the agent in a cgroup namespace that begins at the agent's own cgroup, $OWN.
  private static let prelude = """
    within() {
      printf '#!/bin/sh\\necho $$ >"%s/cgroup.procs"\\nexec "%s" "$@"\\n' "$CGROUP" "$TEST_PROGRAM" >within.sh
      chmod +x within.sh
      program=$TEST_PROGRAM; TEST_PROGRAM="$PWD/within.sh"; start "$@"; TEST_PROGRAM=$program
    }
    enclosed() {
      sh -c 'echo $$ >"$OWN/cgroup.procs"; exec unshare --cgroup "$@"' sh \
        "$BIN/spillway" run --config policy.toml --record record.jsonl "$@" 2>agent.errors &
      agent=$!
    }

    """

  private static func policy(_ cgroup: String) -> String {
    """
    version = 1
    [trigger]
    floor = { available = "1 KiB" }
    [badness]
    formula = "footprint"
    [action]
    grace = "2s"
    [[rule]]
    name = "what is batched stays"
    match = { cgroup = "\(cgroup)", comm = "keeper" }
    protect = true
    [[domain]]
    name = "batch"
    cgroup = "\(cgroup)"
    trigger.floor.available = "70%"

    """
  }

  private static func run(_ options: String, wait event: String) throws -> (Namespace.Result, String) {
    try LimitedCgroup.with(mib: 48) { own in
      try LimitedCgroup.with(mib: 128) { cgroup in
        let result = try Namespace.run(
          policy: policy(cgroup.path), environment: ["CGROUP": cgroup.directory, "OWN": own.directory],
          prelude + """
            start larger --mib 60
            within keeper --mib 60
            within hog --mib 40
            enclosed \(options)
            \(event)
            finish
            """)
        return (result, cgroup.path)
      }
    }
  }

  @Test func withTheMachinesCgroupsDomainsAndRulesHoldInACgroupNamespace() throws {
    let (result, path) = try Self.run("--cgroup-root /sys/fs/cgroup", wait: #"until_record '"event":"outcome"'"#)
    #expect(!result.isAlive("hog"), "\(result.output)\(result.errors)")
    #expect(result.isAlive("keeper") && result.isAlive("larger"))
    #expect(result.records("start").first?["system_cgroup"] is NSNull)
    let decision = try #require(result.records("decision").first)
    #expect(decision["domain"] as? String == "batch" && decision["protected"] as? Int == 1)
    #expect(result.errors.contains("cgroup \(path) with 128 MiB of memory"))
    #expect(!result.errors.contains("outside of this cgroup namespace"))
  }

  @Test func withoutTheMachinesCgroupsNoPathIsBelieved() throws {
    let (result, _) = try Self.run("--dry-run", wait: "until_said 'its cgroup cannot be read'")
    #expect(result.isAlive("hog") && result.records("decision").isEmpty)
    let start = try #require(result.records("start").first)
    #expect(start["system_cgroup"] is NSNull)
    #expect(try #require(start["total_kib"] as? Int) > 128 * 1024)
    #expect(result.errors.contains("process 1 is outside of this cgroup namespace"))
    #expect(!result.errors.contains("for every process, and none is ever killed"), "the rule asks for a name too")
  }
}
