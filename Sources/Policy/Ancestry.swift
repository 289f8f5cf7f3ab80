package import ProcModel

/// Of each rule, what its tests of an ancestor come to: one bit for those among its conditions, one for those in its
/// `not`. They are met where one and the same ancestor meets all of them.
package struct Lineage: Equatable, Sendable {
  package var conditions = Bits256()
  package var exceptions = Bits256()
  // Of these, something that an ancestor is asked for could not be read.
  package var unknownConditions = Bits256()
  package var unknownExceptions = Bits256()
  /// Whether an ancestor itself could not be read: then a bit that is not there says nothing.
  package var isUnknown = false

  package init() {}

  mutating func formUnion(_ other: Lineage) {
    conditions.formUnion(other.conditions)
    exceptions.formUnion(other.exceptions)
    unknownConditions.formUnion(other.unknownConditions)
    unknownExceptions.formUnion(other.unknownExceptions)
    isUnknown = isUnknown || other.isUnknown
  }

  func outcome(ofConditionsOf rule: UInt8) -> TestOutcome {
    conditions.contains(rule) ? .yes : isUnknown || unknownConditions.contains(rule) ? .unknown : .no
  }

  func outcome(ofExceptionsOf rule: UInt8) -> TestOutcome {
    exceptions.contains(rule) ? .yes : isUnknown || unknownExceptions.contains(rule) ? .unknown : .no
  }
}

/// Finds out which processes others descend from, who lost the leader of its session or group, and whose
/// `oom_score_adj` is its parent's, as far as a policy asks. Each process is asked about once, and passed once on a way
/// up, however deep the tree. Allocates nothing once it has seen as many processes.
///
/// A survey for a decision leaves out what is too small to be killed, such as the shell that started it all: the `stat`
/// of a relative that is missing from the table is read, which takes no lock of its memory's. So what is found is what
/// a survey of all processes would tell.
package struct Ancestry: Sendable {
  struct Link: Sendable {
    var pid: Int32
    var parent: Int32
    var session: Int32
    var startTime: Ticks
    var comm: Comm
    var image: UInt64
    var isAlive: Bool
    /// Whether its lineage has that of its ancestors in it as well.
    var isSettled = false
    /// Whether it is known what it answers to the policy's tests of ancestors.
    var isAsked = false
    // For adjustments; nil where they are unknown.
    var place: UInt64?
    var oomScoreAdj: Int16?
    /// Whether ``place`` and ``oomScoreAdj`` have been read, or are those of a table.
    var isPlaced = false
    /// Whether it inherits its adjustment; nil where that was not asked yet.
    var inherits: Bool?
  }

  enum Finding {
    /// It has no parent here, or the parent has exited.
    case absent
    case unreadable
    case link(Int)
  }

  var links: [Link] = []
  /// One for each link where rules ask for ancestors; else none.
  private var lineages: [Lineage] = []
  private var hasLineages = false
  private var linksByPID = IntegerMap(capacity: 0)
  /// The links of a way up.
  var way: [Int] = []
  var buffer = ByteBuffer(capacity: 0)

  package init() {}

  // MARK: Whom it knows

  /// Begins anew with the processes of a survey.
  package mutating func learn(_ table: ProcessTable, needs: MatchNeeds) {
    // A line of `stat` has some 330 bytes; `cgroup` grows with the depth of paths.
    let room = needs.contains(.inherited) ? 8 * 1024 : 1024
    if buffer.storage.count < room { buffer = ByteBuffer(capacity: room) }
    hasLineages = needs.contains(.ancestors)
    forget()
    for row in table.rows.indices { add(table.rows[row]) }
    way.reserveCapacity(links.count)
  }

  private mutating func add(_ process: borrowing ProcessFacts) {
    var link = Link(
      pid: process.identity.pid, parent: process.parent, session: process.session,
      startTime: process.identity.startTime, comm: process.comm, image: process.image, isAlive: true)
    link.place = process.place
    link.oomScoreAdj = process.unread.contains(.oomScoreAdj) ? nil : process.oomScoreAdj
    link.isPlaced = true
    append(link)
  }

  /// Forgets all processes, so that each relative is read anew.
  package mutating func forget() {
    links.removeAll(keepingCapacity: true)
    lineages.removeAll(keepingCapacity: true)
    linksByPID.removeAll()
  }

  private mutating func append(_ link: Link) {
    linksByPID.set(UInt64(UInt32(bitPattern: link.pid)), to: UInt64(links.count))
    links.append(link)
    if hasLineages { lineages.append(Lineage()) }
  }

  /// - Parameter startTime: Of its child. A process that is younger has its late parent's number and nothing else.
  mutating func find<Source: ProcSource & ~Copyable>(
    _ pid: Int32, startedBy startTime: Ticks, from source: inout Source
  ) -> Finding {
    let found = look(for: pid, from: &source)
    guard case .link(let index) = found else { return found }
    return links[index].startTime <= startTime ? found : .absent
  }

  /// The process of a number that lives, or did when the survey met it.
  mutating func look<Source: ProcSource & ~Copyable>(for pid: Int32, from source: inout Source) -> Finding {
    guard pid > 0 else { return .absent }
    if let known = linksByPID.value(for: UInt64(UInt32(bitPattern: pid))) {
      return links[Int(known)].isAlive ? .link(Int(known)) : .absent
    }
    var link = Link(
      pid: pid, parent: 0, session: 0, startTime: .zero, comm: Comm(), image: 0, isAlive: false)
    do throws(ReadFailure) {
      try source.read(.stat, of: pid, into: &buffer)
    } catch {
      guard error == .vanished else { return .unreadable }
      // Many may ask for the same leader.
      append(link)
      return .absent
    }
    guard let stat = try? ProcessStat(parsing: buffer.bytes), stat.pid == pid else { return .unreadable }
    (link.parent, link.session, link.startTime) = (stat.parent, stat.session, stat.startTime)
    (link.comm, link.image) = (stat.comm, stat.image)
    // A leader that is dead and not collected leads no process, unless it has threads that live on.
    link.isAlive = !stat.isDead || stat.threads > 1
    append(link)
    return link.isAlive ? .link(links.count - 1) : .absent
  }

  // MARK: Ancestors

  /// What is known of a process's ancestors, itself not among them.
  ///
  /// - Parameter subject: Into which an ancestor is read that was not asked yet.
  package mutating func lineage<Source: ProcSource & ~Copyable>(
    of process: ProcessFacts, policy: CompiledPolicy, needs: MatchNeeds, by subject: inout Subject,
    from source: inout Source
  ) -> Lineage {
    var above = Lineage()
    var parent = process.parent
    var startTime = process.identity.startTime
    way.removeAll(keepingCapacity: true)
    climb: while true {
      switch find(parent, startedBy: startTime, from: &source) {
      case .absent: break climb
      case .unreadable:
        above.isUnknown = true
        break climb
      case .link(let index):
        ask(index, policy, needs, by: &subject, from: &source)
        if links[index].isSettled {
          above = lineages[index]
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
      lineages[index].formUnion(above)
      above = lineages[index]
    }
    return above
  }

  private mutating func ask<Source: ProcSource & ~Copyable>(
    _ index: Int, _ policy: CompiledPolicy, _ needs: MatchNeeds, by subject: inout Subject,
    from source: inout Source
  ) {
    guard !links[index].isAsked else { return }
    links[index].isAsked = true
    subject.load(ancestor: links[index].pid, links[index].comm, needs: needs, from: &source)
    lineages[index] = policy.lineage(ofParent: subject)
  }
}

extension ProcessFacts {
  /// Where it is accounted: a hash of its cgroups in both hierarchies; nil where they are unknown.
  var place: UInt64? {
    cgroupKey == nil && unread.contains(.cgroup) ? nil : Ancestry.place(cgroupKey, memoryKey)
  }
}

extension Ancestry {
  static func place(_ cgroup: UInt64?, _ memory: UInt64) -> UInt64 {
    IntegerMap.mix((cgroup ?? 0) &+ 1) ^ memory
  }
}
