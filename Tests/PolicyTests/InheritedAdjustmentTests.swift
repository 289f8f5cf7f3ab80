import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// Whose `oom_score_adj` is its parent's, and counts as none.
@Suite struct InheritedAdjustmentTests {
  /// A machine, and whether the process that is asked about inherits its adjustment.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var relatives: [Relative]
    var inherits: Bool
    static let asked: Int32 = 100

    init(_ description: String, _ inherits: Bool, _ relatives: [Relative]) {
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
    for plan in plansOfRelatives {
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
      + (100..<3000 as Range<Int32>).map { pid in
        Relative(pid) { ($0.parent, $0.image, $0.adjustment) = (pid == 100 ? 50 : pid - 1, 7, -900) }
      }
    var machine = Relatives(chain.reversed(), Self.ignoring)
    try machine.gather(.everyone)
    #expect((100..<3000).allSatisfy { machine.process($0)?.inheritsOomScoreAdj == true })
  }
}
