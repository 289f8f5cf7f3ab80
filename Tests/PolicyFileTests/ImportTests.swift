import Foundation
import Policy
import PolicyFile
import Pressure
import ProcModel
import Testing

/// The configurations of `imported`, each with the policy it must come to. A line `#> ` at the policy's end is what is
/// told of it.
@Suite struct ImportTests {
  static let machine = ImportMachine(ram: KiB(16 << 20), swap: KiB(2 << 20))

  private static func imported(_ text: String, _ killer: Killer) throws -> ImportedPolicy {
    try ImportedPolicy(Array(text.utf8), of: killer, file: "c", machine: machine)
  }

  private static func compiled(_ policy: ImportedPolicy) throws -> PolicyCompilation {
    PolicyCompiler.compile(
      policy.text, file: "p.toml", accounts: PolicyCompilerTests.accounts, programs: ProgramLookup { _ in .ready })
  }

  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var configuration: [UInt8]
    var policy: String

    var killer: Killer? { Killer.allCases.first { testDescription.hasPrefix($0.rawValue) } }
  }

  static func cases() throws -> [Case] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "imported")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path())
    return try names.filter { $0.hasSuffix(".conf") }.sorted().map { name in
      let policy = folder.appending(path: name.replacingOccurrences(of: ".conf", with: ".toml"))
      return Case(
        testDescription: name, configuration: [UInt8](try Data(contentsOf: folder.appending(path: name))),
        policy: try String(contentsOf: policy, encoding: .utf8))
    }
  }

  @Test(arguments: try cases()) func aConfigurationComesToItsPolicy(_ sample: Case) throws {
    let killer = try #require(sample.killer)
    let policy = try ImportedPolicy(
      sample.configuration, of: killer, file: sample.testDescription, machine: Self.machine)
    let told = policy.notes.map { "#> \($0)\n" }.joined()
    #expect(policy.text + told == sample.policy)
    let compilation = try Self.compiled(policy)
    #expect(compilation.diagnostics.filter { $0.severity == .error } == [])
    // Nothing but that a name is no proof of anything.
    #expect(compilation.diagnostics.allSatisfy { $0.what.hasPrefix("any process can give itself this name") })
  }

  @Test(
    arguments: [
      ("-m 10", "10%", "10%", "5s"), ("-m 12.345,3", "12.34%", "10%", "10s"), ("-m 5,9", "9%", "10%", "10s"),
      ("-M 204800", "200 MiB", "10%", "10s"), ("-m 10 -M 1048576", "1 GiB", "10%", "10s"),
      ("-m 2 -M 1048576", "2%", "10%", "10s"), ("-s 100", "10%", nil, "10s"), ("-s 0,0.01", "10%", "0.01%", "10s"),
      ("-S 1024 -s 50", "10%", "1 MiB", "10s"), ("-w 3", "10%", "10%", "3s"),
    ] as [(String, String, String?, String)])
  func theLinesOfEarlyoomAreThoseOfTheFloor(words: String, available: String, swap: String?, grace: String) throws {
    let compilation = try Self.compiled(Self.imported("EARLYOOM_ARGS=\(words)\n", .earlyoom))
    let policy = try #require(compilation.policy)
    let line = describe(policy, patterns: []).split(separator: "\n")[0]
    let swapText = swap.map { "and free swap at or below \($0)" } ?? "whatever swap is free"
    #expect(line == "floor: available memory at or below \(available), \(swapText)")
    if words != "-m 10" { #expect(describe(policy, patterns: []).contains("grace: \(grace)\n")) }
  }

  @Test(arguments: [
    ("-m 5,5 -s 5,5", true), ("-m 5,5 -s 100", true), ("-m 5,5", false), ("-s 5,5", false),
  ]) func whoseLinesAreTheSameIsNotAsked(words: String, isKilled: Bool) throws {
    let policy = try #require(Self.compiled(Self.imported("EARLYOOM_ARGS='\(words)'", .earlyoom)).policy)
    #expect((policy.settings.signal == .kill) == isKilled)
  }

  @Test(
    arguments: [
      (Killer.earlyoom, "EARLYOOM_ARGS=\"-m abc\"", "c:1:16: error: \"-m abc\": \"abc\" is no number from 0 to 100"),
      (.earlyoom, "EARLYOOM_ARGS=\"-m 101\"", "c:1:16: error: \"-m 101\": \"101\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 100", "c:1:15: error: \"-m 100\" is all there is"),
      (.earlyoom, "EARLYOOM_ARGS=-s 101", "c:1:15: error: \"-s 101\": \"101\" is no number from 0 to 100"),
      (.earlyoom, "EARLYOOM_ARGS=-m nan", "c:1:15: error: \"-m nan\": \"nan\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 1,-1", "c:1:15: error: \"-m 1,-1\": \"-1\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 5,", "c:1:15: error: \"-m 5,\": \"\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 0", "c:1:15: error: \"-m 0\" is nothing"),
      (.earlyoom, "\nEARLYOOM_ARGS=-g -w 1h", "c:2:18: error: \"-w 1h\" is no time"),
      (.earlyoom, "EARLYOOM_ARGS=-g -m", "c:1:18: error: -m has no value"),
      (.earlyoom, "EARLYOOM_ARGS=\"-g", "c:1:15: error: the quotation mark is not closed"),
      (.earlyoom, "EARLYOOM_ARGS=\"--avoid 'x\"", "c:1:1: error: a quotation mark within EARLYOOM_ARGS"),
      (.earlyoom, "EARLYOOM_ARGS=\u{0}", "c:1:15: error: a NUL byte"),
      (.nohang, "soft_threshold_min_mem = 5", "c:1:1: error: \"soft_threshold_min_mem\" cannot be \"5\""),
      (.nohang, "\nmax_soft_exit_time = soon", "c:2:1: error: \"max_soft_exit_time\" cannot be \"soon\""),
      (.nohang, "psi_checking_enabled = yes", "c:1:1: error: \"psi_checking_enabled\" cannot be \"yes\""),
      (.nohang, "psi_metrics = avg10", "c:1:1: error: \"psi_metrics\" cannot be \"avg10\""),
      (.nohang, "a = 1\na = 2", "c:2:1: error: \"a\" is set twice"),
      (.nohang, "nonsense", "c:1:1: error: \"nonsense\" is no setting"),
      (.nohang, "@BADNESS_ADJ_RE_NAME 200 ^a$", "c:1:1: error: \"@BADNESS_ADJ_RE_NAME 200 ^a$\" has no \"///\""),
      (.nohang, "@BADNESS_ADJ_RE_NAME much /// ^a$", "c:1:1: error: \"much\" is no number of points"),
      (
        .nohang, (0..<257).map { "@BADNESS_ADJ_RE_UID 5 /// ^\($0)$\n" }.joined(),
        "c:1:1: error: it comes to no policy: this is rule 257"
      ),
    ] as [(Killer, String, String)])
  func whatTheAgentItselfRefusesIsNoPolicy(killer: Killer, text: String, message: String) {
    let fault = #expect(throws: ImportFault.self) { try Self.imported(text, killer) }
    #expect(fault?.description.hasPrefix(message) == true, "\(fault.map { "\($0)" } ?? "")")
  }

  @Test(arguments: [
    (#"EARLYOOM_ARGS="--avoid '\.bin$'""#, "/.bin$/", 1), (#"EARLYOOM_ARGS="--avoid '\\\\.bin$'""#, #"/\.bin$/"#, 0),
    (#"EARLYOOM_ARGS='--avoid=a\ b'"#, "/a b/", 0),
  ]) func aBackslashThatSystemdTakesIsMissed(line: String, pattern: String, told: Int) throws {
    let policy = try Self.imported(line, .earlyoom)
    #expect(try Self.compiled(policy).patterns == [pattern])
    #expect(policy.notes.count { $0.what.hasPrefix("systemd takes a backslash") } == told)
  }

  /// A configuration cannot write lines into the policy.
  @Test func whatComesFromTheFileStaysInItsPlace() throws {
    let hostile = "x\n[[rule]]\nname = 'y'\nmatch = { uid = 1000 }\nprotect = true\n"
    let policies = [
      try Self.imported("EARLYOOM_ARGS=\"--avoid '\(hostile)' --new '\(hostile)' -N '/\(hostile)'\"", .earlyoom),
      try Self.imported("EARLYOOM_ARGS=\"--ignore '''\\\"'\"", .earlyoom),
      try Self.imported("new = \u{1B}[2J\u{2028}\r\nwarning_exe = /a '\u{7}\"\\''\n", .nohang),
    ]
    for policy in policies {
      let compilation = try Self.compiled(policy)
      #expect(compilation.policy != nil, "\(policy.text)")
      #expect(compilation.policy?.rules.contains { $0.protects && $0.name.count == 1 } != true)
      #expect(!policy.text.contains("\u{1B}"))
    }
  }
}
