package import ProcModel

/// Of each rule, whether a process's ancestors are as its test of them says: one bit for a rule's own test, one for
/// that in its `not`.
package struct Lineage: Equatable, Sendable {
  package var conditions = Bits256()
  package var exceptions = Bits256()
  /// Whether an ancestor's name could not be read: then a bit that is not there says nothing.
  package var isUnknown = false

  package init() {}

  mutating func formUnion(_ other: Lineage) {
    conditions.formUnion(other.conditions)
    exceptions.formUnion(other.exceptions)
    isUnknown = isUnknown || other.isUnknown
  }
}

/// Finds out which processes others descend from, as far as rules ask. Each process is asked for its own name once, and
/// passed once on a way up, however deep the tree. Allocates nothing once it has seen as many processes.
///
/// A survey for a decision leaves out what is too small to be killed, such as the shell that started it all: the `stat`
/// of an ancestor that is missing from the table is read, which takes no lock of its memory's.
package struct Ancestry: Sendable {
  private struct Link: Sendable {
    var parent: Int32
    var startTime: Ticks
    /// Of itself; once ``isSettled``, of its ancestors as well.
    var lineage: Lineage
    var isSettled = false
  }

  private enum Finding {
    /// It has no parent here, or the parent has exited.
    case nobody
    case unreadable
    case link(Int)
  }

  private var links: [Link] = []
  private var linksByPID = IntegerMap(capacity: 0)
  /// The links of a way up.
  private var way: [Int] = []
  private var buffer = ByteBuffer(capacity: 0)

  package init() {}

  /// Begins anew with the processes of a survey.
  package mutating func learn(_ table: ProcessTable, policy: CompiledPolicy) {
    // A line of `stat` has some 330 bytes.
    if buffer.storage.isEmpty { buffer = ByteBuffer(capacity: 1024) }
    links.removeAll(keepingCapacity: true)
    linksByPID.removeAll()
    for row in table.rows.indices {
      let process = table.rows[row]
      add(process.identity.pid, process.parent, process.identity.startTime, process.comm, policy)
    }
    way.reserveCapacity(links.count)
  }

  /// Forgets all processes, so that each ancestor is read anew.
  package mutating func forget() {
    links.removeAll(keepingCapacity: true)
    linksByPID.removeAll()
  }

  /// What is known of a process's ancestors, itself not among them.
  package mutating func lineage<Source: ProcSource & ~Copyable>(
    of process: ProcessFacts, policy: CompiledPolicy, from source: inout Source
  ) -> Lineage {
    var above = Lineage()
    var parent = process.parent
    var startTime = process.identity.startTime
    way.removeAll(keepingCapacity: true)
    climb: while true {
      switch find(parent, startedBy: startTime, policy, from: &source) {
      case .nobody: break climb
      case .unreadable:
        above.isUnknown = true
        break climb
      case .link(let index):
        if links[index].isSettled {
          above = links[index].lineage
          break climb
        }
        // At once, so that a circle ends.
        links[index].isSettled = true
        way.append(index)
        parent = links[index].parent
        startTime = links[index].startTime
      }
    }
    while let index = way.popLast() {
      links[index].lineage.formUnion(above)
      above = links[index].lineage
    }
    return above
  }

  /// - Parameter startTime: Of its child. A process that is younger has its late parent's number and nothing else.
  private mutating func find<Source: ProcSource & ~Copyable>(
    _ pid: Int32, startedBy startTime: Ticks, _ policy: CompiledPolicy, from source: inout Source
  ) -> Finding {
    guard pid > 0 else { return .nobody }
    let index: Int
    if let known = linksByPID.value(for: UInt64(UInt32(bitPattern: pid))) {
      index = Int(known)
    } else {
      do throws(ReadFailure) {
        try source.read(.stat, of: pid, into: &buffer)
      } catch {
        return error == .vanished ? .nobody : .unreadable
      }
      guard let stat = try? ProcessStat(parsing: buffer.bytes), stat.pid == pid else { return .unreadable }
      index = links.count
      add(pid, stat.parent, stat.startTime, stat.comm, policy)
    }
    return links[index].startTime <= startTime ? .link(index) : .nobody
  }

  private mutating func add(
    _ pid: Int32, _ parent: Int32, _ startTime: Ticks, _ comm: Comm, _ policy: CompiledPolicy
  ) {
    linksByPID.set(UInt64(UInt32(bitPattern: pid)), to: UInt64(links.count))
    links.append(Link(parent: parent, startTime: startTime, lineage: policy.lineage(ofParent: comm)))
  }
}

extension CompiledPolicy {
  /// What a parent of this name, without its own ancestors, makes of its child.
  fileprivate func lineage(ofParent comm: Comm) -> Lineage {
    var lineage = Lineage()
    for index in rules.indices {
      let rule = rules[index]
      let number = UInt8(truncatingIfNeeded: index)
      for test in rule.conditions where tests[test].field == .ancestor {
        if outcome(of: tests[test], .known, comm.bytes) == .yes { lineage.conditions.insert(number) }
      }
      for test in rule.exceptionTests where tests[test].field == .ancestor {
        if outcome(of: tests[test], .known, comm.bytes) == .yes { lineage.exceptions.insert(number) }
      }
    }
    return lineage
  }
}
