package import ProcModel

/// What is known of each living process from calmer times: its standing under the policy, and how large it was.
///
/// Kept by process number and start time, so that a decision finds at hand what must not be read then (`cmdline`), and
/// what would be slow to read for thousands. An entry is made anew when the process changes its name, user,
/// capabilities or cgroup, or executes another program. Of what it was before, only the outcome of the tests of its
/// command line is kept, and only as long as it executes no other program. Where a rule asks what changes by itself,
/// such as an age, what the other tests came to is kept in place of the standing.
package struct Roster: Sendable {
  struct Entry: Sendable {
    var identity: ProcessIdentity
    var comm: Comm
    var image: UInt64
    var effectiveUID: UInt32
    var effectiveCapabilities: CapabilitySet
    var cgroupKey: UInt64?
    var ruleOutcome: RuleOutcome
    var footprint: KiB
    /// Of the same sample.
    var holding: AnonymousHolding
    /// Of the sample before.
    var lastHolding: AnonymousHolding
    /// Its parent's at its birth, as far as known, or when its own pages were counted last.
    var parentHolding: AnonymousHolding?
    /// When its pages were counted last; nil where they never were.
    var counted: AnonymousHolding?
    /// Nil where it was never read.
    var oomScoreAdj: Int16?
    /// Whether it maps shared memory.
    var mapsShared: Bool
    var domains: DomainSet
    var sampledAt: Nanoseconds
    /// From the sample before this one to this one, in KiB per second.
    var growth: KiB?
    /// The refresh that saw it last; 0 where none did, since it was asked in a decision
    /// (``ask(_:at:policy:needs:from:)``).
    var generation: UInt32
    /// The refresh that classified it last.
    var classifiedIn: UInt32
  }

  var entries: [Entry] = []
  /// One for each entry where the policy has momentary tests; else none.
  var settled: [StaticMatch] = []
  /// Of the process that was classified last, likewise.
  private(set) var lastStaticMatch = StaticMatch()
  /// One for each entry where the policy has tests of `cmdline`; else none. Nil where it was never read.
  var cmdlines: [CmdlineOutcomes?] = []
  private(set) var lastCmdline: CmdlineOutcomes?
  private var ancestry = Ancestry()
  /// The index of the entry of a process number, of the last process that had it.
  var positions: IntegerMap
  private(set) var generation: UInt32 = 0
  /// Whether the last refresh knew every process of its table, as it was then.
  private(set) var isWhole = false
  var subject = Subject()
  /// What is kept of those who were asked in a decision, and where they are.
  var answers = Answers()
  /// Where the round of second looks goes on.
  private var cursor = 0
  /// Where the round of those whose pages are counted goes on.
  var countCursor = 0
  var rollup = ByteBuffer(capacity: 1024)

  /// - Parameter capacity: Processes for which memory is taken at once; more take more, in calm time.
  package init(capacity: Int) {
    entries.reserveCapacity(capacity)
    // Each place is resident, and each entry only once there is one.
    positions = IntegerMap(capacity: min(capacity, 128))
  }

  package var count: Int { entries.count }

  /// Forgets everything, as when the policy changed.
  package mutating func clear() {
    entries.removeAll(keepingCapacity: true)
    // A policy without momentary tests needs no room for what they left to ask.
    settled = []
    cmdlines = []
    answers.firstEntry = 0
    positions.removeAll()
    isWhole = false
  }

  /// Learns what is new since the last time and forgets who is gone.
  ///
  /// What is left of the budget goes to second looks, in rounds: a process may execute another program and keep its
  /// name.
  ///
  /// - Parameters:
  ///   - table: A survey just taken.
  ///   - now: When it was taken.
  ///   - budget: Processes to classify at most; the others wait for the next time.
  ///   - mayWait: Whether `cmdline` may be read, which can wait for its process's memory lock. Without it only those
  ///     are classified that are new or changed, and what could not be read is looked up in a calmer time.
  package mutating func refresh<Source: ProcSource & ~Copyable>(
    _ table: ProcessTable, now: Nanoseconds, policy: CompiledPolicy, needs: MatchNeeds, budget: Int,
    mayWait: Bool = true, from source: inout Source
  ) {
    generation &+= 1
    if needs.contains(.moment), settled.count != entries.count { clear() }
    if needs.contains(.cmdline), cmdlines.count != entries.count { clear() }
    meet(table, policy: policy, needs: needs)
    var left = budget
    for row in table.rows.indices {
      let process = table.rows[row]
      if let index = index(of: process.identity) {
        entries[index].generation = generation
        entries[index].sample(process, at: now)
        entries[index].note(process)
        if left > 0, !entries[index].describes(process) {
          let ruleOutcome = classify(
            process, policy, needs, mayWait, earlier: cmdline(of: process, at: index), from: &source)
          entries[index].take(process, ruleOutcome: ruleOutcome)
          keepOutcomes(at: index, needs)
          left -= 1
        }
      } else if left > 0 {
        var entry = Entry(
          process, ruleOutcome: classify(process, policy, needs, mayWait, earlier: nil, from: &source),
          sampledAt: now, generation: generation)
        entry.parentHolding = holdingOfParent(of: row, in: table, now: now)
        append(entry)
        if needs.contains(.moment) { settled.append(lastStaticMatch) }
        if needs.contains(.cmdline) { cmdlines.append(lastCmdline) }
        left -= 1
      }
    }
    isWhole = left > 0 || budget == .max
    if mayWait {
      lookAgain(at: table, budget: left, round: budget / 4, policy: policy, needs: needs, from: &source)
    }
    sweep()
    answers.firstEntry = entries.count
    prepare(for: needs)
  }

  /// Second looks: at those of which something could not be read, and at the next `round` of all. What is not reached
  /// is first the next time.
  private mutating func lookAgain<Source: ProcSource & ~Copyable>(
    at table: ProcessTable, budget: Int, round: Int, policy: CompiledPolicy, needs: MatchNeeds,
    from source: inout Source
  ) {
    let rows = table.rows.count
    var left = budget
    var step = 0
    while left > 0, step < rows {
      let process = table.rows[(cursor % rows + step) % rows]
      step += 1
      guard let index = index(of: process.identity), entries[index].classifiedIn != generation else { continue }
      if step <= round || entries[index].ruleOutcome.isProvisional {
        let ruleOutcome = classify(
          process, policy, needs, true, earlier: cmdline(of: process, at: index), from: &source)
        entries[index].take(process, ruleOutcome: ruleOutcome)
        keepOutcomes(at: index, needs)
        left -= 1
      }
    }
    cursor = rows == 0 ? 0 : (cursor % rows + (left > 0 ? min(round, rows) : step)) % rows
  }

  /// - Parameter earlier: What the tests of its command line came to, for where it cannot be read now.
  private mutating func classify<Source: ProcSource & ~Copyable>(
    _ process: ProcessFacts, _ policy: CompiledPolicy, _ needs: MatchNeeds, _ mayWait: Bool,
    earlier: CmdlineOutcomes?, from source: inout Source
  ) -> RuleOutcome {
    subject.load(process, needs: needs, inCalm: mayWait, from: &source)
    subject.earlierCmdline = earlier
    return classifySubject(policy, needs)
  }

  /// The standing of the process that the subject holds. What is to be kept of it beside that is in ``lastStaticMatch``
  /// and ``lastCmdline``.
  mutating func classifySubject(_ policy: CompiledPolicy, _ needs: MatchNeeds) -> RuleOutcome {
    if needs.contains(.cmdline) { lastCmdline = policy.cmdlineOutcomes(of: subject) }
    guard needs.contains(.moment) else { return policy.classify(subject) }
    lastStaticMatch = policy.matchStatic(subject)
    var ruleOutcome = RuleOutcome()
    ruleOutcome.isProvisional = lastStaticMatch.isProvisional
    return ruleOutcome
  }

  mutating func keepOutcomes(at index: Int, _ needs: MatchNeeds) {
    if needs.contains(.moment) { settled[index] = lastStaticMatch }
    if needs.contains(.cmdline) { cmdlines[index] = lastCmdline }
  }

  /// What the tests of a process's command line came to, where it has executed no other program since.
  func cmdline(of process: ProcessFacts, at index: Int) -> CmdlineOutcomes? {
    guard index < cmdlines.count, process.image != 0, entries[index].image == process.image else { return nil }
    return cmdlines[index]
  }

  /// Learns which processes are related, where the policy asks: of the table whose processes are asked about next.
  package mutating func meet(_ table: ProcessTable, policy: CompiledPolicy, needs: MatchNeeds) {
    if needs.hasRelations { ancestry.learn(table, needs: needs) }
  }

  /// Sets what a process is to its relatives, as far as the policy asks.
  ///
  /// - Parameters:
  ///   - process: Of the table that ``meet(_:policy:needs:)`` was told of.
  ///   - settings: Of the domain that is judged.
  ///   - isHidden: Whether processes of others are hidden (hidepid of proc(5)): then one that is not there may live.
  package mutating func relate<Source: ProcSource & ~Copyable>(
    _ process: inout ProcessFacts, needs: MatchNeeds, settings: Settings, isHidden: Bool, from source: inout Source
  ) {
    if needs.contains(.orphans) {
      ancestry.relate(orphan: &process, from: &source)
      if isHidden {
        process.isOrphan = false
        process.unread.insert(.leaders)
      }
    }
    if settings.ignoresInherited { ancestry.relate(adjustmentOf: &process, from: &source) }
  }

  /// Has relatives read anew, for processes that are no part of a table: what descends from what is as old as the
  /// table.
  package mutating func forgetAncestors() { ancestry.forget() }

  /// The standing of a process at decision time: as known, or from what can be read without waiting.
  ///
  /// - Parameters:
  ///   - process: With its growth, where rules ask. Of the table that ``meet(_:policy:needs:)`` was told of.
  ///   - machine: The memory that shares are of.
  package mutating func ruleOutcome<Source: ProcSource & ~Copyable>(
    of process: ProcessFacts, policy: CompiledPolicy, needs: MatchNeeds, machine: MachineFacts,
    from source: inout Source
  ) -> RuleOutcome {
    let index = index(of: process.identity)
    let known = index.map { entries[$0].describes(process) } == true ? index : nil
    if known == nil {
      subject.load(process, needs: needs, inCalm: false, from: &source)
      if let index { subject.earlierCmdline = cmdline(of: process, at: index) }
    }
    guard needs.contains(.moment) else {
      if let known { return entries[known].ruleOutcome }
      return policy.classify(subject)
    }
    let settled = known.map { self.settled[$0] } ?? policy.matchStatic(subject)
    var moment = DynamicFacts(process: process, machine: machine)
    if needs.contains(.ancestors) {
      moment.lineage = ancestry.lineage(
        of: process, policy: policy, needs: needs, by: &subject, from: &source)
    }
    return policy.ruleOutcome(settled, at: moment)
  }

  /// How fast a process's footprint grows, in KiB per second: since it was last sampled; where that was just now,
  /// between the two samples before; if it is new, over its life.
  package func growthPerSecond(of process: ProcessFacts, now: Nanoseconds, units: KernelUnits) -> KiB {
    measuredGrowth(of: process, now: now) ?? process.lifelongGrowthPerSecond(units: units)
  }

  /// As ``growthPerSecond(of:now:units:)``, between two samples; nil where there were none.
  package func measuredGrowth(of process: ProcessFacts, now: Nanoseconds) -> KiB? {
    guard let index = index(of: process.identity) else { return nil }
    return entries[index].growth(to: process, at: now) ?? entries[index].growth
  }

  /// How much a process has grown since the last refresh; all that it holds where it was born after that.
  ///
  /// - Parameter elapsed: Since then.
  /// - Returns: Nil where it was there and is not known.
  package func grown(_ process: ProcessFacts, since elapsed: Ticks) -> KiB? {
    guard let index = index(of: process.identity), entries[index].generation > 0 else {
      return process.age.map { $0 <= elapsed } ?? false ? process.footprint : nil
    }
    return entries[index].grown(to: process)
  }

  mutating func append(_ entry: Entry) {
    positions.set(Roster.key(entry.identity), to: UInt64(entries.count))
    entries.append(entry)
  }

  private mutating func sweep() {
    var kept = 0
    for index in entries.indices where entries[index].generation == generation {
      entries[kept] = entries[index]
      if !settled.isEmpty { settled[kept] = settled[index] }
      if !cmdlines.isEmpty { cmdlines[kept] = cmdlines[index] }
      kept += 1
    }
    guard kept < entries.count else { return }
    if !settled.isEmpty { settled.removeLast(entries.count - kept) }
    if !cmdlines.isEmpty { cmdlines.removeLast(entries.count - kept) }
    entries.removeLast(entries.count - kept)
    reindex()
  }

  mutating func reindex() {
    positions.removeAll()
    for index in entries.indices { positions.set(Roster.key(entries[index].identity), to: UInt64(index)) }
  }

  /// Whether a process had this number when all were last surveyed.
  func hasNumber(_ pid: Int32) -> Bool { positions.value(for: UInt64(UInt32(bitPattern: pid))) != nil }

  /// The image of a process's parent; nil where that is not known, or is younger than its child.
  func image(ofParentOf process: ProcessFacts) -> UInt64? {
    guard process.parent > 0,
      let place = positions.value(for: UInt64(UInt32(bitPattern: process.parent)))
    else { return nil }
    let entry = entries[Int(place)]
    return entry.identity.startTime <= process.identity.startTime ? entry.image : nil
  }

  func index(of identity: ProcessIdentity) -> Int? {
    guard let place = positions.value(for: Roster.key(identity)) else { return nil }
    let index = Int(place)
    return entries[index].identity == identity ? index : nil
  }

  private static func key(_ identity: ProcessIdentity) -> UInt64 { UInt64(UInt32(bitPattern: identity.pid)) }
}

extension ProcessFacts {
  /// Its footprint over its age, in KiB per second; an age under a second counts as one, and of an age that is not
  /// known no growth follows.
  package func lifelongGrowthPerSecond(units: KernelUnits) -> KiB {
    age.map { KiB(footprint.count / max(units.seconds($0), 1)) } ?? .zero
  }
}
