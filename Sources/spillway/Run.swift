import ArgumentParser
import FoundationEssentials
import LinuxSystem
import PolicyFile
import Record

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile the policy and become the agent, in the foreground.",
    discussion: """
      SIGTERM and SIGINT stop the agent. SIGHUP makes it read the policy again; if that has a mistake, the old policy \
      stays in force.
      If the policy cannot be used at the start, the agent runs with the policy that was last in force. If no such policy \
      is kept, it runs with the built-in preset `server`, in dry run. It reports the fallback at the start and once an \
      hour. With --strict, the command fails instead.
      """)

  @Option(
    help: ArgumentHelp(
      "The policy file. Default: /etc/spillway/spillway.toml, or the built-in preset `server` if that does not exist.",
      valueName: "file"))
  var config: String?

  @Flag(help: "Dry run: choose and report, send no signal.")
  var dryRun = false

  @Option(help: ArgumentHelp("Read this directory in place of /proc.", valueName: "dir"))
  var procRoot = "/proc"

  @Option(help: MachineRoot.cgroupHelp)
  var cgroupRoot: String?

  @Option(help: ArgumentHelp("Append records to this file as JSON Lines; - is standard output.", valueName: "file"))
  var record: String?

  @Option(
    help: ArgumentHelp(
      "At so many MiB the record's file becomes FILE.1, and a new one is begun; 0 is no limit.", valueName: "mib"))
  var recordLimit: UInt64 = 16

  @Option(
    help: ArgumentHelp(
      "How many files the record has at most, the one that is written among them.", valueName: "number"))
  var recordFiles: UInt64 = 4

  @Option(
    help: ArgumentHelp(
      """
      Save in this directory what the agent saw before each decision, for spillway replay. Default: `flights` in the \
      state directory.
      """,
      valueName: "dir"))
  var flights: String?

  @Flag(name: .shortAndLong, help: "Also print messages while memory is not short.")
  var verbose = false

  @Flag(
    help: ArgumentHelp(
      "Fail if the policy cannot be used or the record cannot be opened, in place of running without it.")
  )
  var strict = false

  @Option(
    help: ArgumentHelp(
      """
      The directory where the policy in force and flights are kept. Default: $STATE_DIRECTORY; without that they are \
      not kept.
      """,
      valueName: "dir"))
  var stateDir: String?

  func validate() throws {
    guard recordLimit <= 65_536 else { throw ValidationError("--record-limit is at most 65536 MiB.") }
    guard (1...1000).contains(recordFiles) else { throw ValidationError("--record-files is 1 to 1000.") }
  }

  func run() throws {
    try reportingFailures { () throws(Failure) in
      guard let agent = Programs.agent else { throw Programs.missingAgent }
      let store = PolicyStore.ofService(stateDir)
      let policy = try StartPolicy.choose(config, store: store, isStrict: strict)
      note(policy.fallback, in: store)
      do throws(Errno) {
        try OwnProcess.become(CPath(agent), words(policy).map { CPath($0) })
      } catch {
        throw Failure(.kernelFeature, "\(agent) cannot be started: \(error.text)")
      }
    }
  }

  /// Writes the note of a fallback that `spillway check` reads. The agent will have this process's PID.
  private func note(_ fallback: PolicyFallback?, in store: PolicyStore?) {
    guard let fallback, let store, let agent = FallbackNote.identity(of: OwnProcess.pid) else { return }
    var sentence: [UInt8] = []
    sentence.append(fallback)
    // If the note cannot be written, the agent still reports the fallback.
    try? store.note(FallbackNote(agent: agent, sentence: String(decoding: sentence, as: UTF8.self)))
  }

  private func words(_ policy: borrowing StartPolicy) -> [String] {
    var words = ["spillwayd", "--proc-root", procRoot] + policy.words
    if let cgroupRoot { words += ["--cgroup-root", cgroupRoot] }
    if let record {
      words += ["--record", record, "--record-limit", "\(recordLimit)", "--record-files", "\(recordFiles)"]
    }
    if let flights { words += ["--flights", flights] }
    if dryRun { words.append("--dry-run") }
    if strict { words.append("--strict") }
    if verbose { words.append("--verbose") }
    return words
  }
}

/// The paths of the two programs.
enum Programs {
  /// The path of this program.
  static var own: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }

  static var missingAgent: Failure {
    Failure(.kernelFeature, "spillwayd is neither beside this program nor in ../sbin; install it there")
  }

  /// The path of `spillwayd`: beside this program, as it is built, or in `../sbin`, as it is installed.
  static var agent: String? {
    guard let own else { return nil }
    let folder = URL(filePath: own).deletingLastPathComponent()
    return [folder.appending(path: "spillwayd"), folder.appending(path: "../sbin/spillwayd").standardized]
      .map { $0.path() }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
