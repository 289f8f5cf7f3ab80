import ProcModel

/// A process's anonymous memory at one moment, as the roster remembers it: in 12 bytes, since it remembers three for each
/// process. Kept in KiB; 4 TiB or more count as 4 TiB.
struct AnonymousHolding: Equatable, Sendable {
  private var heldKiB: UInt32
  private var sharedKiB: UInt32
  /// This one counts over a life, and wraps around: only differences are of use.
  private var faultedKiB: UInt32

  init(_ process: ProcessFacts) {
    self.init(process, sharing: process.forkShared)
  }

  /// - Parameter shared: What of it is shared, in place of what is known of that.
  init(_ process: ProcessFacts, sharing shared: KiB) {
    heldKiB = UInt32(clamping: process.heldAnonymous.count)
    sharedKiB = UInt32(clamping: shared.count)
    faultedKiB = UInt32(truncatingIfNeeded: process.faulted.count)
  }

  var isShared: Bool { sharedKiB > 0 }

  /// What the process held alone.
  var own: KiB { KiB(UInt64(heldKiB)) - KiB(UInt64(sharedKiB)) }

  /// What it holds more than at an earlier moment.
  func taken(since past: AnonymousHolding) -> KiB { KiB(UInt64(heldKiB)) - KiB(UInt64(past.heldKiB)) }

  /// What it has faulted in since an earlier moment.
  func faulted(since past: AnonymousHolding) -> KiB { KiB(UInt64(faultedKiB &- past.faultedKiB)) }
}

extension Roster {
  /// How much of the memory that a parent had when a process was forked from it the parent has written to since, so that
  /// the old form of it is the process's. Zero where it is not known what the parent held then.
  ///
  /// Faults that added to the parent's memory, and copied no page, are taken off.
  func rewritten(by parent: ProcessFacts, since process: ProcessFacts) -> KiB {
    let past: AnonymousHolding
    if let index = index(of: process.identity), let known = entries[index].parentHolding {
      past = known
    } else if let index = index(of: parent.identity) {
      past = entries[index].holding
    } else {
      return .zero
    }
    let now = AnonymousHolding(parent)
    return now.faulted(since: past) - now.taken(since: past)
  }

  /// What the parent of a row's process held at its birth: the process is new since the last refresh, so at that.
  func holdingOfParent(of row: Int, in table: ProcessTable, now: Nanoseconds) -> AnonymousHolding? {
    guard table.rows[row].isForkKnown, let parent = table.forkParent(of: row),
      let index = index(of: table.rows[parent].identity)
    else { return nil }
    return entries[index].sampledAt == now ? entries[index].lastHolding : entries[index].holding
  }
}
