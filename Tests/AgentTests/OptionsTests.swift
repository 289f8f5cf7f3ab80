import LinuxSystem
import Testing

@testable import Agent

@Suite struct OptionsTests {
  private static func parse(_ line: String) throws(Options.Mistake) -> Options {
    try Options(parsing: line.split(separator: " ").map { Array($0.utf8) }[...])
  }

  private static func text(_ path: CPath?) -> String? {
    path.map { path in String(decoding: path.bytes.indices.map { path.bytes[$0] }, as: UTF8.self) }
  }

  /// The options that were understood, in a fixed order.
  private static func told(_ options: Options) -> String {
    var words: [String] = []
    if options.isDryRun { words.append("dry") }
    if options.isVerbose { words.append("verbose") }
    if options.isStrict { words.append("strict") }
    if options.standsIn { words.append("built-in") }
    if options.keepsCommandLines { words.append("command-lines") }
    if options.recordsInFull { words.append("in-full") }
    if let time = options.lastGood { words.append("last-good=\(time)") }
    if options.recordLimit != 16 || options.recordFiles != 4 {
      words.append("bound=\(options.recordLimit)x\(options.recordFiles)")
    }
    if !options.because.isEmpty { words.append("because=" + String(decoding: options.because, as: UTF8.self)) }
    if options.wantsHelp { words.append("help") }
    if options.wantsVersion { words.append("version") }
    if let descriptor = options.imageDescriptor { words.append("fd=\(descriptor)") }
    for (name, path) in [
      ("image", options.imagePath), ("config", options.config), ("compiler", options.compiler),
      ("record", options.record), ("state", options.stateDirectory),
    ] {
      if let path = text(path) { words.append("\(name)=\(path)") }
    }
    words.append("proc=\(text(options.procRoot) ?? "")")
    return words.joined(separator: " ")
  }

  @Test(arguments: [
    ("", "proc=/proc"), ("--dry-run", "dry proc=/proc"), ("--verbose --dry-run", "dry verbose proc=/proc"),
    ("--help", "help proc=/proc"), ("--version", "version proc=/proc"), ("--image-fd 3", "fd=3 proc=/proc"),
    ("--image-fd 999999", "fd=999999 proc=/proc"), ("--image-fd 0", "fd=0 proc=/proc"),
    (
      "--record - --image i --config c --compiler s --proc-root /tmp/p",
      "image=i config=c compiler=s record=- proc=/tmp/p"
    ),
    ("--last-good 1700000000 --because why --state-dir /s", "last-good=1700000000 because=why state=/s proc=/proc"),
    ("--built-in --strict", "strict built-in proc=/proc"), ("--last-good 0", "last-good=0 proc=/proc"),
    ("--last-good 999999999999999999", "last-good=999999999999999999 proc=/proc"),
    ("--flights f --flight-in-full --flight-command-lines", "command-lines in-full proc=/proc"),
    ("--record-limit 0 --record-files 1000", "bound=0x1000 proc=/proc"),
    ("--record-limit 65536 --record-files 1", "bound=65536x1 proc=/proc"),
    ("--record a --record b", "record=b proc=/proc"), ("--record --dry-run", "record=--dry-run proc=/proc"),
  ])
  func wordsThatMakeSenseAreUnderstood(line: String, expected: String) throws {
    #expect(try Self.told(Self.parse(line)) == expected)
  }

  @Test(arguments: [
    ("--bogus", "unknown --bogus"), ("-h", "unknown -h"), ("file", "unknown file"),
    ("--dry-run=yes", "unknown --dry-run=yes"),
    ("--dry-run --", "unknown --"), ("--record", "needsValue --record"),
    ("--verbose --proc-root", "needsValue --proc-root"),
    ("--image-fd", "needsValue --image-fd"), ("--image-fd three", "badDescriptor three"),
    ("--image-fd -1", "badDescriptor -1"), ("--last-good", "needsValue --last-good"),
    ("--last-good now", "badTime now"), ("--last-good 1000000000000000000", "badTime 1000000000000000000"),
    ("--because", "needsValue --because"), ("--state-dir", "needsValue --state-dir"),
    ("--record-limit", "needsValue --record-limit"), ("--record-limit 16M", "badNumber 16M"),
    ("--record-limit 65537", "badNumber 65537"), ("--record-files 0", "badNumber 0"),
    ("--record-files 1001", "badNumber 1001"), ("--record-files -1", "badNumber -1"),
    ("--image-fd 1000000", "badDescriptor 1000000"), ("--image-fd 3x", "badDescriptor 3x"),
  ])
  func wordsThatMakeNoSenseAreRefused(line: String, expected: String) {
    do throws(Options.Mistake) {
      _ = try Self.parse(line)
      Issue.record("understood")
    } catch {
      let (kind, word) =
        switch error {
        case .unknown(let word): ("unknown", word)
        case .needsValue(let word): ("needsValue", word)
        case .badDescriptor(let word): ("badDescriptor", word)
        case .badTime(let word): ("badTime", word)
        case .badNumber(let word): ("badNumber", word)
        }
      #expect(kind + " " + String(decoding: word, as: UTF8.self) == expected)
    }
  }

  @Test func anEmptyWordIsRefusedAsAValue() {
    for option in [
      "--image", "--config", "--compiler", "--proc-root", "--cgroup-root", "--record", "--image-fd", "--state-dir",
      "--last-good",
    ] {
      #expect(throws: Options.Mistake.self) { _ = try Options(parsing: [Array(option.utf8), []][...]) }
    }
  }

  @Test(
    arguments: [
      ("--record r", "r 16777216 x 4"), ("--record r --record-limit 1 --record-files 9", "r 1048576 x 9"),
      ("--record r --record-limit 0", nil), ("--record -", nil), ("", nil),
    ] as [(String, String?)])
  func aRecordIsBoundedUnlessItIsStandardOutput(line: String, expected: String?) throws {
    let bound = try SetUp(Self.parse(line)).recordBound
    #expect(bound.map { "\(Self.text($0.path) ?? "") \($0.limit) x \($0.files)" } == expected)
  }

  @Test func theHelpHasEveryOption() throws {
    let options = Options.help.matches(of: try Regex("(?m)^ +(--[a-z-]+)( [A-Z]+)?  ")).map(\.output)
    #expect(options.count == 21)
    for option in options {
      let word = try #require(option[1].substring)
      let value = option[2].substring.map { _ in " 7" } ?? ""
      #expect(throws: Never.self) { _ = try Self.parse(word + value) }
    }
  }
}
