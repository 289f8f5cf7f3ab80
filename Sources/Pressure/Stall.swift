package import ProcModel

/// The `stall` trigger: tasks lose time to memory, and there is little of it.
///
/// Measured over our own window from PSI's `total` counters: the kernel's running averages take many seconds to move
/// (its `avg10` needs 9 s of standstill to reach 60 %). The ceiling on available memory keeps a machine that is busy
/// with its disk, and has plenty, from killing.
package struct Stall: Equatable, Sendable {
  /// Whether all tasks must stand still (`full`), or one is enough (`some`).
  package var isFull: Bool
  /// Of the window.
  package var share: BasisPoints
  package var over: Nanoseconds
  /// Available memory, of `MemTotal`.
  package var below: Amount

  package init(isFull: Bool, share: BasisPoints, over: Nanoseconds, below: Amount) {
    self.isFull = isFull
    self.share = share
    self.over = over
    self.below = below
  }

  /// The share of the window that was lost; nil before the window is full, or where the kernel does not tell.
  package func measured(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    guard let now = reading.stall, let earlier = trend.reading(before: reading.time, by: over),
      let then = earlier.stall
    else { return nil }
    let (lost, isBackwards) = (isFull ? now.full : now.some).subtractingReportingOverflow(
      isFull ? then.full : then.some)
    let elapsed = (reading.time - earlier.time).microseconds
    guard !isBackwards, elapsed > 0 else { return nil }
    let share = lost.multipliedReportingOverflow(by: 10_000).partialValue / elapsed
    return BasisPoints(UInt32(min(share, 10_000)))
  }

  /// What was measured, if it is trouble.
  package func fires(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    guard reading.available <= below.of(reading.total), let measured = measured(reading, trend), measured >= share
    else { return nil }
    return measured
  }
}
