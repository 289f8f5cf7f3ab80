import Agent
import ArgumentParser
import FoundationEssentials
import LinuxSystem

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile the policy and become the agent, in the foreground.",
    discussion: """
      SIGTERM and SIGINT end it; SIGHUP reads the policy again, and a mistake in it keeps the old one in force.
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

  func run() throws {
    try reportingFailures { () throws(Failure) in
      let loaded = try LoadedPolicy.load(config)
      let image = try loaded.image()
      guard let agent = Programs.agent else {
        throw Failure(.kernelFeature, "spillwayd is neither beside this program nor in ../sbin; install it there")
      }
      do throws(Errno) {
        let file = try MemoryFile.create(CPath("spillway-policy"))
        try file.write(image.span)
        try MemoryFile.seal(file)
        try file.setCloseOnExec(false)
        try OwnProcess.become(CPath(agent), words(image: file.raw, policyPath: loaded.path))
      } catch {
        throw Failure(.kernelFeature, "\(agent) cannot be started: \(error.text)")
      }
    }
  }

  private func words(image: Int32, policyPath: String?) -> [CPath] {
    var words = ["spillwayd", "--image-fd", "\(image)", "--proc-root", procRoot]
    if let policyPath, let own = Programs.own { words += ["--config", policyPath, "--compiler", own] }
    if let cgroupRoot { words += ["--cgroup-root", cgroupRoot] }
    if let record { words += ["--record", record] }
    if dryRun { words.append("--dry-run") }
    if verbose { words.append("--verbose") }
    return words.map { CPath($0) }
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
