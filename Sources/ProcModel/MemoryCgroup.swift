/// The kind of cgroup hierarchy that accounts memory.
package enum CgroupVersion: Equatable, Sendable {
  /// Version 1: the memory controller's own hierarchy (Documentation/admin-guide/cgroup-v1/memory.rst).
  case v1
  /// Version 2: the unified hierarchy (Documentation/admin-guide/cgroup-v2.rst).
  case v2
}

/// A kernel file about one memory cgroup.
package enum CgroupFile: UInt8, CaseIterable, Sendable {
  /// The most memory that the cgroup may have.
  case limit
  /// The amount of memory above which the kernel slows the cgroup's tasks down. It kills none of them there.
  case high
  /// The memory that the cgroup has.
  case usage
  /// What that memory is.
  case stat
  /// How often the cgroup, or one within it, met its limit.
  case events
  /// How often the cgroup met its own limit; cgroups within it are not counted (Linux 5.2).
  case ownEvents
  /// The most swap that the cgroup may have; in version 1 the most memory and swap together.
  case swapLimit
  /// The swap that the cgroup has.
  case swapUsage
  /// The time that its tasks lost to memory (PSI).
  case pressure

  /// Returns the file's name in a cgroup's directory; nil where this version has no such file.
  package func name(_ version: CgroupVersion) -> String? {
    switch (self, version) {
    case (.limit, .v2): "memory.max"
    case (.high, .v2): "memory.high"
    case (.usage, .v2): "memory.current"
    case (.stat, .v1), (.stat, .v2): "memory.stat"
    case (.events, .v2): "memory.events"
    case (.ownEvents, .v2): "memory.events.local"
    case (.swapLimit, .v2): "memory.swap.max"
    case (.swapUsage, .v2): "memory.swap.current"
    case (.pressure, .v2): "memory.pressure"
    case (.limit, .v1): "memory.limit_in_bytes"
    case (.usage, .v1): "memory.usage_in_bytes"
    case (.events, .v1), (.ownEvents, .v1): "memory.failcnt"
    case (.swapLimit, .v1): "memory.memsw.limit_in_bytes"
    // Version 1 counts swap in `memory.stat`.
    case (.high, .v1), (.swapUsage, .v1), (.pressure, .v1): nil
    }
  }
}

/// The content of `memory.max` and similar files: one number of bytes, or no limit.
package struct CgroupAmount: Equatable, Sendable {
  /// The amount. Nil without a limit: `max`, or the largest number of pages that version 1 can count.
  package var amount: KiB?

  /// - Throws: What is wrong with the number.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    if scanner.take("max") {
      amount = nil
    } else {
      let count = try scanner.decimal()
      // PAGE_COUNTER_MAX is the largest long, rounded down to pages of any size.
      amount = count > UInt64(1) << 62 ? nil : KiB(bytes: count)
    }
    try scanner.expectLineEnd()
  }
}

/// `memory.stat`: what the memory of a cgroup and its descendants is.
package struct CgroupMemoryStat: Equatable, Sendable {
  /// `active_file`: file pages that were used lately.
  package var activeFile = KiB.zero
  /// `inactive_file`: file pages that are reclaimed first.
  package var inactiveFile = KiB.zero
  /// `slab_reclaimable`: caches of the kernel that it can drop. Version 2 only.
  package var slabReclaimable = KiB.zero
  /// `anon`, or `rss` in version 1: memory that belongs to no file. Nil where the file does not tell.
  package var anonymous: KiB?
  /// `shmem`: shared memory and tmpfs.
  package var shared = KiB.zero
  /// `pagetables` (6.0). Version 2 only.
  package var pageTables = KiB.zero
  /// `slab_unreclaimable`, `kernel_stack` and `percpu`: what the kernel keeps for it and cannot drop. Version 2 only.
  package var kernel = KiB.zero
  /// `swap`: the swap in use. Version 1 only, and only where swap is accounted.
  package var swap: KiB?
  /// `hierarchical_memory_limit`: the lowest limit of this cgroup and those above it. Version 1 only.
  package var hierarchicalLimit: KiB?
  /// `workingset_restore_*`: pages read back that had been in use when they were evicted. Nil where this kernel does
  /// not count them; version 1 never does.
  package var restored: UInt64?
  /// `pgscan_direct` (6.0): pages scanned by tasks that asked for memory.
  package var directScans: UInt64?
  /// `pgscan`: all pages of the cgroup that were scanned, whether the machine, this cgroup or one within was short of
  /// memory. Nil in version 1.
  package var scans: UInt64?

  /// - Throws: What is wrong with a known line. A file without any known line gives an empty value.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    // Version 1 prints each line twice: for the cgroup alone, and further down, with `total_` before it, for the
    // descendants as well.
    var scanner = ByteScanner(bytes)
    while let first = scanner.next {
      switch first {
      case UInt8(ascii: "a"), UInt8(ascii: "i"), UInt8(ascii: "r"), UInt8(ascii: "s"):
        try takeMemory(&scanner)
      case UInt8(ascii: "t"):
        if scanner.take("total_") { try takeMemory(&scanner) }
      case UInt8(ascii: "h"):
        if scanner.take("hierarchical_memory_limit ") {
          let count = try scanner.decimal()
          hierarchicalLimit = count > UInt64(1) << 62 ? nil : KiB(bytes: count)
        }
      case UInt8(ascii: "w"):
        if scanner.take("workingset_restore_anon ") || scanner.take("workingset_restore_file ")
          || scanner.take("workingset_restore ")
        {
          let (sum, overflow) = (restored ?? 0).addingReportingOverflow(try scanner.decimal())
          restored = overflow ? .max : sum
        }
      case UInt8(ascii: "p"):
        if scanner.take("pgscan_direct ") {
          directScans = try scanner.decimal()
        } else if scanner.take("pgscan ") {
          scans = try scanner.decimal()
        } else if scanner.take("pagetables ") {
          pageTables = KiB(bytes: try scanner.decimal())
        } else if scanner.take("percpu ") {
          kernel += KiB(bytes: try scanner.decimal())
        }
      case UInt8(ascii: "k"):
        if scanner.take("kernel_stack ") { kernel += KiB(bytes: try scanner.decimal()) }
      default:
        break
      }
      scanner.skipLine()
    }
  }

  private mutating func takeMemory(_ scanner: inout ByteScanner) throws(ProcParseError) {
    if scanner.take("active_file ") {
      activeFile = KiB(bytes: try scanner.decimal())
    } else if scanner.take("inactive_file ") {
      inactiveFile = KiB(bytes: try scanner.decimal())
    } else if scanner.take("slab_reclaimable ") {
      slabReclaimable = KiB(bytes: try scanner.decimal())
    } else if scanner.take("slab_unreclaimable ") {
      kernel += KiB(bytes: try scanner.decimal())
    } else if scanner.take("anon ") || scanner.take("rss ") {
      anonymous = KiB(bytes: try scanner.decimal())
    } else if scanner.take("shmem ") {
      shared = KiB(bytes: try scanner.decimal())
    } else if scanner.take("swap ") {
      swap = KiB(bytes: try scanner.decimal())
    }
  }

  /// The memory that the kernel can take back without killing a process. Shared memory, tmpfs and locked memory are on
  /// other lists.
  package var reclaimable: KiB { activeFile + inactiveFile + slabReclaimable }
}

/// How often a cgroup met its limit since it was made.
package struct LimitCounts: Equatable, Sendable {
  /// `max`: allocations that had to reclaim first, or to fail.
  package var hits: UInt64
  /// `oom`: allocations for which reclaim was not enough. The kernel then kills a process. Version 1 does not count
  /// them here.
  package var failures: UInt64

  package init(hits: UInt64, failures: UInt64) {
    self.hits = hits
    self.failures = failures
  }

  /// Parses `memory.events` of version 2, or the single number of version 1's `memory.failcnt`.
  ///
  /// - Throws: What is wrong with a known line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    if scanner.next?.decimalDigit != nil {
      self.init(hits: try scanner.decimal(), failures: 0)
      return
    }
    self.init(hits: 0, failures: 0)
    while !scanner.isAtEnd {
      if scanner.take("max ") {
        hits = try scanner.decimal()
      } else if scanner.take("oom ") {
        failures = try scanner.decimal()
      }
      scanner.skipLine()
    }
  }
}

/// How many processes the kernel has killed in a cgroup and those below it since it was made.
package struct CgroupKillCount: Equatable, Sendable {
  /// `oom_kill` (4.13); nil where the file has no such line.
  package var count: UInt64?

  /// Parses `memory.events` of version 2.
  ///
  /// - Throws: What is wrong with that line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      if scanner.take("oom_kill ") { count = try scanner.decimal() }
      scanner.skipLine()
    }
  }
}

/// How often a cgroup met its own limit, or exceeded its own `memory.high`, since it was made.
package struct OwnLimitCount: Equatable, Sendable {
  package var count: UInt64

  /// Parses `memory.events.local` of version 2 (mm/memcontrol.c, `memcg_memory_event()`), or the single number of
  /// version 1's `memory.failcnt`, which counts for the one counter that was full (mm/page_counter.c,
  /// `page_counter_try_charge()`).
  ///
  /// - Throws: What is wrong with a known line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    count = 0
    var scanner = ByteScanner(bytes)
    if scanner.next?.decimalDigit != nil {
      count = try scanner.decimal()
      return
    }
    while !scanner.isAtEnd {
      if scanner.take("max ") || scanner.take("high ") { count = count &+ (try scanner.decimal()) }
      scanner.skipLine()
    }
  }
}

/// The memory of one cgroup, from its files.
package struct CgroupMemory: Equatable, Sendable {
  /// The lower of the cgroup's limit and `memory.high`, and of the limits above it where they are known. Nil where
  /// there is no limit.
  package var limit: KiB?
  /// The cgroup's own limit, which the kernel does not let it exceed; nil where there is none.
  package var hardLimit: KiB?
  /// The memory that the cgroup has.
  package var usage: KiB
  package var stat: CgroupMemoryStat
  /// Nil where the file is missing, or was not asked for.
  package var counts: LimitCounts?
  /// A count that grows while memory is taken back because the cgroup itself is short of it: how often its own limit
  /// was met. Without a limit, or where that is unknown, it is the number of pages scanned for any reason. Nil where it
  /// is unknown, or was not asked for.
  package var ownReclaim: UInt64?
  /// The most swap that the cgroup may have; nil without a limit, or where swap is not accounted.
  package var swapLimit: KiB?
  /// The swap that the cgroup has; nil where swap is not accounted.
  package var swapUsage: KiB?

  package init(
    limit: KiB?, usage: KiB, stat: CgroupMemoryStat, counts: LimitCounts? = nil, swapLimit: KiB? = nil,
    swapUsage: KiB? = nil
  ) {
    self.limit = limit
    self.usage = usage
    self.stat = stat
    self.counts = counts
    self.swapLimit = swapLimit
    self.swapUsage = swapUsage
  }
}

extension CgroupMemory {
  /// Whether the kernel can have counted so. A cgroup holds no more than the machine, and gives back no more than it
  /// holds. `memory.stat` is up to two seconds old (rstat), so an eighth and 64 MiB more are allowed for.
  ///
  /// - Parameter machine: The machine's memory with its huge pages.
  package func isPossible(on machine: KiB) -> Bool {
    usage <= machine + KiB(machine.count / 8)
      && stat.reclaimable <= usage + KiB(usage.count / 8) + KiB(64 * 1024)
  }
}

extension MemoryReading {
  /// Makes a reading of a cgroup. Nil where its numbers contradict each other.
  ///
  /// The total is the cgroup's limit, or the machine's memory where that is less or there is no limit. Available is
  /// what is left of the total, and what the kernel could take back. The swap is the part of the machine's swap that
  /// the cgroup's limit leaves.
  ///
  /// - Parameter machine: The machine's reading of the same time. Its pool of huge pages is outside of any limit.
  package init?(_ cgroup: CgroupMemory, on machine: MemoryReading) {
    let whole = machine.total + machine.hugePool
    guard cgroup.isPossible(on: whole) else { return nil }
    let total = cgroup.limit.map { min($0, whole) } ?? machine.total
    let swapTotal = min(cgroup.swapLimit ?? machine.swapTotal, machine.swapTotal)
    var met: Impossible = []
    var swapUsage = cgroup.swapUsage ?? .zero
    // A cgroup may exceed a limit that was lowered, but never the machine's swap.
    if swapUsage > machine.swapTotal {
      met.insert(.cgroup)
      swapUsage = .zero
    }
    // A lowered limit of memory may be exceeded too, and allocations that must not fail exceed it by a little.
    if let limit = cgroup.hardLimit, cgroup.usage > limit + KiB(limit.count / 8) + KiB(64 * 1024) {
      met.insert(.cgroup)
    }
    self.init(
      time: machine.time, total: total, available: total - (cgroup.usage - cgroup.stat.reclaimable),
      swapTotal: swapTotal, swapFree: min(swapTotal - swapUsage, machine.swapFree))
    fileCache = cgroup.stat.activeFile + cgroup.stat.inactiveFile
    parts = MemoryParts(cgroup.stat, of: cgroup.usage)
    limitCounts = cgroup.counts
    ownReclaim = cgroup.ownReclaim
    impossible = met
    if let restored = cgroup.stat.restored {
      reclaim = ReclaimTotals(refaults: restored, directScans: cgroup.stat.directScans ?? 0)
    }
  }
}
