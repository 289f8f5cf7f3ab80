package import LinuxSystem
package import Pressure
package import ProcModel

/// How it ended with a victim.
package enum Ending: UInt8, Sendable {
  /// It ended after SIGTERM.
  case exited
  /// It ended after SIGKILL.
  case killed
  /// It did not end within the deadline after SIGKILL, and is not chosen again.
  case stuck
  /// It ended by itself before it was signalled.
  case vanished
  /// Its number had gone to another process, which was left alone.
  case changed
  /// Memory came back before it was signalled.
  case relieved
  /// The kernel did not permit the signal; it is not chosen again.
  case refused

  package var name: String {
    switch self {
    case .exited: "exited"
    case .killed: "killed"
    case .stuck: "stuck"
    case .vanished: "vanished"
    case .changed: "changed"
    case .relieved: "relieved"
    case .refused: "refused"
    }
  }
}

/// What to do next with a victim.
package enum Rung: Equatable, Sendable {
  /// Look again by this time; its end wakes the loop sooner.
  case wait(until: Nanoseconds)
  /// Send SIGKILL.
  case escalate(Escalation)
  /// It is over.
  case done(Ending)
}

/// Why SIGKILL follows SIGTERM.
package enum Escalation: UInt8, Equatable, Sendable {
  case graceEnded
  case memoryWorsened
  /// A domain around the victim's own ran short too.
  case neededElsewhere

  package var name: String {
    switch self {
    case .graceEnded: "grace_ended"
    case .memoryWorsened: "memory_worsened"
    case .neededElsewhere: "needed_elsewhere"
    }
  }
}

/// The way down with one victim, from the first signal to relief: pure, with time as an argument.
package struct Ladder: Sendable {
  /// After SIGKILL, before a victim counts as stuck: uninterruptible sleep and core dumps take their time.
  package static let killDeadline = Nanoseconds.milliseconds(5000)
  /// Between looks while a victim is dying.
  package static let interval = Nanoseconds.milliseconds(10)
  /// After its end, for its memory to be counted free again.
  package static let settling = Nanoseconds.milliseconds(50)

  package let startedAt: Nanoseconds
  /// Available memory when the first signal was sent.
  package let availableAtStart: KiB
  package let grace: Nanoseconds
  /// The last signal sent.
  package private(set) var signal: Signal
  package private(set) var escalation: Escalation?
  private var killedAt: Nanoseconds?
  /// When its end was seen; nil while it lives.
  package private(set) var exitedAt: Nanoseconds?

  package init(startedAt: Nanoseconds, availableAtStart: KiB, grace: Nanoseconds, signal: Signal) {
    self.startedAt = startedAt
    self.availableAtStart = availableAtStart
    self.grace = grace
    self.signal = signal
    killedAt = signal == .kill ? startedAt : nil
  }

  /// Decides the next step.
  package mutating func step(now: Nanoseconds, verdict: Verdict, hasExited: Bool) -> Rung {
    if hasExited {
      let since = exitedAt ?? now
      exitedAt = since
      let settled = since + Ladder.settling
      return now >= settled
        ? .done(signal == .kill ? .killed : .exited) : .wait(until: min(settled, now + Ladder.settling))
    }
    if let killedAt {
      let deadline = killedAt + Ladder.killDeadline
      return now >= deadline ? .done(.stuck) : .wait(until: min(now + Ladder.interval, deadline))
    }
    if hasWorsened(verdict) { return .escalate(.memoryWorsened) }
    let graceEnd = startedAt + grace
    return now >= graceEnd ? .escalate(.graceEnded) : .wait(until: min(now + Ladder.interval, graceEnd))
  }

  /// Notes that SIGKILL was sent.
  package mutating func escalated(_ escalation: Escalation, at now: Nanoseconds) {
    signal = .kill
    self.escalation = escalation
    killedAt = now
  }

  /// A quarter of what was left is gone, or half of the floor is reached. A victim that tidies up may need a little
  /// first.
  private func hasWorsened(_ verdict: Verdict) -> Bool {
    verdict.level == .kill || verdict.reading.available.count < availableAtStart.count / 4 * 3
  }
}

/// Processes that it was tried in vain to end, so that they are not chosen again.
package struct InVain: Sendable {
  // More than there are processes worth ending that one user may not signal: an agent without CAP_KILL must not go
  // round in circles.
  private var storage = InlineArray<64, ProcessIdentity>(
    repeating: ProcessIdentity(pid: 0, startTime: .zero))
  private var next = 0

  package init() {}

  /// The oldest is forgotten for the sixty-fifth.
  package mutating func insert(_ identity: ProcessIdentity) {
    storage[next] = identity
    next = (next + 1) % storage.count
  }

  package func contains(_ identity: ProcessIdentity) -> Bool {
    for index in storage.indices where storage[index] == identity {
      return true
    }
    return false
  }
}
