package import ProcModel

/// The `limit` trigger of a cgroup: the kernel holds the cgroup at its limit, and next to nothing is left to take back.
///
/// A cgroup that only reads files meets its limit all the time and loses cache by it, so meeting the limit says nothing
/// by itself. Where reclaim was not enough, the kernel has killed a process, or, in a version 1 cgroup that forbids it,
/// all tasks wait. That counts until memory is back.
package struct Limit: Equatable, Sendable {
  /// The available memory, of the limit, at or below which next to nothing is left.
  package var available: Amount
  /// The free swap, of the domain's, at or below which it counts as spent.
  package var swapFree: Amount

  package init(available: Amount, swapFree: Amount) {
    self.available = available
    self.swapFree = swapFree
  }

  /// Returns how often the limit was met since the last reading that was kept, if the trigger is true.
  ///
  /// - Parameter release: The available memory over which an allocation that failed counts no more.
  package func fires(_ reading: MemoryReading, _ trend: Trend, release: KiB) -> UInt64? {
    guard let now = reading.limitCounts, let then = trend.reading(before: reading.time, by: .zero)?.limitCounts,
      now.hits >= then.hits, reading.isSwapSpent(swapFree.of(reading.swapTotal))
    else { return nil }
    let hits = now.hits - then.hits
    if now.failures > then.failures, reading.available <= release { return max(hits, 1) }
    return hits > 0 && reading.available <= available.of(reading.total) ? hits : nil
  }
}
