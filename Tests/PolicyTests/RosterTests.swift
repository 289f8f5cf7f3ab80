import Fixtures
import Policy
import ProcModel
import Testing

/// What is kept of each process, when it is read again, and when it is forgotten.
@Suite struct RosterTests {
  /// A source with a few processes, and the roster.
  private struct World {
    var source = MemorySource()
    var roster = Roster(capacity: 4)
    var table = ProcessTable(capacity: 4)
    var policy = CompiledPolicy.blank
    var seconds: UInt64 = 1000

    /// A survey of these processes.
    mutating func refresh(_ neighbours: [Neighbour], budget: Int = .max) {
      table.clear()
      for neighbour in neighbours { table.append(neighbour.facts) }
      roster.refresh(
        table, now: .milliseconds(seconds * 1000), policy: policy, needs: policy.needs, budget: budget, from: &source)
      seconds += 1
    }

    /// A survey that may read no file that waits for a process's memory.
    mutating func refreshInTrouble(_ neighbours: [Neighbour]) {
      table.clear()
      for neighbour in neighbours { table.append(neighbour.facts) }
      roster.refresh(
        table, now: .milliseconds(seconds * 1000), policy: policy, needs: policy.needs, budget: .max, mayWait: false,
        from: &source)
      seconds += 1
    }

    mutating func ruleOutcome(_ neighbour: Neighbour) -> RuleOutcome {
      roster.ruleOutcome(of: neighbour.facts, policy: policy, needs: policy.needs, machine: .sample, from: &source)
    }

    /// The files read while `body` runs.
    mutating func reads(_ body: (inout World) -> Void) -> [MemorySource.Key] {
      let before = source.reads.count
      body(&self)
      return Array(source.reads[before...])
    }
  }

  /// A rule for each file that is read, none of which matches.
  private static func world() -> World {
    var world = World()
    for field in [MatchField.exe, .cmdline, .cgroup] { world.policy.addRule(field.name, [(field, [.never])]) }
    return world
  }

  @Test func filesOfAKnownProcessAreNotReadAgain() {
    var world = Self.world()
    // Second looks take a quarter of the budget, which is none of 3.
    let neighbour = Neighbour()
    neighbour.enter(&world.source)
    #expect(world.reads { $0.refresh([neighbour], budget: 3) }.map(\.file) == [.exe, .cgroup, .cmdline])
    for _ in 0..<5 { #expect(world.reads { $0.refresh([neighbour], budget: 3) }.isEmpty) }
    #expect(world.reads { _ = $0.ruleOutcome(neighbour) }.isEmpty)
    #expect(world.roster.count == 1)
  }

  @Test func oneSurveyReadsNoProcessTwice() {
    var world = Self.world()
    let neighbour = Neighbour()
    neighbour.enter(&world.source)
    for _ in 0..<2 { #expect(world.reads { $0.refresh([neighbour]) }.count == 3) }
    let renamed = Neighbour { $0.comm = "renamed" }
    #expect(world.reads { $0.refresh([renamed]) }.count == 3)
  }

  @Test(
    arguments: [
      { $0.comm = "renamed" }, { $0.uid = 0 }, { $0.cgroup = "0::/elsewhere.slice\n" }, { $0.capabilities = .sysAdmin },
      // It executed another program.
      { $0.image = 2 },
    ] as [@Sendable (inout Neighbour) -> Void])
  func aChangedProcessIsReadAgain(change: @Sendable (inout Neighbour) -> Void) {
    var world = Self.world()
    var neighbour = Neighbour()
    neighbour.enter(&world.source)
    world.refresh([neighbour], budget: 3)
    change(&neighbour)
    neighbour.enter(&world.source)
    // A decision reads the files that may be read, and no command line.
    #expect(world.reads { _ = $0.ruleOutcome(neighbour) }.map(\.file) == [.exe, .cgroup])
    #expect(world.reads { $0.refresh([neighbour], budget: 3) }.count == 3)
    #expect(world.reads { _ = $0.ruleOutcome(neighbour) }.isEmpty)
  }

  /// The leader has exited, or the agent may not read the field.
  @Test func aProcessWhoseImageIsUnknownCountsAsTheSameProgram() {
    var world = Self.world()
    var neighbour = Neighbour()
    neighbour.enter(&world.source)
    world.refresh([neighbour], budget: 3)
    neighbour.image = 0
    #expect(world.reads { _ = $0.ruleOutcome(neighbour) }.isEmpty)
  }

  @Test func aCapabilityThatIsGivenUpCountsAtOnce() {
    var world = World()
    world.policy.addRule("admins stay", protects: true, [(.capability, [.capabilities(.sysAdmin)])])
    var neighbour = Neighbour { $0.capabilities = .sysAdmin }
    world.refresh([neighbour], budget: 3)
    #expect(world.ruleOutcome(neighbour).protection == .rule(0))
    neighbour.capabilities = []
    #expect(world.ruleOutcome(neighbour).protection == .none)
    world.refresh([neighbour], budget: 3)
    #expect(world.ruleOutcome(neighbour).protection == .none)
  }

  @Test func whileMemoryIsShortNoCommandLineIsRead() {
    var world = Self.world()
    world.policy.addTextRule("kept", protects: true, [(.cmdline, ["program"])])
    let (known, new) = (Neighbour(), Neighbour { $0.pid = 9 })
    known.enter(&world.source)
    new.enter(&world.source)
    world.refresh([known])
    let reads = world.reads {
      #expect($0.ruleOutcome(known).protection == .rule(3))
      #expect($0.ruleOutcome(new).protection == .assumed(3))
    }
    #expect(!reads.contains { $0.file == .cmdline })
    // What a decision read is not kept. The next survey in calm time reads it again.
    #expect(world.roster.count == 1)
    world.refresh([known, new])
    #expect(world.ruleOutcome(new).protection == .rule(3))
  }

  /// Rules about a command line: alone, with a name, in `not`, and with a dynamic field.
  private static let renders: [@Sendable (inout CompiledPolicy) -> Void] = [
    { $0.addTextRule("kept", protects: true, [(.cmdline, ["program"])]) },
    { policy in
      policy.addTextRule("kept", protects: true, [(.cmdline, ["program"])])
      policy.addRule("old", weight: 0.5, [(.minAge, [.time(.milliseconds(1))])])
    },
    { $0.addTextRule("kept", protects: true, [(.cmdline, ["program"]), (.exe, ["/usr/bin/program"])]) },
  ]

  /// prctl(PR_SET_NAME) in a loop, another user or another cgroup does not make a known command line unknown.
  @Test(
    arguments: [{ $0.comm = "renamed" }, { $0.uid = 0 }, { $0.cgroup = "0::/elsewhere.slice\n" }]
      as [@Sendable (inout Neighbour) -> Void], renders)
  func aProcessThatChangesWithoutExecutingKeepsTheOutcomeOfItsCommandLine(
    change: @Sendable (inout Neighbour) -> Void, rule: @Sendable (inout CompiledPolicy) -> Void
  ) {
    for (cmdline, expected) in [("program\0", Protection.rule(0)), ("leak\0", .none)] {
      var world = World()
      rule(&world.policy)
      var neighbour = Neighbour { $0.cmdline = cmdline }
      neighbour.enter(&world.source)
      world.refresh([neighbour], budget: 3)
      change(&neighbour)
      neighbour.enter(&world.source)
      #expect(world.ruleOutcome(neighbour).protection == expected)
      // Nor does it where a survey sees it first that may not read command lines.
      world.refreshInTrouble([neighbour])
      #expect(world.ruleOutcome(neighbour).protection == expected)
      change(&neighbour)
      neighbour.comm = "again"
      #expect(world.ruleOutcome(neighbour).protection == expected)
      // Another program has another command line, and one whose image is unknown may have.
      for image in [2, 0] as [UInt64] {
        neighbour.image = image
        #expect(world.ruleOutcome(neighbour).protection == .assumed(0))
      }
    }
  }

  /// The outcome of the command line is kept, and the rules of names are asked again.
  @Test func aNewNameIsMatchedWithTheRules() {
    var world = World()
    world.policy.addTextRule("kept", protects: true, [(.comm, ["keeper"]), (.cmdline, ["program"])])
    world.policy.addRule("not", protects: true, [(.uid, [.range(1000, 1000)]), (.cmdline, [.never])])
    var neighbour = Neighbour()
    neighbour.enter(&world.source)
    world.refresh([neighbour], budget: 3)
    #expect(world.ruleOutcome(neighbour).protection == .none)
    neighbour.comm = "keeper"
    #expect(world.ruleOutcome(neighbour).protection == .rule(0))
    neighbour.comm = "other"
    #expect(world.ruleOutcome(neighbour).protection == .none)
  }

  /// Entries move when earlier ones are removed. Their outcomes move with them.
  @Test func outcomesStayWithTheirProcesses() {
    var world = World()
    world.policy.addTextRule("kept", protects: true, [(.cmdline, ["kept"])])
    var all = (0..<20).map { number in
      Neighbour { ($0.pid, $0.cmdline) = (Int32(100 + number), number % 3 == 0 ? "kept\0" : "other\0") }
    }
    for neighbour in all { neighbour.enter(&world.source) }
    world.refresh(all)
    all.removeFirst(7)
    world.refresh(all, budget: 0)
    for index in all.indices {
      all[index].comm = "renamed"
      #expect(world.ruleOutcome(all[index]).protection == (all[index].cmdline == "kept\0" ? .rule(0) : .none))
    }
  }

  @Test func aFileThatCouldNotBeReadIsTriedAgain() {
    var world = World()
    world.policy.addTextRule("kept", protects: true, [(.exe, ["/other"])])
    var neighbour = Neighbour { $0.failures[.exe] = .denied }
    neighbour.enter(&world.source)
    world.refresh([neighbour], budget: 3)
    #expect(world.ruleOutcome(neighbour).protection == .assumed(0))
    neighbour.failures = [:]
    neighbour.enter(&world.source)
    world.refresh([neighbour], budget: 3)
    #expect(world.ruleOutcome(neighbour).protection == .none)
  }

  @Test func aProcessThatKeepsItsNameIsReadAgainInRounds() {
    var world = World()
    world.policy.addTextRule("kept", protects: true, [(.exe, ["/usr/bin/program"])])
    var many = (0..<40).map { number in Neighbour { $0.pid = Int32(100 + number) } }
    for neighbour in many { neighbour.enter(&world.source) }
    world.refresh(many)
    many[37].exe = "/tmp/other"
    many[37].enter(&world.source)
    var rounds = 0
    while world.ruleOutcome(many[37]).protection.protects, rounds < 100 {
      // A quarter of this budget is 4 second looks, and 10 rounds reach all 40 processes.
      let reads = world.reads { $0.refresh(many, budget: 16) }
      #expect(reads.count == 4)
      rounds += 1
    }
    #expect(rounds <= 10)
  }

  @Test func newcomersAreReadBeforeSecondLooks() {
    var world = World()
    world.policy.addTextRule("kept", protects: true, [(.exe, ["/other"])])
    // There are more processes that cannot be read than the budget allows to look at.
    let hidden = (0..<50).map { number in
      Neighbour { ($0.pid, $0.failures) = (Int32(100 + number), [.exe: .denied]) }
    }
    for neighbour in hidden { neighbour.enter(&world.source) }
    world.refresh(hidden)
    // The walk gives the newest processes last.
    let newcomers = (0..<8).map { number in Neighbour { $0.pid = Int32(900 + number) } }
    for neighbour in newcomers { neighbour.enter(&world.source) }
    let reads = world.reads { $0.refresh(hidden + newcomers, budget: 10) }
    #expect(reads.prefix(8).map(\.pid) == newcomers.map(\.pid) && reads.count == 10)
    #expect(world.roster.count == 58)
    // Each of the unreadable processes has its turn.
    var seen = Set(reads.map(\.pid))
    for _ in 0..<5 { seen.formUnion(world.reads { $0.refresh(hidden + newcomers, budget: 10) }.map(\.pid)) }
    #expect(seen.isSuperset(of: hidden.map(\.pid)))
  }

  @Test func theBudgetIsKept() {
    var world = World()
    world.policy.addTextRule("kept", protects: true, [(.exe, ["/usr/bin/program"])])
    let many = (0..<30).map { number in Neighbour { $0.pid = Int32(100 + number) } }
    for neighbour in many { neighbour.enter(&world.source) }
    for expected in [7, 14, 21, 28, 30] {
      let reads = world.reads { $0.refresh(many, budget: 7) }
      #expect(world.roster.count == expected && reads.count <= 7)
    }
    var other = world
    #expect(other.reads { $0.refresh(many, budget: 0) }.isEmpty)
    // Processes that are not in the roster yet are classified by what can be read without waiting.
    let newcomer = Neighbour { $0.pid = 999 }
    newcomer.enter(&world.source)
    #expect(world.ruleOutcome(newcomer).protection == .rule(0))
  }

  @Test func aProcessWithTheNumberOfAnotherIsNotTakenForIt() {
    var world = World()
    world.policy.addTextRule("kept", protects: true, [(.exe, ["/usr/bin/program"])])
    let first = Neighbour()
    first.enter(&world.source)
    world.refresh([first])
    let second = Neighbour { ($0.startTime, $0.exe) = (200, "/tmp/impostor") }
    second.enter(&world.source)
    #expect(world.ruleOutcome(second).protection == .none)
    world.refresh([second])
    #expect(world.ruleOutcome(second).protection == .none && world.roster.count == 1)
  }

  @Test func aClearedRosterIsEmpty() {
    var world = Self.world()
    let neighbour = Neighbour()
    neighbour.enter(&world.source)
    world.refresh([neighbour])
    world.roster.clear()
    #expect(world.roster.count == 0)
    #expect(!world.reads { _ = $0.ruleOutcome(neighbour) }.isEmpty)
    world.refresh([neighbour])
    #expect(world.roster.count == 1)
    world.refresh([])
    #expect(world.roster.count == 0)
  }
}
