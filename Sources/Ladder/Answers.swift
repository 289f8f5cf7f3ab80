package import LinuxSystem

/// Whether a chosen process is still the one that was chosen.
package enum Hold: Equatable, Sendable {
  case held
  /// It exited before it could be held.
  case vanished
  /// Its number belongs to another process now.
  case changed
  /// The kernel refused, for this reason.
  case refused(Errno)
}

/// What became of a signal.
package enum Delivery: Equatable, Sendable {
  case sent
  /// Nothing was sent: this is a rehearsal.
  case rehearsed
  case vanished
  case refused(Errno)
}

/// How many of a kill set a signal reached.
package struct DeliveryCount: Equatable, Sendable {
  package var sent = 0
  /// Whether a process group or a cgroup got it in one step, however many were in it.
  package var isWhole = false
  /// Exited before it came.
  package var vanished = 0
  package var refused = 0
  /// Why the first of these was refused.
  package var refusal: Errno?
  /// Why what may go whole was signalled process by process; nil where it was not, or there is no such whole.
  package var oneByOne: OneByOne?

  package init() {}

  /// The kill set's: sent where one got it, else refused where one was, else every process of it had exited.
  package var delivery: Delivery {
    if sent > 0 || isWhole { return .sent }
    if let refusal { return .refused(refusal) }
    return .vanished
  }
}

/// How a process's memory relates to the victim's.
package enum MemorySharing: Equatable, Sendable {
  case shares
  case separate
  /// It cannot be told: one of them is gone, or the kernel does not say.
  case unknown(Errno)
}
