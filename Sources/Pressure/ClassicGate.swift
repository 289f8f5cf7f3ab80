package import ProcModel

/// The constants of ``ClassicGate``. The defaults are the kernel's.
package struct ClassicConstants: Equatable, Sendable {
  /// The longest gap between two failures of one episode. After a longer one a new episode begins.
  package var gap: Nanoseconds
  /// The least age of an episode. The failures of a younger one are not counted.
  package var youngest: Nanoseconds
  /// The number of failures that count as out of memory.
  package var failures: UInt32
  /// The least time between two kills.
  package var pause: Nanoseconds
  /// The amount of free swap, of `SwapTotal`, above which memory is not gone.
  package var swapFree: Amount

  package init(
    gap: Nanoseconds = .milliseconds(5000), youngest: Nanoseconds = .milliseconds(1000), failures: UInt32 = 10,
    pause: Nanoseconds = .milliseconds(5000), swapFree: Amount = .share(BasisPoints(0))
  ) {
    self.gap = gap
    self.youngest = youngest
    self.failures = failures
    self.pause = pause
    self.swapFree = swapFree
  }
}

/// The kernel's historical checklist between "memory is short" and "memory is gone" (mm/oom_kill.c, `out_of_memory`,
/// 2.4.19 to 2.6.10).
///
/// A *failure* is a reading at which a trigger is true. The kernel kept `first`, `last`, `count` and `lastkill`. So
/// does this, in nanoseconds where the kernel had jiffies.
package struct ClassicGate: Equatable, Sendable {
  package var constants: ClassicConstants

  private var first = Nanoseconds.zero
  private var last = Nanoseconds.zero
  private var count: UInt32 = 0
  /// The time of the last kill; nil before the first. The kernel began at 0, so it killed nothing in its first 5 s.
  private var lastKill: Nanoseconds?

  package init(_ constants: ClassicConstants) {
    self.constants = constants
  }

  /// Counts a failure, and returns whether memory is gone. The caller then kills a process, and the count begins anew.
  ///
  /// - Parameter hasSwap: Whether swap space is left. Memory is then not gone, and nothing is counted.
  package mutating func admits(failureAt now: Nanoseconds, hasSwap: Bool) -> Bool {
    if hasSwap { return false }
    let since = now - last
    last = now
    if since > constants.gap {
      reset(now)
      return false
    }
    if now - first < constants.youngest { return false }
    count &+= 1
    if count < constants.failures { return false }
    if let lastKill, now - lastKill < constants.pause { return false }
    lastKill = now
    reset(now)
    return true
  }

  private mutating func reset(_ now: Nanoseconds) {
    // The kernel released its lock while it killed, so another call could have moved `first` on meanwhile.
    if first < now { first = now }
    count = 0
  }
}
