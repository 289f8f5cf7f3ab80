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
  /// The size of the record's file, in MiB, at which another takes its place; 0 is no limit.
  package var recordLimit: UInt64 = 16
  /// The number of the record's files.
  package var recordFiles: UInt64 = 4
  /// The folder where flights are saved; without it, `flights` in ``stateDirectory``.
  package var flights: CPath?
  /// Command lines are kept in flights, whatever the policy says of that.
  package var keepsCommandLines = false
  /// A flight has of each process what any policy may ask for, and the agent stops when the program that
  /// started it exits.
  package var recordsInFull = false
  /// Where the last good policy is kept, and flights.
  package var stateDirectory: CPath?
  /// Seconds since 1970-01-01 UTC: the image is the policy that was last in force, then.
  package var lastGood: UInt64?
  /// The built-in policy stands in for one that cannot be used.
  package var standsIn = false
  /// Why either of these; text for people.
  package var because: [UInt8] = []
  /// An option that could be done without makes the start fail all the same.
  package var isStrict = false
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
    case badTime([UInt8])
    case badNumber([UInt8])
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
      case .recordLimit: recordLimit = try Options.number(after: word, &rest, in: 0...65_536)
      case .recordFiles: recordFiles = try Options.number(after: word, &rest, in: 1...1000)
      case .flights: flights = try Options.path(after: word, &rest)
      case .flightCommandLines: keepsCommandLines = true
      case .flightInFull: recordsInFull = true
      case .stateDirectory: stateDirectory = try Options.path(after: word, &rest)
      case .lastGood:
        guard let value = rest.popFirst() else { throw .needsValue(word) }
        guard let seconds = Options.seconds(value) else { throw .badTime(value) }
        lastGood = seconds
      case .builtIn: standsIn = true
      case .because:
        guard let value = rest.popFirst() else { throw .needsValue(word) }
        because = value
      case .strict: isStrict = true
      case nil: throw .unknown(word)
      }
    }
  }

  private enum Flag: CaseIterable {
    case dryRun, verbose, help, version, imageDescriptor, image, config, compiler, procRoot, cgroupRoot, record
    case recordLimit, recordFiles, flights, flightCommandLines, flightInFull, stateDirectory, lastGood, builtIn,
      because, strict

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
      case .recordLimit: "--record-limit"
      case .recordFiles: "--record-files"
      case .flights: "--flights"
      case .flightCommandLines: "--flight-command-lines"
      case .flightInFull: "--flight-in-full"
      case .stateDirectory: "--state-dir"
      case .lastGood: "--last-good"
      case .builtIn: "--built-in"
      case .because: "--because"
      case .strict: "--strict"
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

  private static func number(
    after word: [UInt8], _ rest: inout ArraySlice<[UInt8]>, in range: ClosedRange<UInt64>
  ) throws(Mistake) -> UInt64 {
    guard let value = rest.popFirst() else { throw .needsValue(word) }
    guard let number = number(value, atMost: 6), range.contains(number) else { throw .badNumber(value) }
    return number
  }

  private static func number(_ digits: [UInt8]) -> Int32? {
    number(digits, atMost: 6).map { Int32(truncatingIfNeeded: $0) }
  }

  /// Of a time since 1970.
  private static func seconds(_ digits: [UInt8]) -> UInt64? {
    number(digits, atMost: 18)
  }

  private static func number(_ digits: [UInt8], atMost length: Int) -> UInt64? {
    guard !digits.isEmpty, digits.count <= length else { return nil }
    var number: UInt64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      number = number * 10 + UInt64(digit - UInt8(ascii: "0"))
    }
    return number
  }

  /// For `--help`.
  package static let help = """
    spillwayd: kills the process whose loss costs least, before the kernel has to pick one blindly.

    USAGE: spillwayd [OPTIONS]
      `spillway run` compiles a policy and starts this program with it. Alone it runs the built-in policy `server`.

    OPTIONS:
      --dry-run          Dry run: choose and report, send no signal.
      --image FILE       The policy image that `spillway compile` wrote; without it, the built-in one.
      --image-fd N       The same, on an open descriptor.
      --config FILE      The policy the image was compiled from; with --compiler, SIGHUP compiles it again.
      --compiler FILE    The `spillway` program.
      --proc-root DIR    Read this in place of /proc; without --dry-run it must be the live one.
      --cgroup-root DIR  Read the machine's cgroups here: the host's /sys/fs/cgroup, in a container that shows its processes.
      --record FILE      Append records as JSON Lines; - is standard output.
      --record-limit N   At so many MiB, 16 unless set, FILE becomes FILE.1 and a new one is begun; 0 is no limit.
      --record-files N   How many files there are at most, FILE among them: 4 unless set.
      --flights DIR      Save here what the agent saw before each decision: spillway replay runs it again. Without this,
                         in DIR/flights of --state-dir.
      --strict           Do not start where the record cannot be opened.
      --verbose          Also print messages while memory is not short.
      --version          Print the version.
      --help             Print this.

    GIVEN BY spillway run:
      --state-dir DIR    Where the policy in force is kept, by --compiler, and flights.
      --last-good N      The image is the policy that was in force last, at N seconds since 1970.
      --built-in         The built-in policy, in dry run, in place of one that cannot be used.
      --because TEXT     Why.

    GIVEN BY spillway record:
      --flight-in-full   Record of each process what any policy may ask for; stop when the program that started this one
                         exits.
      --flight-command-lines  Keep command lines as well, which may hold secrets.

    SIGNALS: SIGHUP reads the policy again; SIGUSR1 saves the flight as it is; SIGTERM and SIGINT stop the agent.
    EXIT CODES: 0 stopped by request; 64 usage; 69 the kernel lacks something; 75 to be started again, armed;
      77 no permission; 78 policy image.

    """
}
