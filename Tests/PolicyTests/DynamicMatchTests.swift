import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// Rules with fields that change while a process lives (``MatchField/isDynamic``).
@Suite struct DynamicMatchTests {
  private static func touches(
    _ field: MatchField, _ alternative: Alternative, _ change: (inout ProcessFacts) -> Void,
    units: KernelUnits = .common
  ) -> Bool {
    var policy = CompiledPolicy.blank
    policy.addRule("rule", order: .first, [(field, [alternative])])
    var facts = Neighbour().facts
    change(&facts)
    let machine = MachineFacts(ram: KiB(1_000_000), swap: .zero, units: units)
    return policy.ruleOutcome(policy.matchStatic(Subject()), at: DynamicFacts(process: facts, machine: machine)).rules
      .contains(0)
  }

  /// A test, a change of a process of 100 000 KiB on a machine of 1 000 000 KiB, and whether the rule then matches.
  struct Line: Sendable {
    var field: MatchField
    var alternative: Alternative
    var isMet: Bool
    var change: @Sendable (inout ProcessFacts) -> Void

    init(
      _ field: MatchField, _ alternative: Alternative, _ isMet: Bool,
      _ change: @escaping @Sendable (inout ProcessFacts) -> Void = { _ in }
    ) {
      self.field = field
      self.alternative = alternative
      self.isMet = isMet
      self.change = change
    }
  }

  static let lines: [Line] = [
    Line(.gid, .range(100, 200), true) { $0.effectiveGID = 100 },
    Line(.gid, .range(100, 200), false) { $0.effectiveGID = 99 },
    Line(.oomScoreAdj, .signedRange(-1000, -500), true) { $0.oomScoreAdj = -500 },
    Line(.oomScoreAdj, .signedRange(-1000, -500), false) { $0.oomScoreAdj = -499 },
    Line(.oomScoreAdj, .signedRange(-1000, -500), false) { $0.oomScoreAdj = 500 },
    Line(.nice, .signedRange(-20, -1), true) { $0.nice = -20 },
    Line(.nice, .signedRange(-20, -1), false) { $0.nice = 0 },
    Line(.minAge, .time(.milliseconds(60_000)), true) { $0.age = Ticks(6000) },
    Line(.minAge, .time(.milliseconds(60_000)), false) { $0.age = Ticks(5999) },
    Line(.minAge, .time(Nanoseconds(.max)), false) { $0.age = Ticks(1 << 40) },
    Line(.maxAge, .time(.milliseconds(60_000)), true) { $0.age = Ticks(6000) },
    Line(.maxAge, .time(.milliseconds(60_000)), false) { $0.age = Ticks(6001) },
    Line(.minFootprint, .amount(.size(KiB(100_000))), true),
    Line(.minFootprint, .amount(.size(KiB(100_001))), false),
    Line(.minFootprint, .amount(.share(.percent(10))), true),
    Line(.minFootprint, .amount(.share(.percent(11))), false),
    Line(.growth, .amount(.size(KiB(10_240))), true) { $0.growthPerSecond = KiB(10_240) },
    Line(.growth, .amount(.share(.percent(1))), false) { $0.growthPerSecond = KiB(9999) },
    Line(.tty, .flag(true), true) { $0.hasTerminal = true },
    Line(.tty, .flag(true), false),
    Line(.tty, .flag(false), true),
    Line(.tty, .flag(false), false) { $0.hasTerminal = true },
    Line(.container, .flag(true), true) { $0.isInNamespace = true },
    Line(.container, .flag(false), true),
    Line(.orphan, .flag(true), true) { $0.isOrphan = true },
    Line(.orphan, .flag(true), false),
    Line(.orphan, .flag(false), false) { $0.isOrphan = true },
  ]

  @Test(arguments: lines) func aDynamicTestHoldsUpToItsLine(line: Line) {
    #expect(Self.touches(line.field, line.alternative, line.change) == line.isMet)
  }

  @Test func anAgeIsComparedInTheKernelsTicks() {
    let units = KernelUnits(pageSizeKiB: 4, ticksPerSecond: 1000)
    for (ticks, expected) in [(6000, false), (60_000, true)] as [(UInt64, Bool)] {
      let isOld = Self.touches(.minAge, .time(.milliseconds(60_000)), { $0.age = Ticks(ticks) }, units: units)
      #expect(isOld == expected)
    }
  }

  @Test(
    arguments: [
      (.gid, .range(0, 0), .group), (.oomScoreAdj, .signedRange(0, 0), .oomScoreAdj), (.minAge, .time(.zero), nil),
      (.maxAge, .time(.zero), nil), (.container, .flag(true), .namespace),
      (.orphan, .flag(true), .leaders),
    ] as [(MatchField, Alternative, UnreadFacts?)])
  func anUnknownFactCountsForProtectionAndForNothingElse(
    field: MatchField, alternative: Alternative, unread: UnreadFacts?
  ) {
    for protects in [true, false] {
      var policy = CompiledPolicy.blank
      policy.addRule("rule", protects: protects, order: .first, [(field, [alternative])])
      policy.addRule("rule", order: .last, weight: 3, [(field, [alternative])])
      policy.rules[1].exceptions = 1
      var facts = Neighbour().facts
      if let unread { facts.unread = unread } else { facts.age = nil }
      let ruleOutcome = policy.ruleOutcome(
        policy.matchStatic(Subject()), at: DynamicFacts(process: facts, machine: .sample))
      #expect(ruleOutcome.protection == (protects ? .assumed(0) : .none))
      #expect(
        ruleOutcome.isProvisional && ruleOutcome.tier == .normal && ruleOutcome.weight == 1 && ruleOutcome.rules.isEmpty
      )
    }
  }

  @Test(
    arguments: [(.uid, .range(0, 0), .user), (.capability, .capabilities(.sysAdmin), .capabilities)]
      as [(MatchField, Alternative, UnreadFacts)])
  func anUnknownOwnerCountsForProtection(field: MatchField, alternative: Alternative, unread: UnreadFacts) {
    var policy = CompiledPolicy.blank
    policy.addRule("kept", protects: true, [(field, [alternative])])
    var subject = Subject()
    var source = MemorySource()
    subject.load(Neighbour().facts.with { $0.unread = unread }, needs: [], inCalm: true, from: &source)
    #expect(policy.classify(subject).protection == .assumed(0))
    subject.load(Neighbour().facts, needs: [], inCalm: true, from: &source)
    #expect(policy.classify(subject).protection == .none)
  }

  @Test func aPolicyWithDynamicFieldsReadsNoMoreFiles() {
    for field in MatchField.allCases where field.isDynamic {
      var policy = CompiledPolicy.blank
      policy.addRule("rule", [(field, [.never])])
      #expect(policy.needs == Self.needs[field] ?? .moment, "\(field)")
    }
  }

  private static let needs: [MatchField: MatchNeeds] = [
    .ancestor: [.moment, .ancestors], .ancestorExe: [.moment, .ancestors, .exe],
    .ancestorCgroup: [.moment, .ancestors, .cgroup], .ancestorUnit: [.moment, .ancestors, .cgroup],
    .orphan: [.moment, .orphans],
  ]

  @Test func settingsThatLeaveInheritedValuesOutAskForRelatives() {
    var policy = CompiledPolicy.blank
    #expect(policy.needs.isEmpty)
    policy.domains = [
      Domain(name: policy.add("d"), cgroup: policy.add("/d"), settings: policy.settings)
    ]
    policy.domains[0].settings.ignoresInherited = true
    #expect(policy.needs == .inherited)
  }

  /// The comm matches. The executable matches, does not match, or cannot be read.
  @Test(
    arguments: [
      ("/a", .zero, false), ("/a", Nanoseconds.milliseconds(100_000), true), ("/b", .zero, true),
      (nil, .milliseconds(100_000), true),
    ] as [(String?, Nanoseconds, Bool)])
  func aRuleMatchesUnlessAllOfItsExceptionsHold(exe: String?, minAge: Nanoseconds, expected: Bool) {
    var policy = CompiledPolicy.blank
    policy.addRule(
      "rule", order: .first,
      [(.comm, [.literal(policy.add("program"))]), (.exe, [.literal(policy.add("/a"))]), (.minAge, [.time(minAge)])])
    policy.rules[0].exceptions = 2
    #expect(policy.ruleOutcome(of: Neighbour { $0.exe = exe }).rules.contains(0) == expected)
    #expect(!policy.ruleOutcome(of: Neighbour { ($0.exe, $0.comm) = (exe, "other") }).rules.contains(0))
  }

  /// By Kleene's logic: an unknown part stays unknown, unless the other parts settle the question.
  @Test(arguments: [true, false]) func anUnknownExceptionMakesTheRuleUnknownUnlessAnotherSettlesIt(isDynamic: Bool) {
    var policy = CompiledPolicy.blank
    var fields: [(MatchField, [Alternative])] = [
      (.comm, [.literal(policy.add("program"))]), (.exe, [.literal(policy.add("/a"))]),
    ]
    if isDynamic { fields.append((.nice, [.signedRange(-20, -1)])) }
    policy.addRule("kept", protects: true, fields)
    policy.rules[0].exceptions = isDynamic ? 2 : 1
    let hidden = Neighbour { $0.failures[.exe] = .denied }
    // With a nice value of 0 not all exceptions hold, whatever the executable is.
    #expect(policy.ruleOutcome(of: hidden).protection == (isDynamic ? .rule(0) : .assumed(0)))
    #expect(policy.ruleOutcome(of: Neighbour { ($0.comm, $0.failures) = ("x", [.exe: .denied]) }).protection == .none)
    #expect(policy.ruleOutcome(of: Neighbour { $0.exe = "/b" }).protection == .rule(0))
    #expect(policy.ruleOutcome(of: Neighbour { $0.exe = "/a" }).protection == (isDynamic ? .rule(0) : .none))
  }

  @Test func aRuleOfExceptionsAloneMatchesAllOtherProcesses() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("others", order: .first, [(.comm, ["program"])])
    policy.rules[0].exceptions = 1
    #expect(!policy.ruleOutcome(of: Neighbour()).rules.contains(0))
    #expect(policy.ruleOutcome(of: Neighbour { $0.comm = "other" }).rules.contains(0))
  }

  /// The result does not depend on how the tests are split into static and dynamic ones.
  @Test(arguments: 1...20 as ClosedRange<UInt64>) func theStaticAndTheDynamicPartTogetherAreTheRule(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    for _ in 0..<200 {
      var policy = CompiledPolicy.blank
      for number in 0..<8 {
        var fields: [(MatchField, [Alternative])] = []
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
          fields.append(
            [
              (.comm, [.literal(policy.add(["program", "other"].randomElement(using: &numbers) ?? ""))]),
              (.exe, [.literal(policy.add(["/a", "/b"].randomElement(using: &numbers) ?? ""))]),
              (.nice, [.signedRange(-20, Int32.random(in: -1...1, using: &numbers))]),
              (.oomScoreAdj, [.signedRange(0, 0)]),
            ].randomElement(using: &numbers) ?? (.uid, [.never]))
        }
        policy.addRule("\(number)", protects: Bool.random(using: &numbers), order: .first, fields)
        policy.rules[number].exceptions = UInt8(Int.random(in: 0...fields.count, using: &numbers))
      }
      let neighbour = Neighbour {
        $0.exe = Bool.random(using: &numbers) ? "/a" : "/b"
        if Bool.random(using: &numbers) { $0.failures[.exe] = .denied }
      }
      var facts = neighbour.facts
      if Bool.random(using: &numbers) { facts.unread = .oomScoreAdj }
      var source = MemorySource()
      neighbour.enter(&source)
      var subject = Subject()
      subject.load(facts, needs: policy.needs, inCalm: true, from: &source)
      let ruleOutcome = policy.ruleOutcome(
        policy.matchStatic(subject), at: DynamicFacts(process: facts, machine: .sample))
      for (index, rule) in policy.rules.enumerated() {
        let plain = PlainRule(policy, rule, neighbour, facts)
        #expect(ruleOutcome.rules.contains(UInt8(index)) == (plain.outcome == true))
        if plain.outcome == nil { #expect(ruleOutcome.isProvisional) }
      }
      let sure = policy.rules.contains { $0.protects && PlainRule(policy, $0, neighbour, facts).outcome == true }
      let possible = policy.rules.contains { $0.protects && PlainRule(policy, $0, neighbour, facts).outcome != false }
      #expect(ruleOutcome.protection.protects == possible)
      if case .rule = ruleOutcome.protection { #expect(sure) } else { #expect(!sure) }
    }
  }

  /// A rule, evaluated in the plainest way; nil is unknown.
  private struct PlainRule {
    var outcome: Bool?

    init(_ policy: CompiledPolicy, _ rule: Rule, _ neighbour: Neighbour, _ facts: ProcessFacts) {
      let answers = policy.tests[rule.tests.indices].map { test -> Bool? in
        switch (test.field, policy.alternatives[Int(test.alternatives.start)]) {
        case (.comm, .literal(let text)): Array(policy.text[text.indices]) == Array(neighbour.comm.utf8)
        case (.exe, .literal(let text)):
          neighbour.failures[.exe] == nil ? Array(policy.text[text.indices]) == Array((neighbour.exe ?? "").utf8) : nil
        case (.nice, .signedRange(let low, let high)): Int32(facts.nice) >= low && Int32(facts.nice) <= high
        case (.oomScoreAdj, _): facts.unread.isEmpty ? true : nil
        default: false
        }
      }
      let conditions = PlainRule.all(answers.dropLast(Int(rule.exceptions)))
      guard rule.exceptions > 0 else {
        outcome = conditions
        return
      }
      outcome = PlainRule.all([conditions, PlainRule.all(answers.suffix(Int(rule.exceptions))).map { !$0 }])
    }

    static func all(_ answers: some Sequence<Bool?>) -> Bool? {
      answers.contains(false) ? false : answers.contains(nil) ? nil : true
    }
  }
}

/// What the roster keeps where rules have dynamic fields.
@Suite struct DynamicMatchRosterTests {
  @Test func dynamicFieldsAreAskedAnewAndNoFileIsReadForThem() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("kept", protects: true, [(.exe, ["/usr/bin/program"])])
    policy.addRule("old ones", order: .last, [(.minAge, [.time(.milliseconds(10_000))])])
    policy.addRule(
      "young programs", order: .first,
      [(.exe, [.literal(policy.add("/young"))]), (.maxAge, [.time(.milliseconds(5000))])])
    var source = MemorySource()
    var roster = Roster(capacity: 4)
    let neighbours = [
      Neighbour(), Neighbour { ($0.pid, $0.exe) = (5, "/young") }, Neighbour { ($0.pid, $0.exe) = (6, "/other") },
    ]
    var table = ProcessTable(capacity: 4)
    for neighbour in neighbours {
      neighbour.enter(&source)
      table.append(neighbour.facts)
    }
    let needs = policy.needs
    roster.refresh(table, now: .milliseconds(1000), policy: policy, needs: needs, budget: .max, from: &source)
    let before = source.reads.count
    func ruleOutcome(_ pid: Int32, age: UInt64) -> RuleOutcome {
      let facts = (neighbours.first { $0.pid == pid } ?? neighbours[0]).facts.with { $0.age = Ticks(age) }
      return roster.ruleOutcome(of: facts, policy: policy, needs: needs, machine: .sample, from: &source)
    }
    #expect(ruleOutcome(4711, age: 0).protection == .rule(0) && ruleOutcome(4711, age: 1000).protection == .rule(0))
    #expect(ruleOutcome(4711, age: 0).tier == .normal && ruleOutcome(4711, age: 1000).tier == .last)
    #expect(ruleOutcome(5, age: 0).tier == .first && ruleOutcome(5, age: 501).tier == .normal)
    #expect(ruleOutcome(6, age: 0).tier == .normal)
    #expect(source.reads.count == before)
    // What was kept of a process is forgotten with it, and nothing else is.
    table.clear()
    for neighbour in neighbours.dropFirst() { table.append(neighbour.facts) }
    roster.refresh(table, now: .milliseconds(2000), policy: policy, needs: needs, budget: 0, from: &source)
    #expect(ruleOutcome(5, age: 0).tier == .first && ruleOutcome(6, age: 0).tier == .normal && roster.count == 2)
    #expect(source.reads.count == before)
    #expect(ruleOutcome(4711, age: 0).protection == .rule(0), "read anew")
  }

  @Test func aReloadThatBringsDynamicFieldsIsServed() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("kept", protects: true, [(.exe, ["/usr/bin/program"])])
    var source = MemorySource()
    let neighbour = Neighbour()
    neighbour.enter(&source)
    var table = ProcessTable(capacity: 1)
    table.append(neighbour.facts)
    var roster = Roster(capacity: 4)
    for _ in 0..<2 {
      for _ in 0..<2 {
        roster.refresh(
          table, now: .zero, policy: policy, needs: policy.needs, budget: .max, mayWait: false, from: &source)
        let ruleOutcome = roster.ruleOutcome(
          of: neighbour.facts, policy: policy, needs: policy.needs, machine: .sample, from: &source)
        #expect(ruleOutcome.protection == .rule(0) && ruleOutcome.rules.contains(1) == policy.needs.contains(.moment))
      }
      policy.addRule("all", order: .last, [(.nice, [.signedRange(-20, 19)])])
    }
  }

  @Test func aFileThatCouldNotBeReadIsTriedAgain() {
    var policy = CompiledPolicy.blank
    policy.addTextRule("kept", protects: true, [(.exe, ["/other"])])
    policy.addRule("all", order: .last, [(.nice, [.signedRange(-20, 19)])])
    var source = MemorySource()
    var neighbour = Neighbour { $0.failures[.exe] = .denied }
    neighbour.enter(&source)
    var table = ProcessTable(capacity: 1)
    table.append(neighbour.facts)
    var roster = Roster(capacity: 4)
    for expected in [Protection.assumed(0), .none] {
      roster.refresh(table, now: .zero, policy: policy, needs: policy.needs, budget: 3, from: &source)
      let ruleOutcome = roster.ruleOutcome(
        of: neighbour.facts, policy: policy, needs: policy.needs, machine: .sample, from: &source)
      #expect(ruleOutcome.protection == expected && ruleOutcome.tier == .last)
      neighbour.failures = [:]
      neighbour.enter(&source)
    }
  }
}
