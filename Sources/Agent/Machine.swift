import LinuxSystem
package import ProcModel
package import ProcReader

/// The machine as the agent sees it: what its files tell, and what time it is. In production it is the kernel; a test
/// gives a scripted one, whose time it moves by itself.
package protocol Machine: ProcSource, ~Copyable {
  /// `CLOCK_BOOTTIME`, on which start times are.
  var now: Nanoseconds { get }
  /// `CLOCK_MONOTONIC`, which stands still while the machine sleeps.
  var awake: Nanoseconds { get }
}

extension LiveSource: Machine {
  package var now: Nanoseconds { Nanoseconds(Clock.sinceBoot()) }
  package var awake: Nanoseconds { Nanoseconds(Clock.awake()) }
}
