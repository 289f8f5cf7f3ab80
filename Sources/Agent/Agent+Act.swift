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
  /// Of its party, itself among them.
  var members: Int
  /// What the party was counted to give back.
  var counted: KiB
}

extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Chooses a victim and sends it the first signal, once it is sure to be the one chosen and still in the way.
  ///
  /// - Returns: The time until the next look.
  mutating func act(_ number: Int, on verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds {
    if watches[number].rehearsedEpisode == verdict.episode { return AgentPace.idleTrouble }
    thawForEnd()
    let chosen = choose(number, verdict, now)
    let took = Nanoseconds(Clock.sinceBoot()) - now
    guard let victim = chosen else {
      if !isUnlisted, watches[number].helplessEpisode != verdict.episode {
        watches[number].helplessEpisode = verdict.episode
        recorder.decision(
          verdict, shortlist, nil, party, domain: watches[number].name, judge: judge, signal: .terminate, took: took,
          isRehearsed: false)
        tellNoCandidate(number, verdict)
        sayNoCandidate(number, verdict)
      }
      return AgentPace.idleTrouble
    }
    let signal = firstSignal(verdict, victim)

    switch hands[number].hand.hold(victim.process.identity) {
    case .held: break
    case .vanished: return abandon(number, victim, .vanished, verdict, signal, took)
    case .changed: return abandon(number, victim, .changed, verdict, signal, took)
    case .refused(let reason) where reason.isPassing: return tryAgain(number, reason)
    case .refused(let reason): return abandon(number, victim, .refused, verdict, signal, took, reason)
    }
    guard gatherSharers(number, victim) else { return abandon(number, victim, .sharesProtected, verdict, signal, took) }
    gather(number)
    // The survey took its time: the machine may have recovered by itself. Without a reading there is no reason to end
    // anybody.
    guard let reading = readMemory(of: number, Nanoseconds(Clock.sinceBoot()), isWhole: true) else {
      hands[number].hand.release()
      return Ladder.interval
    }
    guard watches[number].detector.isTrouble(reading) else {
      return abandon(number, victim, .relieved, verdict, signal, took, available: reading.available)
    }

    let before = askBefore(number, verdict, victim, signal, took)
    if case .takesOver(let delay) = before { return delay }
    let delivery = strike(number, signal)
    switch delivery {
    case .sent, .rehearsed: break
    case .vanished: return abandon(number, victim, .vanished, verdict, signal, took)
    case .refused(let reason) where reason.isPassing: return tryAgain(number, reason)
    case .refused(let reason): return abandon(number, victim, .refused, verdict, signal, took, reason)
    }
    let sentAt = Nanoseconds(Clock.sinceBoot())
    if delivery == .sent {
      if let descriptor = hands[number].hand.exitDescriptor {
        try? loop.watch(descriptor, tag: Self.victimTag + UInt64(number), once: true)
      }
      watches[number].pursuit = Pursuit(
        victim: victim, cause: verdict,
        ladder: Ladder(
          startedAt: sentAt, availableAtStart: reading.available,
          grace: graceLeft(number, judge.grace(of: victim.standing)),
          signal: signal),
        judge: judge, members: party.members.count, counted: max(party.footprint, victim.process.footprint))
      watches[number].takeOver = nil
      writeKernelLines(victim.process)
    } else {
      watches[number].rehearsedEpisode = verdict.episode
      if number == 0 { toll.count(victimOf: verdict.episode) }
      hands[number].hand.release()
    }
    recorder.decision(
      verdict, shortlist, victim, party, domain: watches[number].name, judge: judge, signal: signal, took: took,
      isRehearsed: delivery == .rehearsed)
    sayDecision(number, verdict, victim, signal, isRehearsed: delivery == .rehearsed)
    tellBefore(number, verdict, victim, before, isRehearsed: delivery == .rehearsed)
    return delivery == .sent ? Ladder.interval : AgentPace.idleTrouble
  }

  /// The next step with the victim at hands[number].hand.
  ///
  /// - Returns: The time until the next look.
  mutating func pursue(_ number: Int, _ verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds {
    guard var current = watches[number].pursuit else { return Ladder.interval }
    var rung = current.ladder.step(now: now, verdict: verdict, hasExited: hands[number].hand.hasExited)
    if rung == .examine {
      current.ladder.examined(hands[number].hand.examine())
      rung = current.ladder.step(now: now, verdict: verdict, hasExited: hands[number].hand.hasExited)
    }
    switch rung {
    case .wait(let until):
      watches[number].pursuit = current
      return max(until - now, .milliseconds(1))
    case .reap(let until):
      reap(number)
      watches[number].pursuit = current
      return max(until - now, .milliseconds(1))
    case .thaw(let until):
      _ = hands[number].hand.thaw()
      watches[number].pursuit = current
      return max(until - now, .milliseconds(1))
    case .examine:
      // Asked and answered above; the next look goes on.
      watches[number].pursuit = current
      return Ladder.interval
    case .escalate(let reason):
      switch strike(number, .kill) {
      case .refused(let errno) where !errno.isPassing:
        return finish(number, current, .refused, verdict, now, errno)
      case .sent, .rehearsed:
        current.ladder.escalated(reason, at: now)
        sayEscalation(current.victim, reason)
      case .vanished, .refused:
        // Gone at this moment, or for want of memory: the next look tells.
        break
      }
      watches[number].pursuit = current
      return Ladder.interval
    case .done(let ending):
      return finish(number, current, ending, verdict, now, nil)
    }
  }

  /// Has a victim go at once that is being ended for a domain within this one, or around it: both wait for it.
  mutating func hasten(_ other: Int, _ now: Nanoseconds) {
    guard var current = watches[other].pursuit, current.ladder.signal != .kill else { return }
    if let reading = watches[other].verdict?.reading { takeSeat(other, reading) }
    guard strike(other, .kill) == .sent else { return }
    current.ladder.escalated(.neededElsewhere, at: now)
    watches[other].pursuit = current
    watches[other].dueAt = .zero
    sayEscalation(current.victim, .neededElsewhere)
  }

  private mutating func finish(
    _ number: Int, _ ended: Pursuit, _ ending: Ending, _ verdict: Verdict, _ now: Nanoseconds, _ refusal: Errno?
  ) -> Nanoseconds {
    watches[number].pursuit = nil
    let released = hands[number].hand.released?.released
    let oneByOne = hands[number].hand.reach.oneByOne
    hands[number].hand.release()
    if number == 0 { toll.count(victimOf: ended.cause.episode) }
    watches[number].detector.beginAnew()
    watches[number].windowsAt = .zero
    if ending == .stuck || ending == .refused { inVain.insert(ended.victim.process.identity) }
    let available = verdict.reading.available
    let after = (ended.ladder.exitedAt ?? now) - ended.ladder.startedAt
    let freed = available - ended.ladder.availableAtStart
    recorder.outcome(
      ended.victim, ending, members: ended.members, domain: watches[number].name, cause: ended.cause,
      judge: ended.judge,
      signal: ended.ladder.signal,
      escalation: ended.ladder.escalation, after: after, available: available,
      freed: freed, refusal: refusal, standstill: ended.ladder.standstill, released: released, oneByOne: oneByOne,
      counted: ended.counted)
    tellAfter(number, ended, ending, verdict)
    sayOutcome(
      number, ended.victim, ending, after: after, verdict, oneByOne,
      Yield(ending, signal: ended.ladder.signal, freed: freed, counted: ended.counted))
    if ending == .exited || ending == .killed {
      watches[number].respite = Respite(freed: freed, verdict: verdict)
    }
    return verdict.acts ? .milliseconds(1) : delay(number, verdict)
  }

  /// Records that a chosen victim was not signalled, and why.
  private mutating func abandon(
    _ number: Int, _ victim: Candidate, _ ending: Ending, _ verdict: Verdict, _ signal: Signal, _ took: Nanoseconds,
    _ refusal: Errno? = nil, available: KiB? = nil
  ) -> Nanoseconds {
    hands[number].hand.release()
    if ending == .refused || ending == .sharesProtected { inVain.insert(victim.process.identity) }
    recorder.decision(
      verdict, shortlist, victim, party, domain: watches[number].name, judge: judge, signal: signal, took: took,
      isRehearsed: false)
    recorder.outcome(
      victim, ending, members: party.members.count, domain: watches[number].name, cause: verdict, judge: judge,
      signal: nil, escalation: nil,
      after: .zero,
      available: available ?? verdict.reading.available, freed: .zero, refusal: refusal)
    sayOutcome(number, victim, ending, after: .zero, verdict)
    return Ladder.interval
  }

  /// Lets a victim go that memory or descriptors were wanting for: it is as bad as before, and chosen again.
  private mutating func tryAgain(_ number: Int, _ reason: Errno) -> Nanoseconds {
    hands[number].hand.release()
    sayOnce(.passingRefusal, .warning) { line in
      line.append("the victim cannot be held or signalled at the moment, and is tried again: ")
      line.append(reason.text)
    }
    return Ladder.interval
  }

  /// Whether nobody is ended at a verdict that acts, because the last end gave nothing back and memory does not fall.
  mutating func keepsRespite(_ number: Int, _ verdict: Verdict) -> Bool {
    guard let respite = watches[number].respite else { return false }
    guard respite.holds(verdict) else {
      watches[number].respite = nil
      return false
    }
    if watches[number].heldEpisode != verdict.episode {
      watches[number].heldEpisode = verdict.episode
      say(of: number, .warning) { line in
        line.append("the last end gave next to nothing back, and memory does not go on falling; ")
        line.append("nobody else is ended until it does: available ")
        line.append(verdict.reading.available)
      }
    }
    return true
  }

  /// Says once that an episode of trouble is over.
  mutating func closeEpisode(_ number: Int, _ verdict: Verdict) {
    watches[number].respite = nil
    if !watches[number].detector.isInEpisode { watches[number].takeOver = nil }
    guard verdict.episode != watches[number].closedEpisode else { return }
    watches[number].closedEpisode = verdict.episode
    say(of: number, .info) { line in
      line.append("memory is back: available ")
      line.append(verdict.reading.available)
    }
  }
}
