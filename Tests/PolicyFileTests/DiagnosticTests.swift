import PolicyFile
import Testing

/// The text of a diagnostic.
@Suite struct DiagnosticTests {
  private static func texts(_ policy: String) -> [String] {
    PolicyCompiler.compile(policy, file: "p.toml", accounts: PolicyCompilerTests.accounts).diagnostics.map {
      // Without its first line, which the files of `invalid` test.
      $0.text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().joined(separator: "\n")
    }
  }

  @Test(
    arguments: [
      // A key, a string, a number, a list, a table, a header.
      ("verson = 1", "  verson = 1\n  ^~~~~~\n"),
      ("extends = \"no \\\" \" # \"", "  extends = \"no \\\" \" # \"\n            ^~~~~~~~\n"),
      ("extends = 12", "  extends = 12\n            ^~\n"),
      ("extends = [ \"]\", [1] ] # ]", "  extends = [ \"]\", [1] ] # ]\n            ^~~~~~~~~~~~\n"),
      ("extends = { a = '}' }", "  extends = { a = '}' }\n            ^~~~~~~~~~~\n"),
      ("[[rule]]", "  [[rule]]\n  ^~~~~~~~\n"),
      // Only its first line is shown.
      ("extends = [\n1 ]", "  extends = [\n            ^\n"),
      ("extends = \"\"\"\nx\"\"\"", "  extends = \"\"\"\n            ^~~\n"),
      // A tabulator counts as one character, and characters that a terminal would obey are not shown.
      ("\textends\t= 1", "   extends = 1\n             ^\n"),
      ("extends = 1 # \u{202E}\u{200B}", "  extends = 1 # \u{FFFD}\u{FFFD}\n            ^\n"),
      ("extends = 1\r\n", "  extends = 1\n            ^\n"),
      ("# ü\nextends = \"ü€😀\"", "  extends = \"ü€😀\"\n            ^~~~~\n"),
    ] as [(String, String)])
  func theOffendingTextIsUnderlined(policy: String, expected: String) {
    #expect(Self.texts("version = 1\n" + policy).first == expected)
  }

  @Test func aByteOrderMarkIsNoCharacterOfTheFirstLine() {
    #expect(Self.texts("\u{FEFF}verson = 1").first == "  verson = 1\n  ^~~~~~\n")
    #expect(Self.texts("").first == "")
  }

  @Test func ofALongLineOnlyThePartAroundTheMistakeIsShown() throws {
    let rule = "[[rule]]\nname = \"a\"\norder = \"last\"\n"
    let text = try #require(
      Self.texts("version = 1\n" + rule + "match.uid = [" + String(repeating: "1, ", count: 1000) + "-7, 8]\n").first)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].count <= 118)
    let mark = try #require(lines[1].firstIndex(of: "^"))
    let indent = lines[1].distance(from: lines[1].startIndex, to: mark)
    #expect(lines[0].dropFirst(indent).hasPrefix("-7, 8]") && lines[1].hasSuffix(" ^~"))
  }

  @Test func aSyntaxErrorIsUnderlinedToo() {
    let diagnostics = PolicyCompiler.compile(
      "version = 1\n[trigger\n", file: "p.toml", accounts: PolicyCompilerTests.accounts
    ).diagnostics
    #expect(diagnostics.count == 1 && diagnostics[0].line == 2)
    #expect(diagnostics[0].excerpt.isEmpty || diagnostics[0].excerpt == "[trigger")
  }

  /// TOML parsers have aborted at some texts. A mistake must never be more than a diagnostic.
  @Test func noTypingMistakeIsMoreThanADiagnostic() {
    let text = Array(
      """
      version = 1
      [trigger]
      floor = { available = "8%" } # so
      [[rule]]
      name = 'a'
      match = { uid = [1, "2-3"], not = { comm = "b" } }
      weight = -1.5e3
      """.utf8)
    var mistakes = 0
    func compile(_ bytes: [UInt8]) {
      let compilation = PolicyCompiler.compile(bytes, file: "p.toml", accounts: PolicyCompilerTests.accounts)
      mistakes += compilation.hasErrors ? 1 : 0
      for diagnostic in compilation.diagnostics where diagnostic.text.isEmpty || diagnostic.line < 1 {
        Issue.record("\(diagnostic)")
      }
    }
    for offset in text.indices {
      compile(Array(text[..<offset]) + text[(offset + 1)...])
      compile(Array(text[..<offset]))
      for byte in Array("[]{}\"'=,#.\\\n\t_0\u{E9}".utf8) {
        compile(Array(text[..<offset]) + [byte] + text[offset...])
        compile(Array(text[..<offset]) + [byte] + text[(offset + 1)...])
      }
    }
    #expect(mistakes > 4000)
  }

  @Test func aDiagnosticWithoutAnExcerptHasOneLine() {
    let diagnostic = Diagnostic(severity: .error, file: "f", line: 1, column: 1, what: "a", meant: "b")
    #expect(diagnostic.text == "f:1:1: error: a, b\n")
  }
}
