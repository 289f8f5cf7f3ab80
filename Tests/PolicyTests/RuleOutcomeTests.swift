import Fixtures
import Policy
import ProcModel
import Testing

/// Which rules match a process, and their outcome.
@Suite struct RuleOutcomeTests {
  /// A policy of one rule with one test.
  private static func touches(_ field: MatchField, _ alternatives: [Alternative], _ neighbour: Neighbour) -> Bool {
    var policy = CompiledPolicy.blank
    policy.addRule("rule", order: .first, [(field, alternatives)])
    return policy.ruleOutcome(of: neighbour).rules.contains(0)
  }

  private static func touches(_ field: MatchField, _ text: String, _ neighbour: Neighbour) -> Bool {
    var policy = CompiledPolicy.blank
    policy.addTextRule("rule", order: .first, [(field, [text])])
    return policy.ruleOutcome(of: neighbour).rules.contains(0)
  }

  @Test(
    arguments: [
      (.comm, "program", true), (.comm, "programs", false), (.comm, "progra", false), (.comm, "", false),
      (.exe, "/usr/bin/program", true), (.exe, "program", false), (.exe, "/usr/bin/program (deleted)", false),
      (.cmdline, "program --serve  last", true), (.cmdline, "program", false),
      (.cmdline, "program --serve  last ", false),
      (.cgroup, "/system.slice/program.service", true), (.cgroup, "system.slice/program.service", false),
      (.unit, "program.service", true), (.unit, "program", false), (.unit, "system.slice", false),
    ] as [(MatchField, String, Bool)])
  func aTextMatchesAsAWhole(field: MatchField, text: String, expected: Bool) {
    // Words are joined by blanks, and an empty word leaves two.
    let neighbour = Neighbour { $0.cmdline = "program\0--serve\0\0last\0" }
    #expect(Self.touches(field, text, neighbour) == expected)
  }

  /// The cgroup leads out of the namespace, or the paths there are only a part.
  @Test(arguments: [("0::/../../system.slice/ssh.service\n", true), ("0::/system.slice/ssh.service\n", false)])
  func aCgroupOutsideTheNamespaceMayBeAnyUnit(cgroup: String, isWhole: Bool) throws {
    var policy = CompiledPolicy.blank
    policy.addTextRule("ways in", protects: true, [(.unit, ["ssh.service"]), (.exe, ["/usr/sbin/sshd"])])
    policy.addTextRule("batch first", order: .first, [(.cgroup, ["/batch"])])
    policy.addTextRule("logs", protects: true, [(.cgroup, ["/system.slice/syslog.service"]), (.comm, ["syslogd"])])
    for (comm, exe, protection) in [
      ("sshd", "/usr/sbin/sshd", Protection.assumed(0)), ("hog", "/usr/bin/hog", .none), ("syslogd", "/x", .assumed(2)),
    ] {
      var source = MemorySource()
      source.view.showsAllCgroups = isWhole
      let neighbour = Neighbour {
        $0.comm = comm
        $0.exe = exe
        $0.cgroup = cgroup
      }
      neighbour.enter(&source)
      var subject = Subject()
      subject.load(neighbour.facts, needs: policy.needs, inCalm: true, from: &source)
      let ruleOutcome = policy.classify(subject)
      #expect(ruleOutcome.protection == protection && ruleOutcome.tier == .normal && ruleOutcome.isProvisional)
    }
  }

  @Test(
    arguments: [
      (0, 999, false), (1000, 1000, true), (0, 1000, true), (1001, .max, false), (1000, .max, true), (2000, 1, false),
    ] as [(UInt32, UInt32, Bool)])
  func aUserMatchesWithinItsRange(low: UInt32, high: UInt32, expected: Bool) {
    #expect(Self.touches(.uid, [.range(low, high)], Neighbour()) == expected)
  }

  /// Of the rules that match and have the key the last one holds; the settings where there is none.
  @Test func ofScopeSignalGraceAndHookTheLastRuleHolds() {
    var policy = CompiledPolicy.blank
    policy.measures.hooks.after = 3
    policy.settings.scope = .tree
    for name in ["a", "b", "other", "c"] {
      policy.addTextRule(name, [(.comm, [name == "other" ? "other" : "program"])])
    }
    #expect(policy.ruleOutcome(of: Neighbour()).scope == nil)
    policy.rules[0].scope = .unit
    policy.rules[0].grace = .zero
    policy.rules[1].scope = .cgroup
    policy.rules[1].hook = .command(1)
    policy.rules[2].scope = .process
    policy.rules[2].signal = .kill
    policy.rules[3].signal = .hangUp
    let ruleOutcome = policy.ruleOutcome(of: Neighbour())
    #expect(ruleOutcome.scope == .cgroup && ruleOutcome.signal == .hangUp && ruleOutcome.grace == .zero)
    #expect(ruleOutcome.hook == .command(1))
    policy.rules[3].hook = .off
    #expect(policy.ruleOutcome(of: Neighbour()).hook == .off)
    // A rule of which it is not known whether it matches has no effect.
    policy.addTextRule("unknown", [(.cmdline, ["program"])])
    policy.rules[4].scope = .session
    #expect(policy.ruleOutcome(of: Neighbour(), inCalm: false).scope == .cgroup)
  }

  @Test func whereNoRuleSaysHowToKillTheSettingsOfTheDomainDo() {
    var policy = CompiledPolicy.blank
    policy.measures.hooks.after = 3
    var context = ScoringContext(
      policy: policy, machine: MachineFacts(ram: KiB(1 << 20), swap: .zero, units: .common), agent: 0)
    context.settings.scope = .tree
    context.settings.signal = .interrupt
    context.settings.grace = .milliseconds(7000)
    var ruleOutcome = RuleOutcome()
    #expect(context.scope(of: ruleOutcome) == .tree && context.signal(of: ruleOutcome) == .interrupt)
    #expect(context.grace(of: ruleOutcome) == .milliseconds(7000) && context.hook(of: ruleOutcome) == 3)
    ruleOutcome.hook = .off
    #expect(context.hook(of: ruleOutcome) == nil)
    ruleOutcome.hook = .command(5)
    (ruleOutcome.scope, ruleOutcome.signal, ruleOutcome.grace) = (.process, .kill, .zero)
    #expect(context.scope(of: ruleOutcome) == .process && context.signal(of: ruleOutcome) == .kill)
    #expect(context.grace(of: ruleOutcome) == .zero && context.hook(of: ruleOutcome) == 5)
  }

  @Test func theScopeOfAProcessDoesNotChangeTheRanking() {
    let process = Neighbour().facts
    for scope in Scope.allCases {
      var ruleOutcome = RuleOutcome()
      ruleOutcome.scope = scope
      let scoped = Candidate(process: process, ruleOutcome: ruleOutcome, score: 1)
      let better = Candidate(process: process, ruleOutcome: RuleOutcome(), score: 2)
      #expect(better.goesBefore(scoped) && !scoped.goesBefore(better))
    }
  }

  @Test func oneOfTheCapabilitiesIsEnough() {
    let admin = Neighbour { $0.capabilities = [.sysAdmin, .kill] }
    #expect(Self.touches(.capability, [.capabilities(.sysAdmin)], admin))
    #expect(Self.touches(.capability, [.capabilities([.sysRawIO, .kill])], admin))
    #expect(!Self.touches(.capability, [.capabilities([.sysRawIO, .sysNice])], admin))
    #expect(!Self.touches(.capability, [.capabilities(CapabilitySet(rawValue: .max))], Neighbour()))
  }

  @Test(arguments: MatchField.allCases) func anAlternativeThatNeverMatchesMatchesNoProcess(field: MatchField) {
    #expect(!Self.touches(field, [.never], Neighbour { $0.capabilities = CapabilitySet(rawValue: .max) }))
  }

  @Test func alternativesAreOrAndFieldsAreAnd() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("rule", [(.comm, ["a", "b"]), (.exe, ["/a", "/b"])])
    for (comm, exe, expected) in [("a", "/b", true), ("b", "/a", true), ("c", "/a", false), ("a", "/c", false)] {
      let ruleOutcome = policy.ruleOutcome(of: Neighbour { ($0.comm, $0.exe) = (comm, exe) })
      #expect(ruleOutcome.rules.contains(0) == expected)
    }
  }

  @Test func anExecutableThatWasReplacedStillMatches() {
    #expect(Self.touches(.exe, "/usr/bin/program", Neighbour { $0.exe = "/usr/bin/program (deleted)" }))
    #expect(
      Self.touches(.exe, "/usr/bin/program (deleted)", Neighbour { $0.exe = "/usr/bin/program (deleted) (deleted)" }))
    #expect(!Self.touches(.exe, "/usr/bin/program", Neighbour { $0.exe = "/usr/bin/program(deleted)" }))
  }

  @Test func aFieldThatAProcessLacksMatchesNothing() {
    for field in [MatchField.exe, .cmdline, .cgroup, .unit] {
      let bare = Neighbour { ($0.exe, $0.cmdline, $0.cgroup) = (nil, nil, nil) }
      #expect(!Self.touches(field, "", bare))
    }
    // A command line may be known to be empty.
    #expect(Self.touches(.cmdline, "", Neighbour { $0.cmdline = "" }))
    #expect(Self.touches(.cmdline, "", Neighbour { $0.cmdline = "\0\0" }))
  }

  /// A user's own service manager, and a container's, choose the names of their cgroups.
  @Test(arguments: [
    ("0::/system.slice/ssh.service\n", true), ("0::/system.slice/system-ssh.slice/ssh.service\n", true),
    ("0::/system.slice/ssh.service/worker\n", true), ("1:name=systemd:/system.slice/ssh.service\n0::/\n", true),
    ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service\n", false),
    ("0::/user.slice/user-1000.slice/session-1.scope/ssh.service\n", false),
    ("0::/docker/0123/system.slice/ssh.service\n", false), ("0::/system.slice/cron.service/ssh.service\n", false),
    ("0::/system.slice/xssh.service\n", false), ("0::/\n", false), ("", false),
  ])
  func aUnitOfAUserOrContainerDoesNotCount(cgroup: String, expected: Bool) {
    #expect(Self.touches(.unit, "ssh.service", Neighbour { $0.cgroup = cgroup }) == expected)
  }

  @Test func protectionIsFinalWhateverComesBeforeOrAfter() {
    let rules: [(String, Bool, Tier?, Double)] = [
      ("first", false, .first, 1), ("protects", true, nil, 1), ("weight", false, nil, 1000), ("last", false, .last, 1),
    ]
    for rotation in rules.indices {
      var policy = CompiledPolicy.blank
      let order = rules[rotation...] + rules[..<rotation]
      for (name, protects, tier, weight) in order {
        policy.addTextRule(name, protects: protects, order: tier, weight: weight, [(.comm, ["program"])])
      }
      let protecting = UInt8((1 + rules.count - rotation) % rules.count)
      let ruleOutcome = policy.ruleOutcome(of: Neighbour())
      #expect(ruleOutcome.protection == .rule(protecting) && ruleOutcome.decidingRule == protecting)
    }
  }

  @Test func theFirstRuleThatProtectsIsNamed() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("other", protects: true, [(.comm, ["other"])])
    policy.addTextRule("one", protects: true, [(.comm, ["program"])])
    policy.addTextRule("two", protects: true, [(.comm, ["program"])])
    let ruleOutcome = policy.ruleOutcome(of: Neighbour())
    #expect(ruleOutcome.protection == .rule(1) && ruleOutcome.decidingRule == 1)
    #expect(!ruleOutcome.rules.contains(0) && ruleOutcome.rules.contains(1) && ruleOutcome.rules.contains(2))
  }

  @Test func weightsMultiplyAndTheLastOrderHolds() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("a", order: .last, weight: 2, [(.comm, ["program"])])
    policy.addTextRule("no", order: .first, weight: 1000, [(.comm, ["other"])])
    policy.addTextRule("b", order: .first, weight: 0.25, [(.comm, ["program"])])
    policy.addTextRule("c", weight: 3, [(.comm, ["program"])])
    let ruleOutcome = policy.ruleOutcome(of: Neighbour())
    #expect(ruleOutcome.weight == 1.5 && ruleOutcome.tier == .first && ruleOutcome.decidingRule == 3)
    #expect(!ruleOutcome.protection.protects && !ruleOutcome.isProvisional)
  }

  @Test func aProcessThatNoRuleTouchesIsOrdinary() {
    #expect(CompiledPolicy.blank.ruleOutcome(of: Neighbour()) == RuleOutcome())
  }

  @Test func aProductOfWeightsStaysANumber() {
    var policy = CompiledPolicy.blank
    for _ in 0..<4 { policy.addTextRule("huge", weight: .greatestFiniteMagnitude, [(.comm, ["program"])]) }
    #expect(policy.ruleOutcome(of: Neighbour()).weight == 1e12)
    policy.addTextRule("none", weight: 0, [(.comm, ["program"])])
    #expect(policy.ruleOutcome(of: Neighbour()).weight == 0)
  }
}

/// Unknown facts count for protection, but no process gains by hiding its files.
@Suite struct UnknownRuleOutcomeTests {
  private static let files: [(MatchField, ProcessFile, String)] = [
    (.exe, .exe, "/usr/bin/program"), (.cmdline, .cmdline, "program"),
    (.cgroup, .cgroup, "/system.slice/program.service"),
    (.unit, .cgroup, "program.service"),
  ]

  @Test(arguments: files, [ReadFailure.denied, .failed(errno: 12)])
  func aProcessThatAnUnreadableTextMightProtectCountsAsProtected(
    what: (MatchField, ProcessFile, String), failure: ReadFailure
  ) {
    var policy = CompiledPolicy.blank
    policy.addTextRule("protects", protects: true, [(what.0, ["something else"])])
    let ruleOutcome = policy.ruleOutcome(of: Neighbour { $0.failures[what.1] = failure })
    #expect(ruleOutcome.protection == .assumed(0) && ruleOutcome.decidingRule == 0 && ruleOutcome.isProvisional)
    #expect(!ruleOutcome.rules.contains(0))
  }

  @Test(arguments: files)
  func aTextThatIsGoneOrTooLongProtectsNoProcess(what: (MatchField, ProcessFile, String)) {
    var policy = CompiledPolicy.blank
    policy.addTextRule("protects", protects: true, [(what.0, [what.2])])
    for failure in [ReadFailure.vanished, .failed(errno: 36)] {
      let ruleOutcome = policy.ruleOutcome(of: Neighbour { $0.failures[what.1] = failure })
      #expect(!ruleOutcome.protection.protects && !ruleOutcome.isProvisional)
    }
    #expect(policy.ruleOutcome(of: Neighbour()).protection == .rule(0))
  }

  @Test(arguments: files)
  func anUnknownTextChangesNeitherOrderNorWeight(what: (MatchField, ProcessFile, String)) {
    var policy = CompiledPolicy.blank
    policy.addTextRule("offers", order: .first, weight: 5, [(what.0, [what.2])])
    let ruleOutcome = policy.ruleOutcome(of: Neighbour { $0.failures[what.1] = .denied })
    #expect(ruleOutcome.tier == .normal && ruleOutcome.weight == 1 && ruleOutcome.decidingRule == nil)
    #expect(ruleOutcome.isProvisional && !ruleOutcome.protection.protects)
  }

  @Test func aKnownFieldThatDoesNotMatchSettlesTheRule() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("protects", protects: true, [(.exe, ["/x"]), (.comm, ["other"])])
    policy.addTextRule("protects", protects: true, [(.comm, ["other"]), (.exe, ["/x"])])
    let ruleOutcome = policy.ruleOutcome(of: Neighbour { $0.failures[.exe] = .denied })
    #expect(!ruleOutcome.protection.protects && !ruleOutcome.isProvisional)
  }

  @Test func aRuleThatProtectsIsNamedBeforeOneThatMightProtect() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("might", protects: true, [(.exe, ["/x"])])
    policy.addTextRule("does", protects: true, [(.comm, ["program"])])
    policy.addTextRule("might too", protects: true, [(.exe, ["/y"])])
    let ruleOutcome = policy.ruleOutcome(of: Neighbour { $0.failures[.exe] = .denied })
    #expect(ruleOutcome.protection == .rule(1) && ruleOutcome.decidingRule == 1 && ruleOutcome.isProvisional)
  }

  @Test func theCommandLineIsNotReadWhileMemoryIsShort() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("protects", protects: true, [(.cmdline, ["program"])])
    var source = MemorySource()
    let neighbour = Neighbour()
    neighbour.enter(&source)
    var subject = Subject()
    subject.load(neighbour.facts, needs: policy.needs, inCalm: false, from: &source)
    #expect(policy.classify(subject).protection == .assumed(0))
    #expect(source.reads.isEmpty)
    subject.load(neighbour.facts, needs: policy.needs, inCalm: true, from: &source)
    #expect(policy.classify(subject).protection == .rule(0))
  }

  @Test func onlyFilesThatRulesAskForAreRead() {
    let expected: [(MatchField, [ProcessFile])] = [
      (.comm, []), (.uid, []), (.capability, []), (.exe, [.exe]), (.cmdline, [.cmdline]), (.cgroup, [.cgroup]),
      (.unit, [.cgroup]),
    ]
    for (field, files) in expected {
      var policy = CompiledPolicy.blank
      policy.addRule("rule", [(field, [.never])])
      var source = MemorySource()
      let neighbour = Neighbour()
      neighbour.enter(&source)
      var subject = Subject()
      subject.load(neighbour.facts, needs: policy.needs, inCalm: true, from: &source)
      #expect(source.reads.map(\.file) == files, "\(field)")
    }
  }

  /// The subject is used for one process after the other.
  @Test func nothingOfTheLastProcessIsLeftInTheSubject() {
    var policy = CompiledPolicy.blank
    for (field, _, text) in Self.files { policy.addTextRule(field.name, protects: true, [(field, [text])]) }
    let full = Neighbour()
    let bare = Neighbour { ($0.pid, $0.exe, $0.cmdline, $0.cgroup) = (4712, nil, nil, nil) }
    var source = MemorySource()
    full.enter(&source)
    bare.enter(&source)
    var subject = Subject()
    for _ in 0..<2 {
      subject.load(full.facts, needs: policy.needs, inCalm: true, from: &source)
      #expect(policy.classify(subject).protection == .rule(0))
      subject.load(bare.facts, needs: policy.needs, inCalm: true, from: &source)
      #expect(policy.classify(subject) == RuleOutcome())
    }
  }

  @Test func aCgroupFileThatMakesNoSenseIsUnknownAndADeepOneIsRead() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("unit", protects: true, [(.unit, ["program.service"])])
    #expect(policy.ruleOutcome(of: Neighbour { $0.cgroup = "nonsense\n" }).protection == .assumed(0))
    // The longest path the kernel shows, on the line before the one that counts.
    let deep = "1:name=systemd:/system.slice/other.service/" + String(repeating: "d/", count: 2000) + "\n"
    let hybrid = Neighbour { $0.cgroup = deep + "0::/system.slice/program.service\n" }
    #expect(policy.ruleOutcome(of: hybrid).protection == .rule(0))
  }
}
