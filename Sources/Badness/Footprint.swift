import ProcModel

/// The formula `footprint`: the memory that killing the process would give back, in KiB (``ProcessFacts/footprint``).
///
/// Source: our own. The kernel counts all resident memory, and so blames one database worker for the pool that all
/// workers map. Here shared memory is divided among the processes that map it, and memory that is shared copy-on-write
/// is left out, since it stays with the rest of the fork family. File pages are left out, since the kernel can drop them
/// without a kill.
func footprintScore<Sink: TermSink>(_ process: ProcessFacts, terms: inout Sink) -> Double {
  var tally = RealTally()
  tally.addFootprint(of: process, terms: &terms)
  return tally.score
}

extension RealTally {
  /// Adds the parts of ``ProcessFacts/footprint``, one term each. A term's value is all that the process holds or maps;
  /// its effect is what the process alone holds, or its share.
  mutating func addFootprint<Sink: TermSink>(of process: ProcessFacts, terms: inout Sink) {
    let pageTables = Double(process.pageTables.count)
    add(
      Double(process.ownAnonymous.count), for: "anonymous_kib", Double(process.anonymous.count), terms: &terms)
    add(Double(process.ownSwap.count), for: "swap_kib", Double(process.swap.count), terms: &terms)
    add(pageTables, for: "page_tables_kib", pageTables, terms: &terms)
    add(
      Double(process.ownShared.count), for: "shared_kib", Double(process.shared.count), terms: &terms)
  }
}
