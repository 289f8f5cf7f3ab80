package import ProcModel

/// The `stall` trigger: tasks lose time to memory, and there is little of it.
///
/// Measured over our own window from PSI's `total` counters: the kernel's running averages take many seconds to move
/// (its `avg10` needs 9 s of standstill to reach 60 %). The ceiling on available memory keeps a machine that is busy
/// with its disk, and has plenty, from killing.
///
/// And the domain's own memory has to have been taken back in the window (``Trend/isReclaimed(_:over:)``): the time that one
/// cgroup loses at its limit is in the machine's account too.
///
/// While swap is left, and is not about to be used up, it is asked for more: before the kernel moves idle memory to swap it
/// looks for other memory first, and everybody waits for that. In the arena (`calm-swap`) a batch of 6 MiB a second had all
/// tasks lose half of two seconds in this way, before a page was swapped and all went on well.
package struct Stall: Equatable, Sendable {
  /// Whether all tasks must stand still (`full`), or one is enough (`some`).
  package var isFull: Bool
  /// Of the window.
  package var share: BasisPoints
  package var over: Nanoseconds
  /// Available memory, of `MemTotal`.
  package var below: Amount

  /// Whether more is asked for while swap lasts.
  package var isPatient: Bool

  package init(isFull: Bool, share: BasisPoints, over: Nanoseconds, below: Amount, isPatient: Bool = true) {
    self.isFull = isFull
    self.share = share
    self.over = over
    self.below = below
    self.isPatient = isPatient
  }

  /// While swap is left that would last for ``lasting`` at the rate of the last two windows, a share so many times as
  /// large, over a window so many times as long.
  package static let patience: (share: UInt32, window: UInt64) = (2, 6)
  /// A leak of 40 MiB a second at the end of memory has used up 384 MiB of swap in ten seconds, and is not waited for.
  package static let lasting = Nanoseconds.milliseconds(20_000)

  /// The longest time that it looks back over.
  package var span: Nanoseconds { isPatient ? Nanoseconds(over.count * Stall.patience.window) : over }

  /// The share of ``span`` that is asked for while swap lasts.
  package var patientShare: BasisPoints {
    isPatient ? BasisPoints(min(share.count * Stall.patience.share, 10_000)) : share
  }

  private var patient: Stall {
    Stall(isFull: isFull, share: patientShare, over: span, below: below, isPatient: false)
  }

  /// Whether memory and swap would last for a while, at the rate at which they went over two windows; where that is not
  /// known yet they do.
  private func lasts(_ reading: MemoryReading, _ trend: Trend) -> Bool {
    guard let earlier = trend.reading(before: reading.time, by: over + over) else { return true }
    let used = reading.used(since: earlier)
    let (time, overflow) = reading.left.count.multipliedReportingOverflow(
      by: (reading.time - earlier.time).milliseconds)
    return used == .zero || overflow || time / used.count > Stall.lasting.milliseconds
  }

  /// The share of the window that was lost; nil before the window is full, or where the kernel does not tell.
  package func measured(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    guard let now = reading.stall, let earlier = trend.reading(before: reading.time, by: over),
      let then = earlier.stall
    else { return nil }
    let (from, to) = isFull ? (then.full, now.full) : (then.some, now.some)
    let window = reading.time - earlier.time
    let elapsed = window.microseconds
    // A counter that ran backwards, or faster than time, tells nothing of this window.
    guard elapsed > 0, StallTotals.canBeLost(from: from, to: to, within: window) else { return nil }
    let (product, overflow) = (to - from).multipliedReportingOverflow(by: 10_000)
    return BasisPoints(UInt32(overflow ? 10_000 : min(product / elapsed, 10_000)))
  }

  /// What was measured, if it is trouble.
  ///
  /// - Parameters:
  ///   - swapLine: Free swap at or below which it counts as spent; nil where nothing is asked of swap.
  ///   - hasFired: Whether it is trouble already: a leak is no better because the machine has slowed it down.
  package func fires(_ reading: MemoryReading, _ trend: Trend, swapLine: KiB?, hasFired: Bool) -> BasisPoints? {
    guard reading.available <= below.of(reading.total) else { return nil }
    if !isPatient || hasFired || reading.isSwapSpent(swapLine) || !lasts(reading, trend) {
      return felt(reading, trend)
    }
    return patient.felt(reading, trend)
  }

  /// What was measured, if it reaches the share and comes of the domain's own shortage.
  private func felt(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    trend.isReclaimed(reading, over: over) ? exceeded(reading, trend) : nil
  }

  /// What was measured, if it reaches the share.
  func exceeded(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    guard let measured = measured(reading, trend), measured >= share else { return nil }
    return measured
  }
}
