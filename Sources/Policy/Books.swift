import ProcModel

/// What is in use of a memory domain that killing processes can give back. What processes that were read hold of it is held
/// by no other: so the rest is the most that all others hold together.
///
/// The kernel's counters are approximate, and the books have slack for that:
///
/// - Those of the machine are kept in batches of up to 125 pages for each processor (`calculate_normal_threshold`,
///   mm/vmstat.c), and ``MemoryParts`` is in whole MiB. A sixty-fourth and 4 MiB are added to what is in use.
/// - Those of a process are kept in batches of 64 pages for each thread before Linux 6.2 (`TASK_RSS_EVENTS_THRESH`,
///   mm/memory.c), and of 32 for each processor since (`percpu_counter_batch`). As much is taken off what a process holds.
struct Books: Sendable {
  private let inUse: KiB

  /// Nil where the reading does not tell what the memory in use is.
  ///
  /// - Parameters:
  ///   - isCgroup: Whether it is a cgroup's. Its `memory.stat` is up to two seconds old (rstat), and what the cgroup holds is
  ///     of the moment: the larger of both is in use.
  ///   - unmapped: Shared memory and tmpfs that no process mapped when all were last surveyed. A process that maps
  ///   shared memory is read in any case, so what has not been read holds none of it.
  init?(_ reading: MemoryReading, isCgroup: Bool, unmapped: KiB) {
    guard let parts = reading.parts, !reading.isSwapBeingTakenAway else { return nil }
    let swap = reading.swapTotal - reading.swapFree
    var sum = parts.anonymous + parts.pageTables + swap + (parts.shared - unmapped)
    if isCgroup { sum = max(sum, (reading.total - reading.available) + swap) }
    inUse = sum + KiB(sum.count / 64) + KiB(4096)
  }

  /// What those processes of a domain that are not in the table hold at most, all together.
  ///
  /// - Parameter held: The anonymous memory and swap of those that are.
  func remainder(besides table: ProcessTable, in domain: Int, holding held: KiB) -> KiB {
    var sum = held
    var slack = KiB.zero
    for row in table.rows.indices where table.rows[row].domains.contains(DomainSet(number: domain)) {
      let process = table.rows[row]
      sum += process.pageTables + process.ownShared
      slack += KiB(256 * UInt64(min(process.threads, 64)))
    }
    return inUse - (sum - slack)
  }

  /// Shared memory that no process of a complete survey maps.
  static func unmapped(_ reading: MemoryReading, besides table: ProcessTable) -> KiB? {
    guard let parts = reading.parts else { return nil }
    var rest = parts.shared
    for row in table.rows.indices { rest = rest - table.rows[row].ownShared }
    return rest
  }
}
