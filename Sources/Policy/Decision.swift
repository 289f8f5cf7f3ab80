package import Pressure
package import ProcModel

/// A choice, with everything it was made on: what is recorded, told to hooks and people, and acted on.
///
/// Its kill set shares the storage of the one in ``Picker``. A decision therefore has to be gone before the next one is
/// made, or that one takes memory from the heap.
package struct Decision: Sendable {
  /// Counts the agent's decisions, from 1: what follows from this one is told with its number.
  package var incident: UInt32
  /// The memory domain's name in the policy's text; nil for the system.
  package var domain: Slice?
  package var verdict: Verdict
  /// The leader of ``killSet``; nil where no process may be killed.
  package var victim: Candidate?
  /// The processes that are killed together. Of no meaning without a victim.
  package var killSet: KillSet
  /// The victim's companions in ``killSet``, the first few of them.
  package var companions = Companions()
  /// The foremost candidates, the victim's runners-up among them, and how many were left out for which reason.
  package var shortlist: Shortlist
  /// Of which kind the victim is; nil without one.
  package var kind: ProcessKind?
  /// The victim's unit, cgroup and executable; nil without a victim, and where none of them was read.
  package var origin: ProcessOrigin?
  /// That the victim was killed before; nil where it was not.
  package var comeback: Comeback?
  /// What holds the most memory, where no process may be killed or the victim gives back little beside it; nil elsewhere,
  /// and where that is not known.
  package var holder: Holder?
  /// By which the processes were scored. A reload may put another policy in force while the victim is being killed.
  package var context: ScoringContext
  /// The first signal.
  package var signal: VictimSignal
  /// From the first signal to SIGKILL.
  package var grace: Nanoseconds
  /// From the verdict to the choice.
  package var took: Nanoseconds

  package init(
    incident: UInt32, domain: Slice?, verdict: Verdict, victim: Candidate?, killSet: KillSet, shortlist: Shortlist,
    context: ScoringContext,
    took: Nanoseconds
  ) {
    self.incident = incident
    self.domain = domain
    self.verdict = verdict
    self.victim = victim
    self.killSet = killSet
    self.shortlist = shortlist
    self.context = context
    self.took = took
    if let victim {
      signal = verdict.level == .kill ? .kill : context.signal(of: victim.ruleOutcome)
      grace = context.grace(of: victim.ruleOutcome)
    } else {
      signal = .terminate
      grace = .zero
    }
  }

}

/// The facts of processes that are killed with a victim, in a fixed place.
package struct Companions: Sendable {
  /// The kernel's log is for people, and takes ten lines in five seconds from a program: the victim's and these.
  package static let capacity = 7

  private var storage: InlineArray<7, ProcessFacts>
  package private(set) var count = 0

  package init() {
    storage = InlineArray(repeating: ProcessFacts(identity: ProcessIdentity(pid: 0, startTime: .zero)))
  }

  /// - Parameter table: From which the kill set was chosen.
  package init(of killSet: KillSet, in table: ProcessTable) {
    self.init()
    for member in killSet.members.dropFirst().prefix(Companions.capacity) {
      storage[count] = table.rows[Int(member.row)]
      count += 1
    }
  }

  package subscript(index: Int) -> ProcessFacts { storage[index] }
}
