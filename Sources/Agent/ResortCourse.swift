import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// The last resort: what is done when kills do not help. Only the system's trouble counts: a measure is the machine's,
/// and a domain that stays full keeps no process outside of it from working.
struct ResortCourse: Sendable {
  /// Of the system's episode.
  private(set) var totals = EpisodeTotals()
  private var current: Resorting?

  /// The last resort of an episode that has reached it.
  private struct Resorting: Sendable {
    var course: LastResortCourse
    /// The last way that was tried, or is to be.
    var way: LastResortWay
    /// No step before this.
    var dueAt = Nanoseconds.zero
    /// Nothing is left to be tried, or this is a dry run: nothing more comes of it in this episode.
    var isOver = false

    init(_ action: LastResort.Action) {
      way = LastResortWay(action)
      course = LastResortCourse(way)
    }
  }

  /// Counts a victim that was signalled.
  mutating func count(victimOf episode: UInt32) { totals.count(victimOf: episode) }

  /// Counts on in the system's episode, and lets the last resort fall where it is over.
  mutating func follow(
    _ verdict: Verdict, isInEpisode: Bool, by policy: CompiledPolicy, awake: Nanoseconds, _ reporter: inout Reporter
  ) {
    if let current, !isInEpisode || policy.measures.lastResort == nil {
      self.current = nil
      if !current.isOver { tell(.calledOff, current.way, &reporter) }
    }
    guard isInEpisode else { return }
    totals.look(verdict.episode, awake: awake, stall: verdict.reading.stall)
  }

  /// The next step, where the last resort is reached: one at a look, and no victim is chosen meanwhile.
  ///
  /// - Parameter isKilling: Whether a victim of the system's is being killed: then it does not begin.
  /// - Returns: The time until the next look; nil where there is nothing to do, or nothing left.
  mutating func advance<M: Machine & ~Copyable>(
    _ verdict: Verdict, isKilling: Bool, by policy: CompiledPolicy, _ now: Nanoseconds,
    _ machine: borrowing M, _ reporter: inout Reporter
  ) -> Nanoseconds? {
    guard var current else {
      guard let wanted = policy.measures.lastResort, verdict.acts, totals.episode == verdict.episode,
        totals.reaches(wanted), !isKilling
      else { return nil }
      return begin(wanted.action, machine, &reporter)
    }
    guard !current.isOver, case .ready(let calls) = machine.restart else { return nil }
    guard now >= current.dueAt else { return current.dueAt - now }
    switch current.course.advance(calls, now: now) {
    case .syncing: break
    case .told(let way):
      current.way = way
      current.dueAt = now + AgentTiming.lastWord
      tell(.told, way, &reporter)
    case .refused(let way, let reason):
      current.way = way
      tell(.refused(reason), way, &reporter)
    case .exhausted:
      current.isOver = true
      tell(.exhausted, current.way, &reporter)
    }
    self.current = current
    return Ladder.interval
  }

  private mutating func begin<M: Machine & ~Copyable>(
    _ action: LastResort.Action, _ machine: borrowing M, _ reporter: inout Reporter
  ) -> Nanoseconds? {
    var current = Resorting(action)
    switch machine.restart {
    case .rehearsed:
      current.isOver = true
      tell(.rehearsed, current.way, &reporter)
    case .missing:
      current.isOver = true
      tell(.exhausted, current.way, &reporter)
    case .ready:
      // Before the first step, so that the record is among what goes to the disks.
      tell(.begun, current.way, &reporter)
    }
    self.current = current
    return current.isOver ? nil : Ladder.interval
  }

  private func tell(_ outcome: LastResortOutcome, _ way: LastResortWay, _ reporter: inout Reporter) {
    reporter.report(LastResortEvent(outcome, way, totals: totals))
  }

  /// Says where a policy that was read later asks for a last resort in vain.
  func sayLost<M: Machine & ~Copyable>(
    of policy: CompiledPolicy, _ machine: borrowing M, _ reporter: inout Reporter
  ) {
    guard let wanted = policy.measures.lastResort else { return }
    switch machine.restart {
    case .rehearsed: break
    case .missing:
      reporter.messages.say(
        .error, "the last resort cannot be taken: the policy at the start had none; restart the agent")
    case .ready:
      let held = CapabilitySet(rawValue: (try? OwnCapabilities.effective()) ?? 0)
      if wanted.action == .reboot, !held.contains(.sysBoot) {
        reporter.messages.say(
          .warning, "the last resort is a restart by sysrq: CAP_SYS_BOOT is not held; restart the agent")
      }
    }
  }
}
