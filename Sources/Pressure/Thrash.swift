package import ProcModel

/// The `thrash` trigger: the machine reads back what it has just evicted although it was in use, loses time by that,
/// and has no swap left to which it could evict.
///
/// Without swap a machine thrashes in the text of its own programs, while `MemAvailable`, of which that text is a part,
/// stays above the floor. Recorded on a disk of 200 reads a second (`Tests/Fixtures/sequences/text-*`), 0.7 to 5 % of
/// the file pages were read back each second after having been in use, 8 to 16 % of the time was lost, and no task
/// scanned directly once it had settled. A stream through a cache as small showed nothing of that.
package struct Thrash: Equatable, Sendable {
  /// The memory read back per second that had been in use, as a share of the file pages on the LRU lists. 10 000 reads
  /// all of them back each second.
  package var refaults: BasisPoints
  /// The length of the window.
  package var over: Nanoseconds
  /// The free swap, of `SwapTotal`, at or below which swap counts as spent.
  package var swapFree: Amount

  /// The available memory, of `MemTotal`, above which the trigger is never true. A database larger than memory reads
  /// back too (1.4 % a second and 30 % of the time lost in `text-160`, with 41 % available), and so does a container at
  /// its limit.
  static let below = Amount.share(.percent(20))
  /// The least share of the window that all tasks must have lost, where the kernel counts it: reading back from a fast
  /// disk is not noticed. Memory that is only being filled, at 40 MiB/s, loses 5 to 7 %.
  static let lost = BasisPoints.percent(8)

  package init(refaults: BasisPoints, over: Nanoseconds, swapFree: Amount) {
    self.refaults = refaults
    self.over = over
    self.swapFree = swapFree
  }

  /// Returns the refaults per second as a share of the file pages. Nil before the window is full, and where the kernel
  /// does not count them.
  package func measured(_ reading: MemoryReading, _ trend: Trend, units: KernelUnits) -> BasisPoints? {
    guard let now = reading.reclaim, let earlier = trend.reading(before: reading.time, by: over),
      let then = earlier.reclaim
    else { return nil }
    let (pages, isBackwards) = now.refaults.subtractingReportingOverflow(then.refaults)
    let elapsed = (reading.time - earlier.time).milliseconds
    guard !isBackwards, elapsed > 0 else { return nil }
    let (perSecond, overflow) = units.kib(pages: pages).count.multipliedReportingOverflow(by: 1000)
    // A machine cannot have read back more than any machine can hold.
    guard !overflow, units.kib(pages: pages) <= .beyondAnyMachine else { return nil }
    let cache = max(min(reading.fileCache, earlier.fileCache).count, 1)
    let (share, isAbove) = (perSecond / elapsed).multipliedReportingOverflow(by: 10_000)
    return BasisPoints(UInt32(isAbove ? 1_000_000 : min(share / cache, 1_000_000)))
  }

  /// Returns the measured share, if the trigger is true: little memory is available, swap is spent, the domain's own
  /// memory was taken back, and time was lost.
  ///
  /// The kernel counts what is read back for all cgroups together, one at its own limit among them. Where it keeps no
  /// account of lost time, tasks that asked for memory must have had to look for it themselves.
  package func fires(_ reading: MemoryReading, _ trend: Trend, units: KernelUnits) -> BasisPoints? {
    guard reading.available <= Thrash.below.of(reading.total), reading.isSwapSpent(swapFree.of(reading.swapTotal)),
      let now = reading.reclaim, let then = trend.reading(before: reading.time, by: over)?.reclaim,
      let measured = measured(reading, trend, units: units), measured >= refaults,
      trend.isReclaimed(reading, over: over)
    else { return nil }
    let stall = Stall(isFull: true, share: Thrash.lost, over: over, below: Thrash.below)
    let isFelt = reading.stall == nil ? now.directScans > then.directScans : stall.exceeded(reading, trend) != nil
    return isFelt ? measured : nil
  }
}
