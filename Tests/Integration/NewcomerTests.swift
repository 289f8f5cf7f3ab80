import Foundation
import Testing

/// A protected process that comes into the victim's group or cgroup during the grace lives: protection is asked about
/// at the time of the signal.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct NewcomerTests {
  /// A machine whose memory is what a file says that is mounted over the kernel's: `available KIB` of 1000000. Half of
  /// the floor is at 450000.
  private static let prelude = """
    available() { printf 'MemTotal: 1000000 kB\\nMemFree: 1000 kB\\nMemAvailable: %7d kB\\n' "$1"; }
    available 800000 >memory
    mount --bind memory /proc/meminfo
    worsen() { available 400000 | dd of=memory conv=notrunc 2>dd.errors; }
    identity() { echo "$1 $(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20)"; }
    killer() { "$(dirname "$TEST_PROGRAM")/KillerProgram" "$@"; }
    until_named() {
      until found=$(grep -lx "$1" /proc/[0-9]*/comm 2>>grep.errors) && [ -n "$found" ]; do sleep 0.02; done
    }
    count() {
      living=0
      for comm in /proc/[0-9]*/comm; do
        [ "$(cat $comm 2>>cat.errors)" = "$1" ] && alive "$(basename "$(dirname $comm)")" && living=$((living + 1))
      done
      echo "$1 $living"
    }
    start_in() {
      where=$1; shift
      keep=$TEST_PROGRAM
      printf '#!/bin/sh\\necho $$ >"%s/cgroup.procs"\\nexec "%s" "$@"\\n' "$where" "$keep" >in-cgroup
      chmod +x in-cgroup
      TEST_PROGRAM=./in-cgroup; start "$@"; TEST_PROGRAM=$keep
    }
    tell() { eval "number=\\$$1"; if alive "$number"; then echo "$1 lives"; else echo "$1 is gone"; fi; }

    """

  private static func policy(scope: String, grace: String) -> String {
    """
    version = 1
    [trigger]
    floor = { available = "90%" }
    release = "99%"
    [badness]
    formula = "footprint"
    [action]
    grace = "\(grace)"
    min_footprint = "20 MiB"
    scope = "\(scope)"
    [[rule]]
    name = "keep"
    match = { comm = "keeper" }
    protect = true

    """
  }

  // A group, and session and tree, whose processes are killed one by one.

  @Test(arguments: ["group", "session", "tree"], [false, true])
  func aProtectedChildThatIsStartedInTheGraceLives(scope: String, worsens: Bool) throws {
    let result = try Namespace.run(
      policy: Self.policy(scope: scope, grace: worsens ? "50s" : "1s"),
      Self.prelude + """
        setsid "$TEST_PROGRAM" --name hog --mib 40 --term-forks keeper >hog.ready &
        until grep -q ready hog.ready; do sleep 0.05; done
        agent
        until_named keeper
        \(worsens ? "worsen" : "")
        until_record '"event":"outcome"'
        finish
        count hog; count keeper
        """)
    #expect(result.output.contains("hog 0\nkeeper 1\n"), "\(result.output)\(result.errors)")
    let outcome = try #require(result.records("outcome").first)
    #expect(outcome["outcome"] as? String == "killed", "\(outcome)")
    #expect(outcome["escalation"] as? String == (worsens ? "memory_worsened" : "grace_ended"))
    #expect(outcome["one_by_one"] as? String == (scope == "group" ? "protected" : nil))
  }

  /// This is the counterpart: a child that no rule protects.
  @Test func aChildThatIsStartedInTheGraceAndIsNotProtectedIsKilledWithTheGroup() throws {
    let result = try Namespace.run(
      policy: Self.policy(scope: "group", grace: "1s"),
      Self.prelude + """
        setsid "$TEST_PROGRAM" --name hog --mib 40 --term-forks cub >hog.ready &
        until grep -q ready hog.ready; do sleep 0.05; done
        agent
        until_named cub
        until_record '"event":"outcome"'
        finish
        count hog; count cub
        """)
    #expect(result.output.contains("hog 0\ncub 0\n"), "\(result.output)\(result.errors)")
    #expect(try #require(result.records("outcome").first)["one_by_one"] is NSNull)
  }

  // A cgroup of version 2.

  static let hasCgroups: ConditionTrait = .enabled(
    if: UnifiedHierarchy.top != nil, "this needs root and cgroups of version 2")

  private func inCgroup(_ script: String, policy: String = "", name: String = "spillway-test-\(UUID().uuidString)")
    throws
    -> Namespace.Result
  {
    let top = try #require(UnifiedHierarchy.top)
    let group = "\(top)/\(name)"
    try FileManager.default.createDirectory(atPath: "\(group)/below", withIntermediateDirectories: true)
    defer {
      for path in ["\(group)/below", group] {
        for _ in 0..<200 where unsafe rmdir(path) != 0 && errno == EBUSY { usleep(20_000) }
      }
    }
    return try Namespace.run(policy: policy, environment: ["group": group, "top": top], Self.prelude + script)
  }

  @Test(hasCgroups, arguments: ["$group", "$group/below"])
  func aProcessThatCameIntoACgroupIsKilledWithItUnlessItIsProtected(place: String) throws {
    let result = try inCgroup(
      """
      start_in $group hog --children 30
      killer $(identity $hog) cgroup=$group protect=keeper term how say=sent wait=go kill how gone &
      killer=$!
      # One that comes while the cgroup gets its SIGTERM would get it before it ignores it.
      until grep -q sent said; do alive $killer || exit 1; sleep 0.05; done 2>>grep.errors
      start_in \(place) keeper --ignore-term
      start_in \(place) other --ignore-term
      touch go
      wait $killer
      grep -x 'frozen [01]' $group/cgroup.events
      count hog; tell keeper; tell other
      """)
    #expect(
      result.output.hasSuffix(
        "wait seen sent protected gone\nfrozen 0\nhog 0\nkeeper lives\nother is gone\n".replacingOccurrences(
          of: "wait ", with: "")), "\(result.output)\(result.errors)")
  }

  @Test(hasCgroups) func aCgroupWithoutProtectedProcessesIsKilledInOneStepAndThawed() throws {
    let result = try inCgroup(
      """
      start_in $group hog --children 300
      start_in $group/below other --children 20 --ignore-term
      start outside
      killer $(identity $hog) cgroup=$group protect=keeper kill how gone
      grep -x 'frozen [01]' $group/cgroup.events; cat $group/cgroup.freeze
      count hog; count other; tell outside
      """)
    #expect(
      result.output == "held taken noted sent whole gone\nfrozen 0\n0\nhog 0\nother 0\noutside lives\n",
      "\(result.errors)")
  }

  @Test(hasCgroups) func aCgroupThatAnOperatorFrozeStaysFrozen() throws {
    let result = try inCgroup(
      """
      start_in $group hog
      start_in $group keeper
      echo 1 >$group/cgroup.freeze
      killer $(identity $hog) cgroup=$group protect=keeper kill how gone
      cat $group/cgroup.freeze
      echo 0 >$group/cgroup.freeze
      tell hog; tell keeper
      """)
    #expect(result.output == "held taken noted sent protected gone\n1\nhog is gone\nkeeper lives\n", "\(result.errors)")
  }

  /// As with ProtectControlGroups=yes.
  @Test(hasCgroups) func whereCgroupsCannotBeWrittenProcessesAreKilledOneByOneAndTheReasonIsTold() throws {
    let result = try inCgroup(
      """
      start_in $group hog --children 20
      start_in $group keeper
      mount -o remount,bind,ro "$top"
      killer $(identity $hog) cgroup=$group kill how gone
      count hog
      """)
    #expect(
      result.output == "held taken sent refused(read-only file system) gone\nhog 0\n",
      "\(result.output)\(result.errors)")
    let other = try inCgroup(
      """
      start_in $group hog --children 20
      start_in $group keeper
      mount -o remount,bind,ro "$top"
      killer $(identity $hog) cgroup=$group protect=keeper kill how gone
      count hog; tell keeper
      """)
    #expect(other.output == "held taken noted sent protected gone\nhog 0\nkeeper lives\n", "\(other.errors)")
  }

  /// An agent in the cgroup that it kills would freeze itself.
  @Test(hasCgroups) func inACgroupThatTheAgentIsInOnlyTheMembersAreKilled() throws {
    let result = try inCgroup(
      """
      start_in $group hog --children 5
      start_in $group other
      sh -c 'echo $$ >$group/cgroup.procs; exec "$(dirname "$TEST_PROGRAM")/KillerProgram" "$@"' sh $(identity $hog) \\
        cgroup=$group kill how gone
      count hog; tell other
      """)
    #expect(result.output == "held taken sent protected gone\nhog 5\nother lives\n", "\(result.errors)")
  }

  /// The whole path: the agent, a victim in a cgroup or a unit, and a keeper that came into it during the grace.
  @Test(hasCgroups, arguments: ["cgroup", "unit"], [false, true])
  func theAgentSparesAProtectedProcessInACgroup(scope: String, worsens: Bool) throws {
    let result = try inCgroup(
      """
      awk '$3 == "cgroup" { print $2 }' /proc/self/mounts | while read -r point; do echo $$ >"$point/cgroup.procs"; umount "$point"; done
      [ "$top" = /sys/fs/cgroup ] || mount --move "$top" /sys/fs/cgroup
      group=/sys/fs/cgroup/${group#"$top"/}
      start_in $group hog --mib 40 --term-forks keeper
      agent
      until_named keeper
      start_in $group/below other --ignore-term
      \(worsens ? "worsen" : "")
      until_record '"event":"outcome"'
      finish
      count hog; count keeper; count other
      grep -x 'frozen [01]' $group/cgroup.events
      """, policy: Self.policy(scope: scope, grace: worsens ? "50s" : "2s"),
      name: "spillway-test-\(UUID().uuidString).service")
    #expect(result.output.contains("hog 0\nkeeper 1\nother 0\nfrozen 0\n"), "\(result.output)\(result.errors)")
    let outcome = try #require(result.records("outcome").first, "\(result.output)\(result.errors)\(result.records)")
    #expect(outcome["outcome"] as? String == "killed" && outcome["one_by_one"] as? String == "protected", "\(outcome)")
  }
}
