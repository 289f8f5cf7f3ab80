package import LinuxSystem
package import Policy
import Pressure
package import ProcModel

/// What came of a victim: of one that was signalled, or of one that was chosen and then left alone.
package struct Outcome: Sendable {
  package var incident: Incident
  package var ending: OutcomeKind
  /// The last signal sent; nil where none was.
  package var signal: Signal?
  /// Why SIGKILL followed the first signal; nil where it did not.
  package var escalation: Escalation?
  /// From the first signal to its exit.
  package var after = Nanoseconds.zero
  /// Now; where that cannot be read, when the victim was chosen.
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
  ///   - available: Now; nil where memory cannot be read, so that it is not known what the kill gave back.
  package init(_ ending: OutcomeKind, of incident: Incident, on ladder: Ladder, available: KiB?, at now: Nanoseconds) {
    self.incident = incident
    self.ending = ending
    self.available = available ?? incident.cause.reading.available
    signal = ladder.signal
    escalation = ladder.escalation
    after = (ladder.exitedAt ?? now) - ladder.startedAt
    standstill = ladder.standstill
    if let available {
      freed = available - ladder.availableAtStart
      counted = incident.counted
    }
  }

  /// Of a victim that was chosen and not signalled.
  package init(_ ending: OutcomeKind, abandoning incident: Incident, available: KiB, refusal: Errno? = nil) {
    self.incident = incident
    self.ending = ending
    self.available = available
    self.refusal = refusal
  }
}
