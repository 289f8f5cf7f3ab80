/// Which of the kernel's two kinds of cgroup hierarchy accounts memory.
package enum CgroupVersion: Equatable, Sendable {
  /// The memory controller's own hierarchy (Documentation/admin-guide/cgroup-v1/memory.rst).
  case v1
  /// The unified one (Documentation/admin-guide/cgroup-v2.rst).
  case v2
}

/// A kernel file about one memory cgroup.
package enum CgroupFile: UInt8, CaseIterable, Sendable {
  case limit
  /// Above it the kernel slows a cgroup's tasks down, but does not end any.
  case high
  case usage
  case stat
  /// How often the limit was met.
  case events
  /// How often its own limit was met, and not one of a cgroup within (Linux 5.2).
  case ownEvents
  case swapLimit
  case swapUsage
  case pressure

  /// Its name in a cgroup's directory; nil where this version has none.
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

/// `memory.max` and its kin: one number of bytes, or no limit.
package struct CgroupAmount: Equatable, Sendable {
  /// Nil without a limit: `max`, or the largest number of pages that version 1 can count.
  package var amount: KiB?

  /// - Throws: What is wrong with it.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    if scanner.take("max") {
      amount = nil
    } else {
      let count = try scanner.decimal()
      // PAGE_COUNTER_MAX is the largest long, rounded down to pages of whatever size.
      amount = count > UInt64(1) << 62 ? nil : KiB(bytes: count)
    }
    try scanner.expectLineEnd()
  }
}

/// `memory.stat`: what a cgroup's memory is, its descendants' with it.
package struct CgroupMemoryStat: Equatable, Sendable {
  package var activeFile = KiB.zero
  package var inactiveFile = KiB.zero
  /// Version 2 only.
  package var slabReclaimable = KiB.zero
  /// Version 1 only, and there only where swap is accounted.
  package var swap: KiB?
  /// Version 1 only: the lowest limit of this cgroup and those above it.
  package var hierarchicalLimit: KiB?
  /// Pages read back that had been in use; nil where this kernel does not tell, as none of version 1 does.
  package var restored: UInt64?
  /// Pages scanned by tasks that asked for memory; nil before 6.0.
  package var directScans: UInt64?
  /// Pages scanned by anybody, for the machine, this cgroup or one within; nil in version 1.
  package var scans: UInt64?

  /// - Throws: What is wrong with a known line. A file without any is a value with nothing in it.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    // Version 1 has each twice: the cgroup's own, and with `total_` its descendants' as well, further down.
    var scanner = ByteScanner(bytes)
    while let first = scanner.next {
      switch first {
      case UInt8(ascii: "a"), UInt8(ascii: "i"), UInt8(ascii: "s"):
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
        }
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
    } else if scanner.take("swap ") {
      swap = KiB(bytes: try scanner.decimal())
    }
  }

  /// What the kernel can take back without anybody's end. Shared memory, tmpfs and what is locked are on other lists.
  package var reclaimable: KiB { activeFile + inactiveFile + slabReclaimable }
}

/// How often a cgroup met its limit, since it was made.
package struct LimitCounts: Equatable, Sendable {
  /// Allocations that had to reclaim first, or to fail.
  package var hits: UInt64
  /// Those of them for which reclaim was not enough; the kernel then ends somebody. Version 1 does not count them here.
  package var failures: UInt64

  package init(hits: UInt64, failures: UInt64) {
    self.hits = hits
    self.failures = failures
  }

  /// `memory.events` of version 2, or the single number of version 1's `memory.failcnt`.
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

/// How often a cgroup met its own limit, or its line `memory.high`, since it was made.
package struct OwnLimitCount: Equatable, Sendable {
  package var count: UInt64

  /// `memory.events.local` of version 2 (mm/memcontrol.c, `memcg_memory_event()`), or the single number of version 1's
  /// `memory.failcnt`, which is of the one counter that was full (mm/page_counter.c, `page_counter_try_charge()`).
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

/// What the files of one cgroup tell of its memory.
package struct CgroupMemory: Equatable, Sendable {
  /// Nil without one.
  package var limit: KiB?
  /// The part of it that the kernel does not let it exceed, where it is known.
  package var hardLimit: KiB?
  package var usage: KiB
  package var stat: CgroupMemoryStat
  package var counts: LimitCounts?
  /// A count that moves while its memory is taken back for its own sake: how often its limit was met. Without a limit, or
  /// where that is not told, the pages that were scanned for anybody's. Nil where it is not known, or was not asked for.
  package var ownReclaim: UInt64?
  /// Of swap; nil without one, or where swap is not accounted.
  package var swapLimit: KiB?
  /// Nil where swap is not accounted.
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
  /// Whether the kernel can have counted so: a cgroup holds no more than the machine, and gives back no more than it
  /// holds. `memory.stat` is up to two seconds old (rstat), so that an eighth and 64 MiB more are let pass.
  ///
  /// - Parameter machine: Its memory, huge pages with it.
  package func isPossible(on machine: KiB) -> Bool {
    usage <= machine + KiB(machine.count / 8)
      && stat.reclaimable <= usage + KiB(usage.count / 8) + KiB(64 * 1024)
  }
}

extension MemoryReading {
  /// A cgroup's reading; nil where its numbers contradict each other.
  ///
  /// Its total is its limit, or the machine's memory where that is less or there is none. Available is what is left of
  /// that, and what the kernel could take back. Its swap is what its limit leaves of the machine's.
  ///
  /// - Parameter machine: Read at the same time. Its pool of huge pages is outside of any limit.
  package init?(_ cgroup: CgroupMemory, on machine: MemoryReading) {
    let whole = machine.total + machine.hugePool
    guard cgroup.isPossible(on: whole) else { return nil }
    let total = cgroup.limit.map { min($0, whole) } ?? machine.total
    let swapTotal = min(cgroup.swapLimit ?? machine.swapTotal, machine.swapTotal)
    var met: Impossible = []
    var swapUsage = cgroup.swapUsage ?? .zero
    // A limit that was lowered may be exceeded; the machine's swap cannot.
    if swapUsage > machine.swapTotal {
      met.insert(.cgroup)
      swapUsage = .zero
    }
    // So may that of memory, and allocations that must not fail go over it by a little.
    if let limit = cgroup.hardLimit, cgroup.usage > limit + KiB(limit.count / 8) + KiB(64 * 1024) {
      met.insert(.cgroup)
    }
    self.init(
      time: machine.time, total: total, available: total - (cgroup.usage - cgroup.stat.reclaimable),
      swapTotal: swapTotal, swapFree: min(swapTotal - swapUsage, machine.swapFree))
    fileCache = cgroup.stat.activeFile + cgroup.stat.inactiveFile
    limitCounts = cgroup.counts
    ownReclaim = cgroup.ownReclaim
    impossible = met
    if let restored = cgroup.stat.restored {
      reclaim = ReclaimTotals(refaults: restored, directScans: cgroup.stat.directScans ?? 0)
    }
  }
}
