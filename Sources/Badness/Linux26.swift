import ProcModel

/// The formula `linux-2.6`: `badness()` of mm/oom_kill.c in Linux 2.6.11, where HZ was 1000.
///
/// SHIFT_HZ is 10 there, so CPU time counts in 2¹³ jiffies (8.192 s). Run time counts in 1024 s. The roots are exact,
/// and a root of zero does not divide. Children with memory of their own add all of theirs, so that a server cannot
/// hide behind what it forks. Last the score is shifted by `oom_adj`. A score of zero stays zero (a guard was proposed
/// in 2007).
func linux26Score<Sink: TermSink>(
  _ process: ProcessFacts, units: KernelUnits, adjustment: OomScoreAdjUse, terms: inout Sink
) -> Double {
  let cpu = units.jiffies(process.cpu, hz: 1000) >> 13
  let run = units.seconds(process.reckonedAge(units)) >> 10
  var tally = WholeTally()
  tally.add(units.pages(process.virtual), "total_vm_pages", terms: &terms)
  tally.add(units.pages(process.childrenVirtual), "children_vm_pages", terms: &terms)
  tally.divide(by: floorRoot(cpu), for: "cpu_8192ms", Double(cpu), terms: &terms)
  tally.divide(by: floorRoot(floorRoot(run)), for: "run_1024s", Double(run), terms: &terms)
  tally.multiply(by: process.nice > 0 ? 2 : 1, for: "nice", Double(process.nice), terms: &terms)
  tally.dividePrivilege(of: process, terms: &terms)

  let shift = linuxOomAdj(adjustment.effective(process.oomScoreAdj))
  if shift == -17 {
    tally.multiply(by: 0, for: "oom_adj", Double(shift), terms: &terms)
  } else if shift > 0 {
    tally.multiply(by: 1 << Int64(shift), for: "oom_adj", Double(shift), terms: &terms)
  } else {
    // Points are never negative here, so the division equals the kernel's right shift.
    tally.divide(by: 1 << UInt64(-shift), for: "oom_adj", Double(shift), terms: &terms)
  }
  return tally.score
}

/// Returns the old `oom_adj`, −17 (OOM_DISABLE: never) to 15, for a given `oom_score_adj`.
///
/// The rule is that of `oom_adj_read` in the kernel's fs/proc/base.c, with the bound at 15 that it was given in 2020;
/// before that, 942…999 made 16. Values outside of −1000…1000, which the kernel does not give, count as the nearest
/// value that it gives.
package func linuxOomAdj(_ oomScoreAdj: Int16) -> Int {
  let adjustment = max(-1000, min(Int(oomScoreAdj), 1000))
  return min(adjustment * 17 / 1000, 15)
}
