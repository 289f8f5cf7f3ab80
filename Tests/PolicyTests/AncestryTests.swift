import Fixtures
import Policy
import ProcModel
import Testing

/// The ancestors of a process.
@Suite struct AncestryTests {
  /// A process's number, its parent's number, its start time and its name.
  private typealias Kin = (pid: Int32, parent: Int32, start: UInt64, comm: String)

  /// Rule 0 asks for an ancestor called `wanted`, and rule 1 for none of that name.
  private static var policy: CompiledPolicy {
    var policy = CompiledPolicy.blank
    policy.addTextRule("below", order: .first, [(.ancestor, ["wanted"])])
    policy.addTextRule("elsewhere", protects: true, [(.ancestor, ["wanted"])])
    policy.rules[1].exceptions = 1
    return policy
  }

  private static func facts(_ kin: Kin) -> ProcessFacts {
    var facts = ProcessFacts(identity: ProcessIdentity(pid: kin.pid, startTime: Ticks(kin.start)))
    facts.parent = kin.parent
    facts.comm = Comm(kin.comm)
    return facts
  }

  private static func stat(_ kin: Kin) -> String {
    "\(kin.pid) (\(kin.comm)) S \(kin.parent) 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(kin.start) 4096 7 0\n"
  }

  /// A table of some processes, and a source with the others.
  private struct World {
    var ancestry = Ancestry()
    var source = MemorySource()
    private var subject = Subject()
    let policy: CompiledPolicy

    init(_ table: [Kin], others: [Kin] = [], _ policy: CompiledPolicy = AncestryTests.policy) {
      self.policy = policy
      var rows = ProcessTable(capacity: table.count)
      for kin in table { rows.append(AncestryTests.facts(kin)) }
      for kin in table + others { source.set(.stat, of: kin.pid, AncestryTests.stat(kin)) }
      ancestry.learn(rows, needs: policy.needs)
    }

    mutating func ruleOutcome(_ kin: Kin) -> RuleOutcome {
      let facts = AncestryTests.facts(kin)
      let lineage = ancestry.lineage(
        of: facts, policy: policy, needs: policy.needs, by: &subject, from: &source)
      return policy.ruleOutcome(
        policy.matchStatic(Subject()), at: DynamicFacts(process: facts, machine: .sample, lineage: lineage))
    }
  }

  private static let family: [Kin] = [
    (1, 0, 0, "init"), (10, 1, 10, "wanted"), (11, 10, 11, "sh"), (12, 11, 12, "cc1plus"), (20, 1, 20, "sh"),
    (21, 20, 21, "cc1plus"),
  ]

  @Test func aProcessDescendsFromAllAboveItAndNotFromItself() {
    var world = World(Self.family)
    for kin in Self.family.reversed() {
      let ruleOutcome = world.ruleOutcome(kin)
      #expect(ruleOutcome.rules.contains(0) == [11, 12].contains(kin.pid), "\(kin)")
      #expect(ruleOutcome.protection == ([11, 12].contains(kin.pid) ? .none : .rule(1)), "\(kin)")
    }
    #expect(world.source.reads.isEmpty, "all were in the table")
  }

  /// The survey of a decision leaves out processes that are too small to be killed.
  @Test func anAncestorThatIsMissingFromTheTableIsReadOnce() {
    var world = World([Self.family[3], Self.family[5]], others: Self.family)
    for _ in 0..<2 {
      #expect(world.ruleOutcome(Self.family[3]).rules.contains(0))
      #expect(!world.ruleOutcome(Self.family[5]).rules.contains(0))
    }
    #expect(world.source.reads.map(\.pid) == [11, 10, 1, 20])
    #expect(world.source.reads.allSatisfy { $0.file == .stat })
  }

  @Test(arguments: [ReadFailure.denied, .failed(errno: 5)])
  func anAncestorThatCannotBeReadCountsForProtection(failure: ReadFailure) {
    var world = World([Self.family[3]], others: Self.family)
    world.source.failures[.init(.stat, of: 10)] = failure
    let ruleOutcome = world.ruleOutcome(Self.family[3])
    #expect(ruleOutcome.protection == .assumed(1) && !ruleOutcome.rules.contains(0) && ruleOutcome.isProvisional)
    // A match below it settles the question.
    var known = World([(12, 11, 12, "x")], others: [(11, 9, 11, "wanted")])
    known.source.failures[.init(.stat, of: 9)] = failure
    #expect(known.ruleOutcome((12, 11, 12, "x")).rules.contains(0))
  }

  @Test func anAncestorWhoseStatMakesNoSenseIsUnknown() {
    for text in ["nonsense", "99 (wanted) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 4096 7 0\n"] {
      var world = World([(12, 11, 12, "x")])
      world.source.set(.stat, of: 11, text)
      #expect(world.ruleOutcome((12, 11, 12, "x")).protection == .assumed(1))
    }
  }

  @Test func aParentThatHasExitedIsNoAncestor() {
    var world = World([(12, 11, 12, "x")])
    #expect(world.ruleOutcome((12, 11, 12, "x")).protection == .rule(1))
    // Another process has its number now.
    var later = World([(12, 11, 12, "x"), (11, 1, 13, "wanted")])
    #expect(later.ruleOutcome((12, 11, 12, "x")).protection == .rule(1))
  }

  @Test func aCircleOfParentsEnds() {
    let circle: [Kin] = [(5, 6, 9, "wanted"), (6, 7, 9, "x"), (7, 5, 9, "x"), (8, 8, 9, "wanted")]
    var world = World(circle)
    #expect(world.ruleOutcome((9, 7, 9, "x")).rules.contains(0))
    for kin in circle { _ = world.ruleOutcome(kin) }
  }

  @Test func aTreeMayBeDeep() {
    var kin: [Kin] = [(1, 0, 0, "init"), (2, 1, 0, "wanted")]
    for pid in 3...20_000 as ClosedRange<Int32> { kin.append((pid, pid - 1, 1, "x")) }
    var world = World(kin)
    // The deepest is asked about first, and all above it are known then.
    for row in kin.dropFirst(2).reversed() where !world.ruleOutcome(row).rules.contains(0) {
      Issue.record("\(row.pid)")
    }
  }

  @Test func aNewSurveyForgetsTheAncestorsOfTheOld() {
    var world = World(Self.family)
    #expect(world.ruleOutcome(Self.family[3]).rules.contains(0))
    var table = ProcessTable(capacity: 8)
    for var kin in Self.family {
      if kin.pid == 10 { kin.comm = "renamed" }
      table.append(Self.facts(kin))
    }
    world.ancestry.learn(table, needs: world.policy.needs)
    #expect(!world.ruleOutcome(Self.family[3]).rules.contains(0))
  }

  // MARK: What one ancestor is asked for

  /// Rule 0 asks for an ancestor of a unit that executes a program, and rule 1 for none of the unit.
  private static var agents: CompiledPolicy {
    var policy = CompiledPolicy.blank
    policy.addTextRule(
      "tasks", order: .first, [(.ancestorExe, ["/usr/bin/agent"]), (.ancestorUnit, ["agent.service"])])
    policy.addTextRule("elsewhere", protects: true, [(.ancestorCgroup, ["/system.slice/agent.service"])])
    policy.rules[1].exceptions = 1
    return policy
  }

  private static func agents(_ table: [Kin], others: [Kin] = []) -> World {
    var world = World(table, others: others, agents)
    for kin in table + others {
      let isAgents = (10...19).contains(kin.pid)
      world.source.set(.exe, of: kin.pid, kin.comm == "wanted" ? "/usr/bin/agent" : "/usr/bin/\(kin.comm)")
      world.source.set(.cgroup, of: kin.pid, "0::/system.slice/\(isAgents ? "agent" : "other").service\n")
    }
    return world
  }

  @Test func aDescendantIsToldByAnAncestorsUnitAndExecutable() {
    var world = Self.agents(Self.family)
    for kin in Self.family.reversed() {
      #expect(world.ruleOutcome(kin).rules.contains(0) == [11, 12].contains(kin.pid), "\(kin)")
      #expect(world.ruleOutcome(kin).protection == ([11, 12].contains(kin.pid) ? .none : .rule(1)), "\(kin)")
    }
    #expect(!world.source.reads.contains { $0.pid == 12 }, "it is nobody's ancestor")
  }

  @Test func oneAncestorHasToMeetAllThatIsAsked() {
    // The parent executes the program elsewhere, and its parent is in the unit and executes another.
    let apart: [Kin] = [(10, 1, 10, "sh"), (20, 10, 20, "wanted"), (21, 20, 21, "task")]
    var world = Self.agents(apart)
    let ruleOutcome = world.ruleOutcome(apart[2])
    #expect(!ruleOutcome.rules.contains(0) && ruleOutcome.protection == .none)
  }

  @Test func whatAnAncestorWasAskedForIsReadOnce() {
    var world = Self.agents([Self.family[3]], others: Self.family)
    for _ in 0..<2 { #expect(world.ruleOutcome(Self.family[3]).rules.contains(0)) }
    for pid in [11, 10, 1] as [Int32] {
      let files = world.source.reads.filter { $0.pid == pid }.map(\.file)
      #expect(files.sorted { $0.rawValue < $1.rawValue } == [.stat, .cgroup, .exe], "\(pid)")
    }
  }

  @Test func anExecutableThatCannotBeReadIsUnknownForItsRuleAlone() {
    var world = Self.agents(Self.family)
    world.source.failures[.init(.exe, of: 10)] = .denied
    let below = world.ruleOutcome(Self.family[2])
    #expect(below.isProvisional && !below.rules.contains(0) && below.protection == .none)
    world.source.failures[.init(.cgroup, of: 20)] = .denied
    #expect(world.ruleOutcome(Self.family[5]).protection == .assumed(1))
  }
}
