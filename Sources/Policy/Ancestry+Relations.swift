package import ProcModel

/// What a process is to its relatives, beside what it descends from.
extension Ancestry {
  /// Sets whether a process is an orphan.
  ///
  /// An orphan is no leader of a session itself, has a parent of another session, and the leader of its session or of
  /// its process group is gone. A process is born into its parent's session: where the parent is of another one, its
  /// own parent has exited, and init or a subreaper has adopted it. A session or group keeps its number as long as it
  /// has members, so whoever has that number is its leader.
  package mutating func relate<Source: ProcSource & ~Copyable>(
    orphan process: inout ProcessFacts, from source: inout Source
  ) {
    process.isOrphan = false
    process.unread.remove(.leaders)
    guard process.parent > 0, process.session > 0, process.session != process.identity.pid else { return }
    switch find(process.parent, startedBy: process.identity.startTime, from: &source) {
    case .unreadable:
      process.unread.insert(.leaders)
      return
    // It has exited since, or this very moment.
    case .absent: break
    case .link(let index): if links[index].session == process.session { return }
    }
    switch isGone(process.session, from: &source).or(isGone(process.processGroup, from: &source)) {
    case .no: break
    case .unknown: process.unread.insert(.leaders)
    case .yes: process.isOrphan = true
    }
  }

  /// A number of 0 is another pid namespace's.
  private mutating func isGone<Source: ProcSource & ~Copyable>(
    _ leader: Int32, from source: inout Source
  ) -> TestOutcome {
    guard leader > 0 else { return .no }
    switch look(for: leader, from: &source) {
    case .absent: return .yes
    case .unreadable: return .unknown
    case .link: return .no
    }
  }

  /// Sets whether a process has its `oom_score_adj` from its parent: both have the same one, in the same cgroup, and
  /// the process has executed another program since. A copy of a process, made by fork(2) alone, inherits where that
  /// process does.
  package mutating func relate<Source: ProcSource & ~Copyable>(
    adjustmentOf process: inout ProcessFacts, from source: inout Source
  ) {
    process.inheritsOomScoreAdj = false
    guard process.oomScoreAdj != 0, process.oomScoreAdj > -1000, !process.unread.contains(.oomScoreAdj),
      let place = process.place
    else { return }
    var parent = process.parent
    var startTime = process.identity.startTime
    var inherits = false
    way.removeAll(keepingCapacity: true)
    climb: while process.image != 0, case .link(let index) = find(parent, startedBy: startTime, from: &source) {
      placeLink(index, from: &source)
      guard links[index].oomScoreAdj == process.oomScoreAdj, links[index].place == place, links[index].image != 0
      else { break }
      if links[index].image != process.image {
        inherits = true
        break climb
      }
      if let known = links[index].inherits {
        inherits = known
        break climb
      }
      // At once, so that a circle ends.
      links[index].inherits = false
      way.append(index)
      parent = links[index].parent
      startTime = links[index].startTime
    }
    while let index = way.popLast() { links[index].inherits = inherits }
    process.inheritsOomScoreAdj = inherits
  }

  /// Reads what a process has that is missing from the table.
  private mutating func placeLink<Source: ProcSource & ~Copyable>(_ index: Int, from source: inout Source) {
    guard !links[index].isPlaced else { return }
    links[index].isPlaced = true
    let pid = links[index].pid
    do throws(ReadFailure) {
      try source.read(.oomScoreAdj, of: pid, into: &buffer)
      links[index].oomScoreAdj = (try? OomScoreAdj(parsing: buffer.bytes))?.value
      guard links[index].oomScoreAdj != nil else { return }
      try source.read(.cgroup, of: pid, into: &buffer)
      let isCut = buffer.isFull
      buffer.dropTornLine()
      if let membership = try? CgroupMembership(parsing: buffer.bytes), !isCut || membership.isSettled {
        links[index].place = Ancestry.place(membership.key, membership.memoryKey ?? 0)
      }
    } catch {
      // A kernel without cgroups has no such file.
      if error == .vanished, links[index].oomScoreAdj != nil { links[index].place = Ancestry.place(nil, 0) }
    }
  }
}

extension TestOutcome {
  /// Of either.
  fileprivate func or(_ other: TestOutcome) -> TestOutcome { rawValue > other.rawValue ? self : other }
}
