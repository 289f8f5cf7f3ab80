import PolicyFile
import Testing

/// Texts that are nested deep. No reader of them may overflow the stack.
@Suite struct NestingTests {
  static let many = 20_000

  private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

  private static func diagnostics(_ text: String) -> [Diagnostic] {
    PolicyCompiler.compile("version = 1\n" + text, file: "p.toml", accounts: PolicyCompilerTests.accounts).diagnostics
  }

  /// A text, and the column of the second line at which it is too deep.
  struct Sample: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var text: String
    var line = 2
    var column: Int
  }

  static let tooDeep = [
    Sample(testDescription: "dotted key", text: repeated("a.", many) + "b = 1\n", column: 513),
    Sample(testDescription: "quoted key", text: repeated("\"a\" . 'b' . ", many / 2) + "c = 1\n", column: 1537),
    Sample(testDescription: "header", text: "[" + repeated("a.", many) + "b]\n", column: 514),
    Sample(testDescription: "header of a list", text: "[[" + repeated("a.", many) + "b]]\n", column: 515),
    Sample(testDescription: "dotted key in braces", text: "x = { " + repeated("a.", many) + "b = 1 }\n", column: 517),
    Sample(testDescription: "braces", text: "x = " + repeated("{a=", many) + "1" + repeated("}", many), column: 771),
    Sample(testDescription: "lists", text: "x = " + repeated("[", many) + repeated("]", many), column: 261),
    Sample(testDescription: "lists and braces", text: "x=" + repeated("[{a.b=", many), column: 514),
    Sample(
      testDescription: "dotted keys in braces in each other",
      text: "x = " + repeated("{ " + repeated("a.", 99) + "a = ", 200) + "1" + repeated("}", 200), column: 525),
    Sample(
      testDescription: "half by a header, half by a key",
      text: "[" + repeated("a.", 127) + "a]\n" + repeated("b.", 128) + "b = 1\n", line: 3, column: 257),
    // Within a statement the depth is told first, whatever the rest of it is.
    Sample(testDescription: "no TOML", text: repeated("a.", many) + "= = [[", column: 513),
  ]

  @Test(arguments: tooDeep) func aTextThatIsNestedTooDeepIsADiagnosticAtItsPlace(sample: Sample) {
    let found = Self.diagnostics(sample.text)
    #expect(found.map(\.what) == ["tables and lists are nested more than 256 deep"])
    #expect(found.map { [$0.line, $0.column] } == [[sample.line, sample.column]])
  }

  @Test(arguments: [
    repeated("a.", 255) + "b = 1\n", "[" + repeated("a.", 255) + "b]\n", "[[" + repeated("a.", 255) + "b]]\n",
    "x = " + repeated("[", 255) + repeated("]", 255), "x = " + repeated("{a=", 255) + "1" + repeated("}", 255),
    "[" + repeated("a.", 127) + "a]\n" + repeated("b.", 127) + "b = 1\n",
  ]) func aTextOfTheGreatestDepthIsReadAndItsKeyIsUnknown(text: String) {
    #expect(Self.diagnostics(text).first?.what.hasPrefix("unknown key") == true)
    #expect(Self.diagnostics(text).count == 1)
  }

  /// Diagnostics are in the order of the text.
  @Test func aMistakeBeforeTheNestedTextIsToldFirst() {
    let found = Self.diagnostics("[trigger\n" + Self.repeated("a.", Self.many) + "b = 1\n")
    #expect(found.count == 1 && found[0].line == 2)
    #expect(found[0].what.hasPrefix("not TOML: "))
  }

  /// A pattern may have 1024 bytes. Each of these is as deep as that allows.
  @Test(arguments: [
    repeated("(", 510) + "a" + repeated(")", 510), "a" + repeated("?", 1021), "a" + repeated("*", 1021),
    "a" + repeated("+", 1021), "a" + repeated("{1}", 340), "a" + repeated("{0,255}", 145),
    repeated("(a|", 255) + "b" + repeated(")", 255), repeated("(a", 340) + repeated(")", 340),
    repeated("(", 170) + "a" + repeated(")?b?", 170), repeated("(", 200) + "^" + repeated(")*", 200),
    repeated("(", 120) + "$" + repeated("){255}", 120), repeated("[", 1021) + "]", repeated("(", 1022),
    repeated("a|", 510) + "a", repeated("(a{0,9}", 100) + repeated(")", 100), repeated(")", 1022),
  ]) func aPatternIsReadOrRefusedHoweverDeepItIs(pattern: String) {
    let found = Self.diagnostics("[[rule]]\nname = \"a\"\norder = \"last\"\nmatch.cmdline = '/\(pattern)/'\n")
    #expect(found.count <= 1)
    if let first = found.first { #expect(first.line == 5) }
  }

  @Test(arguments: [
    repeated("*a", 2000), repeated("[a]", 1300), repeated("?", 4000), repeated("**/", 1300), repeated("\\a", 2000),
  ]) func aGlobIsReadOrRefusedHoweverLongItIs(pattern: String) {
    for field in ["cmdline", "exe"] {
      let found = Self.diagnostics("[[rule]]\nname = \"a\"\norder = \"last\"\nmatch.\(field) = '/\(pattern)'\n")
      #expect(found.allSatisfy { $0.severity == .error && $0.line == 5 } && found.count <= 1)
    }
  }

  /// A policy extends one preset, and a preset extends none.
  @Test(arguments: Preset.allCases) func aPresetIsExtendedOnce(preset: Preset) {
    let compilation = PolicyCompiler.compile(preset, accounts: AccountLookup([]))
    #expect(compilation.policy != nil && compilation.diagnostics.isEmpty)
  }

  /// Configurations of other agents that are nested as deep.
  @Test(arguments: [
    (Killer.earlyoom, "EARLYOOM_ARGS=\"--avoid '" + repeated("(", many) + "a" + repeated(")", many) + "'\"\n"),
    (.earlyoom, "EARLYOOM_ARGS=\"--prefer '" + repeated("(a|", many) + "b" + repeated(")", many) + "'\"\n"),
    (.earlyoom, "EARLYOOM_ARGS=\"--ignore '" + repeated("a|", many) + "b'\"\n"),
    (.earlyoom, "EARLYOOM_ARGS=\"--ignore '" + repeated("[", many) + "'\"\n"),
    (.earlyoom, "EARLYOOM_ARGS=\"" + repeated("-m 5 ", many) + "\"\n"),
    (.earlyoom, "EARLYOOM_ARGS=" + repeated("\\\n", many) + "-g\n"),
    (.nohang, NestingTests.nohang + "@BADNESS_ADJ_RE_NAME 5 /// " + repeated("(", many) + "a" + repeated(")", many)),
    (
      .nohang, NestingTests.nohang + "@BADNESS_ADJ_RE_NAME 5 /// " + repeated("(?:a|", many) + "a" + repeated(")", many)
    ),
    (.nohang, NestingTests.nohang + "@BADNESS_ADJ_RE_CMDLINE 5 /// a" + repeated("??", many)),
    (.nohang, NestingTests.nohang + "@BADNESS_ADJ_RE_UID 5 /// ^(" + repeated("0|", many) + "1)$"),
  ]) func anotherAgentsFileIsReadOrRefusedHoweverDeepItIs(killer: Killer, text: String) throws {
    do throws(ImportFault) {
      let policy = try ImportedPolicy(Array(text.utf8), of: killer, file: "c", machine: nil)
      let compilation = PolicyCompiler.compile(
        policy.text, file: "p.toml", accounts: PolicyCompilerTests.accounts, programs: ProgramLookup { _ in .ready })
      #expect(!compilation.hasErrors)
    } catch {
      #expect(error.diagnostic.line >= 1 && error.diagnostic.severity == .error)
    }
  }

  /// A line by which a file is known as nohang's.
  static let nohang = "soft_threshold_min_mem = 5 %\n"
}
