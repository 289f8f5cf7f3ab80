import Badness
import Policy
import Pressure
import ProcModel

/// A machine of composed processes with their eligibility, from which several are chosen at once.
struct Crowd: Sendable {
  /// One process. Its age is in seconds, and its footprint in KiB.
  struct Member: Sendable {
    var pid: Int32
    var parent: Int32 = 1
    var group: Int32 = 0
    var session: Int32 = 0
    var cgroup = "/"
    /// The path in the hierarchy that accounts its memory, where that is another.
    var memory: String?
    /// The path in the unified hierarchy, where that is another.
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
    /// As ``ProcessFacts/faulted``, in KiB; 0 where it is not known.
    var faulted: UInt64 = 0
    var comm = "worker"
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
      facts.faulted = KiB(faulted)
      facts.comm = Comm(comm)
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
  private(set) var processes: [Member] = []

  init(_ processes: [Member]) {
    for process in processes { add(process) }
    for row in table.rows.indices {
      table.setImage(ofParent: table.parent(of: row).map { table.rows[$0].image } ?? 0, row: row)
    }
  }

  mutating func add(_ process: Member) {
    processes.append(process)
    var facts = process.facts
    let text =
      process.memory.map {
        "5:memory:\($0)\n1:name=systemd:\(process.cgroup)\n0::\(process.unified ?? process.cgroup)\n"
      }
      ?? "0::\(process.cgroup)\n"
    let file = Array(text.utf8)
    if process.isUnplaced { facts.unread.insert(.cgroup) }
    if let membership = try? CgroupMembership(parsing: file.span) {
      facts.cgroupKey = membership.key
      facts.memoryKey = membership.memoryKey ?? 0
      table.cgroups.add(membership, in: file.span)
    }
    table.append(facts)
    if process.reach == .outside {
      eligibility.appendOutside()
    } else {
      eligibility.append(process.candidate, isPassedOver: process.reach == .inVain)
    }
  }

  /// Finds out what fork families share, as a choice does first.
  mutating func relateForks(knowing roster: borrowing Roster = Roster(capacity: 0)) {
    var families = ForkFamilies(capacity: 4)
    families.relate(&table, roster)
  }

  /// The tally of a complete survey.
  static var completeTally: SurveyTally {
    var tally = SurveyTally()
    tally.isHidden = false
    return tally
  }

  /// The processes that are killed with `victim`.
  func killSet(of victim: Int32, _ scope: Scope, agent: Int32 = 0, isComplete: Bool = true) -> KillSet {
    var resolver = ScopeResolver(capacity: 4)
    var killSet = KillSet()
    let identity = processes.first { $0.pid == victim }?.identity
    resolver.resolve(
      identity ?? ProcessIdentity(pid: victim, startTime: .zero), scope: scope, in: table, eligibility: eligibility,
      agent: agent,
      isComplete: isComplete, into: &killSet)
    return killSet
  }

  /// The foremost of the ranking, by footprint.
  func best(worth least: UInt64) -> Candidate? {
    var best: Candidate?
    for process in processes where process.reach == .eligible && process.footprint >= least {
      if let other = best, !process.candidate.goesBefore(other) { continue }
      best = process.candidate
    }
    return best
  }
}

extension KillSet {
  /// The process numbers, in order.
  var pids: [Int32] { members.map(\.identity.pid) }
}

extension ScoringContext {
  /// A machine of 4 GiB on which a process with less than 10 MiB is not worth killing.
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
