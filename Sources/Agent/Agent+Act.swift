import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// A victim on its way down.
struct Pursuit: Sendable {
  var victim: Candidate
  /// On which it was chosen.
  var cause: Verdict
  var ladder: Ladder
  /// Under which the victim was chosen: its standing names rules of this policy, and a reload may have put another in
  /// force.
  var judge: Judge
}

extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Chooses a victim and sends it the first signal, once it is sure to be the one chosen and still in the way.
  ///
  /// - Returns: The time until the next look.
  mutating func act(on verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds {
    if rehearsedEpisode == verdict.episode { return AgentPace.idleTrouble }
    guard surveyProcesses(now, deciding: true) else { return AgentPace.idleTrouble }
    rank(now)
    let signal: Signal = verdict.level == .kill ? .kill : .terminate
    let took = Nanoseconds(Clock.sinceBoot()) - now

    guard let victim = shortlist.victim else {
      if helplessEpisode != verdict.episode {
        helplessEpisode = verdict.episode
        recorder.decision(verdict, shortlist, judge: judge, signal: signal, took: took, isRehearsed: false)
        sayNoCandidate(verdict)
      }
      return AgentPace.idleTrouble
    }

    switch hand.hold(victim.process.identity) {
    case .held: break
    case .vanished: return abandon(victim, .vanished, verdict, signal, took)
    case .changed: return abandon(victim, .changed, verdict, signal, took)
    case .refused(let reason) where reason.isPassing: return tryAgain(reason)
    case .refused(let reason): return abandon(victim, .refused, verdict, signal, took, reason)
    }
    // The survey took its time: the machine may have recovered by itself. Without a reading there is no reason to end
    // anybody.
    guard let reading = readMemory(Nanoseconds(Clock.sinceBoot())) else {
      hand.release()
      return Ladder.interval
    }
    guard detector.isTrouble(reading) else {
      return abandon(victim, .relieved, verdict, signal, took, available: reading.available)
    }

    let delivery = hand.send(signal)
    switch delivery {
    case .sent, .rehearsed: break
    case .vanished: return abandon(victim, .vanished, verdict, signal, took)
    case .refused(let reason) where reason.isPassing: return tryAgain(reason)
    case .refused(let reason): return abandon(victim, .refused, verdict, signal, took, reason)
    }
    let sentAt = Nanoseconds(Clock.sinceBoot())
    if delivery == .sent {
      if let descriptor = hand.exitDescriptor { try? loop.watch(descriptor, tag: Self.victimTag, once: true) }
      pursuit = Pursuit(
        victim: victim, cause: verdict,
        ladder: Ladder(
          startedAt: sentAt, availableAtStart: reading.available, grace: judge.policy.settings.grace, signal: signal),
        judge: judge)
      writeKernelLine(victim.process)
    } else {
      rehearsedEpisode = verdict.episode
      hand.release()
    }
    recorder.decision(
      verdict, shortlist, judge: judge, signal: signal, took: took, isRehearsed: delivery == .rehearsed)
    sayDecision(verdict, victim, signal, isRehearsed: delivery == .rehearsed)
    return delivery == .sent ? Ladder.interval : AgentPace.idleTrouble
  }

  /// The next step with the victim at hand.
  ///
  /// - Returns: The time until the next look.
  mutating func pursue(_ verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds {
    guard var current = pursuit else { return Ladder.interval }
    var rung = current.ladder.step(now: now, verdict: verdict, hasExited: hand.hasExited)
    if rung == .examine {
      current.ladder.examined(hand.examine())
      rung = current.ladder.step(now: now, verdict: verdict, hasExited: hand.hasExited)
    }
    switch rung {
    case .wait(let until):
      pursuit = current
      return max(until - now, .milliseconds(1))
    case .reap(let until):
      hand.reap()
      pursuit = current
      return max(until - now, .milliseconds(1))
    case .thaw(let until):
      _ = hand.thaw()
      pursuit = current
      return max(until - now, .milliseconds(1))
    case .examine:
      // Asked and answered above; the next look goes on.
      pursuit = current
      return Ladder.interval
    case .escalate(let reason):
      switch hand.send(.kill) {
      case .refused(let errno) where !errno.isPassing:
        return finish(current, .refused, verdict, now, errno)
      case .sent, .rehearsed:
        current.ladder.escalated(reason, at: now)
        sayEscalation(current.victim, reason)
      case .vanished, .refused:
        // Gone at this moment, or for want of memory: the next look tells.
        break
      }
      pursuit = current
      return Ladder.interval
    case .done(let ending):
      return finish(current, ending, verdict, now, nil)
    }
  }

  private mutating func finish(
    _ ended: Pursuit, _ ending: Ending, _ verdict: Verdict, _ now: Nanoseconds, _ refusal: Errno?
  ) -> Nanoseconds {
    pursuit = nil
    hand.release()
    detector.beginAnew()
    if ending == .stuck || ending == .refused { inVain.insert(ended.victim.process.identity) }
    let available = verdict.reading.available
    let after = (ended.ladder.exitedAt ?? now) - ended.ladder.startedAt
    recorder.outcome(
      ended.victim, ending, cause: ended.cause, judge: ended.judge, signal: ended.ladder.signal,
      escalation: ended.ladder.escalation, after: after, available: available,
      freed: available - ended.ladder.availableAtStart, refusal: refusal)
    sayOutcome(ended.victim, ending, after: after, verdict)
    return verdict.acts ? .milliseconds(1) : delay(verdict)
  }

  /// Records that a chosen victim was not signalled, and why.
  private mutating func abandon(
    _ victim: Candidate, _ ending: Ending, _ verdict: Verdict, _ signal: Signal, _ took: Nanoseconds,
    _ refusal: Errno? = nil, available: KiB? = nil
  ) -> Nanoseconds {
    hand.release()
    if ending == .refused { inVain.insert(victim.process.identity) }
    recorder.decision(verdict, shortlist, judge: judge, signal: signal, took: took, isRehearsed: false)
    recorder.outcome(
      victim, ending, cause: verdict, judge: judge, signal: nil, escalation: nil, after: .zero,
      available: available ?? verdict.reading.available, freed: .zero, refusal: refusal)
    sayOutcome(victim, ending, after: .zero, verdict)
    return Ladder.interval
  }

  /// Lets a victim go that memory or descriptors were wanting for: it is as bad as before, and chosen again.
  private mutating func tryAgain(_ reason: Errno) -> Nanoseconds {
    hand.release()
    sayOnce(.passingRefusal) { line in
      line.append("the victim cannot be held or signalled at the moment, and is tried again: ")
      line.append(reason.text)
    }
    return Ladder.interval
  }

  /// Says once that an episode of trouble is over.
  mutating func closeEpisode(_ verdict: Verdict) {
    guard verdict.episode != closedEpisode else { return }
    closedEpisode = verdict.episode
    messages.say { line in
      line.append("memory is back: available ")
      line.append(verdict.reading.available)
    }
  }
}
