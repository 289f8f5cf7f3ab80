import Ladder
import LinuxSystem
import Policy
import ProcModel

/// Taking hold of the processes that are killed together.
extension Agent where M: ~Copyable {
  /// Takes hold of the rest of the kill set. Who has gone meanwhile is not missed.
  mutating func gather(_ domain: Domain, _ decision: Decision) {
    let killSet = decision.killSet
    // Also of one that is alone in its cgroup: what another kill set left in its place is another cgroup's path.
    let isSame = killSet.isOfCgroup && readCgroup(of: killSet)
    for index in killSet.members.indices.dropFirst() {
      let identity = killSet.members[index].identity
      // Two cgroups may have one key: only the path tells.
      if killSet.isOfCgroup, !isSame || !liesInCgroup(killSet.members[index]) { continue }
      switch domain.killer.join(identity) {
      case .held, .vanished, .changed, .refused: continue
      }
    }
    switch killSet.whole {
    case .group(let group): domain.killer.takeGroup(group)
    case .cgroup where isSame: takeCgroup(domain)
    case .cgroup, nil: break
    }
  }

  /// Has the processes killed with the victim that have its very memory (`CLONE_VM`): killed alone, it would give
  /// nothing back.
  ///
  /// - Returns: Whether all of them may go.
  mutating func gatherSharers(_ domain: Domain, _ decision: Decision, _ victim: Candidate) -> Bool {
    let ranking = chooser.ranking
    var asked = 0
    for row in ranking.table.rows.indices where asked < AgentTiming.kinshipQuestions {
      let other = ranking.table.rows[row]
      guard other.identity != victim.process.identity, other.isOfTheSizeOf(victim.process) else { continue }
      asked += 1
      guard domain.killer.kinship(other.identity) == .shares else { continue }
      // A thread group of its own that a rule protects, or −1000: then none of them may go.
      guard ranking.eligibility[row].reach != .protected || isCleared(row, by: decision.context) else { return false }
      _ = domain.killer.join(other.identity)
    }
    return true
  }

  /// Reads the path of the cgroup that a kill set is of. False, and no path, where it cannot be told.
  mutating func readCgroup(of killSet: KillSet) -> Bool {
    killSetCgroup.clear()
    guard let leader = killSet.leader, let key = cgroupKey(of: killSet),
      let membership = membership(of: leader.identity.pid),
      let path = membership.path(of: key, in: cgroupBuffer.bytes)
    else { return false }
    // Byte by byte: a span of one buffer cannot be put into another of the same owner's.
    killSetCgroup.count = min(path.count, killSetCgroup.storage.count)
    for index in 0..<killSetCgroup.count {
      killSetCgroup.storage[index] = cgroupBuffer.storage[path.lowerBound + index]
    }
    return killSetCgroup.count == path.count
  }

  private func cgroupKey(of killSet: KillSet) -> UInt64? {
    if case .cgroup(let key) = killSet.whole { return key }
    guard let leader = killSet.leader else { return nil }
    let table = chooser.ranking.table
    let own = table.rows[Int(leader.row)].cgroupKey
    if killSet.swarm == nil, killSet.scope == .unit { return own.flatMap { table.cgroups.unit(of: $0) } }
    return own
  }

  private mutating func liesInCgroup(_ member: KillSet.Member) -> Bool {
    guard let membership = membership(of: member.identity.pid),
      membership.memoryKey ?? 0 == chooser.ranking.table.rows[Int(member.row)].memoryKey
    else { return false }
    let path = cgroupBuffer.bytes.extracting(membership.path)
    guard path.count >= killSetCgroup.count else { return false }
    for index in 0..<killSetCgroup.count where killSetCgroup.storage[index] != path[index] { return false }
    return path.count == killSetCgroup.count || path[killSetCgroup.count] == .slash
  }

  private mutating func membership(of pid: Int32) -> CgroupMembership? {
    do throws(ReadFailure) {
      try machine.read(.cgroup, of: pid, into: &cgroupBuffer)
    } catch {
      return nil
    }
    return try? CgroupMembership(parsing: cgroupBuffer.bytes)
  }

  /// Gives the hand the cgroup itself, where it is one of the unified hierarchy.
  private mutating func takeCgroup(_ domain: Domain) {
    let path = killSetCgroup
    // Of a root everybody is a part.
    guard path.count > 1, machine.place(ofCgroup: path.bytes, into: &cgroupBuffer) else { return }
    let place = cgroupBuffer
    do throws(Errno) {
      cgroupPath.set("", place.bytes, "")
      let directory = try OwnedDescriptor.open(cgroupPath, .read, .directory)
      domain.killer.take(CgroupDirectory(directory))
    } catch {
      // Its members are held one by one all the same.
    }
  }
}

extension KillSet {
  /// Whether its processes have a cgroup in common.
  fileprivate var isOfCgroup: Bool {
    switch (swarm, scope) {
    case (.cgroup, _), (nil, .cgroup), (nil, .unit): true
    default: false
    }
  }
}

extension ProcessFacts {
  /// Whether it could have the same memory as another: both are read one after the other, and may be growing.
  fileprivate func isOfTheSizeOf(_ other: ProcessFacts) -> Bool {
    ProcessFacts.isNear(virtual, other.virtual) && ProcessFacts.isNear(anonymous + swap, other.anonymous + other.swap)
  }

  private static func isNear(_ one: KiB, _ other: KiB) -> Bool {
    (one - other).count <= other.count / 8 && (other - one).count <= other.count / 8
  }
}
