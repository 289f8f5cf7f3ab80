import ProcModel

/// What processes that are killed together have in common beside user, cgroup and tier, the closest first.
enum Bond: UInt8 {
  case parent
  case group
  case session
  case program
  case cgroup

  /// Whether kin of this kind may be old and be a swarm: nothing but a program that lost its supervisor leaves them.
  var isOfAnyAge: Bool { self == .program }

  var wider: Bond? { Bond(rawValue: rawValue + 1) }

  /// Nil where the process has no kin of this kind: process 1 is every orphan's parent, and its group and session are
  /// the machine's, as the root cgroup is. A process of an unknown user is no kin of any.
  ///
  /// Orphans of one program are told by their image: fork(2) alone hands it on, and execve(2) makes a new one. Siblings
  /// that have one image in common, and not their parent's, were all forked by one process that was their parent before.
  /// So daemons of one user are no kin, also where they execute the same program: each has executed it itself.
  func kinship(of process: ProcessFacts) -> SharedTrait? {
    if process.unread.contains(.user) { return nil }
    return switch self {
    case .parent: process.parent > 1 ? .parent(process.parent) : nil
    case .group: process.processGroup > 1 ? .group(process.processGroup) : nil
    case .session: process.session > 1 ? .session(process.session) : nil
    case .program:
      process.hasAnotherImageThanItsParent ? .program(process.parent, process.image ^ process.comm.hash) : nil
    case .cgroup: process.cgroupKey.map { .cgroup($0) }
    }
  }

  /// Another user's process would be killed for what it has no part in. Cgroups have to agree in both hierarchies: of
  /// two names for one thing either may be the less exact one.
  func areKin(_ one: ProcessFacts, _ other: ProcessFacts) -> Bool {
    guard one.cgroupKey == other.cgroupKey, one.memoryKey == other.memoryKey,
      one.effectiveUID == other.effectiveUID, let kinship = kinship(of: one)
    else { return false }
    return kinship == self.kinship(of: other)
  }

  /// A hash of what kin of one tier have in common; nil where the process has none.
  func key(of process: ProcessFacts, _ tier: Tier) -> UInt64? {
    let number: Int32
    var program: UInt64 = 0
    switch kinship(of: process) {
    case nil: return nil
    case .program(let pid, let hash): (number, program) = (pid, IntegerMap.mix(hash))
    case .parent(let pid): number = pid
    case .group(let group): number = group
    case .session(let session): number = session
    case .cgroup: number = 0
    }
    let related = IntegerMap.mix(UInt64(UInt32(bitPattern: number)) << 8 | UInt64(tier.rawValue))
    let kin = IntegerMap.mix(related ^ UInt64(process.effectiveUID) ^ program)
    return IntegerMap.mix(IntegerMap.mix(kin ^ (process.cgroupKey ?? 0)) ^ process.memoryKey)
  }
}

extension KillSet {
  /// Takes the kin of a process, which leads them, and finds out whether a single step reaches them and no other.
  ///
  /// - Parameters:
  ///   - row: The leader's.
  ///   - isComplete: Whether the table has all processes.
  ///   - isMember: Whether the kin at a row goes too.
  mutating func takeKin(
    of row: Int, by bond: Bond, from table: ProcessTable, eligibility: EligibilityTable, isComplete: Bool,
    isMember: (Int) -> Bool
  ) {
    let leader = table.rows[row]
    guard let kinship = bond.kinship(of: leader) else { return }
    take(row, leader, eligibility[row])
    let step = kinship.step(for: leader)
    var isWhole = isComplete
    for other in table.rows.indices where other != row {
      let process = table.rows[other]
      if bond.areKin(leader, process) {
        if isMember(other) {
          take(other, process, eligibility[other])
          continue
        }
        leaveApart(eligibility[other])
      }
      if step.isReached(process, in: table) { isWhole = false }
    }
    guard isWhole else { return }
    switch step {
    case .group(let number): whole = .group(number)
    case .cgroup(let key): if leader.isOfOneCgroup(key, in: table) { whole = .cgroup(key) }
    case .parent, .session, .program: break
    }
  }
}

extension SharedTrait {
  /// What a single step for all kin would go by: orphans may be all that is in their cgroup.
  fileprivate func step(for leader: ProcessFacts) -> SharedTrait {
    guard case .program = self, let key = leader.cgroupKey else { return self }
    return .cgroup(key)
  }

  /// Whether a single step for all kin would reach a process as well.
  fileprivate func isReached(_ process: ProcessFacts, in table: ProcessTable) -> Bool {
    switch self {
    case .group(let number): process.processGroup == number
    case .cgroup(let key): process.cgroupKey.map { table.cgroups.isSameOrBelow($0, key) } ?? false
    case .parent, .session, .program: false
    }
  }
}

extension Comm {
  fileprivate var hash: UInt64 { FNV1a64.hash(bytes) }
}

extension ProcessFacts {
  /// Whether its cgroup stands for all that are known by its path, and for no other.
  fileprivate func isOfOneCgroup(_ key: UInt64, in table: ProcessTable) -> Bool {
    hasOneCgroup && !unread.contains(.cgroup) && !table.cgroups.isMixed(key)
  }
}
