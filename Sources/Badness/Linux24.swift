import ProcModel

/// The formula `linux-2.4`: `badness()` of mm/oom_kill.c in Linux 2.4.0 to 2.4.2x, on i386, where HZ was 100.
///
/// SHIFT_HZ is 7 there (linux/timex.h). So CPU time counts in 2¹⁰ jiffies (10.24 s) and run time in 2¹⁷ jiffies
/// (1310.72 s), although the kernel's own comment speaks of seconds and minutes. The roots are coarse and never zero:
/// ``linux24Root(_:)``.
func linux24Score<Sink: TermSink>(
  _ process: ProcessFacts, units: KernelUnits, terms: inout Sink
) -> Double {
  let cpu = units.jiffies(process.cpu, hz: 100) >> 10
  let run = units.jiffies(process.reckonedAge(units), hz: 100) >> 17
  var tally = WholeTally()
  tally.add(units.pages(process.virtual), "total_vm_pages", terms: &terms)
  tally.divide(by: linux24Root(cpu), for: "cpu_10240ms", Double(cpu), terms: &terms)
  tally.divide(
    by: linux24Root(linux24Root(run)), for: "run_1310720ms", Double(run), terms: &terms)
  tally.multiply(by: process.nice > 0 ? 2 : 1, for: "nice", Double(process.nice), terms: &terms)
  tally.dividePrivilege(of: process, terms: &terms)
  return tally.score
}
