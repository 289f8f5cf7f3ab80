import ProcModel

/// The formula `footprint`: what ending the process would give back, in KiB (``ProcessFacts/footprint``).
///
/// Source: our own. The kernel counts all that is resident, and blames one database worker for the pool that all of
/// them map. Here shared memory is divided among the processes that map it, and file pages are left out, which the kernel
/// can drop without a kill.
func footprintScore<Sink: TermSink>(_ process: ProcessFacts, terms: inout Sink) -> Double {
  var tally = RealTally()
  tally.addFootprint(of: process, terms: &terms)
  return tally.score
}

extension RealTally {
  /// The parts of ``ProcessFacts/footprint``, one term each; of shared memory the value is all that it maps.
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
