import Fixtures
import Foundation
import Testing

/// Hostile files, given to each command that reads them. The program runs with its usual stack.
@Suite struct HostileFileTests {
  private static let many = 20_000

  @Test(arguments: [
    String(repeating: "a.", count: many) + "b = 1\n", "[" + String(repeating: "a.", count: many) + "b]\n",
    "[[" + String(repeating: "\"a\".", count: many) + "b]]\n",
    "x = { " + String(repeating: "a.", count: many) + "b = 1 }",
    "x = " + String(repeating: "{a.b.c=[", count: many), "x = " + String(repeating: "[", count: 200_000),
  ]) func aFileNestedTooDeepIsADiagnosticOfEachCommand(text: String) throws {
    let tool = try Tool()
    try tool.write("version = 1\n" + text, to: "deep.toml")
    try tool.write("version = 1\n", to: "flat.toml")
    let root = Fixture.path("5.10")
    for words in [
      ["check", "deep.toml"], ["check", "--json", "deep.toml"], ["check", "--live", "--proc-root", root, "deep.toml"],
      ["compile", "deep.toml", "-o", "image"], ["diff", "flat.toml", "deep.toml", "--proc-root", root],
      ["diff", "deep.toml", "flat.toml", "--proc-root", root], ["rank", "--policy", "deep.toml", "--proc-root", root],
      ["explain", "1", "--policy", "deep.toml", "--proc-root", root],
      ["run", "--strict", "--dry-run", "--config", "deep.toml", "--proc-root", root],
    ] {
      let result = try tool.run(words)
      #expect(result.status == 78, "\(words.joined(separator: " "))")
      #expect((result.output + result.errors).contains("nested more than 256 deep"))
    }
  }

  @Test func aDropInThatIsNestedTooDeepIsADiagnosticToo() throws {
    let tool = try Tool()
    try FileManager.default.createDirectory(
      at: tool.folder.appending(path: "policy.d"), withIntermediateDirectories: false)
    try tool.write("version = 1\n", to: "policy.toml")
    try tool.write("version = 1\n" + String(repeating: "a.", count: Self.many) + "b = 1\n", to: "policy.d/a.toml")
    let result = try tool.run("check", "policy.toml")
    #expect(result.status == 78)
    #expect(result.errors.hasPrefix("policy.d/a.toml:2:513: error: tables and lists are nested more than 256 deep"))
  }

  @Test(arguments: [
    String(repeating: "(", count: 510) + "a" + String(repeating: ")", count: 510),
    "a" + String(repeating: "?", count: 1021),
    String(repeating: "(a|", count: 255) + "b" + String(repeating: ")", count: 255),
    String(repeating: "(a{0,9}", count: 100) + String(repeating: ")", count: 100),
  ]) func aDeepPatternNeedsNoMoreStackThanThereIs(pattern: String) throws {
    let tool = try Tool()
    let rule = "[[rule]]\nname = \"a\"\norder = \"last\"\nmatch.cmdline = '/\(pattern)/'\n"
    try tool.write("version = 1\n" + rule, to: "policy.toml")
    for words in [["check", "policy.toml"], ["compile", "policy.toml", "-o", "image"]] {
      let result = try tool.run(words)
      #expect(result.status == 0 || result.status == 78, "\(result.errors)")
    }
  }

  @Test(arguments: ["earlyoom", "nohang"]) func importOfANestedPatternDoesNotOverflowTheStack(killer: String) throws {
    let pattern = String(repeating: "(a|", count: Self.many) + "b" + String(repeating: ")", count: Self.many)
    let tool = try Tool()
    try tool.write("EARLYOOM_ARGS=\"--avoid '\(pattern)' --prefer '\(pattern)'\"\n", to: "earlyoom")
    try tool.write(
      "soft_threshold_min_mem = 5 %\n@BADNESS_ADJ_RE_NAME 9 /// \(pattern)\n@SOFT_ACTION_RE_NAME \(pattern) /// x\n",
      to: "nohang")
    let result = try tool.run("import", killer, killer)
    #expect(result.status == 0)
    #expect(result.errors.contains("is not carried over"))
  }
}
