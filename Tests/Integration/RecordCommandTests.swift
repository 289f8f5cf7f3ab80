import Foundation
import Testing

/// `spillway record` takes a flight of the agent that runs.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct RecordCommandTests {
  private static let never = """
    version = 1
    [trigger]
    floor = { available = "1 KiB" }

    """

  /// `agents` prints the files that name running agents. `until_listening` waits for one that takes signals as events.
  private static let functions = """
    agents() { grep -lx spillwayd /proc/[0-9]*/comm 2>/dev/null; }
    until_listening() {
      until grep -q '^SigBlk:.*[1-9a-f]' $(agents | sed 's/comm$/status/') /dev/null 2>/dev/null; do
        kill -0 $recorder || exit 1; sleep 0.05
      done
    }

    """

  @Test(arguments: [("--flights flights", "flights"), ("--state-dir state", "state/flights")])
  func anAgentIsAskedAndTheFlightIsReplayed(option: String, folder: String) throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      start hog --mib 30
      mkdir -p state
      agent \(option) --dry-run
      until_record '"event":"start"'
      "$BIN/spillway" record taken.flight; echo "record: $?"
      "$BIN/spillway" record --seconds 1 --pid $agent again.flight; echo "again: $?"
      stat -c '%a %n' *.flight \(folder)/*
      for flight in taken again; do "$BIN/spillway" replay $flight.flight >said; echo "replay: $?"; tail -1 said; done
      cmp again.flight \(folder)/asked.flight && ! cmp -s taken.flight again.flight && echo "newest kept"
      finish
      ls \(folder) | wc -l
      """)
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines.first?.contains("taken.flight: ") == true && lines.first?.contains("dry run") == true, "\(lines)")
    for line in [
      "record: 0", "again: 0", "600 taken.flight", "600 again.flight", "600 \(folder)/asked.flight", "newest kept",
      "agent status 0", "2",
    ] {
      #expect(lines.contains(line), "\(line): \(result.output)\(result.errors)")
    }
    #expect(lines.count { $0 == "replay: 0" } == 2, "\(result.output)\(result.errors)")
  }

  /// It has nothing to save, and goes on.
  @Test func anAgentWithoutFlightsIgnoresTheSignal() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      agent
      until_record '"event":"start"'
      kill -USR1 $agent
      "$BIN/spillway" record own.flight --seconds 1; echo "record: $?"
      alive $agent && echo "agent lives"
      "$BIN/spillway" record none.flight --pid $agent; echo "named: $?"
      finish
      """)
    for line in ["record: 0", "agent lives", "named: 64", "agent status 0"] {
      #expect(result.output.contains(line + "\n"), "\(line): \(result.output)\(result.errors)")
    }
    #expect(result.errors.contains("records no flights"), "\(result.errors)")
  }

  @Test func oneOfSeveralAgentsHasToBeNamed() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      agent --flights one --dry-run
      until_record '"event":"start"'
      first=$agent
      "$BIN/spillway" run --config policy.toml --record second.jsonl --flights "$PWD/two" --dry-run 2>two.errors &
      second=$!
      until grep -q start second.jsonl 2>/dev/null; do kill -0 $second || exit 1; sleep 0.05; done
      "$BIN/spillway" record a.flight; echo "any: $?"
      "$BIN/spillway" record a.flight --pid $second; echo "second: $?"
      cmp a.flight two/asked.flight && [ ! -e one/asked.flight ] && echo "of the second"
      kill -STOP $second
      kill -TERM $second; (sleep 0.2; kill -CONT $second) &
      "$BIN/spillway" record b.flight --pid $second; echo "stopping: $?"
      wait $second
      agent=$first; finish
      """)
    for line in ["any: 64", "second: 0", "of the second", "agent status 0"] {
      #expect(result.output.contains(line + "\n"), "\(line): \(result.output)\(result.errors)")
    }
    // Either the agent saved before it stopped, or that it exited is told.
    #expect(result.output.contains("stopping: 0") || result.errors.contains("has exited"), "\(result.errors)")
    #expect(result.errors.contains("several agents record flights"))
  }

  /// A folder that is gone gives no flight, and no wait without end.
  @Test func aFolderThatIsGoneIsNamed() throws {
    let result = try Namespace.run(
      policy: Self.never,
      """
      agent --flights flights --dry-run
      until_record '"event":"start"'
      rmdir flights
      "$BIN/spillway" record a.flight; echo "record: $?"
      ls -A
      finish
      """)
    #expect(result.output.contains("record: 69\n"), "\(result.output)\(result.errors)")
    #expect(result.errors.contains("flights: no such file"), "\(result.errors)")
    #expect(!result.output.contains(".flight") && !result.output.contains(".new"), "\(result.output)")
  }

  /// SIGINT ends the recording early, and what there is is kept.
  @Test func anInterruptedRecordingIsKept() throws {
    let result = try Namespace.run(
      policy: Self.never,
      Self.functions
        + """
        "$BIN/spillway" record own.flight --seconds 600 --policy policy.toml &
        recorder=$!
        until_listening
        kill -INT $recorder; wait $recorder; echo "record: $?"
        agents >/dev/null || echo "no agent is left"
        "$BIN/spillway" replay own.flight >/dev/null; echo "replay: $?"
        """)
    for line in ["record: 0", "no agent is left", "replay: 0"] {
      #expect(result.output.contains(line + "\n"), "\(line): \(result.output)\(result.errors)")
    }
  }

  /// A recorder that is killed leaves no agent behind.
  @Test func theAgentEndsWithItsRecorder() throws {
    let result = try Namespace.run(
      policy: Self.never,
      Self.functions
        + """
        "$BIN/spillway" record own.flight --seconds 600 --alone &
        recorder=$!
        until_listening
        kill -KILL $recorder; wait $recorder
        tries=0
        while agents >/dev/null && [ $tries -lt 200 ]; do tries=$((tries + 1)); sleep 0.05; done
        agents >/dev/null || echo "no agent is left"
        """)
    #expect(result.output.contains("no agent is left"), "\(result.output)\(result.errors)")
  }
}
