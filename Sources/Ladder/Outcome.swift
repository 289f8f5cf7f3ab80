package import LinuxSystem
package import Policy
package import Pressure
package import ProcModel

/// What came of a victim: of one that was signalled, or of one that was chosen and then left alone.
package struct Outcome: Sendable {
  /// The decision's number.
  package var incident: UInt32
  package var victim: Candidate
  package var ending: OutcomeKind
  /// Processes of its kill set, itself among them.
  package var members: Int
  /// The memory domain's name in the policy's text; nil for the system.
  package var domain: Slice?
  /// The verdict on which it was chosen.
  package var cause: Verdict
  /// By which it was chosen.
  package var context: ScoringContext
  /// The last signal sent; nil where none was.
  package var signal: Signal?
  /// Why SIGKILL followed the first signal; nil where it did not.
  package var escalation: Escalation?
  /// From the first signal to its exit.
  package var after = Nanoseconds.zero
  /// Now.
  package var available: KiB
  /// By how much that is more than when the first signal was sent.
  package var freed = KiB.zero
  /// Why the kernel refused the signal.
  package var refusal: Errno?
  /// What kept it from exiting, when that was last asked; nil where it never had to be.
  package var standstill: Standstill?
  /// Processes of the kill set whose memory the kernel gave back before they had exited; nil where it was not asked to,
  /// or has not answered yet.
  package var released: Int?
  /// Why a process group or cgroup was signalled process by process; nil where it was not.
  package var oneByOne: OneByOne?
  /// What the kill set was counted to give back; nil where no process was signalled, or memory could not be read after
  /// the kill.
  package var counted: KiB?

  /// Of a victim that was signalled.
  ///
  /// - Parameters:
  ///   - ladder: As far as the victim came on it.
  ///   - available: Now.
  package init(
    _ incident: UInt32, of victim: Candidate, _ ending: OutcomeKind, members: Int, domain: Slice?, cause: Verdict,
    context: ScoringContext,
    ladder: Ladder, available: KiB, at now: Nanoseconds, counted: KiB?
  ) {
    self.incident = incident
    self.victim = victim
    self.ending = ending
    self.members = members
    self.domain = domain
    self.cause = cause
    self.context = context
    self.available = available
    self.counted = counted
    signal = ladder.signal
    escalation = ladder.escalation
    after = (ladder.exitedAt ?? now) - ladder.startedAt
    freed = available - ladder.availableAtStart
    standstill = ladder.standstill
  }

  /// Of a victim that was chosen and not signalled.
  package init(
    _ incident: UInt32, abandoning victim: Candidate, _ ending: OutcomeKind, members: Int, domain: Slice?,
    cause: Verdict,
    context: ScoringContext,
    available: KiB, refusal: Errno? = nil
  ) {
    self.incident = incident
    self.victim = victim
    self.ending = ending
    self.members = members
    self.domain = domain
    self.cause = cause
    self.context = context
    self.available = available
    self.refusal = refusal
  }
}
