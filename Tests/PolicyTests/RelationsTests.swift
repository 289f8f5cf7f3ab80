import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// A process with its relatives, for the tests of this file.
private struct Relative: Sendable {
  var pid: Int32
  var parent: Int32 = 1
  var group: Int32
  var session: Int32
  var start: UInt64
  var image: UInt64
  var adjustment: Int16 = 0
  var cgroup = "/runner"
  /// In KiB.
  var footprint: UInt64 = 20_000
  var state = "S"

  init(_ pid: Int32, _ change: (inout Relative) -> Void = { _ in }) {
    self.pid = pid
    (group, session, start, image) = (pid, pid, UInt64(pid), UInt64(pid) + 1_000_000)
    change(&self)
  }

  func enter(_ source: inout MemorySource) {
    source.processes.append(pid)
    source.set(
      .stat, of: pid,
      "\(pid) (p) \(state) \(parent) \(group) \(session) 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(start) \(footprint * 1024) 7 0 0 0 \(image) 0\n"
    )
    let memory =
      state == "Z"
      ? "" : "VmSize:\t\(footprint) kB\nVmRSS:\t\(footprint) kB\nRssAnon:\t\(footprint) kB\nRssFile:\t0 kB\n"
    source.set(.status, of: pid, "Name:\tp\nUid:\t0\t0\t0\t0\n\(memory)Threads:\t1\nCapEff:\t0\n")
    source.set(.oomScoreAdj, of: pid, "\(adjustment)\n")
    source.set(.oomScore, of: pid, "700\n")
    source.set(.cgroup, of: pid, "0::\(cgroup)\n")
  }
}

/// What a survey of processes tells of the relations between them.
private struct Relatives {
  var chooser = Chooser(capacity: 64, picking: 64)
  var source = MemorySource()
  var context: ScoringContext

  init(_ relatives: [Relative], _ change: (inout CompiledPolicy) -> Void = { _ in }) {
    var policy = CompiledPolicy.blank
    policy.settings.minimumFootprint = .amount(.size(KiB(10_000)))
    change(&policy)
    context = ScoringContext(policy: policy, machine: .sample, agent: 0)
    source.set(.uptime, "100000.00 1.00\n")
    for relative in relatives { relative.enter(&source) }
  }

  /// Surveys as a decision would.
  mutating func gather(_ plan: ReadingPlan) throws {
    try chooser.beginSurvey(plan, units: .common, now: .zero, from: &source)
    while try !chooser.stepSurvey(.max, units: .common, from: &source) {}
    chooser.classify(in: 0, by: context, now: .zero, from: &source)
    chooser.ranking.rank(in: 0, by: context) { _ in false }
  }

  func process(_ pid: Int32) -> ProcessFacts? {
    chooser.ranking.table.row(ofPID: pid).map { chooser.ranking.table.rows[$0] }
  }

  func candidate(_ pid: Int32) -> Candidate? {
    chooser.ranking.table.row(ofPID: pid).map { chooser.ranking.candidate($0, by: context) }
  }
}

/// Both ways in which a decision reads processes: what it makes of them is the same.
private let plans = [ReadingPlan.everyone, .worthKilling(from: KiB(10_000))]

@Suite struct OrphanTests {
  /// A machine, and which of its processes is an orphan.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    fileprivate var relatives: [Relative]
    var isOrphan: Bool
    /// The process that is asked about.
    static let asked: Int32 = 100

    fileprivate init(_ description: String, _ isOrphan: Bool, _ relatives: [Relative]) {
      (testDescription, self.isOrphan, self.relatives) = (description, isOrphan, relatives)
    }
  }

  private static let small: UInt64 = 500
  /// Too small to be killed, as nearly every one of its kind is.
  private static let initProcess = Relative(1) { ($0.parent, $0.footprint) = (0, small) }
  private static let manager = Relative(20) { $0.footprint = small }

  static let cases: [Case] = [
    Case(
      "the shell that led its session has exited", true,
      [initProcess, Relative(100) { ($0.group, $0.session) = (50, 50) }]),
    Case(
      "the same, adopted by a user's service manager", true,
      [initProcess, manager, Relative(100) { ($0.parent, $0.group, $0.session) = (20, 50, 50) }]),
    Case(
      "the leader of its session lives, that of its group has exited", true,
      [initProcess, Relative(50) { $0.footprint = small }, Relative(100) { ($0.group, $0.session) = (51, 50) }]),
    Case(
      "a leader that is dead and not collected leads nobody", true,
      [initProcess, Relative(50) { $0.state = "Z" }, Relative(100) { ($0.group, $0.session) = (50, 50) }]),
    Case("a daemon that leads its own session", false, [initProcess, Relative(100)]),
    Case(
      "a service's process, whose leader lives", false,
      [
        initProcess, Relative(50) { $0.footprint = small },
        Relative(100) { ($0.parent, $0.group, $0.session) = (50, 50, 50) },
      ]),
    Case(
      "a containerd-shim: the leader of its session lives, and it leads its group", false,
      [initProcess, Relative(50) { $0.footprint = small }, Relative(100) { $0.session = 50 }]),
    Case(
      "the second part of a pipeline in a shell, whose first part is done", false,
      [
        initProcess, Relative(50) { $0.footprint = small },
        Relative(100) { ($0.parent, $0.group, $0.session) = (50, 99, 50) },
      ]),
    Case(
      "the same where the shell is process 1 of a container", false,
      [initProcess, Relative(100) { ($0.parent, $0.group, $0.session) = (1, 99, 1) }]),
    Case(
      "a child whose parent lives on without its leader", false,
      [
        initProcess, Relative(60) { ($0.group, $0.session) = (50, 50) },
        Relative(100) { ($0.parent, $0.group, $0.session) = (60, 50, 50) },
      ]),
    Case(
      "the leaders of another pid namespace are not seen", false,
      [initProcess, Relative(100) { ($0.group, $0.session) = (0, 0) }]),
    Case("nor is its parent", false, [initProcess, Relative(100) { ($0.parent, $0.group, $0.session) = (0, 50, 50) }]),
    Case(
      "its parent has exited this very moment", true,
      [initProcess, Relative(100) { ($0.parent, $0.group, $0.session) = (50, 50, 50) }]),
  ]

  private static func relatives(_ example: Case) -> Relatives {
    Relatives(example.relatives) { policy in
      policy.addRule("orphans", order: .first, [(.orphan, [.flag(true)])])
    }
  }

  @Test(arguments: cases) func anOrphanLostItsParentAndItsLeader(example: Case) throws {
    for plan in plans {
      var relatives = Self.relatives(example)
      try relatives.gather(plan)
      let process = try #require(relatives.process(Case.asked))
      #expect(process.isOrphan == example.isOrphan && !process.unread.contains(.leaders), "\(plan)")
      #expect(relatives.candidate(Case.asked)?.ruleOutcome.tier == (example.isOrphan ? .first : .normal), "\(plan)")
    }
  }

  @Test func aLeaderIsReadOnceForAllThatItLed() throws {
    var relatives = Relatives(
      [Self.initProcess] + (100..<150).map { pid in Relative(pid) { ($0.group, $0.session) = (50, 50) } }
    ) { $0.addRule("orphans", order: .first, [(.orphan, [.flag(true)])]) }
    try relatives.gather(.worthKilling(from: KiB(10_000)))
    #expect((100..<150).allSatisfy { relatives.process($0)?.isOrphan == true })
    #expect(relatives.source.reads.count { $0.pid == 50 } == 1)
  }

  /// What is not known of the leaders counts for protection.
  @Test(arguments: [1, 50] as [Int32]) func aRelativeThatCannotBeReadIsUnknown(pid: Int32) throws {
    var relatives = Self.relatives(Self.cases[0])
    relatives.source.failures[.init(.stat, of: pid)] = .denied
    try relatives.gather(.worthKilling(from: KiB(10_000)))
    let process = try #require(relatives.process(100))
    #expect(!process.isOrphan && process.unread.contains(.leaders))
    #expect(relatives.candidate(100)?.ruleOutcome.tier == .normal)
    #expect(relatives.candidate(100)?.ruleOutcome.isProvisional == true)
  }

  @Test func withoutARuleNobodyIsAsked() throws {
    var relatives = Relatives(Self.cases[0].relatives)
    try relatives.gather(.worthKilling(from: KiB(10_000)))
    #expect(relatives.process(100)?.isOrphan == false)
    #expect(!relatives.source.reads.contains { $0.pid == 50 })
  }
}

@Suite struct InheritedAdjustmentTests {
  /// A machine, and whether the process that is asked about inherits its adjustment.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    fileprivate var relatives: [Relative]
    var inherits: Bool
    static let asked: Int32 = 100

    fileprivate init(_ description: String, _ inherits: Bool, _ relatives: [Relative]) {
      (testDescription, self.inherits, self.relatives) = (description, inherits, relatives)
    }
  }

  private static let initProcess = Relative(1) { ($0.parent, $0.footprint, $0.cgroup) = (0, 500, "/init") }
  /// Too small to be killed.
  private static let runner = Relative(50) { ($0.footprint, $0.adjustment) = (500, -900) }

  private static func task(_ change: (inout Relative) -> Void = { _ in }) -> Relative {
    Relative(100) {
      ($0.parent, $0.group, $0.session, $0.adjustment) = (50, 50, 50, -900)
      change(&$0)
    }
  }

  static let cases: [Case] = [
    Case("a task of a runner", true, [initProcess, runner, task()]),
    Case(
      "one with a positive value", true,
      [initProcess, Relative(50) { $0.adjustment = 300 }, task { $0.adjustment = 300 }]),
    Case("another value is its own", false, [initProcess, runner, task { $0.adjustment = -899 }]),
    Case("none is no statement", false, [initProcess, Relative(50), task { $0.adjustment = 0 }]),
    Case(
      "-1000 protects in any case", false,
      [initProcess, Relative(50) { $0.adjustment = -1000 }, task { $0.adjustment = -1000 }]),
    Case("a value that a service manager set", false, [initProcess, task { $0.parent = 1 }]),
    Case("another cgroup", false, [initProcess, runner, task { $0.cgroup = "/runner/task" }]),
    Case(
      "a worker that was forked and executes nothing", false, [initProcess, runner, task { $0.image = runner.image }]),
    Case("an image that is not known", false, [initProcess, runner, task { $0.image = 0 }]),
    Case(
      "a parent whose image is not known", false,
      [initProcess, Relative(50) { ($0.image, $0.adjustment) = (0, -900) }, task()]),
    Case("a parent that has exited", false, [initProcess, task()]),
    Case(
      "a process with the number of a parent that has exited", false,
      [initProcess, Relative(50) { ($0.start, $0.adjustment) = (200, -900) }, task()]),
    Case(
      "a grandchild by way of a small shell", true,
      [
        initProcess, runner, Relative(60) { ($0.parent, $0.footprint, $0.adjustment) = (50, 500, -900) },
        task { $0.parent = 60 },
      ]),
    Case(
      "the copy of a task", true,
      [
        initProcess, runner,
        Relative(60) { ($0.parent, $0.footprint, $0.adjustment) = (50, 500, -900) },
        Relative(61) { ($0.parent, $0.image, $0.footprint, $0.adjustment) = (60, 1_000_060, 500, -900) },
        task { ($0.parent, $0.image) = (61, 1_000_060) },
      ]),
    Case(
      "the copy of a copy of the runner", false,
      [
        initProcess, runner,
        Relative(61) { ($0.parent, $0.image, $0.footprint, $0.adjustment) = (50, runner.image, 500, -900) },
        task { ($0.parent, $0.image) = (61, runner.image) },
      ]),
    Case(
      "copies in a circle", false,
      [
        initProcess, Relative(50) { ($0.parent, $0.image, $0.start, $0.adjustment) = (100, 7, 9, -900) },
        task { ($0.image, $0.start) = (7, 9) },
      ]),
  ]

  private static func ignoring(_ policy: inout CompiledPolicy) { policy.settings.ignoresInherited = true }

  @Test(arguments: cases) func aValueIsInheritedWhereTheParentHasItInTheSameCgroup(example: Case) throws {
    for plan in plans {
      var relatives = Relatives(example.relatives, Self.ignoring)
      try relatives.gather(plan)
      #expect(relatives.process(Case.asked)?.inheritsOomScoreAdj == example.inherits, "\(plan)")
    }
  }

  @Test func whatCannotBeReadOfAParentIsNotInherited() throws {
    for file in [ProcessFile.stat, .oomScoreAdj, .cgroup] {
      var relatives = Relatives(Self.cases[0].relatives, Self.ignoring)
      relatives.source.failures[.init(file, of: 50)] = .denied
      try relatives.gather(.worthKilling(from: KiB(10_000)))
      #expect(relatives.process(100)?.inheritsOomScoreAdj == false, "\(file)")
    }
  }

  @Test(arguments: Formula.allCases, OomScoreAdjUse.allCases)
  func anInheritedValueCountsAsNone(formula: Formula, use: OomScoreAdjUse) throws {
    let score = { (adjustment: Int16, ignores: Bool) throws -> Double in
      let relatives = [
        Self.initProcess, Relative(50) { $0.adjustment = adjustment }, Self.task { $0.adjustment = adjustment },
      ]
      var machine = Relatives(relatives) { policy in
        (policy.settings.formula, policy.settings.adjustment) = (formula, use)
        policy.settings.ignoresInherited = ignores
      }
      try machine.gather(.everyone)
      return try #require(machine.candidate(100)).score
    }
    for adjustment in [-900, 300] as [Int16] {
      #expect(try score(adjustment, true) == score(0, false))
      let counts = formula.usesAdjustment && use.effective(adjustment) != 0
      #expect(try (score(adjustment, false) != score(0, false)) == counts)
    }
  }

  @Test func minusAThousandProtectsAlsoWhereItIsInherited() throws {
    let relatives = [
      Self.initProcess, Relative(50) { $0.adjustment = -1000 }, Self.task { $0.adjustment = -1000 },
    ]
    var machine = Relatives(relatives, Self.ignoring)
    try machine.gather(.everyone)
    #expect(machine.candidate(100)?.ruleOutcome.protection == .oomScoreAdj)
  }

  @Test func aRuleSeesTheValueAsItIs() throws {
    var machine = Relatives(Self.cases[0].relatives) { policy in
      Self.ignoring(&policy)
      policy.addRule("kept", order: .last, [(.oomScoreAdj, [.signedRange(-999, -500)])])
    }
    try machine.gather(.everyone)
    #expect(machine.candidate(100)?.ruleOutcome.tier == .last)
    #expect(machine.process(100)?.inheritsOomScoreAdj == true)
  }

  @Test func byDefaultNobodyIsAsked() throws {
    var machine = Relatives(Self.cases[0].relatives)
    try machine.gather(.worthKilling(from: KiB(10_000)))
    #expect(machine.process(100)?.inheritsOomScoreAdj == false)
    #expect(!machine.source.reads.contains { $0.pid == 50 && $0.file == .oomScoreAdj })
  }

  /// Each copy is passed once, however long the chain.
  @Test func aLongChainOfCopiesIsWalkedOnce() throws {
    let chain =
      [Self.initProcess, Self.runner]
      + (100..<20_000 as Range<Int32>).map { pid in
        Relative(pid) { ($0.parent, $0.image, $0.adjustment) = (pid == 100 ? 50 : pid - 1, 7, -900) }
      }
    var machine = Relatives(chain.reversed(), Self.ignoring)
    try machine.gather(.everyone)
    #expect((100..<20_000).allSatisfy { machine.process($0)?.inheritsOomScoreAdj == true })
  }
}
