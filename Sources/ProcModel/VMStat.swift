/// `/proc/vmstat` (mm/vmstat.c): the event counters by which reclaim and thrash are seen. Each counts since boot and
/// only grows; nil where this kernel has none.
package struct VMStat: Equatable, Sendable {
  /// Processes that the kernel's own killer ended, in cgroups too (4.13).
  package var oomKill: UInt64?
  /// Pages scanned by whoever asked for memory. Before 4.8 there is one counter a zone; this is their sum.
  package var pgscanDirect: UInt64?
  /// Pages scanned by kswapd; summed over zones likewise.
  package var pgscanKswapd: UInt64?
  /// Pages reclaimed by whoever asked; summed likewise.
  package var pgstealDirect: UInt64?
  /// Pages reclaimed by kswapd; summed likewise.
  package var pgstealKswapd: UInt64?
  /// Whether ``pgscanDirect`` counts what cgroups scan at their own limits as well; then it stands among the counters of
  /// nodes, before `pgpgin` (see ``machineReclaim``).
  package var directCountsCgroups = false
  /// Entries into direct reclaim; since 4.10 there is one counter a zone, of which this is the sum.
  package var allocstall: UInt64?
  /// Pages read back that had been in use, on the active list, when they were evicted: anonymous and file together (4.20
  /// to 5.8). It is these that PSI counts as lost time.
  package var workingsetRestore: UInt64?
  /// The same, anonymous pages only (5.9).
  package var workingsetRestoreAnon: UInt64?
  /// The same, file pages only (5.9).
  package var workingsetRestoreFile: UInt64?
  /// Pages read back so soon that they went to the active list at once, file pages only (3.15 to 5.8).
  package var workingsetActivate: UInt64?
  /// Pages read from swap.
  package var pswpin: UInt64?
  /// Pages written to swap.
  package var pswpout: UInt64?
  /// Faults that had to read from disk.
  package var pgmajfault: UInt64?

  /// - Throws: What is wrong with a known line. A file without any is a value with nothing in it.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    while let first = scanner.next {
      switch first {
      case UInt8(ascii: "p"): try takePageCounter(&scanner)
      case UInt8(ascii: "o"):
        if scanner.take("oom_kill ") { oomKill = try scanner.decimal() }
      case UInt8(ascii: "a"):
        if scanner.take("allocstall") { try VMStat.addZone(to: &allocstall, &scanner) }
      case UInt8(ascii: "w"):
        if scanner.take("workingset_restore ") {
          workingsetRestore = try scanner.decimal()
        } else if scanner.take("workingset_restore_anon ") {
          workingsetRestoreAnon = try scanner.decimal()
        } else if scanner.take("workingset_restore_file ") {
          workingsetRestoreFile = try scanner.decimal()
        } else if scanner.take("workingset_activate ") {
          workingsetActivate = try scanner.decimal()
        }
      default:
        break
      }
      scanner.skipLine()
    }
  }

  /// A sum that grows while memory is taken back because the *machine* is short of it, and not because a cgroup met its
  /// own limit; nil where this kernel counts nothing of the kind.
  ///
  /// mm/vmscan.c, read for Linux 5.10, 6.1 and 6.18:
  ///
  /// - `pgscan_kswapd` is of kswapd, which works for the machine alone; `shrink_inactive_list()` and, with the
  ///   multi-generational LRU, `scan_folios()` add to it and to `pgscan_direct` only `if (!cgroup_reclaim(sc))`
  ///   (`global_reclaim(sc)` before 5.5).
  /// - `allocstall_*` is of `do_try_to_free_pages()`, likewise only `if (!cgroup_reclaim(sc))`. It counts entries: a task
  ///   that is in reclaim for longer than a window adds nothing in it, but goes on scanning.
  /// - `pgscan_anon` and `pgscan_file` count both, and so do `workingset_*`, which are sums over all cgroups
  ///   (mm/workingset.c, `mod_lruvec_state()`).
  /// - After 6.19 ("mm: move pgscan, pgsteal, pgrefill to node stats", February 2026) `pgscan_*` are counters of nodes, and
  ///   `pgscan_direct` counts cgroups' scans too. There only the other two tell.
  package var machineReclaim: UInt64? {
    let direct = directCountsCgroups ? nil : pgscanDirect
    if pgscanKswapd == nil, direct == nil, allocstall == nil { return nil }
    // Of sums that only grow nothing but the difference counts, so that they may wrap.
    return (pgscanKswapd ?? 0) &+ (direct ?? 0) &+ (allocstall ?? 0)
  }

  private mutating func takePageCounter(_ scanner: inout ByteScanner) throws(ProcParseError) {
    if scanner.take("pgscan_direct") {
      try VMStat.addZone(to: &pgscanDirect, &scanner)
    } else if scanner.take("pgscan_kswapd") {
      try VMStat.addZone(to: &pgscanKswapd, &scanner)
    } else if scanner.take("pgsteal_direct") {
      try VMStat.addZone(to: &pgstealDirect, &scanner)
    } else if scanner.take("pgsteal_kswapd") {
      try VMStat.addZone(to: &pgstealKswapd, &scanner)
    } else if scanner.take("pgpgin ") {
      // The first event: what stood before is no event.
      directCountsCgroups = pgscanDirect != nil
    } else if scanner.take("pswpin ") {
      pswpin = try scanner.decimal()
    } else if scanner.take("pswpout ") {
      pswpout = try scanner.decimal()
    } else if scanner.take("pgmajfault ") {
      pgmajfault = try scanner.decimal()
    }
  }

  /// Adds one zone's counter, or the one for all. Zones are named, because `pgscan_direct_throttle` is no zone.
  private static func addZone(to sum: inout UInt64?, _ scanner: inout ByteScanner) throws(ProcParseError) {
    let isCounter =
      scanner.take(" ") || scanner.take("_normal ") || scanner.take("_dma32 ") || scanner.take("_dma ")
      || scanner.take("_movable ") || scanner.take("_high ") || scanner.take("_device ")
    guard isCounter else { return }
    let (total, overflow) = (sum ?? 0).addingReportingOverflow(try scanner.decimal())
    sum = overflow ? .max : total
  }
}
