import Badness
package import ProcModel

/// Deciding without reading every process. The largest of the last survey are read first, with those that were started
/// since and those that map shared memory, until the books prove that no other can be the victim.
extension Chooser {
  /// Where the walk or the list of a bounded reading goes on.
  private enum NextStep {
    case read(Int32)
    /// A process that is read by its size, or a number that is no process's.
    case pass
    case check
    case end
  }

  /// Plans the reading for a decision: a bounded one where the formula has a bound, the policy asks nothing that changes
  /// from moment to moment, and all processes were known at the last survey; else one of all that are worth killing.
  ///
  /// - Parameters:
  ///   - reading: Of the domain, as it is judged.
  ///   - isCgroup: Whether that is a cgroup's.
  ///   - pursued: What is being killed for other domains.
  package mutating func plan<Source: ProcSource & ~Copyable>(
    in domain: Int, by context: ScoringContext, _ shortage: Shortage, _ reading: MemoryReading, isCgroup: Bool,
    pursued: InlineArray<8, ProcessIdentity>, from source: inout Source
  ) -> ReadingPlan {
    bounded = nil
    let full = ReadingPlan(for: context)
    guard isBoundedAllowed, let known, source.clock != nil, context.isBounded, order.capacity >= roster.count,
      let books = Books(reading, isCgroup: isCgroup, unmapped: domain == 0 ? known.unmapped : .zero)
    else { return full }
    let newNumbers: ClosedRange<Int32>?
    if let past = known.lastNumber, let last = lastNumber(from: &source) {
      // Numbers that were given out from the beginning again may be those of processes that are known.
      guard last >= past else { return full }
      newNumbers = last - past <= Chooser.mostNumbers ? past...last : nil
    } else {
      newNumbers = nil
    }
    bounded = BoundedReading(in: domain, by: context, shortage, books, pursued: pursued, newNumbers: newNumbers)
    return .bounded(from: context.leavesOutBelow)
  }

  /// So many numbers are tried one by one: a free one takes a microsecond, as a process in a walk does.
  private static var mostNumbers: Int32 { 256 }

  /// Reads which number was given to a process or thread last; nil where that is not known.
  mutating func lastNumber<Source: ProcSource & ~Copyable>(from source: inout Source) -> Int32? {
    guard source.clock != nil, !source.isReplaced(.loadavg) else { return nil }
    return survey.lastNumber(from: &source)
  }

  /// Notes what a complete survey in calm time has made known.
  ///
  /// - Parameter reading: The machine's memory at that time.
  package mutating func noteKnown(_ reading: MemoryReading?) {
    known = nil
    order.prepare(for: roster.count)
    guard roster.isWhole, ranking.tally.isComplete, let reading,
      let unmapped = Books.unmapped(reading, besides: ranking.table)
    else { return }
    known = Known(lastNumber: numberBeforeSurvey, unmapped: unmapped)
  }

  /// Puts the known processes in order, after the survey has begun.
  mutating func beginBounded<Source: ProcSource & ~Copyable>(from source: inout Source) throws(ReadFailure) {
    order.removeAll()
    for index in roster.entries.indices {
      let entry = roster.entries[index]
      let isDue = entry.mapsShared || entry.ruleOutcome.isProvisional
      order.add(
        ReadingOrder.Item(
          entry: UInt32(truncatingIfNeeded: index),
          size: isDue ? ReadingOrder.must : min(UInt32(clamping: entry.footprint.count), ReadingOrder.must - 1)))
    }
    order.arrange()
    switch bounded {
    case .some(let reading): if reading.newNumbers == nil { try source.beginProcesses() }
    case .none: break
    }
  }

  /// Reads the next processes.
  ///
  /// - Returns: Whether the survey is complete.
  mutating func stepBounded<Source: ProcSource & ~Copyable>(
    _ processes: Int, units: KernelUnits, from source: inout Source
  ) throws(ReadFailure) -> Bool {
    guard var reading = bounded.take() else { return true }
    var left = processes
    while left > 0 {
      left -= 1
      switch try nextStep(&reading, from: &source) {
      case .read(let pid):
        survey.take(pid, leavingOutBelow: reading.least, from: &source, units: units, into: &ranking.table)
      case .pass: break
      case .check: if proves(&reading, from: &source) { return endBounded() }
      case .end: return endBounded()
      }
    }
    bounded = reading
    return false
  }

  private mutating func nextStep<Source: ProcSource & ~Copyable>(
    _ reading: inout BoundedReading, from source: inout Source
  ) throws(ReadFailure) -> NextStep {
    if !reading.hasNewcomers { return try nextNewcomer(&reading, from: &source) }
    guard let first = order.first else { return .end }
    if first.size < ReadingOrder.must, !reading.isGivenUp {
      // Those that follow are not worth killing, and are left out: that would not change the books.
      let isLast = UInt64(first.size) < reading.least.count
      if isLast || reading.readBySize >= reading.nextCheck {
        reading.nextCheck = 2 * reading.readBySize
        reading.isGivenUp = isLast
        return .check
      }
      reading.readBySize += 1
    }
    guard let next = order.next() else { return .end }
    return .read(roster.entries[Int(next.entry)].identity.pid)
  }

  private mutating func nextNewcomer<Source: ProcSource & ~Copyable>(
    _ reading: inout BoundedReading, from source: inout Source
  ) throws(ReadFailure) -> NextStep {
    guard let numbers = reading.newNumbers else {
      guard let pid = try source.nextProcess() else {
        reading.hasNewcomers = true
        return .pass
      }
      return roster.hasNumber(pid) ? .pass : .read(pid)
    }
    let pid = reading.nextNumber
    guard pid <= numbers.upperBound else {
      reading.hasNewcomers = true
      return .pass
    }
    reading.nextNumber = pid + 1
    return !roster.hasNumber(pid) && survey.isProcess(pid, from: &source) ? .read(pid) : .pass
  }

  /// Whether none of those that have not been read can be the victim, nor change what is picked.
  private mutating func proves<Source: ProcSource & ~Copyable>(
    _ reading: inout BoundedReading, from source: inout Source
  ) -> Bool {
    ranking.tally = survey.finish(&ranking.table)
    classify(in: reading.domain, by: reading.context, now: reading.shortage.now, from: &source)
    let (inVain, pursuits) = (inVain, reading)
    ranking.rank(in: reading.domain, by: reading.context) { identity in
      inVain.contains(identity) || pursuits.isPursued(identity)
    }
    guard let best = ranking.shortlist.victim, best.process.image != 0 else { return false }
    let remainder = reading.books.remainder(
      besides: ranking.table, in: reading.domain,
      holding: forkFamilies.heldForCertain(by: ranking.table, in: reading.domain))
    var (bound, young) = (0.0, UInt32(0))
    for index in 0..<order.count {
      let entry = roster.entries[Int(order[index].entry)]
      guard let most = reading.bound(of: entry, remainder: remainder, best: best, now: survey.present) else { continue }
      bound = max(bound, most)
      if bound >= best.score { return false }
      if !survey.isElder(entry.identity.pid) { young &+= 1 }
    }
    tellUnread(young, remainder, bound)
    guard
      picker.pick(from: ranking, roster: roster, shortage: reading.shortage, context: reading.context)
        != .needsEveryone
    else { return false }
    // What the best holds depends on its fork family, and others may have its very memory (`CLONE_VM`): both have its image.
    let entries = roster.entries
    guard order.promote({ entries[Int($0.entry)].image == best.process.image }) else { return true }
    reading.isGivenUp = false
    reading.nextCheck = 0
    return false
  }

  private mutating func tellUnread(_ young: UInt32, _ remainder: KiB, _ bound: Double) {
    ranking.tally.unread = UInt32(truncatingIfNeeded: order.count)
    ranking.tally.unreadYoung = young
    ranking.tally.remainder = remainder
    ranking.tally.bound = bound
  }

  private mutating func endBounded() -> Bool {
    let (young, remainder, bound) = (ranking.tally.unreadYoung, ranking.tally.remainder, ranking.tally.bound)
    ranking.table.sortByPID()
    ranking.tally = survey.finish(&ranking.table)
    if order.count > 0 { tellUnread(young, remainder, bound) }
    return true
  }
}

extension ScoringContext {
  /// Whether a bound on what a process holds bounds what it scores, and its rules say the same of it as in calm time.
  fileprivate var isBounded: Bool {
    let hasBound =
      switch settings.formula {
      case .spillway, .footprint: true
      case .classic, .linux24, .linux26, .linux, .oomScore: false
      }
    return hasBound && !needs.contains(.moment) && !needs.hasRelations && !settings.ignoresInherited
      && leavesOutBelow > .zero
  }
}
