import Foundation
import Testing

/// What the agent costs: no memory from the heap while it works, and no wait for a process that hangs.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct CostTests {
  /// Available memory is between the lines at 10.3 %, and over them at 11 %. A rule needs the command line, which may
  /// be read in calm time only.
  private static let policy = """
    version = 1
    [trigger]
    floor = { available = "10%" }
    release = "10.5%"
    [action]
    min_footprint = "10 MiB"
    [[rule]]
    name = "needs the command line"
    match = { cmdline = "* --of-nobody" }
    order = "last"

    """

  /// Rules with dynamic fields, and one with an ancestor that the survey of a decision leaves out and that is read
  /// anew.
  private static let moments = """
    [badness]
    inherited_oom_score_adj = "ignore"
    [[rule]]
    name = "relatives"
    match = { orphan = true, not = { descendant_of = { exe = "/no/such", unit = "no.service" } } }
    order = "first"
    [[rule]]
    name = "of the moment"
    match = { ancestor = ["sh", "nobody*"], growth = "1 KiB", max_age = "1h", not = { nice = "1..19", container = true } }
    weight = 2
    [[rule]]
    name = "kept by its parents"
    match = { ancestor = "no-such-parent", not = { ancestor = "sh", min_age = "1s" } }
    protect = true

    """

  /// `cross SHARE` sets available memory, as /proc/meminfo shows it in the namespace, to this percentage. It is written
  /// in place and at the same length, so that a reader never sees half a file.
  private static let meminfo = """
    cp /proc/meminfo real
    share() {
      awk -v share="$1" '/^MemTotal:/ { total = $2 }
        /^MemAvailable:/ { $0 = sprintf("MemAvailable: %12d kB", total * share / 100) } { print }' real
    }
    cross() { share "$1" | dd of=meminfo conv=notrunc status=none; }
    share 11 >meminfo
    mount --bind meminfo /proc/meminfo
    until_count() {
      tries=0
      until [ "$(grep -c -e "$2" "$3" 2>/dev/null)" -ge "$1" ]; do
        tries=$((tries + 1)); [ $tries -lt 400 ] || { echo "never $1 times: $2"; break; }
        sleep 0.05
      done
    }

    """

  /// Decisions with their kills, records and messages, and looks and surveys below the release line between them. The
  /// calls are counted in the ordinary form, whose malloc(3) can be replaced. Both forms have the same source.
  @Test(arguments: [("", ""), (moments, ""), ("", "--flights flights")])
  func warmTicksAndDecisionsAllocateNothing(rules: String, option: String) throws {
    let hooks = """
      [hooks]
      warn = ["/bin/true"]
      before = ["/bin/echo", "before"]
      after = ["/bin/cat"]

      """
    let result = try Namespace.run(
      policy: Self.policy + rules + hooks,
      Self.meminfo + """
        cc -O2 -shared -fPIC -o allocations.so "$BIN/../../Benchmarks/allocations.c" || exit 1
        "$BIN/spillway" compile policy.toml --output policy.image || exit 1
        # All that is started from here inherits it.
        echo 100 >/proc/self/oom_score_adj
        ALLOCATIONS=allocations LD_PRELOAD=./allocations.so "$BIN/../../.build/release/spillwayd" \\
          --image policy.image --record record.jsonl --verbose \(option) 2>agent.errors &
        agent=$!
        until_count 1 '"event":"start"' record.jsonl
        watched=0
        for round in 1 2 3 4 5 6 7; do
          start "hog$round" --mib 60
          cross 8
          until_count $round '"event":"outcome"' record.jsonl
          cross 11
          until_count $round 'memory is back' agent.errors
          cross 10.3
          watched=$((watched + 2))
          until_count $watched 'spillwayd: watch' agent.errors
          echo "allocations $(od -An -tu8 allocations)"
        done
        finish
        """)
    #expect(!result.output.contains("never"), "\(result.output) \(result.errors)")
    #expect(result.records("outcome").count == 7)
    #expect(result.records("hook").count { $0["outcome"] as? String == "exited" } == 21)
    let counts = result.output.split(separator: "\n").filter { $0.hasPrefix("allocations") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    try #require(counts.count == 7)
    // The counter works: the start allocates.
    #expect(counts[0] > 0)
    #expect(Set(counts[2...]).count == 1, "allocations after each round: \(counts)")
  }

  /// The cgroups are ordinary files.
  @Test(.enabled(if: UnifiedHierarchy.top != nil, "a process has to be put into a cgroup of version 2"))
  func warmReliefAllocatesNothing() throws {
    let top = try #require(UnifiedHierarchy.top)
    let name = "spillway-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: "\(top)/\(name)", withIntermediateDirectories: false)
    // The processes in it have exited with the namespace, or are about to.
    defer { for _ in 0..<200 where unsafe rmdir("\(top)/\(name)") != 0 && errno == EBUSY { usleep(20_000) } }
    let relief = """
      [relief]
      reclaim = ["/batch", "/batch"]
      high = { cgroup = "/batch", to = "80%", for = "1s" }
      freeze = { for = "1s" }
      [last_resort]
      action = "panic"
      after_victims = 1000
      after_stall = "10min"

      """
    let result = try Namespace.run(
      policy: Self.policy + relief, environment: ["TOP": top, "NAME": name],
      Self.meminfo + """
        cc -O2 -shared -fPIC -o allocations.so "$BIN/../../Benchmarks/allocations.c" || exit 1
        "$BIN/spillway" compile policy.toml --output policy.image || exit 1
        mount -t tmpfs none /run
        # A process that version 1's memory controller has in a cgroup of another path lies in no one cgroup to freeze.
        awk '$3 == "cgroup" { print $2 }' /proc/self/mounts | while read -r point; do
          echo $$ >"$point/cgroup.procs"; umount "$point"
        done
        mkdir kept
        mount --bind "$TOP/$NAME" kept
        mount -t tmpfs none "$TOP"
        mkdir "$TOP/batch" "$TOP/$NAME"
        touch "$TOP/cgroup.procs" "$TOP/batch/memory.reclaim"
        echo 104857600 >"$TOP/batch/memory.current"
        echo 0 >"$TOP/$NAME/cgroup.freeze"
        # Never the real one.
        if [ -e /proc/sysrq-trigger ]; then touch trigger; mount --bind trigger /proc/sysrq-trigger || exit 1; fi
        ALLOCATIONS=allocations LD_PRELOAD=./allocations.so "$BIN/../../.build/release/spillwayd" \\
          --image policy.image --record record.jsonl 2>agent.errors &
        agent=$!
        until_count 1 '"event":"start"' record.jsonl
        for round in 1 2 3 4 5 6 7; do
          start "hog$round" --mib 60
          eval "echo \\$hog$round" >kept/cgroup.procs
          # An ordinary file keeps the end of what was longer.
          echo max >"$TOP/batch/memory.high"
          cross 10.3
          until_count $((round * 2)) '"outcome":"undone"' record.jsonl
          until_count $((round * 2)) '"outcome":"done"' record.jsonl
          cross 8
          until_count $round '"event":"outcome"' record.jsonl
          cross 11
          until_count $round 'memory is back' agent.errors
          echo "allocations $(od -An -tu8 allocations)"
        done
        finish
        """)
    #expect(!result.output.contains("never"), "\(result.output) \(result.errors)")
    let steps = result.records("relief").map { "\($0["action"] ?? "") \($0["outcome"] ?? "")" }
    #expect(steps.count { $0 == "reclaim done" } == 14, "\(steps)")
    for step in ["high began", "high undone", "freeze began", "freeze undone"] {
      #expect(steps.count { $0 == step } == 7, "\(steps)")
    }
    let counts = result.output.split(separator: "\n").filter { $0.hasPrefix("allocations") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    try #require(counts.count == 7)
    #expect(Set(counts[2...]).count == 1, "allocations after each round: \(counts)")
  }

  static let strace = ["/usr/bin/strace", "/bin/strace"].first { FileManager.default.isExecutableFile(atPath: $0) }

  /// Every process is protected, so that candidates are looked for again and again, and read in full. Two processes are
  /// started late: the roster does not know them, and they are classified by what may be read. One of them depends on
  /// its command line, which only the thread reads that may wait.
  @Test(.enabled(if: strace != nil, "strace is missing: scripts/setup.sh test installs it"))
  func aDecisionReadsOnlyFilesThatTakeNoMemoryLock() throws {
    let everyone = """
      [[rule]]
      name = "everyone stays"
      match = { comm = "*", not = { comm = "asked" } }
      protect = true
      [[rule]]
      name = "stays by its command line"
      match = { cmdline = "* --name asked *" }
      protect = true

      """
    let result = try Namespace.run(
      policy: Self.policy + everyone,
      Self.meminfo + """
        "$BIN/spillway" compile policy.toml --output policy.image || exit 1
        start early --mib 20
        cross 11
        strace -f -o trace -e trace=%file,read,pread64,epoll_wait,epoll_pwait,prctl "$BIN/spillwayd" --dry-run \\
          --image policy.image --record record.jsonl 2>agent.errors &
        tracer=$!
        until_record '"event":"start"'
        cross 8
        until_record no_candidate
        start late --mib 20
        until_count 2 "\\"$late/status\\"" trace
        start asked --mib 20
        until_count 1 "\\"$asked/cmdline\\"" trace
        until_count 4 "\\"$asked/status\\"" trace
        awk '/epoll_p?wait/ { part = "deciding" }
          /"spillway-ask"/ { asker = $1 }
          { print (part ? part : "calm"), ($1 == asker ? "asker" : "loop"), $0 }' trace |
          sed -nE 's,^([a-z]+ [a-z]+) .*"(/proc/)?[0-9]+/([a-z_/0-9]+)".*,path \\1 \\3,p' | sort -u
        kill -TERM $(sed -n 's/.*"event":"start".*"pid":\\([0-9]*\\).*/\\1/p' record.jsonl)
        wait $tracer
        """)
    #expect(!result.output.contains("never"), "\(result.output) \(result.errors)")
    func files(_ part: String) -> Set<Substring> {
      Set(
        result.output.split(separator: "\n").filter { $0.hasPrefix("path \(part) ") }
          .compactMap { $0.split(separator: " ").last })
    }
    // The trace works: it shows the command line, which is read in calm time.
    #expect(files("calm loop").isSuperset(of: ["stat", "status", "cmdline"]))
    #expect(files("calm asker").isEmpty)
    #expect(files("deciding asker") == ["cmdline"])
    // proc(5): none of these takes the mmap lock of the process it tells about.
    let allowed: Set<Substring> = ["stat", "statm", "status", "oom_score", "oom_score_adj", "cgroup", "exe"]
    #expect(files("deciding loop").isSuperset(of: ["stat", "status"]))
    #expect(files("deciding loop").isSubset(of: allowed), "\(files("deciding loop").subtracting(allowed))")
  }
}
