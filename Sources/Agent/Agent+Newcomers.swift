import Badness
import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record

/// Processes whose place depends on a command line that was not read in calm time. What it might say counts for
/// protection: a leak that began after the last survey would be spared, and another process be killed in its place.
extension Agent where M: ~Copyable {
  /// Makes ready what it takes to ask. Allocates: for the start and for reloads.
  mutating func takeUpInquiry() {
    chooser.roster.prepare(for: policy.needs)
    do throws(ReadFailure) {
      try machine.prepareToGiveUp()
    } catch {
      reporter.messages.say(
        .warning,
        "no thread reads what may have to be waited for: in trouble, what a rule might protect by its command line is "
          + "protected; and what workers share is reckoned from their page faults alone")
    }
  }

  /// Ranks a domain's part of the survey, as ``rank(in:by:_:)``, and asks those few processes whose place depends on a
  /// command line and that would be killed first: before the foremost candidate, or at all where there is none.
  @inline(never)
  mutating func rankAsking(in number: Int, by context: ScoringContext, _ now: Nanoseconds) {
    rank(in: number, by: context, now)
    guard context.needs.contains(.cmdline), chooser.inquiry.isOpen else { return }
    let unasked = findUnasked(by: context, now)
    let shortlist = chooser.ranking.shortlist
    // The foremost of the shortlist that is none of those, and the foremost of those that were asked.
    var next = 0
    var foremost: Candidate?
    var hasLearned = false
    for index in 0..<unasked.count where chooser.inquiry.isOpen {
      let one = unasked[index]
      if let foremost, !one.goesBefore(foremost) { break }
      if next < shortlist.count {
        if shortlist[next].process.identity == one.process.identity {
          next += 1
        } else if !one.goesBefore(shortlist[next]) {
          break
        }
      }
      if ask(one.process, by: context) { hasLearned = true }
      let present = chooser.candidate(one.process, context, now, from: &machine)
      guard !present.ruleOutcome.protection.protects, context.isWorthKilling(present.process) else { continue }
      if let best = foremost, !present.goesBefore(best) { continue }
      foremost = present
    }
    guard hasLearned else { return }
    // A rule may say otherwise of the best candidate now: nothing is proven of those that were not read.
    if chooser.ranking.tally.unread > 0 { chooser.ranking.tally.bound = .infinity }
    rank(in: number, by: context, now)
  }

  /// The foremost of the processes that may be asked, as they would stand if what is not known of them protected none.
  /// Where no process is worth killing alone, the small count too: kin are found among them.
  private mutating func findUnasked(by context: ScoringContext, _ now: Nanoseconds) -> Shortlist {
    var unasked = Shortlist()
    let isLastHope = chooser.ranking.shortlist.victim == nil
    for row in chooser.ranking.table.rows.indices {
      let process = chooser.ranking.table.rows[row]
      let status = chooser.ranking.eligibility[row].status
      guard isLastHope ? process.footprint > .zero : context.isWorthKilling(process),
        status == .eligible || status == .protected, !process.isKernelThread,
        chooser.roster.lacksCmdline(of: process, needs: context.needs), !chooser.inVain.contains(process.identity),
        !Agent.isPursued(process.identity, in: domains)
      else { continue }
      let candidate = chooser.candidate(process, context, now, from: &machine, assuming: false)
      guard candidate.ruleOutcome.isProvisional else { continue }
      unasked.offer(candidate, isWorthKilling: true, isPassedOver: false)
    }
    return unasked
  }

  /// Whether a process of the survey that shares the victim's memory may be killed with it after all, once it was
  /// asked.
  mutating func isCleared(_ row: Int, by context: ScoringContext) -> Bool {
    let now = machine.now
    let process = chooser.ranking.table.rows[row]
    guard case .assumed = chooser.candidate(process, context, now, from: &machine).ruleOutcome.protection,
      chooser.inquiry.isOpen, chooser.roster.lacksCmdline(of: process, needs: context.needs), ask(process, by: context)
    else { return false }
    return !chooser.candidate(process, context, now, from: &machine).ruleOutcome.protection.protects
  }

  /// Asks one process. False where it has not answered: it stays what it was taken for.
  private mutating func ask(_ process: ProcessFacts, by context: ScoringContext) -> Bool {
    let start = machine.awake
    let isAnswered = chooser.roster.ask(
      process, at: chooser.surveyBeganAt, policy: context.policy, needs: context.needs, from: &machine)
    chooser.inquiry.count(machine.awake - start)
    return isAnswered
  }
}
