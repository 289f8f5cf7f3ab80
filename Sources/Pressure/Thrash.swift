package import ProcModel

/// The `thrash` trigger: the machine reads back what it has just evicted, faster than it can use it, and has no swap
/// left to evict to.
///
/// Without swap a machine thrashes in the text of its own programs, while `MemAvailable` still looks fine. As in
/// Android's lmkd, refaults are held against the file pages on the LRU lists: a large page-cache stream refaults too,
/// but in a large cache.
package struct Thrash: Equatable, Sendable {
  /// Refaulted memory per second, of the file pages on the LRU lists; 10 000 reads all of them back each second.
  package var refaults: BasisPoints
  package var over: Nanoseconds
  /// Free swap, of `SwapTotal`, at or below which it counts as spent.
  package var swapFree: Amount

  package init(refaults: BasisPoints, over: Nanoseconds, swapFree: Amount) {
    self.refaults = refaults
    self.over = over
    self.swapFree = swapFree
  }

  /// Refaults per second against the file pages; nil before the window is full, or where the kernel does not tell.
  package func measured(_ reading: MemoryReading, _ trend: Trend, units: KernelUnits) -> BasisPoints? {
    guard let now = reading.reclaim, let earlier = trend.reading(before: reading.time, by: over),
      let then = earlier.reclaim
    else { return nil }
    let (pages, isBackwards) = now.refaults.subtractingReportingOverflow(then.refaults)
    let elapsed = (reading.time - earlier.time).milliseconds
    guard !isBackwards, elapsed > 0 else { return nil }
    let perSecond = units.kib(pages: pages).count.multipliedReportingOverflow(by: 1000).partialValue / elapsed
    let cache = max(min(reading.fileCache, earlier.fileCache).count, 1)
    return BasisPoints(UInt32(min(perSecond.multipliedReportingOverflow(by: 10_000).partialValue / cache, 1_000_000)))
  }

  /// What was measured, if it is trouble: swap is spent, and tasks that asked for memory had to look for it themselves.
  package func fires(_ reading: MemoryReading, _ trend: Trend, units: KernelUnits) -> BasisPoints? {
    guard reading.isSwapSpent(swapFree.of(reading.swapTotal)),
      let now = reading.reclaim, let then = trend.reading(before: reading.time, by: over)?.reclaim,
      now.directScans > then.directScans, let measured = measured(reading, trend, units: units), measured >= refaults
    else { return nil }
    return measured
  }
}
