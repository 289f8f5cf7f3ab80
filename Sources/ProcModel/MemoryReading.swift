/// What a verdict is made of: one look at a domain's memory.
package struct MemoryReading: Equatable, Sendable {
  /// `CLOCK_BOOTTIME` at the reading.
  package var time: Nanoseconds
  package var total: KiB
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

  package init(time: Nanoseconds, total: KiB, available: KiB, swapTotal: KiB, swapFree: KiB) {
    self.time = time
    self.total = total
    self.available = available
    self.swapTotal = swapTotal
    self.swapFree = swapFree
  }

  /// The system's reading, as `/proc/meminfo` has it.
  package init(_ meminfo: Meminfo, at time: Nanoseconds) {
    self.init(
      time: time, total: meminfo.total, available: meminfo.available, swapTotal: meminfo.swapTotal,
      swapFree: meminfo.swapFree)
    fileCache = meminfo.activeFile + meminfo.inactiveFile
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
