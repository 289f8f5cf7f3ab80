/// What a verdict is made of: one look at a domain's memory.
package struct MemoryReading: Equatable, Sendable {
  /// `CLOCK_BOOTTIME` at the reading.
  package var time: Nanoseconds
  /// What shares are of: memory that programs can have. Of a machine `MemTotal` less ``hugePool``; of a cgroup its limit.
  package var total: KiB
  /// Static huge pages, of a machine: no trigger can see them come back. What the kernel's own formulas reckon with is
  /// ``total`` and this together.
  package var hugePool = KiB.zero
  package var available: KiB
  package var swapTotal: KiB
  package var swapFree: KiB
  /// File pages on the LRU lists, active and inactive: what a machine thrashes in when it has no swap.
  package var fileCache = KiB.zero
  /// Nil where the kernel keeps no account of stalls.
  package var stall: StallTotals?
  /// Nil where the kernel does not count reclaim.
  package var reclaim: ReclaimTotals?
  /// A count that moves while memory is taken back because the domain itself is short of it, and not because a cgroup
  /// within it met a limit of its own: ``VMStat/machineReclaim``, or of a cgroup ``CgroupMemory/ownReclaim``. Nil where it
  /// is not told, or was not read.
  package var ownReclaim: UInt64?
  /// Nil where the domain is the machine, which has no limit to meet.
  package var limitCounts: LimitCounts?
  /// Whether swapoff(2) is under way, on the machine.
  package var isSwapBeingTakenAway = false
  /// What was not believed at this look.
  package var impossible: Impossible = []

  package init(time: Nanoseconds, total: KiB, available: KiB, swapTotal: KiB, swapFree: KiB) {
    self.time = time
    self.total = total
    self.available = available
    self.swapTotal = swapTotal
    self.swapFree = swapFree
  }

  /// The system's reading, as `/proc/meminfo` has it and as far as it can be true; nil where it tells of no memory that
  /// can be.
  ///
  /// - Parameters:
  ///   - listing: Of `/proc/swaps`, as ``SwapBelief/init(total:free:listing:isOneView:_:)`` takes it.
  ///   - isOwn: Whether the file is the kernel's own. One that stands in its place in a container (lxcfs) has the
  ///     container's total and the machine's pool of huge pages.
  package init?(_ meminfo: Meminfo, swaps listing: SwapListing? = nil, isOwn: Bool = true, at time: Nanoseconds) {
    var met: Impossible = []
    guard let available = meminfo.believedAvailable(&met) else { return nil }
    let pool = isOwn ? meminfo.believedPool(beside: available, &met) : .zero
    let swap = SwapBelief(
      total: meminfo.swapTotal, free: meminfo.swapFree, listing: listing, isOneView: isOwn, &met)
    let total = meminfo.total - pool
    self.init(
      time: time, total: total, available: min(available, total), swapTotal: swap.total, swapFree: swap.free)
    hugePool = pool
    fileCache = meminfo.activeFile + meminfo.inactiveFile
    isSwapBeingTakenAway = swap.isBeingTakenAway
    impossible = met
  }

  /// Whether the two files that tell of swap agree about it.
  package var isSwapSettled: Bool {
    !isSwapBeingTakenAway && impossible.isDisjoint(with: .swap)
  }

  /// Memory and swap that programs used up since an earlier reading: not what went into the pool of huge pages, and not
  /// free swap that swapoff(2) took away.
  package func used(since earlier: MemoryReading) -> KiB {
    let takenAway = min(earlier.swapTotal - swapTotal, earlier.swapFree - swapFree)
    return (earlier.available + earlier.swapFree) - (available + swapFree) - (hugePool - earlier.hugePool) - takenAway
  }
}

/// Time lost to memory since boot, in microseconds: the `total` counters of PSI.
package struct StallTotals: Equatable, Sendable {
  /// At least one task waited.
  package var some: UInt64
  /// All tasks that were not idle waited.
  package var full: UInt64

  package init(some: UInt64, full: UInt64) {
    self.some = some
    self.full = full
  }

  /// - Parameter file: A file without a `full` line counts none.
  package init(_ file: PressureStall) {
    self.init(some: file.some.total, full: file.full?.total ?? 0)
  }
}

extension StallTotals {
  /// Whether so much can have been lost since an earlier reading.
  ///
  /// - Parameter elapsed: Between both. The files are read a little after the clock: by how much, a machine that stands
  ///   still decides. Twice the time and a second more are believed.
  package func canFollow(_ earlier: StallTotals, after elapsed: Nanoseconds) -> Bool {
    StallTotals.canBeLost(from: earlier.some, to: some, within: elapsed)
      && StallTotals.canBeLost(from: earlier.full, to: full, within: elapsed)
  }

  /// Whether a counter of lost time can have gone from one value to the other, in microseconds.
  package static func canBeLost(from earlier: UInt64, to later: UInt64, within elapsed: Nanoseconds) -> Bool {
    later >= earlier && later - earlier <= (elapsed + elapsed + .milliseconds(1000)).microseconds
  }
}

/// The counters of an earlier look, by which impossible steps are found.
package struct CounterMemory: Sendable {
  private var time = Nanoseconds.zero
  private var stall: StallTotals?
  private var reclaim: ReclaimTotals?

  package init() {}

  /// Takes a reading's counters in and notes in it what cannot follow those before.
  ///
  /// - Parameter mayRestart: Of a cgroup: one that is made anew counts from zero.
  package mutating func check(_ reading: inout MemoryReading, mayRestart: Bool) {
    if let now = reading.stall {
      if let then = stall, !now.canFollow(then, after: reading.time - time),
        !mayRestart || now.some >= then.some && now.full >= then.full
      {
        reading.impossible.insert(.stall)
      }
      stall = now
      time = reading.time
    }
    if let now = reading.reclaim {
      if let then = reclaim, !mayRestart, now.refaults < then.refaults || now.directScans < then.directScans {
        reading.impossible.insert(.reclaim)
      }
      reclaim = now
    }
  }
}

/// What reclaim has done since boot, in pages and times.
package struct ReclaimTotals: Equatable, Sendable {
  /// Pages read back that had been evicted while in use, anonymous and file. Not every refault: a stream longer than
  /// the cache refaults all the time, at twice the rate of a machine that stands still, and none of it was in use.
  package var refaults: UInt64
  /// Pages scanned by tasks that asked for memory and found none.
  package var directScans: UInt64

  package init(refaults: UInt64, directScans: UInt64) {
    self.refaults = refaults
    self.directScans = directScans
  }

  /// Nil where the kernel does not tell refaults of pages in use (before 3.15). Before 4.20 what is read back soon enough
  /// to be held counts instead.
  package init?(_ vmstat: VMStat) {
    let split: UInt64? =
      if let file = vmstat.workingsetRestoreFile { file &+ (vmstat.workingsetRestoreAnon ?? 0) } else { nil }
    guard let refaults = split ?? vmstat.workingsetRestore ?? vmstat.workingsetActivate else { return nil }
    self.init(refaults: refaults, directScans: vmstat.pgscanDirect ?? 0)
  }
}
