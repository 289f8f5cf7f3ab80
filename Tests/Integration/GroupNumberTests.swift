import Testing

/// Signals to a process group by its number, after its leader has exited: on this kernel, and on one before 6.9, where
/// a group can be named by its number alone.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct GroupNumberTests {
  /// `killer WORD…` runs KillerProgram on the kernel that `$KERNEL` says, in the background; `until_killer` waits for
  /// its answer. `fall` kills the leader and has it collected; `take_over` starts `heir` with its number, as the leader
  /// of a group of its own.
  private static let prelude = """
    killer() {
      program="$(dirname "$TEST_PROGRAM")/KillerProgram"
      if [ "$KERNEL" = old ]; then set -- "$TEST_PROGRAM" --old-kernel "$program" "$@"; else set -- "$program" "$@"; fi
      "$@" >answer 2>&1 &
      killer=$!
    }
    until_killer() { wait $killer; cat answer; }
    identity() { echo "$1 $(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20)"; }
    fall() { kill -KILL "$leader"; wait "$leader" 2>wait.errors; }
    take_over() {
      echo $((leader - 1)) >/proc/sys/kernel/ns_last_pid
      start heir --own-group
      [ "$heir" = "$leader" ] && echo "taken over"
    }
    until_left() { until [ "$(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 3)" != "$leader" ]; do sleep 0.01; done; }
    tell() { eval "number=\\$$1"; if alive "$number"; then echo "$1 lives"; else echo "$1 is gone"; fi; }

    """

  /// The leader is collected, the only other member has left, and the number is another group's.
  @Test(arguments: [("old", "unproven"), ("new", "members")], ["term", "kill"])
  func aGroupThatInheritedTheNumberIsNeverSignalled(kernel: (name: String, how: String), signal: String) throws {
    let result = try Namespace.run(
      policy: "", environment: ["KERNEL": kernel.name],
      Self.prelude + """
        start leader --own-group
        start mate --group $leader --usr1-leaves
        killer $(identity $leader) $(identity $mate) group say=held wait=go \(signal) how gone
        until grep -q held said 2>/dev/null; do sleep 0.01; done
        kill -USR1 $mate; until_left $mate
        fall
        take_over
        start child --group $heir
        touch go
        until_killer
        tell heir; tell child; tell mate
        """)
    #expect(
      result.output
        == "taken over\nheld held taken said seen sent \(kernel.how) gone\nheir lives\nchild lives\nmate is gone\n",
      "\(result.errors)")
  }

  /// This happens between the two signals: at SIGTERM to the group its leader exits and the other member leaves.
  @Test(arguments: [("old", "unproven"), ("new", "members")])
  func aGroupThatInheritedTheNumberInTheGraceIsNeverSignalled(kernel: (name: String, how: String)) throws {
    let result = try Namespace.run(
      policy: "", environment: ["KERNEL": kernel.name],
      Self.prelude + """
        start leader --own-group
        start mate --group $leader --usr1-leaves --ignore-term
        killer $(identity $leader) $(identity $mate) group term how say=held wait=go kill how gone
        until grep -q held said 2>/dev/null; do sleep 0.01; done
        wait $leader 2>wait.errors
        kill -USR1 $mate; until_left $mate
        take_over
        touch go
        until_killer
        tell heir; tell mate
        """)
    #expect(
      result.output
        == "taken over\nheld held taken sent whole said seen sent \(kernel.how) gone\nheir lives\nmate is gone\n",
      "\(result.errors)")
  }

  /// A member that lives keeps the number. The group is signalled whole, with a process that was not held.
  @Test(arguments: ["old", "new"], ["term", "kill"])
  func aGroupWhoseLeaderIsGoneIsSignalledWholeWhileAMemberLives(kernel: String, signal: String) throws {
    let result = try Namespace.run(
      policy: "", environment: ["KERNEL": kernel],
      Self.prelude + """
        start leader --own-group
        start mate --group $leader
        start other --group $leader
        start outside --own-group
        killer $(identity $leader) $(identity $mate) group say=held wait=go \(signal) how gone
        until grep -q held said 2>/dev/null; do sleep 0.01; done
        fall
        touch go
        until_killer
        wait $other 2>>wait.errors
        tell mate; tell other; tell outside
        """)
    #expect(
      result.output
        == "held held taken said seen sent whole gone\nmate is gone\nother is gone\noutside lives\n",
      "\(result.errors)")
  }

  /// An agent may be started with SIGCHLD ignored. Then the kernel collects children by itself: their numbers could be
  /// another process's before the agent knows that they have exited, and no exit code is left.
  @Test func anAgentThatIsStartedWithSIGCHLDIgnoredCollectsItsChildren() throws {
    let result = try Namespace.run(
      policy: "version = 1\n[trigger]\nfloor = { available = \"1 KiB\" }\n",
      """
      env --ignore-signal=CHLD "$BIN/spillway" run --config policy.toml --record record.jsonl 2>agent.errors &
      agent=$!
      until_record '"event":"start"'
      kill -HUP $agent
      until_record '"event":"reload"'
      finish
      """)
    #expect(result.records("reload").first?["outcome"] as? String == "in_force", "\(result.errors)")
  }

  /// It is asked about like any other process.
  @Test(arguments: ["old", "new"]) func aProcessThatInheritedTheNumberOfAMemberIsAskedAbout(kernel: String) throws {
    let result = try Namespace.run(
      policy: "", environment: ["KERNEL": kernel],
      Self.prelude + """
        start lead --own-group
        start leader --group $lead
        start other --group $lead
        killer $(identity $lead) $(identity $leader) group protect=heir say=held wait=go kill how
        until grep -q held said 2>/dev/null; do sleep 0.01; done
        # A member ends, and a newcomer to the group has its number.
        fall
        echo $((leader - 1)) >/proc/sys/kernel/ns_last_pid
        start heir --group $lead
        [ "$heir" = "$leader" ] && echo "taken over"
        touch go
        until_killer
        wait $other 2>>wait.errors
        tell heir; tell other
        """)
    #expect(
      result.output
        == "taken over\nheld held taken noted said seen sent protected\nheir lives\nother is gone\n",
      "\(result.errors)")
  }
}
