package import LinuxSystem

/// What `spillwayd` was started with.
package struct Options: Sendable {
  /// A descriptor that holds a policy image, handed over by `spillway run`.
  package var imageDescriptor: Int32?
  /// A policy image's path.
  package var imagePath: CPath?
  /// The file the image was compiled from, and the tool that compiles it again on SIGHUP.
  package var config: CPath?
  package var compiler: CPath?
  package var procRoot = CPath("/proc")
  /// Where the machine's cgroups are mounted, for an agent in a cgroup namespace of its own.
  package var cgroupRoot: CPath?
  /// Where records go; `-` is standard output.
  package var record: CPath?
  package var isDryRun = false
  package var isVerbose = false
  package var wantsHelp = false
  package var wantsVersion = false

  package init() {}

  /// Why the words make no sense, and the word.
  package enum Mistake: Error, Sendable {
    case unknown([UInt8])
    case needsValue([UInt8])
    case badDescriptor([UInt8])
  }

  /// - Parameter words: Without the program's name.
  package init(parsing words: ArraySlice<[UInt8]>) throws(Mistake) {
    var rest = words
    while let word = rest.popFirst() {
      switch Flag(word) {
      case .dryRun: isDryRun = true
      case .verbose: isVerbose = true
      case .help: wantsHelp = true
      case .version: wantsVersion = true
      case .imageDescriptor:
        guard let value = rest.popFirst() else { throw .needsValue(word) }
        guard let number = Options.number(value) else { throw .badDescriptor(value) }
        imageDescriptor = number
      case .image: imagePath = try Options.path(after: word, &rest)
      case .config: config = try Options.path(after: word, &rest)
      case .compiler: compiler = try Options.path(after: word, &rest)
      case .procRoot: procRoot = try Options.path(after: word, &rest)
      case .cgroupRoot: cgroupRoot = try Options.path(after: word, &rest)
      case .record: record = try Options.path(after: word, &rest)
      case nil: throw .unknown(word)
      }
    }
  }

  private enum Flag: CaseIterable {
    case dryRun, verbose, help, version, imageDescriptor, image, config, compiler, procRoot, cgroupRoot, record

    var word: String {
      switch self {
      case .dryRun: "--dry-run"
      case .verbose: "--verbose"
      case .help: "--help"
      case .version: "--version"
      case .imageDescriptor: "--image-fd"
      case .image: "--image"
      case .config: "--config"
      case .compiler: "--compiler"
      case .procRoot: "--proc-root"
      case .cgroupRoot: "--cgroup-root"
      case .record: "--record"
      }
    }

    init?(_ word: [UInt8]) {
      for flag in Flag.allCases where word.elementsEqual(flag.word.utf8) {
        self = flag
        return
      }
      return nil
    }
  }

  private static func path(
    after word: [UInt8], _ rest: inout ArraySlice<[UInt8]>
  ) throws(Mistake) -> CPath {
    guard let value = rest.popFirst(), !value.isEmpty else { throw .needsValue(word) }
    return CPath(value)
  }

  private static func number(_ digits: [UInt8]) -> Int32? {
    guard !digits.isEmpty, digits.count <= 6 else { return nil }
    var number: Int32 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      number = number * 10 + Int32(digit - UInt8(ascii: "0"))
    }
    return number
  }

  /// For `--help`.
  package static let help = """
    spillwayd: ends the process whose loss costs least, before the kernel has to pick one blindly.

    USAGE: spillwayd [OPTIONS]
      `spillway run` compiles a policy and starts this program with it. Alone it runs the built-in policy `server`.

    OPTIONS:
      --dry-run          Choose and report, end nobody.
      --image FILE       The policy image that `spillway compile` wrote; without it, the built-in one.
      --image-fd N       The same, on an open descriptor.
      --config FILE      The policy the image was compiled from; with --compiler, SIGHUP compiles it again.
      --compiler FILE    The `spillway` program.
      --proc-root DIR    Read this in place of /proc; without --dry-run it must be the live one.
      --cgroup-root DIR  Read the machine's cgroups here: the host's /sys/fs/cgroup, in a container that shows its processes.
      --record FILE      Append records as JSON Lines; - is standard output.
      --verbose          Tell about calm times as well.
      --version          Print the version.
      --help             Print this.

    SIGNALS: SIGHUP reads the policy again; SIGTERM and SIGINT end the agent.
    EXIT CODES: 0 ended by request; 64 usage; 69 the kernel lacks something; 77 no permission; 78 policy image.

    """
}
