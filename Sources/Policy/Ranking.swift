import Badness
package import ProcModel

/// The processes of one survey as one memory domain ranks them: the facts of each with what the policy says of it,
/// whether it may be killed, and the foremost candidates in the order in which they would be killed. Ranking is a
/// function of the facts and the policy: it reads nothing.
///
/// It is kept from one decision to the next, so that a decision takes no memory from the heap.
package struct Ranking: Sendable {
  /// The facts.
  package var table: ProcessTable
  /// What the survey met beside the rows of ``table``.
  package var tally = SurveyTally()
  /// What the policy says of each row of ``table``.
  private var outcomes: [RuleOutcome] = []
  /// The eligibility of each row of ``table``.
  package private(set) var eligibility: EligibilityTable
  /// The foremost, and how many were left out for which reason.
  package private(set) var shortlist = Shortlist()

  /// - Parameter capacity: Processes that need no further memory.
  package init(capacity: Int) {
    table = ProcessTable(capacity: capacity)
    eligibility = EligibilityTable(capacity: capacity)
    outcomes.reserveCapacity(capacity)
  }

  // MARK: Gathered

  /// Begins to gather what the policy says of the table's processes.
  package mutating func beginOutcomes() {
    outcomes.removeAll(keepingCapacity: true)
  }

  /// Adds what the policy says of the next row.
  ///
  /// - Parameter outcome: Of no meaning where the row is not of the domain that is ranked.
  package mutating func append(outcome: RuleOutcome) {
    outcomes.append(outcome)
  }

  // MARK: Ranked

  /// Ranks a memory domain's part of the table.
  ///
  /// - Parameters:
  ///   - domain: Its number. Of a process that was left out, only that it is the system's is known.
  ///   - isPassedOver: Whether killing a process was tried in vain, or is under way.
  package mutating func rank(
    in domain: Int, by context: ScoringContext, isPassedOver: (ProcessIdentity) -> Bool
  ) {
    shortlist.clear()
    eligibility.clear()
    if domain == 0 { shortlist.countLeftOut(tally.leftOut) }
    shortlist.noteUnread(tally)
    for row in table.rows.indices {
      guard table.rows[row].domains.contains(DomainSet(number: domain)) else {
        eligibility.appendOutside()
        continue
      }
      let candidate = candidate(row, by: context)
      let isPassedOver = isPassedOver(candidate.process.identity)
      eligibility.append(
        candidate, scope: context.scope(of: candidate.ruleOutcome), isPassedOver: isPassedOver)
      shortlist.offer(
        candidate, isWorthKilling: context.isWorthKilling(candidate.process), isPassedOver: isPassedOver)
    }
  }

  /// The process of a row with its place in the order in which processes are killed.
  package func candidate(_ row: Int, by context: ScoringContext) -> Candidate {
    var noTerms = NoTerms()
    return context.candidate(table.rows[row], ruleOutcome: outcomes[row], terms: &noTerms)
  }
}
