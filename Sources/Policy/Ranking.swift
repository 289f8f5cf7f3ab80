package import ProcModel

/// The processes of one survey as one memory domain ranks them: the facts of each, whether it may be killed, and the
/// foremost candidates in the order in which they would be killed.
///
/// It is kept from one decision to the next, so that a decision takes no memory from the heap.
package struct Ranking: Sendable {
  /// The facts.
  package var table: ProcessTable
  /// What the survey met beside the rows of ``table``.
  package var tally = SurveyTally()
  /// The eligibility of each row of ``table``.
  package private(set) var eligibility: EligibilityTable
  /// The foremost, and how many were left out for which reason.
  package private(set) var shortlist = Shortlist()

  /// - Parameter capacity: Processes that need no further memory.
  package init(capacity: Int) {
    table = ProcessTable(capacity: capacity)
    eligibility = EligibilityTable(capacity: capacity)
  }

  /// Begins to rank the table anew.
  ///
  /// - Parameter domain: The number of the memory domain. Of a process that was left out, only that it is the system's
  ///   is known.
  package mutating func begin(for domain: Int) {
    shortlist.clear()
    eligibility.clear()
    if domain == 0 { shortlist.countLeftOut(tally.leftOut) }
  }

  /// Ranks the next row of the table.
  ///
  /// - Parameters:
  ///   - candidate: The row's; nil where it is not of the domain.
  ///   - isPassedOver: Whether killing it was tried in vain, or is under way.
  package mutating func append(_ candidate: Candidate?, isPassedOver: Bool, by context: ScoringContext) {
    guard let candidate else { return eligibility.appendOutside() }
    eligibility.append(candidate, scope: context.scope(of: candidate.ruleOutcome), isPassedOver: isPassedOver)
    shortlist.offer(
      candidate, isWorthEnding: context.isWorthEnding(candidate.process), isPassedOver: isPassedOver)
  }
}
