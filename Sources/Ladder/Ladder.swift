package import LinuxSystem
package import Pressure
package import ProcModel

/// What became of a victim.
package enum OutcomeKind: UInt8, CaseIterable, Sendable {
  /// It exited after the first signal.
  case exited
  /// It was killed by SIGKILL.
  case killed
  /// It did not die within the deadline after SIGKILL, and is not chosen again.
  case stuck
  /// It exited by itself before it was signalled.
  case vanished
  /// Its number had gone to another process, which was left alone.
  case changed
  /// Memory came back before it was signalled.
  case relieved
  /// The kernel did not permit the signal; it is not chosen again.
  case refused
  /// A protected process has the same memory, which would not come back while that lives; it is not chosen again.
  case sharesProtected

  package var name: String {
    switch self {
    case .exited: "exited"
    case .killed: "killed"
    case .stuck: "stuck"
    case .vanished: "vanished"
    case .changed: "changed"
    case .relieved: "relieved"
    case .refused: "refused"
    case .sharesProtected: "shares_protected"
    }
  }
}

/// What to do next with a victim.
package enum NextStep: Equatable, Sendable {
  /// Look again by this time; its exit wakes the loop sooner.
  case wait(until: Nanoseconds)
  /// Have the killer reap, then look again by this time.
  case reap(until: Nanoseconds)
  /// Have the killer say why it has not exited, tell it to ``Ladder/examined(_:)``, and step again.
  case examine
  /// Have the killer thaw its cgroup, then look again by this time.
  case thaw(until: Nanoseconds)
  /// Send SIGKILL.
  case escalate(Escalation)
  /// It is over.
  case done(OutcomeKind)
}

/// Why SIGKILL follows the first signal.
package enum Escalation: UInt8, CaseIterable, Sendable {
  case graceEnded
  case memoryWorsened
  /// A tracer or a frozen cgroup keeps it from acting on any signal but SIGKILL.
  case cannotHeed
  /// A domain around the victim's own ran short too.
  case neededElsewhere

  package var name: String {
    switch self {
    case .graceEnded: "grace_ended"
    case .memoryWorsened: "memory_worsened"
    case .cannotHeed: "cannot_heed"
    case .neededElsewhere: "needed_elsewhere"
    }
  }
}

/// The way down with one victim, from the first signal to relief: pure, with time as an argument.
///
/// It has a clock of its own, on which the time between two steps counts as one second at most: while the machine
/// slept, or the agent was stopped, the victim may have been too, and had no time to exit. A clock that goes back
/// counts as one that stands.
package struct Ladder: Sendable {
  /// After SIGKILL, before a victim counts as stuck: uninterruptible sleep and core dumps take their time.
  package static let killDeadline = Nanoseconds.milliseconds(5000)
  /// Between looks while a victim is dying.
  package static let interval = Nanoseconds.milliseconds(10)
  /// After its exit, for its memory to be counted free again.
  package static let settling = Nanoseconds.milliseconds(50)
  /// After the first signal, before it is asked whether the victim can act on it at all.
  package static let heeding = Nanoseconds.milliseconds(100)
  /// After SIGKILL, between questions why the victim has not exited. The kernel's own killer waits as long before it
  /// gives up a victim (MAX_OOM_REAP_RETRIES of HZ/10 each, mm/oom_kill.c).
  package static let patience = Nanoseconds.milliseconds(1000)
  /// What the time between two steps counts as at most.
  static let longestStep = Nanoseconds.milliseconds(1000)

  package let startedAt: Nanoseconds
  /// Available memory when the first signal was sent.
  package let availableAtStart: KiB
  package let grace: Nanoseconds
  /// The last signal sent.
  package private(set) var signal: Signal
  package private(set) var escalation: Escalation?
  /// When its exit was seen; nil while it lives.
  package private(set) var exitedAt: Nanoseconds?
  /// What kept it from exiting, when that was last asked.
  package private(set) var standstill: Standstill?

  // On its own clock, which begins with the first signal.
  private var elapsed = Nanoseconds.zero
  private var killedAfter: Nanoseconds?
  private var exitedAfter: Nanoseconds?
  private var examineAfter: Nanoseconds
  private var latest: Nanoseconds

  // Of the questions.
  private var isHopeless = false
  private var cannotHeed = false
  private var mayThaw = false
  private var hasThawed = false

  /// - Parameters:
  ///   - grace: The victim's, before SIGKILL follows `signal`.
  ///   - signal: The first, which was sent.
  package init(startedAt: Nanoseconds, availableAtStart: KiB, grace: Nanoseconds, signal: Signal) {
    self.startedAt = startedAt
    self.availableAtStart = availableAtStart
    self.grace = grace
    self.signal = signal
    latest = startedAt
    killedAfter = signal == .kill ? .zero : nil
    examineAfter = signal == .kill ? Ladder.patience : Ladder.heeding
  }

  /// Decides the next step.
  package mutating func step(now: Nanoseconds, verdict: Verdict, hasExited: Bool) -> NextStep {
    elapsed = elapsed + min(now - latest, Ladder.longestStep)
    latest = now
    if hasExited {
      let since = exitedAfter ?? elapsed
      exitedAfter = since
      if exitedAt == nil { exitedAt = now }
      let settled = since + Ladder.settling
      return elapsed >= settled ? .done(signal == .kill ? .killed : .exited) : .wait(until: now + (settled - elapsed))
    }
    if let killedAfter { return stepAfterKill(now, since: killedAfter) }
    if hasWorsened(verdict) { return .escalate(.memoryWorsened) }
    if cannotHeed { return .escalate(.cannotHeed) }
    if elapsed >= grace { return .escalate(.graceEnded) }
    if isTimeToExamine() { return .examine }
    return .wait(until: now + min(Ladder.interval, grace - elapsed))
  }

  private mutating func stepAfterKill(_ now: Nanoseconds, since killedAfter: Nanoseconds) -> NextStep {
    let deadline = killedAfter + Ladder.killDeadline
    if elapsed >= deadline || isHopeless { return .done(.stuck) }
    if mayThaw, !hasThawed {
      hasThawed = true
      return .thaw(until: now + Ladder.interval)
    }
    if isTimeToExamine() { return .examine }
    return .reap(until: now + min(Ladder.interval, deadline - elapsed))
  }

  private mutating func isTimeToExamine() -> Bool {
    guard elapsed >= examineAfter else { return false }
    examineAfter = elapsed + Ladder.patience
    return true
  }

  /// Notes that SIGKILL was sent.
  package mutating func escalated(_ escalation: Escalation, at now: Nanoseconds) {
    signal = .kill
    self.escalation = escalation
    killedAfter = elapsed
    // What cannot heed a signal may be frozen, and is thawed soon after SIGKILL.
    examineAfter = elapsed + (standstill == .frozen ? Ladder.interval : Ladder.patience)
  }

  /// Takes note of why the victim has not exited.
  package mutating func examined(_ found: Standstill) {
    // Not once: a page that comes from a slow disk is waited for in the same way. The reaper has given back what it
    // could by then, and only the wait itself is left.
    if signal == .kill, found == .uninterruptible, standstill == .uninterruptible { isHopeless = true }
    cannotHeed = found == .traced || found == .frozen
    mayThaw = signal == .kill && found == .frozen
    standstill = found
  }

  /// A quarter of what was left is gone, or half of the floor is reached. A victim that tidies up may need a little
  /// first.
  private func hasWorsened(_ verdict: Verdict) -> Bool {
    verdict.level == .kill || verdict.reading.available.count < availableAtStart.count / 4 * 3
  }
}
