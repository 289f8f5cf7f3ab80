internal import CLinux

/// The kernel's clocks.
package enum Clock {
  /// Returns the nanoseconds since boot on `CLOCK_BOOTTIME`, which goes on while the machine sleeps. Start times in
  /// /proc are on this clock.
  package static func sinceBoot() -> UInt64 {
    read(CLOCK_BOOTTIME)
  }

  /// Returns the nanoseconds since boot on `CLOCK_MONOTONIC`, which stands while the machine sleeps.
  package static func awake() -> UInt64 {
    read(CLOCK_MONOTONIC)
  }

  /// Returns the nanoseconds since 1970-01-01 UTC on `CLOCK_REALTIME`. That clock may jump, so this is for people and
  /// records only.
  package static func sinceEpoch() -> UInt64 {
    read(CLOCK_REALTIME)
  }

  /// Waits, for something that the kernel does in its own time and that is soon done. The loop never waits like this.
  package static func pause(milliseconds: Int32) {
    // The poll is for no descriptor at all.
    poll(nil, 0, milliseconds)
  }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    // One struct, on the stack; the call cannot fail on these clocks (clock_gettime(2)).
    unsafe clock_gettime(clock, &time)
    return UInt64(max(time.tv_sec, 0)) * 1_000_000_000 + UInt64(max(time.tv_nsec, 0))
  }
}
