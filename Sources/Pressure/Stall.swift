package import ProcModel

/// The `stall` trigger: tasks lose time to memory, and little memory is available.
///
/// The share of lost time is measured over our own window, from PSI's `total` counters. The kernel's running averages
/// take many seconds to move (its `avg10` needs 9 s of standstill to reach 60 %). The ceiling on available memory keeps
/// a machine that is busy with its disk, and has plenty of memory, from killing.
///
/// Memory also has to have been taken back in the window because the domain itself is short of it
/// (``Trend/isReclaimed(_:over:)``): the time that one cgroup loses at its limit is in the machine's account too.
///
/// While swap is left, and is not about to be used up, the trigger asks for more. Before the kernel moves idle memory
/// to swap it looks for other memory first, and all tasks wait for that. In the arena (`calm-swap`) a batch of 6 MiB a
/// second made all tasks lose half of two seconds in this way, before a page was swapped and all went on well.
package struct Stall: Equatable, Sendable {
  /// Whether all tasks must stand still (PSI's `full`), or one is enough (`some`).
  package var isFull: Bool
  /// The least share of the window that must be lost.
  package var share: BasisPoints
  /// The length of the window.
  package var over: Nanoseconds
  /// The available memory, of `MemTotal`, above which the trigger is never true.
  package var below: Amount

  /// Whether the trigger asks for more while swap lasts.
  package var isPatient: Bool
  /// Whose lost time it is. A reading has that, whosever it is.
  package var source: StallSource

  package init(
    isFull: Bool, share: BasisPoints, over: Nanoseconds, below: Amount, isPatient: Bool = true,
    source: StallSource = .domain
  ) {
    self.isFull = isFull
    self.share = share
    self.over = over
    self.below = below
    self.isPatient = isPatient
    self.source = source
  }

  /// While swap would last longer than ``lasting``, the trigger requires `patience.share` times the share over
  /// `patience.window` times the window.
  package static let patience: (share: UInt32, window: UInt64) = (2, 6)
  /// The time for which swap must last, at the rate of the last two windows. A leak of 40 MiB a second that has used up
  /// memory takes 384 MiB of swap in ten seconds, and is not waited for.
  package static let lasting = Nanoseconds.milliseconds(20_000)

  /// The longest time over which the trigger looks back.
  package var span: Nanoseconds { isPatient ? Nanoseconds(over.count * Stall.patience.window) : over }

  /// The share of ``span`` that is required while swap lasts.
  package var patientShare: BasisPoints {
    isPatient ? BasisPoints(min(share.count * Stall.patience.share, 10_000)) : share
  }

  private var patient: Stall {
    Stall(isFull: isFull, share: patientShare, over: span, below: below, isPatient: false)
  }

  /// Whether memory and swap would last longer than ``lasting``, at the rate at which they went over two windows. True
  /// where that rate is not known yet.
  private func lasts(_ reading: MemoryReading, _ trend: Trend) -> Bool {
    guard let earlier = trend.reading(before: reading.time, by: over + over) else { return true }
    let used = reading.used(since: earlier)
    let (time, overflow) = reading.left.count.multipliedReportingOverflow(
      by: (reading.time - earlier.time).milliseconds)
    return used == .zero || overflow || time / used.count > Stall.lasting.milliseconds
  }

  /// Returns the share of the window that was lost. Nil before the window is full, and where the kernel does not count
  /// it.
  package func measured(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    guard let now = reading.stall, let earlier = trend.reading(before: reading.time, by: over),
      let then = earlier.stall
    else { return nil }
    let (from, to) = isFull ? (then.full, now.full) : (then.some, now.some)
    let window = reading.time - earlier.time
    let elapsed = window.microseconds
    // A counter that ran backwards, or faster than time, tells nothing about this window.
    guard elapsed > 0, StallTotals.canBeLost(from: from, to: to, within: window) else { return nil }
    let (product, overflow) = (to - from).multipliedReportingOverflow(by: 10_000)
    return BasisPoints(UInt32(overflow ? 10_000 : min(product / elapsed, 10_000)))
  }

  /// Returns the measured share, if the trigger is true.
  ///
  /// - Parameters:
  ///   - swapLine: The free swap at or below which swap counts as spent; nil where the policy asks nothing of swap.
  ///   - hasFired: Whether the trigger was true before in this episode. A leak is no better because the machine has
  ///     slowed it down.
  package func fires(_ reading: MemoryReading, _ trend: Trend, swapLine: KiB?, hasFired: Bool) -> BasisPoints? {
    guard reading.available <= below.of(reading.total) else { return nil }
    if !isPatient || hasFired || reading.isSwapSpent(swapLine) || !lasts(reading, trend) {
      return felt(reading, trend)
    }
    return patient.felt(reading, trend)
  }

  /// Returns the measured share, if it reaches ``share`` and comes from the domain's own shortage.
  private func felt(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    trend.isReclaimed(reading, over: over) ? exceeded(reading, trend) : nil
  }

  /// Returns the measured share, if it reaches ``share``.
  func exceeded(_ reading: MemoryReading, _ trend: Trend) -> BasisPoints? {
    guard let measured = measured(reading, trend), measured >= share else { return nil }
    return measured
  }
}
