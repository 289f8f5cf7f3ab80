package import Pressure
package import ProcModel

/// What is kept of a decision until its outcome is told: the decision itself shares the storage of the next one's kill
/// set.
package struct Incident: Sendable {
  /// The decision's number: what follows from it is told with this.
  package var number: UInt32
  /// The memory domain's name in the text of ``context``'s policy; nil for the system.
  package var domain: Slice?
  /// On which the victim was chosen.
  package var cause: Verdict
  package var victim: Candidate
  /// Processes of its kill set, the victim among them.
  package var members: Int
  /// What the kill set was counted to give back.
  package var counted: KiB
  package var kind: ProcessKind?
  /// As in the decision.
  package var origin: ProcessOrigin?
  /// The kills of the same in a row, this one among them.
  package var kills: UInt32
  /// By which the victim was chosen: its rule outcome names rules of this policy, and a reload may have put another in
  /// force.
  package var context: ScoringContext

  package init(_ decision: Decision, _ victim: Candidate) {
    number = decision.incident
    domain = decision.domain
    cause = decision.verdict
    self.victim = victim
    members = decision.killSet.members.count
    counted = decision.killSet.members.isEmpty ? victim.process.footprint : decision.killSet.footprint
    kind = decision.kind
    origin = decision.origin
    kills = (decision.comeback?.kills ?? 0) &+ 1
    context = decision.context
  }
}
