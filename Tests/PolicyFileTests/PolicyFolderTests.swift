import Foundation
import LinuxSystem
import Policy
import PolicyFile
import Pressure
import ProcModel
import Testing

/// A policy's file with its drop-ins, and which users may write them.
@Suite struct PolicyFolderTests {
  /// A temporary folder, which is removed with the test.
  private final class Folder {
    let path: String

    init() throws {
      path = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)").path()
      try FileManager.default.createDirectory(atPath: path + "/policy.d", withIntermediateDirectories: true)
      try setMode(0o755, "policy.d")
      try setMode(0o755, "")
    }

    deinit {
      try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ name: String, _ text: String = "version = 1\n") throws {
      try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
      try setMode(0o644, name)
    }

    func setMode(_ mode: Int, _ name: String) throws {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path + "/" + name)
    }

    func give(_ name: String, to user: Int) throws {
      try FileManager.default.setAttributes([.ownerAccountID: user], ofItemAtPath: path + "/" + name)
    }

    func link(_ name: String, to target: String) throws {
      try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: target)
    }

    /// Reads the folder as the user who runs this, or as another user would have to check it.
    func read(_ name: String = "p.toml", user: UInt32 = geteuid()) throws(PolicyFolder.Missing) -> PolicyFolder {
      try PolicyFolder(path: name, from: path, user: user)
    }

    func compile(inspectsAnyway: Bool = false) throws -> PolicyCompilation {
      PolicyCompiler.compile(
        try read(), accounts: PolicyCompilerTests.accounts, programs: PolicyCompilerTests.programs,
        inspectsAnyway: inspectsAnyway)
    }

    func faults(user: UInt32 = geteuid()) throws -> [String] {
      let folder = try read(user: user)
      return folder.texts.flatMap(\.faults).map { "\($0.what): \($0.mend)".replacing(path, with: "…") }
        + folder.diagnostics.map { $0.description.replacing(path, with: "…") }
    }
  }

  private static var isRoot: Bool { geteuid() == 0 }
  private static var writable: Int { isRoot ? 0o022 : 0o002 }
  private static var bits: String { isRoot ? "go" : "o" }
  private static var who: String { isRoot ? "its group and others" : "others" }

  @Test func dropInsAreReadInTheOrderOfTheirNames() throws {
    let folder = try Folder()
    try folder.write("p.toml")
    for name in ["b.toml", "a.toml", "10.toml", "9.toml", "ä.toml", ".hidden.toml", "c.toml~", "d.conf", "e.toml.bak"] {
      try folder.write("policy.d/" + name)
    }
    let files = try folder.read().texts.map(\.file)
    #expect(files == ["p.toml"] + ["10", "9", "a", "b", "ä"].map { "policy.d/\($0).toml" })
    // The paths are those that were given.
    let absolute = try PolicyFolder(path: folder.path + "/p.toml", from: "/nowhere", user: geteuid())
    #expect(absolute.texts.map(\.file).last == folder.path + "/policy.d/ä.toml")
    #expect(PolicyFolder.folder(beside: "/etc/spillway/spillway.toml") == "/etc/spillway/policy.d")
  }

  @Test func settingsReplaceAndRulesFollow() throws {
    let folder = try Folder()
    try folder.write(
      "p.toml",
      """
      version = 1
      [trigger]
      floor = { available = "5%" }
      [action]
      grace = "7s"
      [[domain]]
      name = "batch"
      cgroup = "/batch.slice"
      action = { signal = "SIGINT" }
      [[rule]]
      name = "one"
      match.uid = 1
      order = "first"
      """)
    try folder.write(
      "policy.d/b.toml",
      "version = 1\n[action]\ngrace = \"1s\"\n[[rule]]\nname = \"two\"\nmatch.uid = 2\nprotect = true\n")
    try folder.write("policy.d/a.toml", "version = 1\n[action]\ngrace = \"3s\"\nscope = \"unit\"\n")
    let compilation = try folder.compile()
    #expect(compilation.diagnostics == [])
    let policy = try #require(compilation.policy)
    #expect(policy.settings.grace == .milliseconds(1000) && policy.settings.scope == .unit)
    #expect(policy.settings.thresholds.floor.available == .share(.percent(5)))
    // A domain has the settings of all files together where it has none of its own.
    #expect(policy.domains[0].settings.grace == .milliseconds(1000) && policy.domains[0].settings.signal == .interrupt)
    #expect(policy.rules.map { String(decoding: policy.text[$0.name.indices], as: UTF8.self) } == ["one", "two"])
  }

  @Test func eachDiagnosticNamesItsFile() throws {
    let folder = try Folder()
    let rule = "[[rule]]\nname = \"one\"\nmatch.uid = 1\norder = \"first\"\n"
    try folder.write("p.toml", "version = 1\n" + rule + "[hooks]\nwarm = 1\n")
    try folder.write("policy.d/1.toml", rule)
    try folder.write("policy.d/2.toml", "version = 1\nextends = \"server\"\n")
    try folder.write("policy.d/3.toml", "version = \n")
    try folder.write("policy.d/4.toml", "version = 1\n[[domain]]\nname = \"system\"\ncgroup = \"/a\"\n")
    let compilation = try folder.compile()
    #expect(compilation.policy == nil)
    #expect(
      compilation.diagnostics.map { $0.description.prefix { $0 != "," } }
        == [
          "p.toml:7:1: error: unknown key \"warm\" in [hooks]",
          "policy.d/1.toml:2:8: error: a rule is called \"one\" already (p.toml:3)",
          "policy.d/2.toml:2:1: error: a drop-in extends nothing",
          "policy.d/3.toml:1:11: error: not TOML: Error while parsing key-value pair: expected value",
          "policy.d/4.toml:3:8: error: no domain can be called \"system\"",
        ].map { $0.prefix { $0 != "," } })
  }

  @Test(arguments: [
    "", "\n", "# nothing yet\n", "\u{FEFF}", "\u{FEFF}# nothing\r\n\r\n",
    "[[rule]]\nname = \"a\"\nmatch.uid = 1\nweight = 2\n",
    "action.grace = \"3s\"\n", "version = 1\n", "[trigger]\n",
  ]) func aDropInNeedsNoVersionAndNothingElse(text: String) throws {
    let folder = try Folder()
    try folder.write("p.toml")
    try folder.write("policy.d/a.toml", text)
    let compilation = try folder.compile()
    #expect(compilation.diagnostics == [])
    #expect(compilation.policy != nil)
  }

  @Test(arguments: [
    ("version = 2\n", "policy.d/a.toml:1:11: error: version 2 is not known here, this program reads version 1"),
    ("version = \"1\"\n", "policy.d/a.toml:1:11: error: \"version\" is a string, write version = 1"),
  ]) func aVersionThatADropInHasMustBeRight(text: String, message: String) throws {
    let folder = try Folder()
    try folder.write("p.toml")
    try folder.write("policy.d/a.toml", text)
    #expect(try folder.compile().diagnostics.map(\.description) == [message])
  }

  /// The policy's own file needs one.
  @Test func aPolicyNeedsItsVersionWhateverADropInSays() throws {
    let folder = try Folder()
    try folder.write("p.toml", "# nothing yet\n")
    try folder.write("policy.d/a.toml", "version = 1\n")
    #expect(
      try folder.compile().diagnostics.map(\.description)
        == ["p.toml:1:1: error: the policy has no version, begin it with version = 1"])
  }

  @Test func sixtyFourDropInsAreEnough() throws {
    let folder = try Folder()
    try folder.write("p.toml")
    for number in 0..<64 { try folder.write("policy.d/\(number).toml") }
    #expect(try folder.compile().policy != nil)
    try folder.write("policy.d/64.toml")
    #expect(
      try folder.compile().diagnostics.map(\.description)
        == ["policy.d:1:1: error: there are 65 drop-ins, there can be at most 64"])
  }

  @Test func withoutAFolderThereAreNoDropIns() throws {
    let folder = try Folder()
    try folder.write("p.toml")
    try FileManager.default.removeItem(atPath: folder.path + "/policy.d")
    #expect(try folder.compile().policy != nil)
    try folder.write("policy.d", "")
    #expect(
      try folder.compile().diagnostics.map(\.description)
        == ["policy.d:1:1: error: the drop-ins cannot be listed: not a directory"])
  }

  @Test func aFileThatIsTooLargeIsToldAndNotReadWhole() throws {
    let folder = try Folder()
    try folder.write("p.toml", String(repeating: "#", count: 3 << 20))
    #expect(try folder.compile().diagnostics.first?.what == "the file has more than 1048576 bytes")
  }

  @Test func aFileThatIsNotThereIsMissing() throws {
    let folder = try Folder()
    try folder.link("loop.toml", to: "loop.toml")
    try folder.link("dangling.toml", to: "nowhere")
    try folder.write("file.toml")
    for (name, errno) in [
      ("none.toml", .noSuchFile), ("loop.toml", .tooManyLinks), ("dangling.toml", .noSuchFile),
      ("policy.d", .isDirectory), ("file.toml/x", .notDirectory), ("", .isDirectory),
    ] as [(String, Errno)] {
      do {
        _ = try folder.read(name)
        Issue.record("\(name) was read")
      } catch {
        #expect(error.errno == errno, "\(name)")
      }
    }
  }

  @Test(arguments: ["p.toml", "policy.d/a.toml", "policy.d", ""])
  func aFileThatOthersMayWriteIsNotRead(name: String) throws {
    let folder = try Folder()
    try folder.write("p.toml", "version = 1\nunknown = 1\n")
    try folder.write("policy.d/a.toml")
    #expect(try folder.faults() == [])
    try folder.setMode((name.hasSuffix("toml") ? 0o644 : 0o755) | Self.writable, name)
    let path = name.isEmpty ? "…" : "…/" + name
    let fault = "\(path) may be written by \(Self.who)"
    let mend = "chmod \(Self.bits)-w \(path)"
    #expect(
      try folder.faults() == [name == "policy.d" ? "policy.d:1:1: error: \(fault), \(mend)" : "\(fault): \(mend)"])
    let compilation = try folder.compile()
    #expect(compilation.policy == nil && compilation.diagnostics.count == 1)
    // A check reads the content too.
    let checked = try folder.compile(inspectsAnyway: true)
    #expect(checked.policy == nil && checked.diagnostics.count == 2)
    #expect(checked.diagnostics.last?.what == "unknown key \"unknown\"")
  }

  @Test func onlyForRootTheGroupsRightToWriteCounts() throws {
    let folder = try Folder()
    try folder.write("p.toml")
    try folder.setMode(0o664, "p.toml")
    let owner = UInt32(try #require(FileManager.default.attributesOfItem(atPath: folder.path)[.ownerAccountID] as? Int))
    #expect(try folder.faults(user: owner == 0 ? 1000 : owner) == [])
    let rootsFaults = try folder.faults(user: 0)
    #expect(rootsFaults.contains("…/p.toml may be written by its group: chmod go-w …/p.toml"))
  }

  @Test func aStickyFolderIsTrustedOnTheWayAndNotAsTheLastOne() throws {
    let folder = try Folder()
    try folder.write("p.toml")
    try folder.setMode(0o1777, "")
    #expect(try folder.faults() == [])
    // Every user could add a file.
    try folder.setMode(0o1777, "policy.d")
    #expect(
      try folder.faults() == [
        "policy.d:1:1: error: …/policy.d may be written by \(Self.who), chmod \(Self.bits)-w …/policy.d"
      ])
  }

  @Test func aLinkIsFollowedToAFileThatIsTrusted() throws {
    let folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.path + "/else", withIntermediateDirectories: false)
    try folder.write("else/real.toml", "version = 1\n")
    try folder.link("p.toml", to: "else/../else/./real.toml")
    try folder.link("policy.d/a.toml", to: folder.path + "/else/real.toml")
    #expect(try folder.faults() == [])
    #expect(try folder.read().texts.map(\.bytes) == [Array("version = 1\n".utf8), Array("version = 1\n".utf8)])
    try folder.setMode(0o777, "else")
    #expect(try folder.faults() == ["…/else may be written by \(Self.who): chmod \(Self.bits)-w …/else"])
    try folder.setMode(0o755, "else")
    try folder.setMode(0o666, "else/real.toml")
    #expect(
      try folder.faults() == ["…/else/real.toml may be written by \(Self.who): chmod \(Self.bits)-w …/else/real.toml"])
  }

  @Test(.enabled(if: isRoot, "giving files away needs root"), arguments: ["p.toml", "policy.d/a.toml", ""])
  func aFileOfAnotherUserIsNotRead(name: String) throws {
    let folder = try Folder()
    try folder.write("p.toml")
    try folder.write("policy.d/a.toml")
    try folder.give(name, to: 1234)
    let path = name.isEmpty ? "…" : "…/" + name
    #expect(try folder.faults() == ["\(path) belongs to user 1234: chown root \(path)"])
    // For that user it is an own file, and for a third user it is not.
    #expect(try folder.faults(user: 1234) == [])
    #expect(try folder.faults(user: 4321) == ["\(path) belongs to user 1234: chown 4321 \(path)"])
  }

  @Test(.enabled(if: isRoot, "giving files away needs root"))
  func aLinkOfAnotherUserIsNotFollowed() throws {
    let folder = try Folder()
    try folder.write("real.toml")
    try folder.link("p.toml", to: "real.toml")
    let result = unsafe lchown(folder.path + "/p.toml", 1234, 1234)
    #expect(result == 0)
    #expect(try folder.faults() == ["…/p.toml belongs to user 1234: chown -h root …/p.toml"])
  }

  @Test func theProposedCommandIsQuotedForAShell() throws {
    let folder = try Folder()
    try folder.write("p q's.toml")
    try folder.setMode(0o666, "p q's.toml")
    let fault = try #require(try folder.read("p q's.toml").texts[0].faults.first)
    #expect(fault.mend == "chmod \(Self.bits)-w '\(folder.path)/p q'\\''s.toml'")
  }
}
