import Ladder
import LinuxSystem
import Policy
import ProcModel

/// Taking hold of the processes that are killed together.
extension Agent where M: ~Copyable {
  /// Takes hold of the rest of the kill set. A process that has gone meanwhile is not missed.
  mutating func gather(_ domain: Domain, _ decision: Decision) {
    let killSet = decision.killSet
    let table = chooser.ranking.table
    // Also of one that is alone in its cgroup: what another kill set left in its place is another cgroup's path.
    let isSame = killSet.isOfCgroup && killSetCgroup.read(of: killSet, in: table, from: &machine)
    for index in killSet.members.indices.dropFirst() {
      let member = killSet.members[index]
      if killSet.isOfCgroup, !isSame || !killSetCgroup.holds(member, in: table, from: &machine) { continue }
      switch domain.killer.join(member.identity) {
      case .held, .vanished, .changed, .refused: continue
      }
    }
    switch killSet.whole {
    case .group(let group): domain.killer.takeGroup(group)
    case .cgroup where isSame:
      // Where it cannot be opened, its members are held one by one all the same.
      if let cgroup = killSetCgroup.open(on: &machine) { domain.killer.take(cgroup, isUnit: killSetCgroup.isUnit) }
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
      guard ranking.eligibility[row].status != .protected || isCleared(row, by: decision.context) else { return false }
      _ = domain.killer.join(other.identity)
    }
    return true
  }
}

extension KillSet {
  /// Whether its processes have a cgroup in common.
  fileprivate var isOfCgroup: Bool {
    switch (swarm, scope) {
    case (.cgroup, _), (nil, .cgroup), (nil, .unit): true
    // Orphans that are alone in theirs.
    case (.program, _): if case .cgroup = whole { true } else { false }
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
