import Fixtures
import Policy
import ProcModel
import Testing

/// What a decision learns of processes whose command line was not read in calm time, and which answers do not count.
@Suite struct RosterAnswersTests {
  struct World: Sendable {
    var source = MemorySource()
    var roster = Roster(capacity: 4)
    var policy: CompiledPolicy
    var needs: MatchNeeds { policy.needs }

    init(_ change: (inout CompiledPolicy) -> Void) {
      policy = .blank
      change(&policy)
      roster.prepare(for: policy.needs)
    }

    /// Adds a process with its `stat`.
    mutating func enter(_ neighbour: Neighbour) {
      neighbour.enter(&source)
      source.set(
        .stat, of: neighbour.pid,
        "\(neighbour.pid) (\(neighbour.comm)) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(neighbour.startTime) 4096 1 0 "
          + (neighbour.image == 0 ? "0 0 0 0\n" : "7 0 \(neighbour.image) 0\n"))
    }

    mutating func refresh(_ neighbours: [Neighbour], mayWait: Bool = true) {
      var table = ProcessTable(capacity: 4)
      for neighbour in neighbours { table.append(facts(neighbour)) }
      roster.refresh(
        table, now: .milliseconds(1000), policy: policy, needs: needs, budget: 3, mayWait: mayWait, from: &source)
    }

    /// The facts that a survey would find.
    func facts(_ neighbour: Neighbour) -> ProcessFacts {
      var facts = neighbour.facts
      let stat = source.files[MemorySource.Key(.stat, of: neighbour.pid)] ?? []
      facts.image = (try? ProcessStat(parsing: stat.span).image) ?? 0
      return facts
    }

    mutating func ruleOutcome(_ facts: ProcessFacts) -> RuleOutcome {
      roster.ruleOutcome(of: facts, policy: policy, needs: needs, machine: .sample, from: &source)
    }

    mutating func ask(_ facts: ProcessFacts) -> Bool {
      roster.ask(facts, at: .milliseconds(1000), policy: policy, needs: needs, from: &source)
    }

    func lacks(_ facts: ProcessFacts) -> Bool { roster.lacksCmdline(of: facts, needs: needs) }

    var commandLinesRead: Int { source.reads.count { $0.file == .cmdline } }
  }

  /// Rules that protect a process with the command line `kept`. The second has a dynamic field too.
  static let rules: [@Sendable (inout CompiledPolicy) -> Void] = [
    { $0.addTextRule("kept", protects: true, [(.cmdline, ["kept"])]) },
    { $0.addRule("kept", protects: true, [(.cmdline, [.literal($0.add("kept"))]), (.nice, [.signedRange(0, 0)])]) },
    { $0.addRule("kept", protects: true, [(.uid, [.range(1000, 1000)]), (.cmdline, [.literal($0.add("kept"))])]) },
  ]

  @Test(arguments: rules, [("other\0", Protection.none), ("kept\0", .rule(0))])
  func anAnswerReplacesWhatWasAssumedAndIsAskedForOnce(
    rule: @Sendable (inout CompiledPolicy) -> Void, answer: (String, Protection)
  ) {
    var world = World(rule)
    world.enter(Neighbour { $0.cmdline = answer.0 })
    let facts = world.facts(Neighbour())
    #expect(world.ruleOutcome(facts).protection == .assumed(0))
    #expect(world.lacks(facts))
    #expect(world.ask(facts) == true)
    #expect(world.ruleOutcome(facts).protection == answer.1)
    #expect(world.ruleOutcome(facts).isProvisional == false)
    #expect(!world.lacks(facts))
    #expect(world.commandLinesRead == 1)
    // As after an answer of calm time, a new name changes nothing.
    let renamed = world.facts(Neighbour { $0.comm = "renamed" })
    #expect(world.ruleOutcome(renamed).protection == answer.1)
    #expect(!world.lacks(renamed))
    // Another program has another command line.
    world.enter(Neighbour { ($0.image, $0.cmdline) = (2, "third\0") })
    let executed = world.facts(Neighbour())
    #expect(world.lacks(executed))
    #expect(world.ask(executed) == true)
    #expect(world.ruleOutcome(executed).protection == .none)
  }

  /// A process that was first seen while a domain was in trouble is in the roster without its command line.
  @Test(arguments: rules) func aKnownProcessWithoutItsCommandLineIsAskedToo(
    rule: @Sendable (inout CompiledPolicy) -> Void
  ) {
    var world = World(rule)
    world.enter(Neighbour())
    world.refresh([Neighbour()], mayWait: false)
    let facts = world.facts(Neighbour())
    #expect(world.ruleOutcome(facts).protection == .assumed(0))
    #expect(world.ask(facts) == true)
    #expect(world.ruleOutcome(facts).protection == .none && world.roster.count == 1)
  }

  struct Cause: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var change: @Sendable (inout World) -> Void

    init(_ name: String, _ change: @escaping @Sendable (inout World) -> Void) {
      (testDescription, self.change) = (name, change)
    }
  }

  /// The number is another process's by then, or the file could not be read.
  static let causes = [
    Cause("it was waited for in vain") {
      $0.source.failures[MemorySource.Key(.cmdline, of: 4711)] = .failed(errno: 110)
    },
    Cause("it may not be read") { $0.source.failures[MemorySource.Key(.cmdline, of: 4711)] = .denied },
    Cause("it has exited") { $0.source.vanish(4711, at: .stat) },
    Cause("its number is another's") { $0.enter(Neighbour { $0.startTime = 101 }) },
    Cause("it has executed another program") { $0.enter(Neighbour { $0.image = 2 }) },
    Cause("it is in execve") { $0.enter(Neighbour { $0.image = 0 }) },
    Cause("its stat makes no sense") { $0.source.set(.stat, of: 4711, "4711 program\n") },
  ]

  @Test(arguments: causes, rules) func aProcessThatDoesNotAnswerStaysProtected(
    cause: Cause, rule: @Sendable (inout CompiledPolicy) -> Void
  ) {
    var world = World(rule)
    world.enter(Neighbour())
    let facts = world.facts(Neighbour())
    cause.change(&world)
    let isAnswered = world.ask(facts)
    #expect(!isAnswered)
    let protection = world.ruleOutcome(facts).protection
    #expect(protection == .assumed(0) && world.roster.count == 0)
  }

  /// execve(2) gives a process its new memory before its command line. A kernel that does not tell of images cannot
  /// tell that from a process that has emptied its own.
  @Test(
    arguments: [(1, "", true), (0, "", false), (0, "\0\0", false), (0, "other\0", true)] as [(UInt64, String, Bool)])
  func anEmptyCommandLineIsAnAnswerWhereTheImageIsKnown(image: UInt64, cmdline: String, isAnswer: Bool) {
    var world = World(Self.rules[0])
    world.enter(Neighbour { ($0.image, $0.cmdline) = (image, cmdline) })
    let facts = world.facts(Neighbour())
    let isAnswered = world.ask(facts)
    #expect(isAnswered == isAnswer)
    #expect(world.ruleOutcome(facts).protection == (isAnswer ? .none : .assumed(0)))
  }

  /// However many are asked before the next survey, no memory is taken, and none is mixed up with another. The oldest
  /// answers give way; what is known from calm time stays.
  @Test(arguments: rules) func thousandsOfAnswersTakeNoMoreRoom(rule: @Sendable (inout CompiledPolicy) -> Void) {
    var world = World(rule)
    let calm = Neighbour { ($0.pid, $0.cmdline) = (5, "kept\0") }
    world.enter(calm)
    world.refresh([calm])
    let all = (0..<3000).map { number in
      Neighbour { ($0.pid, $0.cmdline) = (Int32(10_000 + number), number % 3 == 0 ? "kept\0" : "other\0") }
    }
    var most = 0
    for (index, neighbour) in all.enumerated() {
      world.enter(neighbour)
      #expect(world.ask(world.facts(neighbour)) == true)
      most = max(most, world.roster.count)
      for earlier in max(0, index - 99)...index {
        let expected: Protection = all[earlier].cmdline == "kept\0" ? .rule(0) : .none
        #expect(world.ruleOutcome(world.facts(all[earlier])).protection == expected)
      }
    }
    #expect(most < 600 && world.roster.count == most)
    #expect(world.ruleOutcome(world.facts(calm)).protection == .rule(0))
    #expect(world.ruleOutcome(world.facts(all[0])).protection == .assumed(0), "its answer has given way")
    // A survey keeps the answers of processes that it finds.
    world.refresh([calm, all[2999]])
    #expect(world.roster.count == 2)
    #expect(world.ruleOutcome(world.facts(all[2999])).protection == .none)
  }

  /// An answer is no sample of the footprint: a newcomer has grown by all it holds since the survey before its start.
  @Test func aNewcomerThatWasAskedHasGrownByAllThatItHolds() {
    var world = World(Self.rules[0])
    world.refresh([])
    world.enter(Neighbour())
    var facts = world.facts(Neighbour())
    facts.age = Ticks(50)
    #expect(world.ask(facts) == true)
    #expect(world.roster.grown(facts, since: Ticks(100)) == KiB(100_000))
    facts.age = Ticks(150)
    #expect(world.roster.grown(facts, since: Ticks(100)) == nil)
    world.refresh([Neighbour()])
    #expect(world.roster.grown(facts, since: Ticks(100)) == .zero)
  }

  @Test func whereNoRuleNeedsACommandLineNoProcessLacksOne() {
    var world = World { $0.addTextRule("kept", protects: true, [(.exe, ["/kept"])]) }
    world.enter(Neighbour { $0.failures = [.exe: .denied] })
    let facts = world.facts(Neighbour())
    #expect(world.ruleOutcome(facts).protection == .assumed(0))
    #expect(!world.lacks(facts))
  }
}
