import ArgumentParser
import FoundationEssentials
import LinuxSystem
import PolicyFile
import Record

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile the policy and become the agent, in the foreground.",
    discussion: """
      SIGTERM and SIGINT stop it; SIGHUP reads the policy again, and a mistake in it keeps the old one in force.
      Where the policy cannot be used at the start, the agent runs with the policy that was last in force; where none is \
      kept, with the built-in preset, in dry run. It says so again and again. --strict fails instead.
      """)

  @Option(
    help: ArgumentHelp(
      "The policy file. Without it /etc/spillway/spillway.toml, and failing that the built-in preset `server`.",
      valueName: "file"))
  var config: String?

  @Flag(help: "Choose and report, end nobody.")
  var dryRun = false

  @Option(help: ArgumentHelp("Read this in place of /proc.", valueName: "dir"))
  var procRoot = "/proc"

  @Option(help: MachineRoot.cgroupHelp)
  var cgroupRoot: String?

  @Option(help: ArgumentHelp("Append records as JSON Lines; - is standard output.", valueName: "file"))
  var record: String?

  @Flag(name: .shortAndLong, help: "Tell about calm times as well.")
  var verbose = false

  @Flag(
    help: ArgumentHelp(
      "Fail on a policy that cannot be used, and where the record cannot be opened, in place of watching all the same.")
  )
  var strict = false

  @Option(
    help: ArgumentHelp(
      "Where the policy in force is kept. Without it what $STATE_DIRECTORY says, and failing that nowhere.",
      valueName: "dir"))
  var stateDir: String?

  func run() throws {
    try reportingFailures { () throws(Failure) in
      guard let agent = Programs.agent else {
        throw Failure(.kernelFeature, "spillwayd is neither beside this program nor in ../sbin; install it there")
      }
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

  /// For `spillway check`. The agent has this process's number.
  private func note(_ fallback: PolicyFallback?, in store: PolicyStore?) {
    guard let fallback, let store, let agent = FallbackNote.identity(of: OwnProcess.pid) else { return }
    var sentence: [UInt8] = []
    sentence.append(fallback)
    // Where it cannot be noted, the agent says it all the same.
    try? store.note(FallbackNote(agent: agent, sentence: String(decoding: sentence, as: UTF8.self)))
  }

  private func words(_ policy: borrowing StartPolicy) -> [String] {
    var words = ["spillwayd", "--proc-root", procRoot] + policy.words
    if let cgroupRoot { words += ["--cgroup-root", cgroupRoot] }
    if let record { words += ["--record", record] }
    if dryRun { words.append("--dry-run") }
    if strict { words.append("--strict") }
    if verbose { words.append("--verbose") }
    return words
  }
}

/// Where the two programs lie.
enum Programs {
  /// This one.
  static var own: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }

  /// `spillwayd`: beside this one, as it is built, or in `../sbin`, as it is installed.
  static var agent: String? {
    guard let own else { return nil }
    let folder = URL(filePath: own).deletingLastPathComponent()
    return [folder.appending(path: "spillwayd"), folder.appending(path: "../sbin/spillwayd").standardized]
      .map { $0.path() }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
