/// `/proc/vmstat` (mm/vmstat.c): the event counters that show reclaim and thrashing. Each counts since boot and only
/// grows. A counter is nil where this kernel has none.
package struct VMStat: Equatable, Sendable {
  /// `oom_kill` (4.13): processes that the kernel's own killer killed, in cgroups too.
  package var oomKill: UInt64?
  /// `pgscan_direct`: pages scanned by tasks that asked for memory. Before 4.8 there is one counter for each zone, and
  /// this is their sum.
  package var pgscanDirect: UInt64?
  /// `pgscan_kswapd`: pages scanned by kswapd, summed over zones likewise.
  package var pgscanKswapd: UInt64?
  /// Whether ``pgscanDirect`` also counts what cgroups scan at their own limits. The counter then stands among those of
  /// nodes, before `pgpgin` (see ``machineReclaim``).
  package var directCountsCgroups = false
  /// `allocstall`: entries into direct reclaim. Since 4.10 there is one counter for each zone, and this is their sum.
  package var allocstall: UInt64?
  /// `workingset_restore` (4.20 to 5.8): pages read back that had been in use, on the active list, when they were
  /// evicted, anonymous and file together. PSI counts the wait for these as lost time.
  package var workingsetRestore: UInt64?
  /// `workingset_restore_anon` (5.9): the same, anonymous pages only.
  package var workingsetRestoreAnon: UInt64?
  /// `workingset_restore_file` (5.9): the same, file pages only.
  package var workingsetRestoreFile: UInt64?
  /// `workingset_activate` (3.15 to 5.8): file pages read back so soon that they went to the active list at once.
  package var workingsetActivate: UInt64?
  /// `pswpin`: pages read from swap.
  package var pswpin: UInt64?
  /// `pswpout`: pages written to swap.
  package var pswpout: UInt64?
  /// `pgmajfault`: page faults that had to read from a disk.
  package var pgmajfault: UInt64?

  /// - Throws: What is wrong with a known line. A file without any known line gives an empty value.
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
  /// own limit. Nil where this kernel counts nothing of the kind.
  ///
  /// mm/vmscan.c, read for Linux 5.10, 6.1 and 6.18:
  ///
  /// - `pgscan_kswapd` counts the scans of kswapd, which works for the machine alone. `shrink_inactive_list()` and,
  ///   with the multi-generational LRU, `scan_folios()` add to it and to `pgscan_direct` only `if
  ///   (!cgroup_reclaim(sc))` (`global_reclaim(sc)` before 5.5).
  /// - `allocstall_*` is counted by `do_try_to_free_pages()`, likewise only `if (!cgroup_reclaim(sc))`. It counts
  ///   entries: a task that is in reclaim for longer than a window adds nothing in that window, but goes on scanning.
  /// - `pgscan_anon` and `pgscan_file` count both kinds of reclaim. So do `workingset_*`, which are sums over all
  ///   cgroups (mm/workingset.c, `mod_lruvec_state()`).
  /// - After 6.19 ("mm: move pgscan, pgsteal, pgrefill to node stats", February 2026) `pgscan_*` are counters of nodes,
  ///   and `pgscan_direct` counts the scans of cgroups too. There only the other two tell.
  package var machineReclaim: UInt64? {
    let direct = directCountsCgroups ? nil : pgscanDirect
    if pgscanKswapd == nil, direct == nil, allocstall == nil { return nil }
    // Only the difference between two sums is used, so they may wrap.
    return (pgscanKswapd ?? 0) &+ (direct ?? 0) &+ (allocstall ?? 0)
  }

  private mutating func takePageCounter(_ scanner: inout ByteScanner) throws(ProcParseError) {
    if scanner.take("pgscan_direct") {
      try VMStat.addZone(to: &pgscanDirect, &scanner)
    } else if scanner.take("pgscan_kswapd") {
      try VMStat.addZone(to: &pgscanKswapd, &scanner)
    } else if scanner.take("pgpgin ") {
      // This is the first event. The counters before it are not events.
      directCountsCgroups = pgscanDirect != nil
    } else if scanner.take("pswpin ") {
      pswpin = try scanner.decimal()
    } else if scanner.take("pswpout ") {
      pswpout = try scanner.decimal()
    } else if scanner.take("pgmajfault ") {
      pgmajfault = try scanner.decimal()
    }
  }

  /// Adds one zone's counter, or the one counter for all. The zones are listed by name, because
  /// `pgscan_direct_throttle` is no zone.
  private static func addZone(to sum: inout UInt64?, _ scanner: inout ByteScanner) throws(ProcParseError) {
    let isCounter =
      scanner.take(" ") || scanner.take("_normal ") || scanner.take("_dma32 ") || scanner.take("_dma ")
      || scanner.take("_movable ") || scanner.take("_high ") || scanner.take("_device ")
    guard isCounter else { return }
    let (total, overflow) = (sum ?? 0).addingReportingOverflow(try scanner.decimal())
    sum = overflow ? .max : total
  }
}
