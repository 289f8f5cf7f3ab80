import Foundation
import Testing

/// Memory domains on real cgroups, whose limits are reached.
@Suite(.serialized, .enabled(if: LimitedCgroup.isPossible, "memory cgroups must be there, and be ours to make"))
struct LimitedDomainTests {
  /// `within NAME OPTIONS…` starts a TestProgram in the cgroup as `start` does. `fill NAME OPTIONS…` does not wait for
  /// it: it may be killed before it is ready.
  private static let prelude = """
    printf '#!/bin/sh\\necho $$ >"$CGROUP/cgroup.procs"\\nexec %s "$@"\\n' "$TEST_PROGRAM" >within.sh
    chmod +x within.sh
    within() {
      program=$TEST_PROGRAM; TEST_PROGRAM="$PWD/within.sh"; start "$@"; TEST_PROGRAM=$program
    }
    fill() {
      name=$1; shift
      ./within.sh --name "$name" "$@" >/dev/null &
      eval "$name=$!"
      programs="$programs $name"
    }

    """

  private static func policy(domain path: String?) -> String {
    """
    version = 1
    [trigger]
    floor = { available = "\(path == nil ? "30%" : "1 KiB")" }
    [badness]
    formula = "footprint"
    [action]
    grace = "2s"
    [[rule]]
    name = "the big one stays"
    match = { comm = "keeper" }
    protect = true

    """
      + (path.map { "[[domain]]\nname = \"batch\"\ncgroup = \"\($0)\"\ntrigger.floor.available = \"30%\"\n" } ?? "")
  }

  @Test func aProcessThatFillsADomainIsKilledAndNoProcessOutside() throws {
    let result = try LimitedCgroup.with(mib: 128) { cgroup in
      try Namespace.run(
        policy: Self.policy(domain: cgroup.path), environment: ["CGROUP": cgroup.directory],
        Self.prelude + """
          start larger --mib 150
          within keeper --mib 30
          agent
          until_record '"event":"start"'
          fill hog --mib 90
          until_record '"event":"outcome"'
          until_said 'memory is back'
          finish
          """)
    }
    #expect(!result.isAlive("hog"))
    #expect(result.isAlive("keeper") && result.isAlive("larger"), "\(result.output)\(result.errors)")
    let decision = try #require(result.records("decision").first)
    #expect(decision["domain"] as? String == "batch" && decision["trigger"] as? String == "floor")
    #expect((decision["reading"] as? [String: Any])?["total_kib"] as? Int == 128 * 1024)
    let outcome = try #require(result.records("outcome").first)
    #expect(outcome["outcome"] as? String == "exited" && outcome["domain"] as? String == "batch")
    // These are figures of the cgroup, which no other process fills, so that the freed memory can be checked.
    #expect(try #require(outcome["freed_kib"] as? Int) >= 30 * 1024)
    #expect(result.errors.contains("domain batch: memory is back"))
  }

  @Test func inAContainerTheLimitIsTheSystemsTotal() throws {
    var path = ""
    let result = try LimitedCgroup.with(mib: 160) { cgroup in
      path = cgroup.path
      return try Namespace.run(
        policy: Self.policy(domain: nil), environment: ["CGROUP": cgroup.directory],
        Self.prelude + """
          echo $$ >"$CGROUP/cgroup.procs"
          start keeper --mib 40
          agent
          until_record '"event":"start"'
          fill hog --mib 110
          until_record '"event":"outcome"'
          finish
          """)
    }
    #expect(!result.isAlive("hog"))
    #expect(result.isAlive("keeper"), "\(result.output)\(result.errors)")
    let start = try #require(result.records("start").first)
    #expect(start["system_cgroup"] as? String == path && start["total_kib"] as? Int == 160 * 1024)
    #expect(result.records("decision").first?["domain"] as? String == "system")
    #expect(result.errors.contains("the system is what lies in cgroup \(path) with 160 MiB of memory"))
  }
}
