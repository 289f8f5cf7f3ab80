/// One reading of a domain's memory, from which a verdict is made.
package struct MemoryReading: Equatable, Sendable {
  /// The time of the reading, on `CLOCK_BOOTTIME`.
  package var time: Nanoseconds
  /// The memory that programs can have, which shares are shares of: `MemTotal` less ``hugePool`` for a machine, the
  /// limit for a cgroup.
  package var total: KiB
  /// The machine's static huge pages, which no trigger can see come back. The kernel's own formulas reckon with
  /// ``total`` and this together.
  package var hugePool = KiB.zero
  /// The memory that programs can still get without swapping.
  package var available: KiB
  /// The swap that the domain may have.
  package var swapTotal: KiB
  /// The swap that is left of it.
  package var swapFree: KiB
  /// The file pages on the LRU lists, active and inactive. A machine without swap thrashes in these.
  package var fileCache = KiB.zero
  /// What the memory in use is; nil where that is unknown.
  package var parts: MemoryParts?
  /// The time lost to memory since boot; nil where the kernel keeps no account of it.
  package var stall: StallTotals?
  /// The counters of reclaim; nil where the kernel has none.
  package var reclaim: ReclaimTotals?
  /// A count that grows while memory is taken back because the domain itself is short of it, and not because a cgroup
  /// within it met a limit of its own: ``VMStat/machineReclaim`` of a machine, ``CgroupMemory/ownReclaim`` of a cgroup.
  /// Nil where it is unknown, or was not read.
  package var ownReclaim: UInt64?
  /// How often the cgroup met its limit; nil for the machine, which has no limit to meet.
  package var limitCounts: LimitCounts?
  /// Whether swapoff(2) is under way on the machine.
  package var isSwapBeingTakenAway = false
  /// What was not believed at this reading.
  package var impossible: Impossible = []

  package init(time: Nanoseconds, total: KiB, available: KiB, swapTotal: KiB, swapFree: KiB) {
    self.time = time
    self.total = total
    self.available = available
    self.swapTotal = swapTotal
    self.swapFree = swapFree
  }

  /// Makes a reading of the system from `/proc/meminfo`, as far as its numbers can be true. Nil where they give no
  /// amount of memory that can be true.
  ///
  /// - Parameters:
  ///   - listing: The sums of `/proc/swaps`, as ``SwapBelief/init(total:free:listing:isOneView:_:)`` takes them.
  ///   - isOwn: Whether the file is the kernel's own. A file that lxcfs puts in its place in a container has the
  ///     container's total and the machine's pool of huge pages.
  ///   - time: The time of the reading.
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
    // A file that lxcfs makes has lines of the container beside lines of the machine.
    if isOwn { parts = MemoryParts(meminfo, besides: pool) }
    isSwapBeingTakenAway = swap.isBeingTakenAway
    impossible = met
  }

  /// Whether the two files that tell of swap agree with each other.
  package var isSwapSettled: Bool {
    !isSwapBeingTakenAway && impossible.isDisjoint(with: .swap)
  }

  /// Returns the memory and swap that programs used up since an earlier reading. Memory that went into the pool of huge
  /// pages is not counted, nor free swap that swapoff(2) took away.
  package func used(since earlier: MemoryReading) -> KiB {
    let takenAway = min(earlier.swapTotal - swapTotal, earlier.swapFree - swapFree)
    return (earlier.available + earlier.swapFree) - (available + swapFree) - (hugePool - earlier.hugePool) - takenAway
  }
}

/// The time lost to memory since boot, in microseconds: the `total` counters of PSI.
package struct StallTotals: Equatable, Sendable {
  /// The time in which at least one task waited.
  package var some: UInt64
  /// The time in which all tasks that were not idle waited.
  package var full: UInt64

  package init(some: UInt64, full: UInt64) {
    self.some = some
    self.full = full
  }

  /// - Parameter file: A pressure file. Without a `full` line, ``full`` is 0.
  package init(_ file: PressureStall) {
    self.init(some: file.some.total, full: file.full?.total ?? 0)
  }
}

extension StallTotals {
  /// Whether so much time can have been lost since an earlier reading.
  ///
  /// - Parameter elapsed: The time between the readings. The files are read a little after the clock, and a machine
  ///   that is thrashing makes that longer. So twice the time and one second more are believed.
  package func canFollow(_ earlier: StallTotals, after elapsed: Nanoseconds) -> Bool {
    StallTotals.canBeLost(from: earlier.some, to: some, within: elapsed)
      && StallTotals.canBeLost(from: earlier.full, to: full, within: elapsed)
  }

  /// Whether a counter of lost time, in microseconds, can have gone from one value to the other in the time elapsed.
  package static func canBeLost(from earlier: UInt64, to later: UInt64, within elapsed: Nanoseconds) -> Bool {
    later >= earlier && later - earlier <= (elapsed + elapsed + .milliseconds(1000)).microseconds
  }
}

/// The counters of the last reading, by which impossible steps are found.
package struct CounterMemory: Sendable {
  private var time = Nanoseconds.zero
  private var stall: StallTotals?
  private var reclaim: ReclaimTotals?

  package init() {}

  /// Remembers a reading's counters, and notes in the reading those that cannot follow the counters before.
  ///
  /// - Parameter mayRestart: Whether counters may go back: a cgroup that is made anew counts from zero.
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

/// The counters of reclaim since boot.
package struct ReclaimTotals: Equatable, Sendable {
  /// Pages read back that had been evicted while in use, anonymous and file. Other refaults are not counted: a stream
  /// longer than the cache refaults all the time, at twice the rate of a machine that thrashes, and none of its pages
  /// was in use.
  package var refaults: UInt64
  /// Pages scanned by tasks that asked for memory and found none free.
  package var directScans: UInt64

  package init(refaults: UInt64, directScans: UInt64) {
    self.refaults = refaults
    self.directScans = directScans
  }

  /// Nil where the kernel does not count refaults of pages in use (before 3.15). From 3.15 to 4.19, pages that are read
  /// back soon enough to be kept count instead.
  package init?(_ vmstat: VMStat) {
    let split: UInt64? =
      if let file = vmstat.workingsetRestoreFile { file &+ (vmstat.workingsetRestoreAnon ?? 0) } else { nil }
    guard let refaults = split ?? vmstat.workingsetRestore ?? vmstat.workingsetActivate else { return nil }
    self.init(refaults: refaults, directScans: vmstat.pgscanDirect ?? 0)
  }
}
