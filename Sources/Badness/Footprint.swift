import ProcModel

/// The formula `footprint`: the memory that killing the process would give back, in KiB (``ProcessFacts/footprint``).
///
/// Source: our own. The kernel counts all resident memory, and so blames one database worker for the pool that all
/// workers map. Here shared memory is divided among the processes that map it. File pages are left out, since the
/// kernel can drop them without a kill.
func footprintScore<Sink: TermSink>(_ process: ProcessFacts, terms: inout Sink) -> Double {
  var tally = RealTally()
  tally.addFootprint(of: process, terms: &terms)
  return tally.score
}

extension RealTally {
  /// Adds the parts of ``ProcessFacts/footprint``, one term each. The value of the term for shared memory is all that
  /// the process maps; its effect is the process's share.
  mutating func addFootprint<Sink: TermSink>(of process: ProcessFacts, terms: inout Sink) {
    let anonymous = Double(process.anonymous.count)
    let swap = Double(process.swap.count)
    let pageTables = Double(process.pageTables.count)
    add(anonymous, for: "anonymous_kib", anonymous, terms: &terms)
    add(swap, for: "swap_kib", swap, terms: &terms)
    add(pageTables, for: "page_tables_kib", pageTables, terms: &terms)
    add(
      Double(process.ownShared.count), for: "shared_kib", Double(process.shared.count), terms: &terms)
  }
}
