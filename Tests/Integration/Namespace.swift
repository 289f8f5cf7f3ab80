import Fixtures
import Foundation
import Testing

/// A pid namespace with a /proc of its own, in which real processes may be killed: no process outside can be seen or
/// signalled from it.
struct Namespace {
  /// The results of a run.
  struct Result {
    var status: Int32
    var output: String
    var errors: String
    /// One JSON object per line of the record.
    var records: [[String: Any]]

    func records(_ event: String) -> [[String: Any]] {
      records.filter { $0["event"] as? String == event }
    }

    /// Whether the script found the TestProgram of this name alive at the end.
    func isAlive(_ name: String) -> Bool {
      output.contains("alive \(name)\n")
    }
  }

  /// The repository.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  /// Where `make build` leaves both programs, the agent in its small form.
  static let binaries = root.appending(path: "build/bin")
  /// TestProgram, beside the test bundle.
  static let testProgram = root.appending(path: ".build/debug/TestProgram")

  /// Namespaces need root, and the tests need both programs.
  static var isPossible: Bool { geteuid() == 0 }

  /// Runs a shell script as process 1 of a new pid namespace, for a minute at most. Everything in it dies with it.
  ///
  /// The script begins with these functions. `start NAME OPTIONS…` starts a TestProgram and waits until it is ready;
  /// its number is then in `$NAME`. `agent OPTIONS…` starts the agent armed, in the background, with `policy.toml` and
  /// a record. `until_record TEXT` waits for a line in the record, `until_said TEXT` for a message, for 20 s at most.
  /// `finish` stops the agent and prints which programs live.
  ///
  /// - Parameter environment: Added to that of the script.
  static func run(policy: String, environment: [String: String] = [:], _ script: String) throws -> Result {
    for program in [binaries.appending(path: "spillway"), binaries.appending(path: "spillwayd"), testProgram] {
      try #require(
        FileManager.default.isExecutableFile(atPath: program.path()), "\(program.path()) is missing: run `make build`")
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(policy.utf8).write(to: folder.appending(path: "policy.toml"))
    try Data((prelude + script).utf8).write(to: folder.appending(path: "script.sh"))

    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    // A test runner may block signals, and children inherit that. env resets it.
    process.arguments = [
      "--signal=KILL", "60", "env", "--default-signal", "--block-signal=", "unshare", "--fork", "--pid", "--mount-proc",
      "--kill-child", "sh", "script.sh",
    ]
    process.currentDirectoryURL = folder
    process.environment = [
      "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BIN": binaries.path(), "TEST_PROGRAM": testProgram.path(),
    ].merging(environment) { _, own in own }
    process.standardInput = FileHandle.nullDevice
    let output = folder.appending(path: "output")
    let errors = folder.appending(path: "errors")
    for file in [output, errors] { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()

    let record = (try? String(contentsOf: folder.appending(path: "record.jsonl"), encoding: .utf8)) ?? ""
    return Result(
      status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8),
      records: try record.split(separator: "\n").map { line in
        let problems = RecordSchema.shared.problems(Data(line.utf8))
        #expect(problems.isEmpty, "\(problems): \(line)")
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return try #require(object as? [String: Any])
      })
  }

  private static let prelude = """
    set -u
    programs=
    start() {
      name=$1; shift
      "$TEST_PROGRAM" --name "$name" "$@" >"$name.ready" &
      eval "$name=$!"
      programs="$programs $name"
      tries=0
      until grep -q ready "$name.ready"; do
        tries=$((tries + 1)); [ $tries -lt 200 ] || { echo "never ready: $name"; exit 1; }
        sleep 0.05
      done
    }
    agent() {
      "$BIN/spillway" run --config policy.toml --record record.jsonl "$@" 2>agent.errors &
      agent=$!
    }
    until_record() {
      tries=0
      until grep -q -e "$1" record.jsonl 2>/dev/null; do
        tries=$((tries + 1)); [ $tries -lt 400 ] || { echo "never recorded: $1"; break; }
        sleep 0.05
      done
    }
    until_said() {
      tries=0
      until grep -q -e "$1" agent.errors 2>/dev/null; do
        tries=$((tries + 1)); [ $tries -lt 400 ] || { echo "never said: $1"; break; }
        sleep 0.05
      done
    }
    alive() {
      grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
    }
    finish() {
      kill -TERM $agent; wait $agent; echo "agent status $?"
      cat agent.errors >&2
      for name in $programs; do
        eval "number=\\$$name"
        if alive "$number"; then echo "alive $name"; else echo "gone $name"; fi
      done
    }

    """
}
