import ProcModel

/// How many processes may be counted page by page after one survey, and how much they may hold.
package struct OwnMemoryBudget: Sendable {
  var processes: Int
  var held: KiB

  /// Reading `smaps_rollup` took 0.8 ms of 50 MiB in pages of 4 KiB, 2.5 of 200 and 36 of 512, on Linux 6.18 (2026-12-01).
  package static let ofTheAgent = OwnMemoryBudget(processes: 4, held: KiB(256 << 10))
  /// Where a person waits, and no process.
  package static let ofTheTool = OwnMemoryBudget(processes: 256, held: KiB(16 << 20))
}

/// What copies of a fork family hold alone, by the kernel's own count of their pages.
///
/// Their page faults tell that only for as long as they are few (``ForkFamilies``): a worker that has taken memory and given
/// it back for hours has more faults than memory. So it is counted in calm time, and what it faults in after that is added.
extension Roster {
  /// A process that holds more is not counted: that would take its memory lock, and the agent's time, for too long.
  private static let mostHeld = KiB(256 << 10)
  /// Less is not worth counting.
  private static let leastDoubt = KiB(4 << 10)
  /// The part of what it holds that a process may hold alone or not before it is counted (anew).
  private static let doubtShare: UInt64 = 8

  /// Counts those copies of which it is in doubt what they hold alone: the next of them in the table, in rounds.
  ///
  /// - Parameter table: A survey just taken in calm time, which the roster was refreshed with.
  mutating func countOwnMemory<Source: ProcSource & ~Copyable>(
    in table: ProcessTable, _ budget: OwnMemoryBudget, from source: inout Source
  ) {
    var left = budget
    let rows = table.rows.count
    let first = rows == 0 ? 0 : countCursor % rows
    for step in 0..<rows where left.processes > 0 {
      let row = (first + step) % rows
      let process = table.rows[row]
      guard isInDoubt(row, in: table), process.heldAnonymous <= left.held else { continue }
      left.processes -= 1
      left.held = left.held - process.heldAnonymous
      countCursor = row + 1
      countOwnMemory(of: row, in: table, from: &source)
    }
  }

  /// Whether what a copy holds alone may be less than is reckoned by an eighth of what it holds.
  private func isInDoubt(_ row: Int, in table: ProcessTable) -> Bool {
    let process = table.rows[row]
    guard process.isForkKnown, process.heldAnonymous <= Roster.mostHeld, process.heldAnonymous > Roster.leastDoubt,
      let index = index(of: process.identity), let parent = table.forkParent(of: row)
    else { return false }
    let counted = entries[index].counted
    let certain = max(counted?.own ?? .zero, process.heldAnonymous - table.rows[parent].heldAnonymous)
    let since = counted.map { AnonymousHolding(process).faulted(since: $0) } ?? process.faulted
    let doubt = min(process.heldAnonymous - certain, since + rewritten(by: table.rows[parent], since: process))
    return doubt > max(KiB(process.heldAnonymous.count / Roster.doubtShare), Roster.leastDoubt)
  }

  private mutating func countOwnMemory<Source: ProcSource & ~Copyable>(
    of row: Int, in table: ProcessTable, from source: inout Source
  ) {
    let process = table.rows[row]
    guard let index = index(of: process.identity), let parent = table.forkParent(of: row),
      (try? source.readOrGiveUp(.smapsRollup, of: process.identity.pid, into: &rollup)) != nil,
      let counted = try? SmapsRollup(parsing: rollup.bytes)
    else { return }
    entries[index].counted = AnonymousHolding(process, sharing: process.heldAnonymous - counted.ownAnonymous)
    entries[index].parentHolding = AnonymousHolding(table.rows[parent])
  }

  /// What a copy holds alone by its page faults: since its birth, or since its pages were counted beside what it held alone
  /// then.
  func faultedAlone(_ process: ProcessFacts) -> KiB {
    guard let index = index(of: process.identity), let counted = entries[index].counted else { return process.faulted }
    return counted.own + AnonymousHolding(process).faulted(since: counted)
  }
}
