package import ProcModel

/// Finds out how much of each process's anonymous memory it shares copy-on-write with processes of its fork family, which
/// a kill of it alone does not give back (``ProcessFacts/forkShared``).
///
/// `RssAnon` and `VmSwap` count shared pages in full in each process. `smaps_rollup` tells them apart, but takes the
/// process's memory lock. So in a decision it is reckoned from what can be read without a lock:
///
/// - A process that was forked and executed no program has the image of its parent (``ProcessFacts/image``). Of its memory
///   it alone holds what it wrote itself since its birth: one page for each minor fault (measured in
///   docs/decisions/038-fork-families.md). One fault may bring 512 pages where huge pages are on, so what it holds beyond
///   its parent is its own in any case. A copy of an inherited page is a single page always.
/// - What the parent wrote to since the birth of its only copy is that copy's alone in its old form: a database that is
///   being saved. Of several copies it is shared among them; what each then holds alone is found when its pages are counted.
/// - What is shared counts with the parent, so that the footprints of a family are what it holds, once. A process cannot
///   make itself small by forking: without its copies it would hold all of it, and two that have the very same memory
///   (`CLONE_VM`) look like a parent and a copy.
/// - Of copies whose parent is gone it counts with the eldest.
///
/// Minor faults are counted over a life: a worker that takes memory and gives it back again and again has more of them than
/// memory. So the pages of a copy in doubt are counted in calm time (``Roster/countOwnMemory(in:_:from:)``), and its faults
/// from there on. One that could not be counted is taken to hold alone all that it holds. Major faults are not counted:
/// without swap they are reads of files, and a machine that thrashes has many.
///
/// Linear in the number of processes. Allocates nothing once it has seen as many families.
package struct ForkFamilies: Sendable {
  /// By process number: how many copies it has.
  private var parents: IntegerMap
  /// Of copies whose parent is gone, by image and ``Of``.
  private var orphans: IntegerMap

  /// - Parameter capacity: Processes that need no further memory, where a quarter have copies.
  package init(capacity: Int) {
    parents = IntegerMap(capacity: capacity / 8)
    orphans = IntegerMap(capacity: capacity / 8)
  }

  /// What is known of processes of one image, where none of them is the parent of another or for all of them.
  private enum Of: UInt64 {
    /// The most that one of a family holds.
    case most = 0x6d6f_7374_0000
    case count = 0x636f_756e_7400
    /// The least memory of one, as the distance to the largest number.
    case least = 0x6c65_6173_7400
    /// The birth and number of the eldest, as the distance to the largest number.
    case eldest = 0x656c_6465_7374
  }

  /// Sets what each row shares.
  ///
  /// - Parameter roster: From which it is known what a parent held, and had written, when it was forked.
  package mutating func relate(_ table: inout ProcessTable, _ roster: borrowing Roster) {
    parents.removeAll()
    orphans.removeAll()
    var isAny = false
    for row in table.rows.indices {
      if table.rows[row].forkShared > .zero { table.setForkShared(.zero, row: row) }
      guard table.rows[row].isForkKnown else { continue }
      if let parent = table.forkParent(of: row) {
        parents.add(1, to: ForkFamilies.key(table.rows[parent]))
        isAny = true
      } else if roster.faultedAlone(table.rows[row]) < table.rows[row].heldAnonymous {
        orphans.set(ForkFamilies.key(table.rows[row], .count), to: 0)
        isAny = true
      }
    }
    guard isAny else { return }
    for row in table.rows.indices where table.rows[row].isForkKnown { note(row, in: table) }
    for row in table.rows.indices where table.rows[row].isForkKnown { inherit(row, in: &table, roster) }
  }

  /// The anonymous memory and swap that the rows of a domain hold for certain: of a fork family as much as the largest of
  /// it, since what each holds alone is reckoned and not known.
  ///
  /// - Parameter table: The one that was related last.
  mutating func heldForCertain(by table: ProcessTable, in domain: Int) -> KiB {
    var sum = KiB.zero
    for row in table.rows.indices where table.rows[row].domains.contains(DomainSet(number: domain)) {
      let process = table.rows[row]
      if isInFamily(row, of: table) {
        orphans.formMaximum(process.heldAnonymous.count, at: ForkFamilies.key(process, .most))
      } else {
        sum += process.heldAnonymous
      }
    }
    for row in table.rows.indices
    where table.rows[row].domains.contains(DomainSet(number: domain)) && isInFamily(row, of: table) {
      let key = ForkFamilies.key(table.rows[row], .most)
      sum += KiB(orphans.value(for: key) ?? 0)
      orphans.set(key, to: 0)
    }
    return sum
  }

  private func isInFamily(_ row: Int, of table: ProcessTable) -> Bool {
    let process = table.rows[row]
    guard process.isForkKnown else { return false }
    return table.forkParent(of: row) != nil || parents.value(for: ForkFamilies.key(process)) != nil
      || (orphans.value(for: ForkFamilies.key(process, .count)) ?? 0) > 1
  }

  /// Counts the processes of an image whose parent is gone.
  private mutating func note(_ row: Int, in table: ProcessTable) {
    let process = table.rows[row]
    guard orphans.value(for: ForkFamilies.key(process, .count)) != nil,
      table.forkParent(of: row) == nil
    else { return }
    orphans.add(1, to: ForkFamilies.key(process, .count))
    orphans.formMaximum(.max - process.heldAnonymous.count, at: ForkFamilies.key(process, .least))
    orphans.formMaximum(.max - process.birth, at: ForkFamilies.key(process, .eldest))
  }

  /// Sets what a process shares with those that it was forked from, or was forked with.
  private func inherit(_ row: Int, in table: inout ProcessTable, _ roster: borrowing Roster) {
    let process = table.rows[row]
    let own = roster.faultedAlone(process)
    var shared: KiB
    if let parent = table.forkParent(of: row) {
      shared = process.heldAnonymous - max(own, process.heldAnonymous - table.rows[parent].heldAnonymous)
      if parents.value(for: ForkFamilies.key(table.rows[parent])) == 1 {
        shared = shared - roster.rewritten(by: table.rows[parent], since: process)
      }
    } else {
      guard let count = orphans.value(for: ForkFamilies.key(process, .count)), count > 1,
        let least = orphans.value(for: ForkFamilies.key(process, .least)),
        orphans.value(for: ForkFamilies.key(process, .eldest)) != .max - process.birth
      else { return }
      shared = process.heldAnonymous - max(own, process.heldAnonymous - KiB(.max - least))
    }
    if shared > .zero { table.setForkShared(shared, row: row) }
  }

  private static func key(_ process: ProcessFacts) -> UInt64 {
    UInt64(UInt32(bitPattern: process.identity.pid))
  }

  private static func key(_ process: ProcessFacts, _ of: Of) -> UInt64 { IntegerMap.mix(process.image ^ of.rawValue) }
}

extension ProcessFacts {
  /// Whether its image and its faults are known, without which nothing is known of what it shares.
  var isForkKnown: Bool { image != 0 && faulted > .zero }

  /// A number that orders processes by age, then by number: there are no more than 2²² of these (`PID_MAX_LIMIT`,
  /// include/linux/threads.h).
  fileprivate var birth: UInt64 {
    identity.startTime.count << 22 | UInt64(UInt32(bitPattern: identity.pid)) & 0x3F_FFFF
  }
}
