package import ProcModel

/// The `limit` trigger of a cgroup: the kernel holds it at its limit, and next to nothing is left to take back.
///
/// A cgroup that only reads files meets its limit all the time and loses cache by it, so that being there says nothing
/// by itself. Where reclaim was not enough the kernel has ended somebody, or, in a version 1 cgroup that forbids it,
/// everybody waits: that counts until memory is back.
package struct Limit: Equatable, Sendable {
  /// Of the limit.
  package var available: Amount
  /// Free swap, of the domain's, at or below which it counts as spent.
  package var swapFree: Amount

  package init(available: Amount, swapFree: Amount) {
    self.available = available
    self.swapFree = swapFree
  }

  /// How often the limit was met since the last reading kept, if that is trouble.
  ///
  /// - Parameter release: Available memory over which a failed allocation is no more than the past.
  package func fires(_ reading: MemoryReading, _ trend: Trend, release: KiB) -> UInt64? {
    guard let now = reading.limitCounts, let then = trend.reading(before: reading.time, by: .zero)?.limitCounts,
      now.hits >= then.hits, reading.isSwapSpent(swapFree.of(reading.swapTotal))
    else { return nil }
    let hits = now.hits - then.hits
    if now.failures > then.failures, reading.available <= release { return max(hits, 1) }
    return hits > 0 && reading.available <= available.of(reading.total) ? hits : nil
  }
}
