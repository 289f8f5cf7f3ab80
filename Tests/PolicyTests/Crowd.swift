import Badness
import Policy
import Pressure
import ProcModel

/// A machine of composed processes with the ranking's places, to choose several from at once.
struct Crowd: Sendable {
  /// One process; ages in seconds, footprints in KiB.
  struct Person: Sendable {
    var pid: Int32
    var parent: Int32 = 1
    var group: Int32 = 0
    var session: Int32 = 0
    var cgroup = "/"
    /// Where that is of another hierarchy than what accounts its memory.
    var memory: String?
    /// In the unified hierarchy, where it has another there.
    var unified: String?
    /// Whether its cgroup is not known.
    var isUnplaced = false
    var age: UInt64 = 5
    var isAgeKnown = true
    var footprint: UInt64 = 300
    var tier = Tier.normal
    var reach = Eligibility.Status.eligible
    /// Since boot, in ticks; by default those with higher numbers are younger.
    var startTime: UInt64?
    /// As ``ProcessStat/image``.
    var image: UInt64 = 0
    /// Nil where it is not known.
    var user: UInt32? = 0

    var identity: ProcessIdentity {
      ProcessIdentity(pid: pid, startTime: Ticks(startTime ?? UInt64(pid)))
    }

    var facts: ProcessFacts {
      var facts = ProcessFacts(identity: identity)
      facts.parent = parent
      facts.processGroup = group
      facts.session = session
      facts.age = isAgeKnown ? Ticks(age * 100) : nil
      facts.anonymous = KiB(footprint)
      facts.image = image
      facts.effectiveUID = user ?? 0
      if user == nil { facts.unread.insert(.user) }
      return facts
    }

    var candidate: Candidate {
      var ruleOutcome = RuleOutcome()
      ruleOutcome.tier = tier
      if reach == .protected { ruleOutcome.protection = .rule(0) }
      return Candidate(process: facts, ruleOutcome: ruleOutcome, score: Double(footprint))
    }
  }

  private(set) var table = ProcessTable(capacity: 8)
  private(set) var eligibility = EligibilityTable(capacity: 8)
  private(set) var people: [Person] = []

  init(_ people: [Person]) {
    for person in people { add(person) }
  }

  mutating func add(_ person: Person) {
    people.append(person)
    var facts = person.facts
    let text =
      person.memory.map { "5:memory:\($0)\n1:name=systemd:\(person.cgroup)\n0::\(person.unified ?? person.cgroup)\n" }
      ?? "0::\(person.cgroup)\n"
    let file = Array(text.utf8)
    if person.isUnplaced { facts.unread.insert(.cgroup) }
    if let membership = try? CgroupMembership(parsing: file.span) {
      facts.cgroupKey = membership.key
      facts.memoryKey = membership.memoryKey ?? 0
      table.cgroups.add(membership, in: file.span)
    }
    table.append(facts)
    if person.reach == .outside {
      eligibility.appendOutside()
    } else {
      eligibility.append(person.candidate, isPassedOver: person.reach == .inVain)
    }
  }

  /// What a complete survey says beside.
  static var completeTally: SurveyTally {
    var tally = SurveyTally()
    tally.isHidden = false
    return tally
  }

  /// Those whom an end of `victim` reaches.
  func killSet(of victim: Int32, _ scope: Scope, agent: Int32 = 0, isComplete: Bool = true) -> KillSet {
    var resolver = ScopeResolver(capacity: 4)
    var killSet = KillSet()
    let identity = people.first { $0.pid == victim }?.identity
    resolver.resolve(
      identity ?? ProcessIdentity(pid: victim, startTime: .zero), scope: scope, in: table, eligibility: eligibility,
      agent: agent,
      isComplete: isComplete, into: &killSet)
    return killSet
  }

  /// The foremost of the ranking, by footprint.
  func best(worth least: UInt64) -> Candidate? {
    var best: Candidate?
    for person in people where person.reach == .eligible && person.footprint >= least {
      if let other = best, !person.candidate.goesBefore(other) { continue }
      best = person.candidate
    }
    return best
  }
}

extension KillSet {
  /// In the order of ending.
  var pids: [Int32] { members.map(\.identity.pid) }
}

extension ScoringContext {
  /// A machine of 4 GiB where less than 10 MiB is not worth ending.
  static func ofSwarms(
    _ swarm: Swarm? = Swarm(members: 12, age: .milliseconds(30_000), times: 3), formula: Formula? = nil
  ) -> ScoringContext {
    var policy = CompiledPolicy.blank
    if let formula { policy.settings.formula = formula }
    policy.settings.swarm = swarm
    policy.settings.minimumFootprint = .amount(.size(KiB(10 * 1024)))
    return ScoringContext(
      policy: policy, machine: MachineFacts(ram: KiB(4 << 20), swap: .zero, units: .common), agent: 0)
  }
}
