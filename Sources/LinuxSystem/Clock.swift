internal import CLinux

/// The kernel's clocks.
package enum Clock {
  /// Nanoseconds since boot, time asleep included (`CLOCK_BOOTTIME`): the clock of start times in /proc.
  package static func sinceBoot() -> UInt64 {
    read(CLOCK_BOOTTIME)
  }

  /// Nanoseconds since boot without time asleep (`CLOCK_MONOTONIC`).
  package static func awake() -> UInt64 {
    read(CLOCK_MONOTONIC)
  }

  /// Nanoseconds since 1970-01-01 UTC (`CLOCK_REALTIME`), for people and records only: it may jump.
  package static func sinceEpoch() -> UInt64 {
    read(CLOCK_REALTIME)
  }

  /// Waits. For what the kernel does in its own time, and that is soon over: the loop never waits so.
  package static func pause(milliseconds: Int32) {
    // Of no descriptor at all.
    poll(nil, 0, milliseconds)
  }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    // One struct, on the stack; the call cannot fail on these clocks (clock_gettime(2)).
    unsafe clock_gettime(clock, &time)
    return UInt64(max(time.tv_sec, 0)) * 1_000_000_000 + UInt64(max(time.tv_nsec, 0))
  }
}
