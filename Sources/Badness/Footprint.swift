import ProcModel

/// The formula `footprint`: what ending the process would give back, in KiB (``ProcessFacts/footprint``).
///
/// Source: our own. The kernel counts all that is resident, and blames one database worker for the pool that all of
/// them map; here shared memory is divided among its sharers, and file pages, which the kernel can drop without an
/// end, are left out.
func footprintScore<Sink: TermSink>(_ process: ProcessFacts, terms: inout Sink) -> Double {
  var tally = RealTally()
  tally.addFootprint(of: process, terms: &terms)
  return tally.score
}

extension RealTally {
  /// The parts of ``ProcessFacts/footprint``, one term each, and before the shared part the number it is divided by.
  mutating func addFootprint<Sink: TermSink>(of process: ProcessFacts, terms: inout Sink) {
    let sharers = max(process.sharers, 1)
    let anonymous = Double(process.anonymous.count)
    let swap = Double(process.swap.count)
    let pageTables = Double(process.pageTables.count)
    add(anonymous, for: "anonymous_kib", anonymous, terms: &terms)
    add(swap, for: "swap_kib", swap, terms: &terms)
    add(pageTables, for: "page_tables_kib", pageTables, terms: &terms)
    terms.add(Term("sharers", Double(sharers), .none))
    add(
      Double(process.shared.count / UInt64(sharers)), for: "shared_kib",
      Double(process.shared.count), terms: &terms)
  }
}
