package import ProcModel

/// The kernel's historical checklist between "memory is short" and "memory is gone" (mm/oom_kill.c, `out_of_memory`, 2.4.19 to 2.6.10).
///
/// A *failure* is a look at which a trigger is true. The kernel kept `first`, `last`, `count` and `lastkill`; so does this.
package struct ClassicGate: Equatable, Sendable {
  /// A gap longer than this between failures begins a new episode (5 s).
  package var gap = Nanoseconds.milliseconds(5000)
  /// An episode younger than this is not yet one, and its failures are not counted (1 s).
  package var youngest = Nanoseconds.milliseconds(1000)
  /// So many failures count as out of memory (10).
  package var failures: UInt32 = 10
  /// Between two kills (5 s).
  package var pause = Nanoseconds.milliseconds(5000)

  private var first = Nanoseconds.zero
  private var last = Nanoseconds.zero
  private var count: UInt32 = 0
  private var lastKill: Nanoseconds?

  package init() {}

  /// Takes a failure, and says whether memory is gone: then the caller kills, and the count begins anew.
  ///
  /// - Parameter hasSwap: Whether swap space is left: then it is not, and nothing is counted.
  package mutating func admits(failureAt now: Nanoseconds, hasSwap: Bool) -> Bool {
    if hasSwap { return false }
    let since = now - last
    last = now
    if since > gap {
      reset(now)
      return false
    }
    if now - first < youngest { return false }
    count &+= 1
    if count < failures { return false }
    if let lastKill, now - lastKill < pause { return false }
    lastKill = now
    reset(now)
    return true
  }

  private mutating func reset(_ now: Nanoseconds) {
    // The kernel dropped its lock while it killed, and another call might have moved `first` on meanwhile.
    if first < now { first = now }
    count = 0
  }
}
