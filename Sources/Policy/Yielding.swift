package import ProcModel

/// Whether the order yields: one candidate alone would bring memory back over the release line, and all that are ranked
/// before it would not, even together. To kill those first would be in vain.
///
/// A formula that favours what is old and has worked for long can be aged on purpose: such a process would have the
/// newcomers beside it killed one after the other, and would have to go all the same.
///
/// The order holds where one of those ranked before is growing: it is what uses memory up, however much smaller it is.
/// It holds too for a candidate that a rule puts into a later tier. Candidates are offered twice, in any order: first
/// to find the one, then to weigh the others against it.
package struct Yielding: Sendable {
  private let tier: Tier
  private let shortfall: KiB
  /// The foremost that is enough alone, and its row.
  private var one: (row: Int, process: ProcessFacts, score: Double)?
  private var before = KiB.zero
  private var isBarred = false

  /// - Parameters:
  ///   - foremost: Of the ranking.
  ///   - shortfall: What is missing of available memory to the release line.
  /// - Returns: Nil where the foremost is enough alone.
  package init?(_ foremost: Candidate, shortfall: KiB) {
    guard foremost.process.footprint < shortfall else { return nil }
    tier = foremost.ruleOutcome.tier
    self.shortfall = shortfall
  }

  /// Whether a process of this place may be the one; its score is asked of no other.
  package func mayBeEnough(_ process: ProcessFacts, _ place: Eligibility) -> Bool {
    place.status == .eligible && place.tier == tier && !process.isKernelThread && process.footprint >= shortfall
  }

  /// Whether a process of this place may be ranked before the one: all that are worth killing alone.
  package func mayBeBefore(_ process: ProcessFacts, _ place: Eligibility, _ context: ScoringContext) -> Bool {
    place.status == .eligible && place.tier == tier && context.isWorthKilling(process)
  }

  /// Takes the process of a row where it is the foremost of those that are enough alone.
  package mutating func seek(_ row: Int, _ process: ProcessFacts, _ place: Eligibility) {
    if let one, !process.goesBefore(one.process, place.score, one.score) { return }
    one = (row, process, place.score)
  }

  /// Counts a process that is ranked before the one.
  ///
  /// - Parameter isGrowing: As ``isGrowing(grown:fallen:rate:shortfall:)``; asked only where it is ranked before.
  package mutating func weigh(_ process: ProcessFacts, _ place: Eligibility, isGrowing: () -> Bool) {
    guard let one, !isBarred, process.goesBefore(one.process, place.score, one.score) else { return }
    before += process.footprint
    isBarred = before >= shortfall || isGrowing()
  }

  /// Whether there is one that could be chosen.
  package var isOpen: Bool { one != nil && !isBarred }

  /// The row of the process that goes first; nil where the order holds.
  package var chosen: Int? { isBarred ? nil : one?.row }

  /// Whether a process is one that uses memory up: it has taken at least half of what has gone since the last survey,
  /// or would take what is missing within a minute.
  ///
  /// - Parameters:
  ///   - grown: Since the last survey; nil where that is not known.
  ///   - fallen: What is gone of available memory since then.
  ///   - rate: In KiB per second, between two samples; nil where there were none. What a process has grown over its
  ///     life is none: each newcomer would seem to be growing.
  package static func isGrowing(grown: KiB?, fallen: KiB, rate: KiB?, shortfall: KiB) -> Bool {
    if let grown, fallen > .zero, grown.count >= fallen.count - fallen.count / 2 { return true }
    guard let rate else { return false }
    let (inAMinute, overflow) = rate.count.multipliedReportingOverflow(by: 60)
    return rate > .zero && (overflow || inAMinute >= shortfall.count)
  }
}
