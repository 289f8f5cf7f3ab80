package import Ladder
package import LinuxSystem
package import ProcModel

/// A kill that gave next to nothing back, of what the processes were counted to hold.
///
/// What they held is elsewhere, then, where the agent does not see it: in a memfd or a tmpfs that no process has
/// mapped, in memory of a graphics device, on another node than the one that is short, below a cgroup's `memory.min`;
/// or others have taken as much meanwhile, for only what is available is measured.
package struct Yield: Equatable, Sendable {
  /// Less than such a part of what was counted is next to nothing: what others take or give in these milliseconds is
  /// more.
  private static let part: UInt64 = 8

  package let signal: Signal
  package let freed: KiB
  package let counted: KiB

  /// Nil where the processes live on or were not signalled, and where it gave back more.
  package init?(_ outcome: Outcome) {
    guard outcome.ending == .exited || outcome.ending == .killed, let signal = outcome.signal,
      let counted = outcome.counted, outcome.freed.count < counted.count / Yield.part
    else { return nil }
    self.signal = signal
    freed = outcome.freed
    self.counted = counted
  }
}

extension Array where Element == UInt8 {
  /// `killing it gave back 3 MiB of the 180 MiB counted`.
  package mutating func append(_ yield: Yield) {
    if yield.signal == .kill {
      append("killing it")
    } else {
      append("sending it ")
      append(yield.signal.name)
    }
    append(" gave back ")
    append(yield.freed)
    append(" of the ")
    append(yield.counted)
    append(" counted")
  }

  /// Why a group or a cgroup was not signalled in one step.
  package mutating func append(_ oneByOne: OneByOne) {
    append("signalled one by one: ")
    switch oneByOne {
    case .protected: append("a process that stays is in its group or cgroup")
    case .unproven: append("no process that is held is in its group any more")
    case .refused(let errno):
      append("the kernel does not let it go in one step (")
      append(errno.text)
      append(")")
    }
  }
}
