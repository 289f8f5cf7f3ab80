import ProcModel

/// The formula `spillway`, the default: the footprint in KiB, divided for service and privilege, multiplied for growth
/// and by a factor for `oom_score_adj`. A process that has none of these scores its footprint.
///
/// Source: our own, after `badness()` of Linux 2.4 and 2.6 (``linux24Score(_:units:terms:)``). What differs, and why:
///
/// - **Footprint, not address space.** Address space is cheap and reserved by the terabyte. Only memory that would come
///   back can help.
/// - **Service:** ⁴√(1 + CPU seconds) × ⁴√(1 + minutes of age). A fourth root of CPU time, where the kernel took a
///   square root: a runaway loop uses CPU time too, and after an hour it must not look sixty times as worthy. The root
///   is of 1 + x, so that a young process is not divided by zero and does not jump at its first second. Both together
///   are never more than 16, so that a long-running process is spared but not immune: when it is the one that leaks, it
///   must still come to the top.
/// - **Privilege:** ÷2 and ÷2, where the kernel took ÷4 and ÷4. On today's servers many unimportant processes run as
///   root. What must live should be protected by a rule, which says so in words.
/// - **Growth:** × (1 + 3 × the share of its footprint by which the process will grow in 10 s, at most 1), so ×4 for a
///   process that would double. A leak that began a minute ago outranks a database of the same size that has stood
///   still for a month.
/// - **`oom_score_adj`:** × 2^(adj ÷ 250), so ×16 at 1000 and ÷4 at −500. It multiplies on purpose. Where it is added,
///   as in the kernel, a small innocent process with +300 outranks a hog with −500, and killing the innocent process
///   would not help. −1000 divides by 16 here; the ranking sees to it that such a process is never killed.
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

/// The largest divisor for service.
private let spillwayServiceLimit = 16.0

/// Returns 2^(adjustment ÷ 250), by straight lines between the whole powers: 250 → 2, 300 → 2.4, 500 → 4. The result is
/// within 6.2 % of the curve and can be worked out by hand. The exact power would need the C library's mathematics.
///
/// - Parameter adjustment: A number in 0…1000.
private func spillwayPowerOfTwo(adjustment: Int) -> Double {
  let power = Double(1 << (adjustment / 250))
  return power + power * Double(adjustment % 250) / 250
}
