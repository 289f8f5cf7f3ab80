import Testing

/// A process that got the number of the victim is not taken for the victim.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "pid namespaces need root"))
struct PidReuseTests {
  /// `identity PID` prints the number and the start time (field 22, the 20th after the name). `killer` runs
  /// KillerProgram. `take_over` kills the process `chosen` and starts `heir` with its number.
  private static let prelude = """
    killer() { "$(dirname "$TEST_PROGRAM")/KillerProgram" "$@"; }
    identity() { echo "$1 $(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20)"; }
    take_over() {
      kill -KILL "$chosen"; wait "$chosen" 2>wait.errors
      # Start times are told in hundredths of a second.
      sleep 0.05
      echo $((chosen - 1)) >/proc/sys/kernel/ns_last_pid
      start heir
      [ "$heir" = "$chosen" ] && echo "taken over"
    }
    tell() { if alive "$heir"; then echo "heir lives"; else echo "heir is gone"; fi; }

    """

  @Test func aProcessThatInheritedTheNumberIsNeverSignalled() throws {
    let result = try Namespace.run(
      policy: "",
      Self.prelude + """
        start chosen
        victim=$(identity $chosen)
        take_over
        killer $victim
        sleep 0.1
        tell
        """)
    #expect(result.output.contains("taken over\n"), "\(result.output)\(result.errors)")
    #expect(result.output.contains("changed vanished\nheir lives\n"), "\(result.output)\(result.errors)")
  }

  /// This is the counterpart: without it the test above could pass because nothing works.
  @Test func theProcessThatInheritedTheNumberIsSignalledWhenItIsMeant() throws {
    let result = try Namespace.run(
      policy: "",
      Self.prelude + """
        start chosen
        take_over
        killer $(identity $heir)
        wait $heir
        tell
        """)
    #expect(result.output.contains("taken over\nheld sent\nheir is gone\n"), "\(result.output)\(result.errors)")
  }

  @Test func aProcessWhoseNumberIsUnusedHasVanished() throws {
    let result = try Namespace.run(
      policy: "",
      Self.prelude + """
        start chosen
        victim=$(identity $chosen)
        kill -KILL $chosen; wait $chosen 2>wait.errors
        killer $victim
        """)
    #expect(result.output.contains("vanished vanished\n"), "\(result.output)\(result.errors)")
  }
}
