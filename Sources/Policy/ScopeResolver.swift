package import ProcModel

/// Finds out which processes a kill reaches. It is linear in the number of processes, and allocates nothing once it has
/// seen as many.
///
/// A scope is a rule's word for processes that live and die together. It never widens what may be killed: it shrinks to
/// those who may, and where it would take in process 1 or the agent it is no such word, and the victim goes alone.
package struct ScopeResolver: Sendable {
  /// What was found of a row's descent.
  private enum Descent: UInt8 {
    case unknown
    /// On the way up at the moment: met again, it is a circle.
    case onTheWay
    case inside
    case outside
  }

  /// The target of a scope.
  private enum ScopeTarget {
    case process
    case group(Int32)
    case session(Int32)
    case tree
    /// By its key, and where another hierarchy accounts memory, by the key of the cgroup there as well. Of two names
    /// for one thing either may be the less exact one (`name=systemd` and memory of version 1), so both have to fit.
    case cgroup(UInt64, memory: UInt64?)
  }

  private var descent: [Descent] = []

  /// - Parameter capacity: Processes that need no further memory.
  package init(capacity: Int) {
    descent.reserveCapacity(capacity)
  }

  /// Takes, in calm time, what memory a table of this size may need.
  package mutating func prepare(for table: ProcessTable) {
    forgetDescent(table)
  }

  /// - Parameters:
  ///   - victim: Chosen from `table`. Where it is not there, or may not be ended, the kill set stays empty.
  ///   - table: A survey that left no process out: one that was left out is not reached.
  ///   - places: The ranking of that table.
  ///   - agent: Its process number, or 0.
  ///   - isComplete: ``SurveyTally/isComplete``, without which nothing may be killed as a whole.
  package mutating func resolve(
    _ victim: ProcessIdentity, scope: Scope, in table: ProcessTable, eligibility: EligibilityTable, agent: Int32,
    isComplete: Bool,
    into killSet: inout KillSet
  ) {
    killSet.begin(wanted: scope)
    guard let row = table.row(of: victim), eligibility[row].status == .eligible else { return }
    let reach: ScopeTarget
    switch ScopeResolver.reach(of: table.rows[row], scope, in: table) {
    case .success(let found): reach = found
    case .failure(let fallback):
      return fallBackToProcess(for: row, scope, fallback, in: table, eligibility: eligibility, into: &killSet)
    }
    killSet.take(row, table.rows[row], eligibility[row])
    switch reach {
    case .process: return
    case .tree: markDescent(from: row, in: table)
    case .group, .session, .cgroup: break
    }
    for other in table.rows.indices where other != row && holds(reach, other, in: table) {
      let process = table.rows[other]
      let pid = process.identity.pid
      if pid == 1 {
        return fallBackToProcess(for: row, scope, .holdsInit, in: table, eligibility: eligibility, into: &killSet)
      }
      if agent != 0, pid == agent {
        return fallBackToProcess(for: row, scope, .holdsAgent, in: table, eligibility: eligibility, into: &killSet)
      }
      if process.isKernelThread { continue }
      killSet.take(other, process, eligibility[other])
    }
    guard isComplete, killSet.protected == 0, killSet.inVain == 0, killSet.outside == 0 else { return }
    switch reach {
    case .group(let number): killSet.whole = .group(number)
    case .cgroup(let key, let memory): if memory == nil, !table.cgroups.isMixed(key) { killSet.whole = .cgroup(key) }
    case .process, .session, .tree: break
    }
  }

  /// The victim goes alone.
  private func fallBackToProcess(
    for row: Int, _ scope: Scope, _ fallback: ScopeFallback, in table: ProcessTable, eligibility: EligibilityTable,
    into killSet: inout KillSet
  ) {
    killSet.begin(wanted: scope, fallback: fallback)
    killSet.take(row, table.rows[row], eligibility[row])
  }

  /// Either a reach or why there is none.
  private enum Finding {
    case success(ScopeTarget)
    case failure(ScopeFallback)
  }

  private static func reach(of process: ProcessFacts, _ scope: Scope, in table: ProcessTable) -> Finding {
    switch scope {
    case .process: return .success(.process)
    case .tree: return .success(.tree)
    case .group:
      return numbered(process.processGroup).map { .failure($0) } ?? .success(.group(process.processGroup))
    case .session: return numbered(process.session).map { .failure($0) } ?? .success(.session(process.session))
    case .cgroup, .unit: return cgroupReach(of: process, scope, in: table)
    }
  }

  private static func cgroupReach(of process: ProcessFacts, _ scope: Scope, in table: ProcessTable) -> Finding {
    if process.unread.contains(.cgroup) { return .failure(.unknownCgroup) }
    guard let key = process.cgroupKey else { return .failure(.rootCgroup) }
    if scope == .cgroup { return .success(.cgroup(key, memory: process.hasOneCgroup ? nil : process.memoryKey)) }
    return table.cgroups.unit(of: key).map { .success(.cgroup($0, memory: nil)) } ?? .failure(.noUnit)
  }

  /// Why a group or session of this number is none. That of process 1 is known also where it hides itself.
  private static func numbered(_ number: Int32) -> ScopeFallback? {
    number > 1 ? nil : number == 1 ? .holdsInit : .otherNamespace
  }

  private func holds(_ reach: ScopeTarget, _ row: Int, in table: ProcessTable) -> Bool {
    let process = table.rows[row]
    switch reach {
    case .process: return false
    case .group(let number): return process.processGroup == number
    case .session(let number): return process.session == number
    case .tree: return descent[row] == .inside
    case .cgroup(let key, let memory):
      guard let own = process.cgroupKey, !process.unread.contains(.cgroup), table.cgroups.isSameOrBelow(own, key) else {
        return false
      }
      guard let memory else { return true }
      return process.memoryKey != 0 && table.cgroups.isSameOrBelow(process.memoryKey, memory)
    }
  }

  // MARK: Descent

  private mutating func forgetDescent(_ table: ProcessTable) {
    descent.removeAll(keepingCapacity: true)
    for _ in table.rows.indices { descent.append(.unknown) }
  }

  /// Says of each row whether it descends from `root`. What is found on a way up holds for all who are on it, so that
  /// each row is passed twice at most, however deep the tree.
  private mutating func markDescent(from root: Int, in table: ProcessTable) {
    forgetDescent(table)
    descent[root] = .inside
    for row in table.rows.indices {
      var at = row
      while descent[at] == .unknown {
        descent[at] = .onTheWay
        guard let parent = table.parent(of: at) else { break }
        at = parent
      }
      let found: Descent = descent[at] == .inside ? .inside : .outside
      var next: Int? = row
      while let back = next, descent[back] == .onTheWay {
        descent[back] = found
        next = table.parent(of: back)
      }
    }
  }
}
