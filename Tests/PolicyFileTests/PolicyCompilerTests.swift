import Foundation
import Policy
import PolicyFile
import Testing

/// The files of `valid` and `invalid`. A line `#> ` at a file's end is a diagnostic that it must give, without the
/// file's name. The lines `#= ` are the description of the compiled policy. There must be no others.
@Suite struct PolicyCompilerTests {
  static let accounts = AccountLookup(
    [
      .init(name: "root", uid: 0), .init(name: "postgres", uid: 113), .init(name: "ci", uid: 900),
      .init(name: "ci-deploy", uid: 901), .init(name: "circle", uid: 950), .init(name: "nobody", uid: 99, gid: 98),
    ],
    groups: [
      .init(name: "root", gid: 0), .init(name: "docker", gid: 120), .init(name: "ci-runners", gid: 902),
      .init(name: "ci-builders", gid: 903),
    ])
  static let programs = ProgramLookup { path in
    switch path {
    case "/bin/true", "/bin/tell": .ready
    case "/bin/notes": .notExecutable
    case "/bin/shared": .openToOthers
    default: .missing
    }
  }

  @Test(arguments: try files(in: "invalid")) func aMistakeIsReportedWhereItIs(file: PolicyCase) {
    let compilation = PolicyCompiler.compile(
      file.text, file: "p.toml", accounts: Self.accounts, programs: Self.programs)
    #expect(compilation.diagnostics.map(\.description) == file.diagnostics)
    #expect(compilation.policy == nil)
    #expect(compilation.hasErrors)
  }

  @Test(arguments: try files(in: "valid")) func aPolicyCompilesToWhatItSays(file: PolicyCase) throws {
    let compilation = PolicyCompiler.compile(
      file.text, file: "p.toml", accounts: Self.accounts, programs: Self.programs)
    #expect(compilation.diagnostics.map(\.description) == file.diagnostics)
    let policy = try #require(compilation.policy)
    #expect(throws: Never.self) { try policy.validate() }
    #expect(describe(policy, patterns: compilation.patterns) == file.description)
  }

  @Test(
    arguments: [
      ([0x76, 0x00], "1:2: error: a NUL byte, a policy is a text file in UTF-8"),
      (Array("# ü\n#".utf8) + [0xFF], "2:2: error: these bytes are not UTF-8, save the file as UTF-8"),
      (
        Array(repeating: UInt8(ascii: "\n"), count: 1 << 20) + [0x0A],
        "1:1: error: the file has more than 1048576 bytes, write fewer or shorter rules"
      ),
      (Array("version = 1\n[[rule]]\n".utf8), "2:1: error: a rule has no name, write name = \"why it is there\""),
    ] as [([UInt8], String)]) func bytesThatAreNoPolicyAreRefused(bytes: [UInt8], diagnostic: String)
  {
    let compilation = PolicyCompiler.compile(bytes, file: "p.toml", accounts: Self.accounts)
    #expect(compilation.diagnostics.first?.description == "p.toml:" + diagnostic)
    #expect(compilation.policy == nil)
  }

  @Test func aByteOrderMarkAndCarriageReturnsAreTaken() {
    let text = "\u{FEFF}version = 1\r\n\r\nrelese = 1\r\n"
    let compilation = PolicyCompiler.compile(text, file: "p.toml", accounts: Self.accounts)
    #expect(compilation.diagnostics.map { [$0.line, $0.column] } == [[3, 1]])
    let first = PolicyCompiler.compile("\u{FEFF}verson = 1", file: "p.toml", accounts: Self.accounts)
    #expect(first.diagnostics.map { [$0.line, $0.column] } == [[1, 1], [1, 1]])
  }

  @Test func rulesBeyondTheLimitAreRefusedAtTheFirstTooMany() throws {
    let rules = { (count: Int) in
      "version = 1\n"
        + (0..<count).map { "[[rule]]\nname = \"\($0)\"\nmatch.uid = \($0)\nweight = 2\n" }.joined()
    }
    let full = PolicyCompiler.compile(rules(256), file: "p.toml", accounts: Self.accounts)
    #expect(full.diagnostics == [])
    #expect(full.policy?.rules.count == 256)
    let over = PolicyCompiler.compile(rules(257), file: "p.toml", accounts: Self.accounts)
    let expected = "p.toml:1026:1: error: this is rule 257, those of a preset among them, there can be at most 256"
    #expect(over.diagnostics.map(\.description) == [expected])
  }

  @Test func tablesBeyondWhatAnImageHoldsAreRefused() {
    let many = (0..<5000).map(String.init).joined(separator: ", ")
    let text = "version = 1\n[[rule]]\nname = \"many\"\nmatch.uid = [\(many)]\nweight = 2\n"
    let compilation = PolicyCompiler.compile(text, file: "p.toml", accounts: Self.accounts)
    #expect(
      compilation.diagnostics.map(\.description) == [
        "p.toml:1:1: error: the policy has 5000 values in all its matches, "
          + "there can be at most 4096: write fewer or shorter rules"
      ])
  }

  @Test func aPatternThatManyRulesShareIsCompiledOnce() {
    let rules = (0..<3).map { "[[rule]]\nname = \"\($0)\"\nmatch.exe = \"/opt/**\"\nweight = 2\n" }.joined()
    let compilation = PolicyCompiler.compile("version = 1\n" + rules, file: "p.toml", accounts: Self.accounts)
    #expect(compilation.policy?.patterns.count == 1)
    #expect(compilation.patterns == ["/opt/**"])
  }

  @Test func patternsWithTheSameMiddleShareItsAutomatonAndTheirLiterals() throws {
    let text = """
      version = 1
      [[rule]]
      name = "units"
      match.unit = ["a@*.service", "b@*.service", "a@**.service", ".service"]
      weight = 2
      [[rule]]
      name = "paths"
      match.cgroup = ["/a@*.service", "/a@**.service"]
      weight = 2
      """
    let compilation = PolicyCompiler.compile(text, file: "p.toml", accounts: Self.accounts)
    let policy = try #require(compilation.policy)
    #expect(policy.patterns.map(\.automaton) == [0, 0, 0, 1, 0])
    #expect(policy.automata.count == 2)
    #expect(String(decoding: policy.text, as: UTF8.self) == "unitsa@.serviceb@paths/a@")
    // Each pattern is described as it was written.
    #expect(compilation.patterns == ["a@*.service", "b@*.service", "a@**.service", "/a@*.service", "/a@**.service"])
  }

  @Test func theAccountsOfThisMachineAreFound() {
    #expect(AccountLookup.live.uid("root") == 0)
    #expect(AccountLookup.live.uid("no such user") == nil)
    #expect(AccountLookup.live.all().contains(.init(name: "root", uid: 0)))
  }

  @Test func theGroupsOfThisMachineAreFound() {
    #expect(AccountLookup.live.gid("root") == 0)
    #expect(AccountLookup.live.gid("no such group") == nil)
    #expect(AccountLookup.live.groups().contains(.init(name: "root", gid: 0)))
  }

  @Test func theUserNobodyIsTheKernelsOverflowIDWhereThereIsNoAccount() throws {
    let text = "version = 1\n[hooks]\nwarn = [\"/bin/true\"]\n"
    let compilation = PolicyCompiler.compile(
      text, file: "p.toml", accounts: AccountLookup([]), programs: Self.programs)
    #expect(compilation.diagnostics == [])
    let command = try #require(compilation.policy?.commands.first)
    #expect(command.uid == 65_534 && command.gid == 65_534)
  }

  @Test func theProgramsOfThisMachineAreChecked() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "hook").path()
    let states: [(Int, ProgramLookup.State)] = [
      (0o644, .notExecutable), (0o777, .openToOthers), (0o775, .openToOthers),
      (0o755, getuid() == 0 ? .ready : .openToOthers),
    ]
    try #require(FileManager.default.createFile(atPath: file, contents: Data("#!/bin/sh\n".utf8)))
    for (mode, state) in states {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
      #expect(ProgramLookup.live.state(file) == state, "\(String(mode, radix: 8))")
    }
    #expect(ProgramLookup.live.state(folder.path()) == .notExecutable)
    #expect(ProgramLookup.live.state(file + "?") == .missing)
  }

  @Test func aHookWithTooManyWordsOrTooLongOnesIsRefused() {
    let compile = { (words: [String]) in
      PolicyCompiler.compile(
        "version = 1\n[hooks]\nafter = [\(words.map { "\"\($0)\"" }.joined(separator: ", "))]\n", file: "p.toml",
        accounts: Self.accounts, programs: Self.programs
      ).diagnostics.map(\.description)
    }
    #expect(compile(["/bin/true"] + [String](repeating: "x", count: 63)) == [])
    #expect(
      compile(["/bin/true"] + [String](repeating: "x", count: 64))
        == ["p.toml:3:9: error: \"after\" has 65 words, there can be at most 64"])
    #expect(compile(["/bin/true", String(repeating: "x", count: 4085)]) == [])
    #expect(
      compile(["/bin/true", String(repeating: "x", count: 4086)]) == [
        "p.toml:3:9: error: the words of \"after\" have 4097 bytes with one more for each, they can have at most 4096"
      ])
  }

  @Test func aProgramThatManyHooksStartIsInTheTablesOnce() throws {
    let text = """
      version = 1
      [hooks]
      warn = ["/bin/tell", "a"]
      after = { command = ["/bin/tell", "a"], limit = "2s" }
      no_candidate = ["/bin/tell", "b"]
      [[rule]]
      name = "one"
      match.uid = 1
      hook = ["/bin/tell", "a"]
      [[rule]]
      name = "two"
      match.uid = 1
      hook = { command = ["/bin/tell", "a"], limit = "3s" }
      """
    let compilation = PolicyCompiler.compile(
      text, file: "p.toml", accounts: Self.accounts, programs: Self.programs)
    let policy = try #require(compilation.policy)
    #expect(policy.commands.count == 3)
    #expect(policy.measures.hooks.warn == policy.measures.hooks.after)
    #expect(policy.rules[0].hook == policy.measures.hooks.after.map { .command($0) })
  }

  @Test(arguments: Preset.allCases) func aPresetIsItsFile(preset: Preset) throws {
    let file = URL(filePath: #filePath).appending(path: "../../../\(preset.file)").standardizedFileURL
    #expect(try [UInt8](Data(contentsOf: file)) == preset.text)
  }

  @Test(arguments: Preset.allCases) func aPresetCompilesWithoutADiagnostic(preset: Preset) {
    // No account is known, since a built-in policy must be the same on every machine.
    let compilation = PolicyCompiler.compile(preset, accounts: AccountLookup([]))
    #expect(compilation.diagnostics == [])
    #expect(compilation.policy != nil)
    let live = PolicyCompiler.compile(preset, accounts: .live)
    #expect(live.policy == compilation.policy)
  }

  private static func files(in folder: String) throws -> [PolicyCase] {
    let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: folder)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path())
    return try names.filter { $0.hasSuffix(".toml") }.sorted().map {
      PolicyCase(name: $0, text: try String(contentsOf: directory.appending(path: $0), encoding: .utf8))
    }
  }
}

struct PolicyCase: CustomTestStringConvertible {
  var name: String
  var text: String

  var testDescription: String { name }
  var diagnostics: [String] { lines("#> ").map { "p.toml:" + $0 } }
  var description: String { lines("#= ").map { $0 + "\n" }.joined() }

  private func lines(_ mark: String) -> [String] {
    text.split(separator: "\n").filter { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) }
  }
}
