import ProcModel

/// The formula `spillway`, the default: the footprint, discounted for service and privilege, raised for growth, times
/// what `oom_score_adj` says. In KiB, as if the process held so much and had nothing for it or against it.
///
/// Source: our own, after `badness()` of Linux 2.4 and 2.6 (``linux24Score(_:units:terms:)``). What differs, and why:
///
/// - **Footprint, not address space.** Address space is cheap and reserved by the terabyte; only what would come back
///   can help.
/// - **Service:** ⁴√(1 + CPU seconds) × ⁴√(1 + minutes of age). A fourth root of CPU time where the kernel took a
///   square one: a runaway loop burns CPU too, and after an hour must not look sixty times as worthy. Of 1 + x,
///   because a young process should be neither divided by zero nor jump at the first second. Never more than 16
///   together, so that a veteran is spared and not immune: when it is the one that leaks, it must still come to the
///   top.
/// - **Privilege:** ÷2 and ÷2 where the kernel took ÷4 and ÷4. On today's servers much that is not important runs as
///   root; what must live should be protected by a rule, which says so in words.
/// - **Growth:** × (1 + 3 × the share of itself by which it will grow in 10 s, at most 1), so ×4 for one that would
///   double. A leak that began a minute ago outranks a database of the same size that has stood still for a month.
/// - **`oom_score_adj`:** × 2^(adj ÷ 250), so ×16 at 1000 and ÷4 at −500. Multiplied on purpose: added, as the kernel
///   does, a small innocent with +300 outranks a hog with −500, and ending the innocent would not help.
///   −1000 divides by 16 here; that it is never ended is for the ranking to see to.
func spillwayScore<Sink: TermSink>(
  _ process: ProcessFacts, units: KernelUnits, adjustment: OomScoreAdjUse, terms: inout Sink
) -> Double {
  var tally = RealTally()
  tally.addFootprint(of: process, terms: &terms)
  let footprint = tally.score

  let cpuSeconds = Double(process.cpu.count) / Double(units.ticksPerSecond)
  let runMinutes = Double(process.reckonedAge(units).count) / Double(units.ticksPerSecond) / 60
  let cpuRoot = (1 + cpuSeconds).squareRoot().squareRoot()
  let runRoot = (1 + runMinutes).squareRoot().squareRoot()
  tally.divide(by: cpuRoot, for: "cpu_seconds", cpuSeconds, terms: &terms)
  tally.divide(by: runRoot, for: "run_minutes", runMinutes, terms: &terms)
  let excess = max(cpuRoot * runRoot / spillwayServiceLimit, 1)
  tally.multiply(by: excess, for: "service_limit", spillwayServiceLimit, terms: &terms)

  let administers = process.isRootOrAdministrator
  tally.divide(
    by: administers ? 2 : 1, for: "root_or_sys_admin", administers ? 1 : 0, terms: &terms)
  let touchesHardware = process.hasRawIO
  tally.divide(
    by: touchesHardware ? 2 : 1, for: "sys_rawio", touchesHardware ? 1 : 0, terms: &terms)

  let growth = Double(process.growthPerSecond.count)
  let share = footprint > 0 ? min(growth * 10 / footprint, 1) : 0
  tally.multiply(by: 1 + 3 * share, for: "growth_kib_per_second", growth, terms: &terms)

  let effective = max(-1000, min(Int(adjustment.effective(process.oomScoreAdj)), 1000))
  let factor = spillwayPowerOfTwo(adjustment: abs(effective))
  if effective < 0 {
    tally.divide(by: factor, for: "oom_score_adj", Double(effective), terms: &terms)
  } else {
    tally.multiply(by: factor, for: "oom_score_adj", Double(effective), terms: &terms)
  }
  return tally.score
}

/// The most that service divides by.
private let spillwayServiceLimit = 16.0

/// 2^(adjustment ÷ 250) by straight lines between the whole powers: 250 → 2, 300 → 2.4, 500 → 4. Within 6.2 % of the
/// curve, and anyone can work it out by hand; the true power would need the C library's mathematics.
///
/// - Parameter adjustment: 0…1000.
private func spillwayPowerOfTwo(adjustment: Int) -> Double {
  let power = Double(1 << (adjustment / 250))
  return power + power * Double(adjustment % 250) / 250
}
