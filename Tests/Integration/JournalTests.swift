import Foundation
import Testing

/// What the agent as a program posts to a journal, in a mount namespace with a /run of its own.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "namespaces need root"))
struct JournalTests {
  /// Reads entries of the native protocol and writes their fields to the file `entries`, one `NAME=value` a line and an
  /// empty line after each entry.
  private static let journal = """
    mount -t tmpfs run /run && mkdir -p /run/systemd/journal
    cat >journal.py <<'END'
    import socket
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind("/run/systemd/journal/socket")
    print("ready", flush=True)
    while True:
        rest = journal.recv(65536)
        with open("entries", "a") as entries:
            while rest:
                name, rest = rest.split(b"\\n", 1)
                if b"=" in name:
                    name, value = name.split(b"=", 1)
                else:
                    length = int.from_bytes(rest[:8], "little")
                    value, rest = rest[8:8 + length], rest[8 + length + 1:]
                print(name.decode() + "=" + value.decode(), file=entries)
            print(file=entries, flush=True)
    END
    python3 journal.py >journal.ready & journal=$!
    until grep -q ready journal.ready; do sleep 0.05; done
    until_posted() {
      tries=0
      until grep -q -e "$1" entries 2>/dev/null; do
        tries=$((tries + 1)); [ $tries -lt 400 ] || { echo "never posted: $1"; break; }
        sleep 0.05
      done
    }

    """

  @Test(arguments: [false, true]) func aKillIsInTheJournalAndNotTwice(isReadByJournal: Bool) throws {
    let result = try Namespace.run(
      policy: KillTests.always,
      Self.journal + """
        : >agent.errors
        \(isReadByJournal ? "JOURNAL_STREAM=$(stat -c %d:%i agent.errors); export JOURNAL_STREAM" : "")
        start hog --mib 60
        echo "hog $hog"
        agent
        until_posted SPILLWAY_OUTCOME
        until_posted 'NO PROCESS CAN BE KILLED'
        finish
        kill $journal
        echo ==; cat entries; echo ==; cat agent.errors
        """)
    let parts = result.output.components(separatedBy: "==\n")
    try #require(parts.count == 3, "\(result.output)\(result.errors)")
    let entries = parts[1].components(separatedBy: "\n\n").filter { !$0.isEmpty }
      .map { entry in entry.split(separator: "\n").map(String.init) }
    try #require(entries.count == 3, "\(entries)")
    let hog = try #require(parts[0].split(separator: "\n").first { $0.hasPrefix("hog ") }).dropFirst(4)
    let decision = try #require(result.records("decision").first)
    let incident = try #require(decision["incident"] as? String)
    let victim = try #require(decision["victim"] as? [String: Any])
    let executable = try #require(victim["exe"] as? String)
    #expect(executable.hasSuffix("/TestProgram"))
    for line in [
      "OBJECT_PID=\(hog)", "SPILLWAY_PID=\(hog)", "SPILLWAY_INCIDENT=\(incident)", "SPILLWAY_EXE=\(executable)",
      "PRIORITY=4", "SYSLOG_IDENTIFIER=spillway", "SPILLWAY_DRY_RUN=0", "SPILLWAY_COMM=hog",
    ] {
      #expect(entries[0].contains(line), "\(line)")
    }
    #expect(entries[0][0].hasPrefix("MESSAGE=killed by spillway: sent SIGTERM to \(hog) (hog)"))
    #expect(entries[1].contains("SPILLWAY_INCIDENT=\(incident)") && entries[1].contains("SPILLWAY_OUTCOME=exited"))
    #expect(entries[2][0].hasPrefix("MESSAGE=NO PROCESS CAN BE KILLED"))
    // Where the journal reads standard error, what was posted is not there.
    for text in ["sent SIGTERM to", "exited after SIGTERM", "NO PROCESS CAN BE KILLED"] {
      #expect(parts[2].contains(text) != isReadByJournal, "\(text)")
    }
  }

  /// A journal that stops reading keeps no kill back, and the messages go to standard error.
  @Test func aJournalThatIsGoneKeepsNoKillBack() throws {
    let result = try Namespace.run(
      policy: KillTests.always,
      Self.journal + """
        start hog --mib 60
        kill -STOP $journal
        agent
        until_record '"outcome":"exited"'
        until_said 'exited after SIGTERM'
        kill -KILL $journal
        finish
        """)
    #expect(!result.isAlive("hog") && result.output.contains("agent status 0"))
    #expect(result.records("outcome").first?["outcome"] as? String == "exited")
  }
}
