import Fixtures
import Foundation
import Policy
import PolicyFile
import Pressure
import ProcModel
import Testing

/// The configurations of `imported`, each with the policy that it must give. The lines `#> ` at the policy's end are
/// the messages.
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

  @Test(arguments: try cases()) func aConfigurationIsImportedAsItsPolicy(_ sample: Case) throws {
    let killer = try #require(sample.killer)
    let policy = try ImportedPolicy(
      sample.configuration, of: killer, file: sample.testDescription, machine: Self.machine)
    let told = policy.notes.map { "#> \($0)\n" }.joined()
    #expect(policy.text + told == sample.policy)
    let compilation = try Self.compiled(policy)
    #expect(compilation.diagnostics.filter { $0.severity == .error } == [])
    // There is no diagnostic but that a process can choose its name.
    #expect(compilation.diagnostics.allSatisfy { $0.what.hasPrefix("any process can give itself this name") })
  }

  /// For any configuration that the other agent takes, `check` warns of nothing but that a process can choose its name.
  @Test(arguments: [1, 2, 3, 4]) func anImportedPolicyPassesTheCheckWithoutAWarning(seed: UInt64) throws {
    var numbers = SplitMix64(seed: seed)
    func any(_ words: [String]) -> String { words.randomElement(using: &numbers) ?? "" }
    let figures = [
      "0.001", "0.01", "0.5", "1", "10", "33.3", "50", "66", "66.67", "67", "70", "96", "99", "99.9", "99.999",
    ]
    let names = [
      "^a$", "^(a|b)$", "b", "java", "^a-name-of-more-than-15$|x", "/", "sshd", "x.y", "(a|b){2}", "[a-z]+", "é", "g++",
      "a.*?b", "[]+*?]+?x",
    ]
    let paths = ["/usr/bin/foo", "^/usr/lib/", "user.slice", "a", "/", "foo@1", "^(/a|/b)/", "/lib/*/", "a??b"]
    var taken = 0
    for _ in 0..<150 {
      var words: [String] = []
      for option in ["-m", "-s"] where Bool.random(using: &numbers) {
        words.append("\(option) \(any(figures))" + (Bool.random(using: &numbers) ? ",\(any(figures))" : ""))
      }
      for option in ["-M", "-S"] where Int.random(in: 0..<3, using: &numbers) == 0 {
        words.append("\(option) \(any(["1", "0.4", "204800", "16777216", "99999999"]))")
      }
      if Bool.random(using: &numbers) { words.append("-s 100") }
      for flag in ["-g", "-n", "-p", "--sort-by-rss", "--ignore-root-user", "--dryrun", "-r 60", "-w 0", "-w 12.5"]
      where Int.random(in: 0..<4, using: &numbers) == 0 { words.append(flag) }
      for option in ["--prefer", "--avoid", "--ignore"] where Bool.random(using: &numbers) {
        words.append("\(option) '\(any(names))'")
      }
      taken += try check("EARLYOOM_ARGS=\"\(words.joined(separator: " "))\"\n", .earlyoom)

      var lines = [
        "soft_threshold_min_mem = \(any(figures + ["0"])) %",
        "soft_threshold_min_swap = \(any(["0 %", "10 %", "100 %", "0 M", "500 M"]))",
      ]
      if Bool.random(using: &numbers) { lines[0] = "mem_min_sigterm = \(any(["0", "1", "0.0001", "500"])) M" }
      lines += [
        "psi_checking_enabled = \(any(["True", "False"]))",
        "soft_threshold_max_psi = \(any(["0.01", "1", "60", "99", "100"]))",
      ]
      lines.append("psi_excess_duration = \(any(["0", "1", "30", "5000"]))")
      if Bool.random(using: &numbers) { lines.append("ignore_positive_oom_score_adj = True") }
      if Bool.random(using: &numbers) { lines += ["hard_threshold_min_mem = 5 %", "hard_threshold_min_swap = 10 %"] }
      for _ in 0..<Int.random(in: 0...6, using: &numbers) {
        let points = any([
          "1", "-1", "0", "300", "-666", "667", "-700", "99999", "9223372036854775807", "-9223372036854775808",
        ])
        let (kind, pattern) =
          Bool.random(using: &numbers)
          ? (any(["NAME", "CMDLINE"]), any(names)) : (any(["REALPATH", "CGROUP_V1", "CGROUP_V2"]), any(paths))
        lines.append("@BADNESS_ADJ_RE_\(kind) \(points) /// \(pattern)")
        lines.append("@SOFT_ACTION_RE_NAME \(any(names)) /// kill -\(any(["9", "TERM", "USR1", "SEGV", "19"])) $PID")
        lines.append("$ETC \(any(names)) /// kill -INT $PID")
      }
      taken += try check(lines.joined(separator: "\n") + "\n", .nohang)
    }
    #expect(taken > 150)
  }

  /// - Returns: 1 where the other agent would take it.
  private func check(_ text: String, _ killer: Killer) throws -> Int {
    let policy: ImportedPolicy
    do throws(ImportFault) {
      policy = try ImportedPolicy(Array(text.utf8), of: killer, file: "c", machine: Self.machine)
    } catch {
      return 0
    }
    let found = try Self.compiled(policy).diagnostics
    #expect(
      found.allSatisfy { $0.what.hasPrefix("any process can give itself this name") && $0.severity == .warning },
      "\(text): \(found.map(\.description))")
    return 1
  }

  @Test(
    arguments: [
      ("-m 66.66", nil), ("-m 66.67", 8333), ("-m 70,60", 8500), ("-m 99", 9950), ("-m 99.99", 9999),
      ("-M 99999999", nil),
    ] as [(String, UInt32?)]) func aHighFloorHasAReleaseLineThatCanBePassed(words: String, release: UInt32?) throws
  {
    let policy = try Self.imported("EARLYOOM_ARGS=\"\(words)\"\n", .earlyoom)
    #expect(policy.text.contains("release = ") == (release != nil))
    let thresholds = try #require(Self.compiled(policy).policy).settings.thresholds
    if let release { #expect(thresholds.release == .share(BasisPoints(release))) }
  }

  /// Repetitions of repetitions, of which `check` would warn, are simplified.
  @Test(arguments: [
    ("g++", "/g+/"), ("a.*?b", "/a.*b/"), ("x+?", "/x*/"), ("x??", "/x?/"), (#"g\\\\+\\\\+"#, #"/g\+\+/"#),
    ("[+*?]++", "/[+*?]+/"),
  ]) func repetitionsOfRepetitionsBecomeOne(written: String, pattern: String) throws {
    let policy = try Self.imported("EARLYOOM_ARGS=\"--avoid '\(written)'\"\n", .earlyoom)
    let compilation = try Self.compiled(policy)
    #expect(compilation.patterns == [pattern] && compilation.diagnostics.isEmpty)
  }

  // MARK: Long lists

  private static let words: [String] = (0..<400).map { "word-\($0)-" + String(repeating: "x", count: $0 % 6) }

  /// Lists that fit no automaton become several patterns, which match what the one did.
  @Test(arguments: [
    ("^(", "|", ")$"), ("^", "$|^", "$"), ("^(word-1|", "|", ")$"), ("^((", "|", "))$"), ("^(?:", "|", ")$"),
  ]) func aListThatIsTooLongForOnePatternBecomesSeveral(form: (String, String, String)) throws {
    let (inside, outside) = (Self.words.prefix(200), Self.words.suffix(200))
    let pattern = form.0 + inside.joined(separator: form.1) + form.2
    if !form.0.contains("?:") {
      for (option, name) in [("--avoid", "--avoid"), ("--prefer", "--prefer"), ("--ignore", "--ignore")] {
        let policy = try #require(
          Self.compiled(Self.imported("EARLYOOM_ARGS=\"\(option) '\(pattern)'\"\n", .earlyoom)).policy)
        for word in inside { #expect(Self.rules(policy, comm: word) == [name], "\(word)") }
        for word in outside { #expect(Self.rules(policy, comm: word) == [], "\(word)") }
      }
    }
    let lists =
      "min_sleep = 1\n@BADNESS_ADJ_RE_NAME 9 /// \(pattern)\n@SOFT_ACTION_RE_NAME \(pattern) /// kill -9 $PID\n"
    let policy = try #require(Self.compiled(Self.imported(lists, .nohang)).policy)
    for word in inside { #expect(Self.rules(policy, comm: word).count == 2, "\(word)") }
    for word in outside { #expect(Self.rules(policy, comm: word) == [], "\(word)") }
  }

  private static func rules(_ policy: CompiledPolicy, comm: String) -> [String] {
    // oom_score_adj is asked at each look, and is 0 here.
    let subject = SampleProcess(comm: comm).subject
    var facts = ProcessFacts(identity: ProcessIdentity(pid: 9, startTime: Ticks(1)))
    facts.comm = Comm(comm)
    let moment = DynamicFacts(process: facts, machine: MachineFacts(ram: KiB(1 << 20), swap: .zero, units: .common))
    let ruleOutcome = policy.ruleOutcome(policy.matchStatic(subject), at: moment)
    return policy.rules.indices.filter { ruleOutcome.rules.contains(UInt8($0)) }.map {
      policy.name(of: policy.rules[$0])
    }
  }

  /// Where no part fits, or only some parts do, the whole list is left out.
  @Test(arguments: [
    "^" + String(repeating: "a", count: 300) + "$", "^(" + String(repeating: "a|", count: 300) + "b){2}$",
    "^(" + String(repeating: "abcdefgh|", count: 100) + "*)$", "(" + String(repeating: "abcdefgh|", count: 100) + "b",
    String(repeating: "abcdefgh|", count: 6000) + "b",
  ]) func aListThatCannotBeHadWholeIsLeftOut(pattern: String) throws {
    let policy = try Self.imported("EARLYOOM_ARGS=\"--avoid '\(pattern)'\"\n", .earlyoom)
    #expect(policy.notes.count == 1 && policy.notes[0].what.hasSuffix("is not carried over"))
    #expect(try #require(Self.compiled(policy).policy).rules.isEmpty)
  }

  // MARK: The right file

  @Test(
    arguments: [
      "", "\n\n", "# a comment\n", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:'\"::\n",
      "[Unit]\nDescription=earlyoom\n[Service]\nExecStart=/usr/bin/earlyoom $EARLYOOM_ARGS\n", "FOO=1\n",
      "{ \"a\": 1 }",
      "\u{0}ELF", "version = 1\n[trigger]\nfloor = { available = \"8%\" }\n", "export PATH=/bin\nmin_sleepless = 1\n",
      "# EARLYOOM_ARGS is not set here\n", "  soft_threshold_min_mem = 5 %\n", "# soft_threshold_min_mem = 5 %\n",
    ]) func aFileThatIsNoConfigurationOfTheAgentIsRefused(text: String)
  {
    for killer in Killer.allCases {
      let fault = #expect(throws: ImportFault.self) { try Self.imported(text, killer) }
      #expect(fault?.description.contains("is it the right file?") == true, "\(fault.map { "\($0)" } ?? "")")
    }
  }

  @Test func bytesThatAreNotUTF8AreRefused() {
    for killer in Killer.allCases {
      let fault = #expect(throws: ImportFault.self) {
        try ImportedPolicy([0x80, 0xFF], of: killer, file: "c", machine: nil)
      }
      #expect(fault?.description.contains("is it the right file?") == true)
    }
  }

  @Test func anotherAgentsFileIsTold() throws {
    for sample in try Self.cases() {
      let own = try #require(sample.killer)
      for killer in Killer.allCases where killer != own {
        let fault = #expect(throws: ImportFault.self) {
          try ImportedPolicy(sample.configuration, of: killer, file: "c", machine: nil)
        }
        #expect(fault?.diagnostic.what == "this is the configuration of \(own), and not of \(killer)")
        #expect(fault?.diagnostic.meant.contains("spillway import \(own)") == true)
      }
    }
  }

  // MARK: Older nohang

  /// The names of 0.1 and of the months after it give the policy of those of 0.3, except for the comments.
  @Test func olderNamesGiveTheSamePolicy() throws {
    let new = """
      soft_threshold_min_mem = 7 %
      hard_threshold_min_mem = 3 %
      soft_threshold_min_swap = 9 %
      hard_threshold_min_swap = 2 %
      psi_checking_enabled = True
      soft_threshold_max_psi = 55
      psi_excess_duration = 20
      max_soft_exit_time = 4
      @BADNESS_ADJ_RE_NAME -200 /// ^Xorg$
      @BADNESS_ADJ_RE_CMDLINE 300 /// -childID
      @SOFT_ACTION_RE_NAME ^fire\\.fox$ /// kill -QUIT $PID

      """
    let old = """
      mem_min_sigterm = 7 %
      mem_min_sigkill = 3 %
      swap_min_sigterm = 9 %
      swap_min_sigkill = 2 %
      ignore_psi = False
      sigterm_psi_threshold = 55
      psi_excess_duration = 20
      max_post_sigterm_victim_lifetime = 4
      @PROCESSNAME_RE -200 /// ^Xorg$
      @CMDLINE_RE 300 /// -childID
      $ETC fire.fox /// kill -QUIT $PID

      """
    #expect(try Self.compiled(Self.imported(old, .nohang)).policy == Self.compiled(Self.imported(new, .nohang)).policy)
    #expect(try Self.imported(old, .nohang).notes == [])
  }

  @Test func linesThatAnOlderNohangIgnoredAreLeftOut() throws {
    let lines = "@PROCESSNAME_RE 5 /// ^a$\n$ETC a /// kill -9 $PID\nprefer_regex = b\n"
    for (switches, count) in [("True", 3), ("False", 0)] {
      let text = "regex_matching = \(switches)\nexecute_the_command = \(switches)\n" + lines
      #expect(try #require(Self.compiled(Self.imported(text, .nohang)).policy).rules.count == count)
    }
  }

  @Test(
    arguments: [
      ("kill -INT $PID", "SIGINT", nil), ("kill -int $PID", "SIGINT", nil), ("/bin/kill -SIGHUP $PID", "SIGHUP", nil),
      ("kill -s USR2 $PID", "SIGUSR2", nil), ("kill -n 9 $PID", "SIGKILL", nil), ("kill $PID", "SIGTERM", nil),
      ("kill -SEGV $PID", nil, "SIGSEGV is no signal that a rule can send: those are SIGTERM,"),
      ("kill -19 $PID", nil, "SIGSTOP is no signal that a rule can send"),
      ("kill -s SIGABRT $PID", nil, "SIGABRT is no signal that a rule can send"),
      ("kill -RTMIN+3 $PID", nil, "\"-RTMIN+3\" is no signal that a rule can send"),
      ("kill -0 $PID", nil, "\"-0\" is no signal that a rule can send"),
      ("systemctl restart x", nil, "a rule cannot run a command in place of its signal"),
      ("kill -9 1", nil, "a rule cannot run a command in place of its signal"),
    ] as [(String, String?, String?)])
  func aSignalIsCarriedOverOrNamed(command: String, signal: String?, why: String?) throws {
    let policy = try Self.imported("@SOFT_ACTION_RE_NAME ^a$ /// \(command)\n", .nohang)
    #expect(policy.text.contains("\nsignal = \"\(signal ?? "")\"") == (signal != nil))
    #expect(policy.notes.map { String($0.meant.prefix(why?.count ?? 0)) } == (why.map { [$0] } ?? []))
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
    let swapText = swap.map { "and free swap at or below \($0)" } ?? "free swap is not checked"
    #expect(line == "floor: available memory at or below \(available), \(swapText)")
    if words != "-m 10" { #expect(describe(policy, patterns: []).contains("grace: \(grace)\n")) }
  }

  @Test(arguments: [
    ("-m 5,5 -s 5,5", true), ("-m 5,5 -s 100", true), ("-m 5,5", false), ("-s 5,5", false),
  ]) func withEqualLinesTheFirstSignalIsSIGKILL(words: String, isKilled: Bool) throws {
    let policy = try #require(Self.compiled(Self.imported("EARLYOOM_ARGS='\(words)'", .earlyoom)).policy)
    #expect((policy.settings.signal == .kill) == isKilled)
  }

  @Test(
    arguments: [
      (Killer.earlyoom, "EARLYOOM_ARGS=\"-m abc\"", "c:1:16: error: \"-m abc\": \"abc\" is no number from 0 to 100"),
      (.earlyoom, "EARLYOOM_ARGS=\"-m 101\"", "c:1:16: error: \"-m 101\": \"101\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 100", "c:1:15: error: \"-m 100\" is the whole memory"),
      (.earlyoom, "EARLYOOM_ARGS=-s 101", "c:1:15: error: \"-s 101\": \"101\" is no number from 0 to 100"),
      (.earlyoom, "EARLYOOM_ARGS=-m nan", "c:1:15: error: \"-m nan\": \"nan\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 1,-1", "c:1:15: error: \"-m 1,-1\": \"-1\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 5,", "c:1:15: error: \"-m 5,\": \"\" is no number"),
      (.earlyoom, "EARLYOOM_ARGS=-m 0", "c:1:15: error: \"-m 0\" is zero"),
      (.earlyoom, "\nEARLYOOM_ARGS=-g -w 1h", "c:2:18: error: \"-w 1h\" is no time"),
      (.earlyoom, "EARLYOOM_ARGS=-g -m", "c:1:18: error: -m has no value"),
      (.earlyoom, "EARLYOOM_ARGS=\"-g", "c:1:15: error: the quotation mark is not closed"),
      (.earlyoom, "EARLYOOM_ARGS=\"--avoid 'x\"", "c:1:1: error: a quotation mark within EARLYOOM_ARGS"),
      (.earlyoom, "EARLYOOM_ARGS=\u{0}", "c:1:15: error: a NUL byte"),
      (.nohang, "soft_threshold_min_mem = 5", "c:1:1: error: \"soft_threshold_min_mem\" cannot be \"5\""),
      (.nohang, "\nmax_soft_exit_time = soon", "c:2:1: error: \"max_soft_exit_time\" cannot be \"soon\""),
      (.nohang, "psi_checking_enabled = yes", "c:1:1: error: \"psi_checking_enabled\" cannot be \"yes\""),
      (.nohang, "psi_metrics = avg10", "c:1:1: error: \"psi_metrics\" cannot be \"avg10\""),
      (.nohang, "min_sleep = 1\nmin_sleep = 2", "c:2:1: error: \"min_sleep\" is set twice"),
      (.nohang, "rate_mem = 1\nrate_mem = 2", "c:2:1: error: \"rate_mem\" is set twice"),
      (.nohang, "min_sleep = 1\nnonsense", "c:2:1: error: \"nonsense\" is no setting"),
      (.nohang, "@BADNESS_ADJ_RE_NAME 200 ^a$", "c:1:1: error: \"@BADNESS_ADJ_RE_NAME 200 ^a$\" has no \"///\""),
      (.nohang, "@BADNESS_ADJ_RE_NAME much /// ^a$", "c:1:1: error: \"much\" is no number of points"),
      (
        .nohang, (0..<257).map { "@BADNESS_ADJ_RE_UID 5 /// ^\($0)$\n" }.joined(),
        "c:1:1: error: no policy can be made of it: this is rule 257"
      ),
    ] as [(Killer, String, String)])
  func aConfigurationThatTheOtherAgentRefusesIsAnError(killer: Killer, text: String, message: String) {
    let fault = #expect(throws: ImportFault.self) { try Self.imported(text, killer) }
    #expect(fault?.description.hasPrefix(message) == true, "\(fault.map { "\($0)" } ?? "")")
  }

  @Test(arguments: [
    (#"EARLYOOM_ARGS="--avoid '\.bin$'""#, "/.bin$/", 1), (#"EARLYOOM_ARGS="--avoid '\\\\.bin$'""#, #"/\.bin$/"#, 0),
    (#"EARLYOOM_ARGS='--avoid=a\ b'"#, "/a b/", 0),
  ]) func aBackslashThatSystemdTakesIsMissed(line: String, pattern: String, told: Int) throws {
    let policy = try Self.imported(line, .earlyoom)
    #expect(try Self.compiled(policy).patterns == [pattern])
    #expect(policy.notes.count { $0.what.hasPrefix("systemd removes a backslash") } == told)
  }

  /// A configuration cannot write lines into the policy.
  @Test func textOfTheConfigurationStaysWithinItsString() throws {
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
