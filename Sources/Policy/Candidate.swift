package import Badness
package import ProcModel

/// A process with its place in the order in which processes are killed.
package struct Candidate: Sendable {
  package var process: ProcessFacts
  package var ruleOutcome: RuleOutcome
  /// The formula's number, times the weights of its rules.
  package var score: Double

  package init(process: ProcessFacts, ruleOutcome: RuleOutcome, score: Double) {
    self.process = process
    self.ruleOutcome = ruleOutcome
    self.score = score
  }

  /// Whether it goes first because it is in swapoff(2).
  package var isSwappingOff: Bool { process.isSwappingOff && !ruleOutcome.protection.protects }

  /// Whether this one goes before `other`: a process that takes swap away before all, then by tier, then by score, then
  /// by what it gives back, then the younger, then the higher number.
  package func goesBefore(_ other: Candidate) -> Bool {
    if isSwappingOff != other.isSwappingOff { return isSwappingOff }
    if ruleOutcome.tier != other.ruleOutcome.tier { return ruleOutcome.tier < other.ruleOutcome.tier }
    return process.goesBefore(other.process, score, other.score)
  }
}

extension ProcessFacts {
  /// Whether this process is killed before another of the same tier, by their scores.
  func goesBefore(_ other: ProcessFacts, _ score: Double, _ otherScore: Double) -> Bool {
    if score != otherScore { return score > otherScore }
    if footprint != other.footprint { return footprint > other.footprint }
    if identity.startTime != other.identity.startTime { return identity.startTime > other.identity.startTime }
    return identity.pid > other.identity.pid
  }
}

/// Everything by which a process is judged, apart from the process.
package struct ScoringContext: Sendable {
  package var policy: CompiledPolicy
  /// Of the domain that is judged: the system's, unless set.
  package var settings: Settings
  /// The domain's memory and swap.
  package var machine: MachineFacts
  /// The agent's own process number, which protects it and its children; 0 where there is no agent.
  package var agent: Int32
  /// What the policy's rules have to know of a process.
  package var needs: MatchNeeds

  package init(policy: CompiledPolicy, machine: MachineFacts, agent: Int32) {
    self.policy = policy
    needs = policy.needs
    settings = policy.settings
    self.machine = machine
    self.agent = agent
  }

  /// Scores a process and completes its standing with the protections that no policy can lift.
  package func candidate<Sink: TermSink>(
    _ process: ProcessFacts, ruleOutcome: RuleOutcome, terms: inout Sink
  ) -> Candidate {
    var ruleOutcome = ruleOutcome
    let pid = process.identity.pid
    if pid == 1 {
      ruleOutcome.protection = .initProcess
    } else if agent != 0, pid == agent || process.parent == agent {
      ruleOutcome.protection = .agent
    } else if process.oomScoreAdj <= -1000 {
      ruleOutcome.protection = .oomScoreAdj
    }
    // It gives back no memory of its own, but leaves the others' where it is: no rule changes how, or makes others go
    // with it.
    if process.isSwappingOff, !ruleOutcome.protection.protects {
      ruleOutcome.tier = .first
      ruleOutcome.scope = .process
    }
    let score = settings.formula.score(
      process, on: machine, adjustment: process.inheritsOomScoreAdj ? .ignore : settings.adjustment, terms: &terms)
    return Candidate(process: process, ruleOutcome: ruleOutcome, score: score * ruleOutcome.weight)
  }

  // How a process is killed: as its rules say, or else as the domain's settings do.

  package func scope(of ruleOutcome: RuleOutcome) -> Scope { ruleOutcome.scope ?? settings.scope }

  /// The signal that asks it to exit.
  package func signal(of ruleOutcome: RuleOutcome) -> VictimSignal { ruleOutcome.signal ?? settings.signal }

  /// Between that signal and SIGKILL.
  package func grace(of ruleOutcome: RuleOutcome) -> Nanoseconds { ruleOutcome.grace ?? settings.grace }

  /// The program that is told of its kill, an index of ``CompiledPolicy/commands``.
  package func hook(of ruleOutcome: RuleOutcome) -> UInt16? {
    switch ruleOutcome.hook {
    case .off: nil
    case .command(let index): index
    case nil: policy.measures.hooks.after
    }
  }

  /// Whether killing it would give back enough to be worth it.
  package func isWorthKilling(_ process: ProcessFacts) -> Bool {
    process.isSwappingOff || process.footprint >= settings.minimumFootprint.of(machine.ram)
  }

  /// What a survey for a decision may leave out processes below: none of those is worth killing, and no score
  /// depends on them. Zero where the formula counts in other processes' memory.
  package var leavesOutBelow: KiB {
    settings.formula == .linux26 ? .zero : settings.minimumFootprint.of(machine.ram)
  }
}

/// The foremost candidates and what became of the others, in a fixed place.
package struct Shortlist: Sendable {
  /// The victim and its runners-up.
  package static let capacity = 8

  private var storage: InlineArray<8, Candidate>
  package private(set) var count = 0
  /// All that were offered.
  package private(set) var considered = 0
  package private(set) var protected = 0
  /// Not protected, but with too little to give back.
  package private(set) var tooSmall = 0
  /// Passed over because killing them was tried in vain.
  package private(set) var passedOver = 0
  /// Not read (``SurveyTally/unread``), with ``SurveyTally/remainder`` and ``SurveyTally/bound``.
  package private(set) var unread: (count: UInt32, remainder: KiB, bound: Double) = (0, .zero, 0)

  package init() {
    let placeholder = Candidate(
      process: ProcessFacts(identity: ProcessIdentity(pid: 0, startTime: .zero)), ruleOutcome: RuleOutcome(), score: 0)
    storage = InlineArray(repeating: placeholder)
  }

  package var victim: Candidate? { count > 0 ? storage[0] : nil }

  package subscript(index: Int) -> Candidate { storage[index] }

  package mutating func clear() {
    count = 0
    considered = 0
    protected = 0
    tooSmall = 0
    passedOver = 0
    unread = (0, .zero, 0)
  }

  /// Places a candidate, or counts why not.
  package mutating func offer(_ candidate: Candidate, isWorthKilling: Bool, isPassedOver: Bool) {
    considered += 1
    if candidate.ruleOutcome.protection.protects {
      protected += 1
    } else if isPassedOver {
      passedOver += 1
    } else if !isWorthKilling {
      tooSmall += 1
    } else {
      insert(candidate)
    }
  }

  /// Counts processes that a survey left out because they are too small.
  package mutating func countLeftOut(_ number: UInt32) {
    considered += Int(number)
    tooSmall += Int(number)
  }

  /// Notes the processes that a survey did not read.
  package mutating func noteUnread(_ tally: borrowing SurveyTally) {
    unread = (tally.unread, tally.remainder, tally.bound)
  }

  private mutating func insert(_ candidate: Candidate) {
    var place = count
    while place > 0, candidate.goesBefore(storage[place - 1]) {
      place -= 1
    }
    guard place < Shortlist.capacity else { return }
    count = min(count + 1, Shortlist.capacity)
    var index = count - 1
    while index > place {
      storage[index] = storage[index - 1]
      index -= 1
    }
    storage[place] = candidate
  }
}
