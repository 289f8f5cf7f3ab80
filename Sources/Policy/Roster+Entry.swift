import ProcModel

extension Roster.Entry {
  /// Over less time than this, in milliseconds, a growth rate is noise.
  private static let shortestSample: UInt64 = 500

  init(_ process: ProcessFacts, ruleOutcome: RuleOutcome, sampledAt: Nanoseconds, generation: UInt32) {
    identity = process.identity
    comm = process.comm
    image = process.image
    effectiveUID = process.effectiveUID
    effectiveCapabilities = process.effectiveCapabilities
    cgroupKey = process.cgroupKey
    self.ruleOutcome = ruleOutcome
    footprint = process.footprint
    holding = AnonymousHolding(process)
    lastHolding = holding
    mapsShared = process.shared > .zero
    domains = process.domains
    self.sampledAt = sampledAt
    growth = nil
    self.generation = generation
    classifiedIn = generation
    note(process)
  }

  /// Keeps what a decision has to know of a process that it does not read.
  mutating func note(_ process: ProcessFacts) {
    mapsShared = process.shared > .zero
    domains = process.domains
    if !process.unread.contains(.oomScoreAdj) { oomScoreAdj = process.oomScoreAdj }
  }

  /// Whether nothing changed that its standing depends on.
  func describes(_ process: ProcessFacts) -> Bool {
    (image == process.image || image == 0 || process.image == 0) && comm == process.comm
      && effectiveUID == process.effectiveUID && cgroupKey == process.cgroupKey
      && effectiveCapabilities == process.effectiveCapabilities
  }

  mutating func take(_ process: ProcessFacts, ruleOutcome: RuleOutcome) {
    comm = process.comm
    image = process.image
    effectiveUID = process.effectiveUID
    effectiveCapabilities = process.effectiveCapabilities
    cgroupKey = process.cgroupKey
    self.ruleOutcome = ruleOutcome
    classifiedIn = generation
  }

  /// Keeps the footprint to measure growth from, once the last one is old enough.
  mutating func sample(_ process: ProcessFacts, at now: Nanoseconds) {
    guard let growth = growth(to: process, at: now) else { return }
    self.growth = growth
    footprint = process.footprint
    lastHolding = holding
    holding = AnonymousHolding(process)
    sampledAt = now
  }

  /// In KiB per second since the sample; nil where that was just now.
  func growth(to process: ProcessFacts, at now: Nanoseconds) -> KiB? {
    let elapsed = (now - sampledAt).milliseconds
    guard elapsed >= Roster.Entry.shortestSample else { return nil }
    return KiB.perSecond(grown(to: process), over: elapsed)
  }

  /// How much a process has grown since the sample. What it has alone because others of its fork family exited, or wrote to
  /// their copies, is not its growth: a process grows by what it faults in.
  func grown(to process: ProcessFacts) -> KiB {
    let own = process.footprint - footprint
    guard process.forkShared > .zero || holding.isShared else { return own }
    let now = AnonymousHolding(process)
    return min(own, max(now.taken(since: holding), now.faulted(since: holding)))
  }
}
