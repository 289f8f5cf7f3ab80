import Foundation
import Testing

/// A `Killer` (KillerProgram) on real processes that do not die of SIGTERM, cannot die, or are many.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct KillerProgramTests {
  /// `identity PID` prints the number and the start time (field 22, the 20th after the name). `killer` runs
  /// KillerProgram. `start_in DIRECTORY NAME OPTIONS…` starts a TestProgram in a cgroup. `count NAME` counts the living
  /// processes of that name. `noted NAME WORD` prints the number that a TestProgram printed after a word.
  private static let prelude = """
    killer() { "$(dirname "$TEST_PROGRAM")/KillerProgram" "$@"; }
    identity() { echo "$1 $(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20)"; }
    joined() { identity "$1" | tr ' ' ,; }
    noted() { sed -n "s/^$2 //p" "$1.ready"; }
    start_in() {
      where=$1; shift
      keep=$TEST_PROGRAM
      printf '#!/bin/sh\\necho $$ >"%s/cgroup.procs"\\nexec "%s" "$@"\\n' "$where" "$keep" >in-cgroup
      chmod +x in-cgroup
      TEST_PROGRAM=./in-cgroup; start "$@"; TEST_PROGRAM=$keep
    }
    count() {
      found=0
      for status in /proc/[0-9]*/status; do
        # In one reading: a process that has gone before a second one would be counted as living.
        awk -v name="$1" '$1 == "Name:" { isIt = $2 == name } $1 == "State:" { lives = isIt && $2 !~ /[ZX]/; exit }
          END { exit !lives }' "$status" 2>/dev/null && found=$((found + 1))
      done
      echo "$found"
    }
    tell() { eval "number=\\$$1"; if alive "$number"; then echo "$1 lives"; else echo "$1 is gone"; fi; }
    until_state() { until grep -q "^State:.$2" "/proc/$1/status"; do sleep 0.01; done; }

    """

  private func run(_ script: String) throws -> Namespace.Result {
    try Namespace.run(policy: "", Self.prelude + script)
  }

  private func expect(_ script: String, says lines: String, _ location: SourceLocation = #_sourceLocation) throws {
    let result = try run(script)
    #expect(result.output == lines + "\n", "\(result.errors)", sourceLocation: location)
  }

  // Processes that do not die of SIGTERM.

  @Test func aStoppedProcessActsOnSIGTERM() throws {
    try expect(
      """
      start one
      kill -STOP $one; until_state $one T
      killer $(identity $one) examine term gone
      tell one
      """, says: "held stopped sent gone\none is gone")
  }

  @Test func aTracedProcessDiesOfSIGKILLAlone() throws {
    try expect(
      """
      start tracer --traced
      traced=$(noted tracer traced); until_state $traced t
      killer $(identity $traced) term examine kill gone
      tell tracer
      """, says: "held sent traced sent gone\ntracer lives")
  }

  @Test func threadsThatOutliveTheirLeaderAreToldAndKilled() throws {
    try expect(
      """
      start one --leader-exits --ignore-term
      until_state $one Z
      killer $(identity $one) term examine kill gone
      """, says: "held sent threads_left sent gone")
  }

  /// Process 1 of a pid namespace gets only signals that it handles, and SIGKILL from outside.
  @Test func theInitOfAPidNamespaceDiesOfSIGKILLAlone() throws {
    try expect(
      """
      start outer
      unshare --fork --pid --kill-child "$TEST_PROGRAM" --name inner >inner.ready &
      until grep -q ready inner.ready; do sleep 0.01; done
      for status in /proc/[0-9]*/status; do
        grep -q '^Name:.inner$' $status && inner=$(echo $status | cut -d / -f 3)
      done
      killer $(identity $inner) term
      sleep 0.1
      tell inner
      killer $(identity $inner) term kill gone
      tell outer
      """, says: "held sent\ninner lives\nheld sent sent gone\nouter lives")
  }

  @Test func aSignalToAnotherUsersProcessIsRefused() throws {
    let result = try run(
      """
      start one
      setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
        "$(dirname "$TEST_PROGRAM")/KillerProgram" $(identity $one) term kill
      tell one
      """)
    #expect(result.output == "held refused(EPERM) refused(EPERM)\none lives\n", "\(result.output)\(result.errors)")
  }

  // Several processes with one memory.

  @Test func aParentThatWaitsInVforkIsUninterruptibleAndItsChildHasItsMemory() throws {
    try expect(
      """
      start parent --vfork --mib 20
      until_state $parent D
      child=$(cat /proc/$parent/task/$parent/children)
      child=${child% }
      killer $(identity $parent) examine kin=$(joined $child)
      killer $(identity $parent) $(identity $child) kill gone
      """, says: "held uninterruptible shares\nheld held sent gone")
  }

  @Test func aProcessThatSharesTheVictimsMemoryIsFoundAndMustBeKilledToo() throws {
    try expect(
      """
      start one --shares-memory --mib 20
      start other --mib 20
      sharer=$(noted one sharer)
      killer $(identity $one) kin=$(joined $sharer) kin=$(joined $other)
      killer $(identity $one) kill gone
      tell sharer
      grep -c '^VmRSS' /proc/$sharer/status
      killer $(identity $sharer) kill gone
      tell other
      """, says: "held shares separate\nheld sent gone\nsharer lives\n1\nheld sent gone\nother lives")
  }

  // Kill sets.

  @Test func theProcessesOfAKillSetAreKilledAndOthersStay() throws {
    try expect(
      """
      start first --ignore-term
      start second
      start third
      killer $(identity $first) $(identity $third) term kill gone
      tell first; tell second; tell third
      """, says: "held held sent sent gone\nfirst is gone\nsecond lives\nthird is gone")
  }

  @Test func withoutTheWordGroupOnlyTheHeldMemberIsKilled() throws {
    try expect(
      """
      start many --own-group --children 3
      killer $(identity $many) kill gone
      count many
      """, says: "held sent gone\n3")
  }

  @Test(arguments: ["term", "kill"]) func aForkBombInAProcessGroupIsKilledInOneStep(signal: String) throws {
    let result = try run(
      """
      start bomb --own-group --bomb 150
      killer $(identity $bomb) group \(signal) gone
      left=$(count bomb); echo "left $left"
      grep -c 'exited by itself' bomb.ready
      """)
    #expect(result.output == "held taken sent gone\nleft 0\n0\n", "\(result.errors)")
  }

  // Cgroups.

  /// A hierarchy in which a test may make a cgroup.
  enum Hierarchy: String, CaseIterable, Sendable {
    case unified
    case freezer
    case pids

    /// Where it is mounted; nil where it is not, or cannot be written.
    var root: String? {
      let mounts = (try? String(contentsOfFile: "/proc/mounts", encoding: .utf8)) ?? ""
      for line in mounts.split(separator: "\n") {
        let fields = line.split(separator: " ")
        guard fields.count > 3 else { continue }
        let isHere =
          switch self {
          case .unified: fields[2] == "cgroup2"
          case .freezer, .pids: fields[2] == "cgroup" && fields[3].split(separator: ",").contains(Substring(rawValue))
          }
        if isHere, unsafe access(String(fields[1]), W_OK) == 0 { return String(fields[1]) }
      }
      return nil
    }

    static let possible = allCases.filter { $0.root != nil }
  }

  private func inCgroup(_ hierarchy: Hierarchy, _ script: String) throws -> Namespace.Result {
    let root = try #require(hierarchy.root)
    let group = "\(root)/spillway-test-\(UUID().uuidString)"
    defer {
      for name in ["\(group)/below", group] { unsafe rmdir(name) }
    }
    let words =
      switch hierarchy {
      case .freezer: "freezer=\(group) cgroup=\(group)"
      default: "cgroup=\(group)"
      }
    return try run("group='\(group)'; words='\(words)'; mkdir -p \"$group/below\"\n" + script)
  }

  @Test(arguments: Hierarchy.possible)
  func aForkBombInACgroupIsKilled(hierarchy: Hierarchy) throws {
    let result = try inCgroup(
      hierarchy,
      """
      start_in $group bomb --bomb 150
      killer $(identity $bomb) $words kill reap | sed 's/ reaped.*//'
      echo "left $(count bomb)"
      grep -c 'exited by itself' bomb.ready
      """)
    #expect(result.output.hasSuffix("taken sent\nleft 0\n0\n"), "\(result.output)\(result.errors)")
  }

  @Test(arguments: Hierarchy.possible)
  func processesInCgroupsBelowAreKilledTooAndNoOthers(hierarchy: Hierarchy) throws {
    let result = try inCgroup(
      hierarchy,
      """
      start_in $group leader --children 2
      start_in $group/below deeper --children 300
      start outside
      killer $(identity $leader) $words kill reap | sed 's/ reaped.*//'
      echo "left $(count leader) $(count deeper)"
      tell outside
      """)
    #expect(result.output.hasSuffix("taken sent\nleft 0 0\noutside lives\n"), "\(result.output)\(result.errors)")
  }

  @Test(arguments: Hierarchy.possible)
  func withoutTheWordCgroupTheOthersInItStay(hierarchy: Hierarchy) throws {
    let result = try inCgroup(
      hierarchy,
      """
      start_in $group hog
      start_in $group keeper
      killer $(identity $hog) kill gone
      tell hog; tell keeper
      """)
    #expect(result.output == "held sent gone\nhog is gone\nkeeper lives\n", "\(result.errors)")
  }

  /// The memory of a process that cannot run comes back before it dies.
  @Test(.enabled(if: Hierarchy.freezer.root != nil, "needs the version 1 freezer"))
  func aFrozenProcessIsReapedAndThawed() throws {
    let result = try inCgroup(
      .freezer,
      """
      start_in $group one --mib 40
      echo FROZEN >$group/freezer.state
      until grep -q FROZEN $group/freezer.state; do sleep 0.01; done
      killer $(identity $one) term examine kill examine
      tell one
      killer $(identity $one) kill release thaw gone
      """)
    #expect(
      result.output.hasPrefix("held sent frozen sent frozen\none lives\nheld sent released 1 thawed gone\n"),
      "\(result.output)\(result.errors)")
  }
}
