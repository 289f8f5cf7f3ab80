import Badness
import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record

/// What a decision may still ask of processes that calm time has not come to.
struct Inquiry: Sendable {
  /// Processes that one decision asks.
  static let limit = 4
  /// No further process is asked after so long. With the time of the last reading a decision takes 80 ms more at most.
  static let patience = Nanoseconds.milliseconds(40)

  private var asked = 0
  private var took = Nanoseconds.zero

  /// Whether there is time for one more.
  var isOpen: Bool { asked < Inquiry.limit && took < Inquiry.patience }

  mutating func count(_ time: Nanoseconds) {
    asked += 1
    took = took + time
  }
}

/// Processes whose place depends on a command line that was not read in calm time. What it might say counts for
/// protection: a leak that began after the last survey would be spared, and another process be killed in its place.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Makes ready, or gives back, what it takes to ask. Allocates: for the start and for reloads.
  mutating func takeUpInquiry() {
    let isNeeded = needs.contains(.cmdline)
    roster.prepare(for: needs)
    do throws(ReadFailure) {
      try source.prepareToGiveUp(isNeeded)
    } catch {
      messages.say(
        .warning, "no thread reads command lines in trouble: what a rule might protect by one is protected then")
    }
  }

  /// Ranks a domain's part of the table, as ``rank(_:in:)``, and asks those few whose place depends on a command line and
  /// that would go first: before the foremost candidate, or at all where there is none.
  mutating func rankAsking(_ now: Nanoseconds, in number: Int) {
    rank(now, in: number)
    guard needs.contains(.cmdline), inquiry.isOpen else { return }
    let unasked = findUnasked(now)
    // The foremost of the shortlist that is none of those, and the foremost of those that were asked.
    var next = 0
    var foremost: Candidate?
    var hasLearned = false
    for index in 0..<unasked.count where inquiry.isOpen {
      let one = unasked[index]
      if let foremost, !one.goesBefore(foremost) { break }
      if next < shortlist.count {
        if shortlist[next].process.identity == one.process.identity {
          next += 1
        } else if !one.goesBefore(shortlist[next]) {
          break
        }
      }
      if ask(one.process) { hasLearned = true }
      let present = candidate(one.process, now)
      guard !present.standing.protection.protects, judge.isWorthEnding(present.process) else { continue }
      if let best = foremost, !present.goesBefore(best) { continue }
      foremost = present
    }
    if hasLearned { rank(now, in: number) }
  }

  /// The foremost of those that may be asked, as they would stand if what is not known of them protected none. Where no
  /// process is worth killing alone, the small count too: kin are found among them.
  private mutating func findUnasked(_ now: Nanoseconds) -> Shortlist {
    var unasked = Shortlist()
    let isLastHope = shortlist.victim == nil
    for row in table.rows.indices {
      let process = table.rows[row]
      guard isLastHope ? process.footprint > .zero : judge.isWorthEnding(process),
        places[row].reach == .mayEnd || places[row].reach == .protected, !process.isKernelThread,
        roster.lacksCmdline(of: process, needs: needs), !inVain.contains(process.identity),
        !isPursued(process.identity)
      else { continue }
      let candidate = unprotected(process, now)
      guard candidate.standing.isProvisional else { continue }
      unasked.offer(candidate, isWorthEnding: true, isPassedOver: false)
    }
    return unasked
  }

  /// A process as it would stand if what is not known of it protected none.
  private mutating func unprotected(_ facts: ProcessFacts, _ now: Nanoseconds) -> Candidate {
    var process = facts
    process.growthPerSecond = roster.growthPerSecond(of: process, now: now, units: judge.machine.units)
    var standing = roster.standing(
      of: process, policy: judge.policy, needs: needs, machine: judge.machine, from: &source)
    if case .assumed = standing.protection { standing.protection = .none }
    var noTerms = NoTerms()
    return judge.candidate(process, standing: standing, terms: &noTerms)
  }

  /// Whether a process of the table that shares the victim's memory may go with it after all, once it has been asked.
  mutating func isCleared(_ row: Int) -> Bool {
    let now = Nanoseconds(Clock.sinceBoot())
    let process = table.rows[row]
    guard case .assumed = candidate(at: row, now).standing.protection, inquiry.isOpen,
      roster.lacksCmdline(of: process, needs: needs), ask(process)
    else { return false }
    return !candidate(at: row, now).standing.protection.protects
  }

  /// Asks one process. False where it has not answered: it stays what it was taken for.
  private mutating func ask(_ process: ProcessFacts) -> Bool {
    let start = Nanoseconds(Clock.awake())
    let isAnswered = roster.ask(process, at: surveyBeganAt, policy: judge.policy, needs: needs, from: &source)
    inquiry.count(Nanoseconds(Clock.awake()) - start)
    return isAnswered
  }
}
