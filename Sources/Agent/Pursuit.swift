import Ladder
import Policy
import Pressure
import ProcModel

/// A victim that is being killed: it was signalled, and has not been seen to exit.
struct Pursuit: Sendable {
  /// The decision's number.
  var incident: UInt32
  var victim: Candidate
  /// The memory domain's name in the text of ``context``'s policy; nil for the system.
  var domain: Slice?
  /// On which it was chosen.
  var cause: Verdict
  var ladder: Ladder
  /// By which it was chosen: its standing names rules of this policy, and a reload may have put another in force.
  var context: ScoringContext
  /// Processes of its kill set, itself among them.
  var members: Int
  /// What the kill set was counted to give back; nil where what it gave back is not seen.
  var counted: KiB?

  init(_ decision: Decision, _ victim: Candidate, _ ladder: Ladder) {
    incident = decision.incident
    self.victim = victim
    domain = decision.domain
    cause = decision.verdict
    self.ladder = ladder
    context = decision.context
    members = decision.killSet.members.count
    counted = decision.counted
  }
}
