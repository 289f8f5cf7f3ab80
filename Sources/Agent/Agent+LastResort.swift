import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// The last resort of an episode that has reached it.
struct Resorting: Sendable {
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

/// What is done when kills do not help. Only the system's trouble counts: a measure is the machine's, and a domain that
/// stays full keeps no process outside of it from working.
extension Agent where M: ~Copyable {
  /// Counts on in the system's episode, and lets the last resort fall where it is over.
  mutating func followEpisode(_ verdict: Verdict) {
    let isInEpisode = system.detector.isInEpisode
    if let current = resorting, !isInEpisode || policy.measures.lastResort == nil {
      resorting = nil
      if !current.isOver { tell(.calledOff, current.way) }
    }
    guard isInEpisode else { return }
    totals.look(verdict.episode, awake: machine.awake, stall: verdict.reading.stall)
  }

  /// The next step of the last resort, where it is reached: one at a look, and no victim is chosen meanwhile.
  ///
  /// - Returns: The time until the next look; nil where there is nothing to do, or nothing left.
  mutating func resort(_ verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds? {
    if resorting == nil {
      guard let wanted = policy.measures.lastResort, verdict.acts, totals.episode == verdict.episode,
        totals.reaches(wanted), domainWithVictim(in: system) == nil
      else { return nil }
      return begin(wanted.action)
    }
    guard var current = resorting, !current.isOver, let lastResortStepper else { return nil }
    guard now >= current.dueAt else { return current.dueAt - now }
    let step = lastResortStepper(&current.course, now)
    switch step {
    case .syncing:
      resorting = current
      return Ladder.interval
    case .told(let way):
      current.way = way
      current.dueAt = now + AgentTiming.lastWord
      tell(.told, way)
    case .refused(let way, let reason):
      current.way = way
      tell(.refused(reason), way)
    case .exhausted:
      current.isOver = true
      tell(.exhausted, current.way)
    }
    resorting = current
    return Ladder.interval
  }

  private mutating func begin(_ action: LastResort.Action) -> Nanoseconds? {
    var current = Resorting(action)
    if isRehearsal {
      current.isOver = true
      tell(.rehearsed, current.way)
    } else if lastResortStepper == nil {
      current.isOver = true
      tell(.exhausted, current.way)
    } else {
      // Before the first step, so that the record is among what goes to the disks.
      tell(.begun, current.way)
    }
    resorting = current
    return current.isOver ? nil : Ladder.interval
  }

  private mutating func tell(_ outcome: LastResortOutcome, _ way: LastResortWay) {
    reporter.report(LastResortEvent(outcome, way, totals: totals))
  }

  /// Says where a policy that was read later asks for a last resort in vain.
  mutating func sayLostResort() {
    guard !isRehearsal, let wanted = policy.measures.lastResort else { return }
    if lastResortStepper == nil {
      return reporter.messages.say(
        .error, "the last resort cannot be taken: the policy at the start had none; restart the agent")
    }
    let held = CapabilitySet(rawValue: (try? OwnCapabilities.effective()) ?? 0)
    if wanted.action == .reboot, !held.contains(.sysBoot) {
      reporter.messages.say(
        .warning, "the last resort is a restart by sysrq: CAP_SYS_BOOT is not held; restart the agent")
    }
  }
}
