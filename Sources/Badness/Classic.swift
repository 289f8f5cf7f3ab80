import ProcModel

/// The formula `classic`: the historical killer as it is usually described.
///
/// Source: Mel Gorman, "Understanding the Linux Virtual Memory Manager" (2004), chapter 13.3, after the comments in
/// `badness()`. They speak of seconds and minutes, where the code counted in powers of two of jiffies (see
/// ``linux24Score(_:units:terms:)``):
///
///     total_vm ÷ √(CPU time in seconds) ÷ ⁴√(run time in minutes)
///     ÷ 4 for root or CAP_SYS_ADMIN, ÷ 4 for CAP_SYS_RAWIO
///
/// Whole seconds and minutes, whole roots, each rounded down; a root below 1 counts as 1.
func classicScore<Sink: TermSink>(
  _ process: ProcessFacts, units: KernelUnits, terms: inout Sink
) -> Double {
  let seconds = units.seconds(process.cpu)
  let minutes = units.seconds(process.reckonedAge(units)) / 60
  var tally = WholeTally()
  tally.add(units.pages(process.virtual), "total_vm_pages", terms: &terms)
  tally.divide(by: floorRoot(seconds), for: "cpu_seconds", Double(seconds), terms: &terms)
  tally.divide(
    by: floorRoot(floorRoot(minutes)), for: "run_minutes", Double(minutes), terms: &terms)
  tally.dividePrivilege(of: process, terms: &terms)
  return tally.score
}
