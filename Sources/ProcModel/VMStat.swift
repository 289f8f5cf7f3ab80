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

  private mutating func takePageCounter(_ scanner: inout ByteScanner) throws(ProcParseError) {
    if scanner.take("pgscan_direct") {
      try VMStat.addZone(to: &pgscanDirect, &scanner)
    } else if scanner.take("pgscan_kswapd") {
      try VMStat.addZone(to: &pgscanKswapd, &scanner)
    } else if scanner.take("pgsteal_direct") {
      try VMStat.addZone(to: &pgstealDirect, &scanner)
    } else if scanner.take("pgsteal_kswapd") {
      try VMStat.addZone(to: &pgstealKswapd, &scanner)
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
