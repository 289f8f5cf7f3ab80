import ProcModel

/// The formula `linux`: today's kernel, `oom_badness` of mm/oom_kill.c as it is since 4.17, for the machine as a whole.
///
/// The score is resident pages, swap entries and page tables, plus `oom_score_adj` thousandths of all pages. As in the
/// kernel, the total is divided by 1000 first. A process with −1000 is never chosen (LONG_MIN in the kernel) and scores
/// 0 here.
func linuxScore<Sink: TermSink>(
  _ process: ProcessFacts, on machine: MachineFacts, adjustment: OomScoreAdjUse, terms: inout Sink
) -> Double {
  let units = machine.units
  var tally = WholeTally()
  tally.add(units.pages(process.resident), "rss_pages", terms: &terms)
  tally.add(units.pages(process.swap), "swap_pages", terms: &terms)
  tally.add(units.pages(process.pageTables), "page_table_pages", terms: &terms)

  let effective = max(-1000, min(Int64(adjustment.effective(process.oomScoreAdj)), 1000))
  if effective == -1000 {
    tally.multiply(by: 0, for: "oom_score_adj", -1000, terms: &terms)
  } else {
    // The product is at most 1000 times a thousandth of 2⁶⁴ − 1, so it overflows only for a machine that cannot exist.
    let step = Int64(clamping: machine.totalPages / 1000)
    let (product, overflow) = effective.multipliedReportingOverflow(by: step)
    let amount = overflow ? (effective < 0 ? Int64.min : .max) : product
    tally.add(amount, for: "oom_score_adj", Double(effective), terms: &terms)
  }
  return tally.score
}
