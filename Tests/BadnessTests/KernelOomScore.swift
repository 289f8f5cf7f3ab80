import Badness
import ProcModel

/// What `/proc/PID/oom_score` shows for a badness, 0…2000.
///
/// As `proc_oom_score` in fs/proc/base.c since Linux 5.9: `(1000 + points * 1000 / totalpages) * 2 / 3`, each division
/// truncated toward zero. One step is about 0.15 % of RAM and swap. For a process
/// that is never chosen (−1000, init, a kernel thread, no memory left) the kernel shows 0 by another path.
///
/// - Parameters:
///   - points: The score of ``Formula/linux`` with ``OomScoreAdjUse/respect``, in pages.
///   - totalPages: The machine's RAM and swap in pages, as ``MachineFacts/totalPages``.
func kernelOomScore(points: Double, totalPages: UInt64) -> Int32 {
  // 2⁵³ pages are past any machine, and exact.
  let bounded = Int64(max(-0x1p53, min(points, 0x1p53)))
  let share = min(bounded * 1000 / max(Int64(clamping: totalPages), 1), Int64(Int32.max))
  return Int32(clamping: max(1000 + share, 0) * 2 / 3)
}
