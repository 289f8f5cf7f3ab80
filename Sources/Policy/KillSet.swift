package import ProcModel

/// Why a kill reaches no further than the process, though more was asked.
package enum ScopeFallback: UInt8, CaseIterable, Sendable {
  /// Its group or session belongs to another pid namespace.
  case otherNamespace
  /// Its cgroup is the root.
  case rootCgroup
  /// Its cgroup could not be read, or is told from another root than the machine's.
  case unknownCgroup
  /// Its cgroup lies in no system unit, or in a slice directly.
  case noUnit
  /// Process 1 is part of it.
  case holdsInit
  /// The agent is part of it.
  case holdsAgent

  package var name: String {
    switch self {
    case .otherNamespace: "other_namespace"
    case .rootCgroup: "root_cgroup"
    case .unknownCgroup: "unknown_cgroup"
    case .noUnit: "no_unit"
    case .holdsInit: "holds_init"
    case .holdsAgent: "holds_agent"
    }
  }
}

/// What the processes of a swarm have in common.
package enum SharedTrait: Equatable, Sendable {
  case parent(Int32)
  case group(Int32)
  case session(Int32)
  /// Orphans that were forked by one process, with their parent of today and a hash of the program.
  case program(Int32, UInt64)
  /// By the cgroup's key.
  case cgroup(UInt64)

  package var name: String {
    switch self {
    case .parent: "parent"
    case .group: "group"
    case .session: "session"
    case .program: "program"
    case .cgroup: "cgroup"
    }
  }
}

/// How a victim was chosen.
package enum Choice: UInt8, CaseIterable, Sendable {
  /// As the foremost of the ranking.
  case ranking
  /// It was enough alone, and those ranked before it were not, even together: ``Yielding``.
  case yielded
  /// As the largest of a swarm: ``SwarmFinder``.
  case swarm
  /// As the largest of kin that are too small to be killed alone: ``KinFinder``.
  case kin
  /// At the last level, as the largest of those that are too small.
  case largest

  package var name: String {
    switch self {
    case .ranking: "ranking"
    case .yielded: "yielded"
    case .swarm: "swarm"
    case .kin: "kin"
    case .largest: "largest"
    }
  }
}

/// The processes that are killed together, in a place that is kept from decision to decision.
///
/// Never among them: process 1, the agent and what it started, kernel threads, and what a rule or −1000 protects.
package struct KillSet: Sendable {
  /// The most at once. What is left is there at the next decision.
  package static let capacity = 512

  package struct Member: Equatable, Sendable {
    /// Of the table they were chosen from.
    package var row: UInt32
    package var identity: ProcessIdentity
  }

  /// What a single step can kill: the members, and no other process.
  package enum Whole: Equatable, Sendable {
    /// A process group, for kill(2) of its negative number.
    case group(Int32)
    /// A cgroup with all below it, by its key (``CgroupMembership/path(of:in:)``), for `cgroup.kill`.
    case cgroup(UInt64)
  }

  /// What was asked for.
  package private(set) var wanted = Scope.process
  /// What it came to; of a swarm, the process.
  package private(set) var scope = Scope.process
  /// Why these two differ.
  package private(set) var fallback: ScopeFallback?
  package var choice = Choice.ranking
  /// Where it is a swarm, or kin, what makes it one.
  package private(set) var swarm: SharedTrait?
  /// The leader first: the victim, or the largest of a swarm. Empty where no process may be killed.
  package private(set) var members: [Member] = []
  /// What killing the members gives back.
  package private(set) var footprint = KiB.zero
  /// What was counted for it, where that is more than is in use: then the books do not balance, and ``footprint`` is what is
  /// in use.
  package var uncapped: KiB?
  /// Of the same kind, and left out: protected.
  package private(set) var protected = 0
  /// Left out because killing them was tried in vain.
  package private(set) var inVain = 0
  /// Left out because they are of another memory domain.
  package private(set) var outside = 0
  /// Kin of a swarm that are no part of it: older, larger or of another tier.
  package private(set) var apart = 0
  /// Left out for want of room.
  package private(set) var beyond = 0
  /// Nil where a single step would kill others as well, or might.
  package internal(set) var whole: Whole?

  package init() {
    members.reserveCapacity(KillSet.capacity)
  }

  package var leader: Member? { members.first }

  mutating func begin(wanted: Scope, fallback: ScopeFallback? = nil) {
    self.wanted = wanted
    scope = fallback == nil ? wanted : .process
    self.fallback = fallback
    swarm = nil
    choice = .ranking
    clear()
  }

  mutating func begin(swarm: SharedTrait) {
    begin(wanted: .process)
    self.swarm = swarm
    choice = .swarm
  }

  mutating func begin(kin: SharedTrait) {
    begin(swarm: kin)
    choice = .kin
  }

  private mutating func clear() {
    members.removeAll(keepingCapacity: true)
    footprint = .zero
    uncapped = nil
    protected = 0
    inVain = 0
    outside = 0
    apart = 0
    beyond = 0
    whole = nil
  }

  /// Takes a row in where it may be killed and there is room; else says why not.
  mutating func take(_ row: Int, _ process: ProcessFacts, _ place: Eligibility) {
    switch place.status {
    case .protected: protected += 1
    case .inVain: inVain += 1
    case .outside: outside += 1
    case .eligible where members.count == KillSet.capacity: beyond += 1
    case .eligible:
      members.append(Member(row: UInt32(truncatingIfNeeded: row), identity: process.identity))
      footprint += process.footprint
    }
  }

  /// Counts no more than is in use, where it is more by a sixteenth: the kernel's counters of processes and of the machine
  /// are not read at once, and each is kept in batches.
  package mutating func limit(to inUse: KiB) {
    guard footprint > inUse + KiB(inUse.count / 16) else { return }
    uncapped = footprint
    footprint = inUse
  }

  /// Counts kin of a swarm that is no part of it.
  mutating func leaveApart(_ place: Eligibility) {
    switch place.status {
    case .protected: protected += 1
    case .inVain: inVain += 1
    case .outside: outside += 1
    case .eligible: apart += 1
    }
  }
}
