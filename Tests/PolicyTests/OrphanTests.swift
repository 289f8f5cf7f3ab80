import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// Who is an orphan.
@Suite struct OrphanTests {
  /// A machine, and which of its processes is an orphan.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var relatives: [Relative]
    var isOrphan: Bool
    /// The process that is asked about.
    static let asked: Int32 = 100

    init(_ description: String, _ isOrphan: Bool, _ relatives: [Relative]) {
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
    for plan in plansOfRelatives {
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

  /// A leader that cannot be seen may live.
  @Test func whereProcessesAreHiddenNobodyIsKnownForAnOrphan() throws {
    var relatives = Self.relatives(Self.cases[0])
    relatives.source.processes.removeAll { $0 == 1 }
    relatives.source.vanish(1, at: .stat)
    try relatives.gather(.everyone)
    let process = try #require(relatives.process(100))
    #expect(!process.isOrphan && process.unread.contains(.leaders))
  }

  @Test func withoutARuleNobodyIsAsked() throws {
    var relatives = Relatives(Self.cases[0].relatives)
    try relatives.gather(.worthKilling(from: KiB(10_000)))
    #expect(relatives.process(100)?.isOrphan == false)
    #expect(!relatives.source.reads.contains { $0.pid == 50 })
  }
}
