package import ProcModel

/// The five constants of ``ClassicGate``, and what they were.
package struct ClassicConstants: Equatable, Sendable {
  /// A gap longer than this between failures begins a new episode.
  package var gap: Nanoseconds
  /// The failures of an episode younger than this are not counted.
  package var youngest: Nanoseconds
  /// So many failures count as out of memory.
  package var failures: UInt32
  /// Between two ends.
  package var pause: Nanoseconds
  /// Free swap, of `SwapTotal`, above which memory is not gone.
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
/// A *failure* is a look at which a trigger is true. The kernel kept `first`, `last`, `count` and `lastkill`; so does
/// this, in nanoseconds where it had jiffies.
package struct ClassicGate: Equatable, Sendable {
  package var constants: ClassicConstants

  private var first = Nanoseconds.zero
  private var last = Nanoseconds.zero
  private var count: UInt32 = 0
  /// Nil before the first end: the kernel began at 0, so that its first 5 s saw none.
  private var lastEnd: Nanoseconds?

  package init(_ constants: ClassicConstants) {
    self.constants = constants
  }

  /// Takes a failure, and says whether memory is gone: then the caller ends somebody, and the count begins anew.
  ///
  /// - Parameter hasSwap: Whether swap space is left: then it is not, and nothing is counted.
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
    if let lastEnd, now - lastEnd < constants.pause { return false }
    lastEnd = now
    reset(now)
    return true
  }

  private mutating func reset(_ now: Nanoseconds) {
    // The kernel let go of its lock while it killed, so that another call could have moved `first` on meanwhile.
    if first < now { first = now }
    count = 0
  }
}
