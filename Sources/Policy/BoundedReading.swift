import Badness
import ProcModel

/// A survey for a decision that stops once none of the processes that have not been read can be the victim, nor change what
/// it is: the state of one that is under way.
///
/// What is proven, and what is assumed, is in docs/decisions/039-the-books-tell-when-to-stop.md.
struct BoundedReading: Sendable {
  let domain: Int
  let context: ScoringContext
  let shortage: Shortage
  let books: Books
  /// What is being killed for another domain, and so is no candidate.
  let pursued: InlineArray<8, ProcessIdentity>
  /// A process that holds less is left out.
  let least: KiB
  /// The processes that were started since the last survey are those of these numbers; nil where they are found by a walk.
  let newNumbers: ClosedRange<Int32>?

  /// The next number to try of ``newNumbers``.
  var nextNumber: Int32
  var hasNewcomers = false
  /// Those that were known and read, beside those that have to be.
  var readBySize = 0
  /// How many of these there are at the next look at the books.
  var nextCheck = 4
  /// Whether the books were found to prove nothing: all are read.
  var isGivenUp = false

  init(
    in domain: Int, by context: ScoringContext, _ shortage: Shortage, _ books: Books,
    pursued: InlineArray<8, ProcessIdentity>, newNumbers: ClosedRange<Int32>?
  ) {
    self.domain = domain
    self.context = context
    self.shortage = shortage
    self.books = books
    self.pursued = pursued
    self.newNumbers = newNumbers
    least = context.leavesOutBelow
    nextNumber = newNumbers?.lowerBound ?? 0
  }

  func isPursued(_ identity: ProcessIdentity) -> Bool {
    for index in pursued.indices where pursued[index] == identity { return true }
    return false
  }

  /// The most that a known process may score that was not read; nil where it is none that may be killed, or of a later
  /// `order` than the best. Infinite where it would be killed before the best whatever it scores.
  ///
  /// - Parameter remainder: The most that it holds.
  func bound(of entry: Roster.Entry, remainder: KiB, best: Candidate, now: Ticks) -> Double? {
    let outcome = entry.ruleOutcome
    guard entry.domains.contains(DomainSet(number: domain)), !outcome.protection.protects,
      entry.oomScoreAdj != -1000, entry.identity.pid != 1, entry.identity.pid != context.agent
    else { return nil }
    if outcome.tier > best.ruleOutcome.tier { return nil }
    if outcome.tier < best.ruleOutcome.tier { return remainder >= least ? .infinity : nil }
    let settings = context.settings
    var process = ProcessFacts(identity: entry.identity)
    process.age = now - entry.identity.startTime
    // Whether the real user is root is not kept: it would only divide.
    (process.realUID, process.effectiveUID) = (.max, entry.effectiveUID)
    process.effectiveCapabilities = entry.effectiveCapabilities
    process.oomScoreAdj = entry.oomScoreAdj ?? 1000
    let bound = settings.formula.bound(
      process, footprint: remainder, adjustment: settings.adjustment, units: context.machine.units)
    return bound.map { $0 * outcome.weight } ?? .infinity
  }
}
