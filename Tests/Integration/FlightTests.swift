import Foundation
import Testing

/// What a running agent saw is saved, and comes to the same decisions when it is run again.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct FlightTests {
  private static let policy = """
    version = 1
    [trigger]
    floor = { available = "100%" }
    [action]
    min_footprint = "20 MiB"

    """

  @Test(arguments: ["", "--dry-run"]) func aFlightIsReplayedFieldByField(option: String) throws {
    let result = try Namespace.run(
      policy: Self.policy,
      """
      start hog --mib 60
      agent --flights flights \(option)
      until_record '"event":"\(option.isEmpty ? "outcome" : "decision")"'
      finish
      ls flights | wc -l
      stat -c %a flights/* | sort -u
      for flight in flights/*.flight; do
        "$BIN/spillway" replay "$flight" >said 2>&1; echo "replay: $?"; tail -1 said
      done
      """)
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines.contains("agent status 0") && lines.contains("600"), "\(result.output)\(result.errors)")
    let replays = lines.filter { $0.hasPrefix("replay: ") }
    #expect(!replays.isEmpty && replays.allSatisfy { $0 == "replay: 0" }, "\(result.output)")
    #expect(lines.last?.hasSuffix(": all as recorded") == true, "\(result.output)")
    #expect(result.isAlive("hog") == !option.isEmpty)
  }

  /// Without --flights, flights go where the policy in force is kept. Only their owner may read them.
  @Test func flightsAreSavedInTheStateDirectory() throws {
    let result = try Namespace.run(
      policy: Self.policy + "[flight]\nkeep = 1\nring = \"64 KiB\"\n",
      """
      start hog --mib 60
      mkdir -p state/flights && chmod 700 state/flights
      for minute in 1 2 3; do echo >"state/flights/20200101T00000${minute}Z-old-1-1.flight"; done
      echo >state/flights/note
      agent --state-dir "$PWD/state"
      until_record '"event":"outcome"'
      finish
      ls state/flights | sed 's/^20[2-9].*flight/flight/'
      stat -c %a state/flights/2*
      test $(stat -c %s state/flights/2*) -lt 80000 && echo small
      """)
    #expect(result.output.hasSuffix("flight\nnote\nstopped.flight\n600\nsmall\n"), "\(result.output)\(result.errors)")
  }

  @Test(arguments: ["--flights flights", "--state-dir \"$PWD/state\""])
  func aPolicyCanTurnThemOff(option: String) throws {
    let result = try Namespace.run(
      policy: Self.policy + "[flight]\nring = \"off\"\n",
      """
      start hog --mib 60
      mkdir state
      agent \(option)
      until_record '"event":"outcome"'
      finish
      find . -name '*flight*' | wc -l
      """)
    #expect(result.output.hasSuffix("\n0\n"), "\(result.output)\(result.errors)")
  }

  /// Another ring would lose what is in this one.
  @Test(arguments: ["off", "128 KiB"]) func anotherRingCountsFromTheNextStart(ring: String) throws {
    let result = try Namespace.run(
      policy: Self.policy + "[flight]\nring = \"\(ring)\"\nkeep = 5\n",
      """
      agent --flights flights
      until_record '"event":"start"'
      sed -i 's/^ring = .*/ring = "64 KiB"/' policy.toml
      kill -HUP $agent
      until_record '"event":"reload"'
      until_said 'flight.ring and flight.command_lines of the new policy count when the agent is started again'
      kill -0 $agent && echo runs
      finish
      """)
    #expect(!result.output.contains("never") && result.output.contains("runs"), "\(result.output)\(result.errors)")
  }

  /// A folder that cannot be used costs the flights, and nothing else.
  @Test func withoutAFolderTheAgentKillsAllTheSame() throws {
    let result = try Namespace.run(
      policy: Self.policy,
      """
      start hog --mib 60
      echo >file
      agent --flights file
      until_record '"event":"outcome"'
      finish
      """)
    #expect(result.errors.contains("flights cannot be saved: their folder cannot be used: not a directory"))
    #expect(!result.isAlive("hog"))
  }

  @Test func aFileThatIsNoFlightIsRefused() throws {
    let result = try Namespace.run(
      policy: Self.policy,
      """
      echo text >a.flight
      "$BIN/spillway" replay a.flight; echo "text: $?"
      "$BIN/spillway" replay none.flight; echo "none: $?"
      : >b.flight
      "$BIN/spillway" replay b.flight 2>/dev/null; echo "empty: $?"
      """)
    #expect(result.output == "text: 78\nnone: 64\nempty: 78\n", "\(result.output)\(result.errors)")
    #expect(result.errors.contains("a.flight: "))
  }
}
