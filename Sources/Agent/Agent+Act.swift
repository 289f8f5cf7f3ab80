import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// From a verdict that acts to the outcome: choose, hold, read again, signal, and watch the victim until it exits.
extension Agent where M: ~Copyable {
  /// Chooses a victim and sends it the first signal, once it is sure to be the one chosen and still in the way.
  ///
  /// - Returns: The time until the next look.
  @inline(never)
  mutating func act(for domain: Domain, on verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds {
    if domain.done.rehearsed == verdict.episode { return AgentTiming.idleTrouble }
    relief.thaw(&machine, &reporter)
    guard let decision = decide(for: domain, on: verdict, now) else { return AgentTiming.idleTrouble }
    guard let victim = decision.victim else { return tellHelpless(domain, decision) }

    if let hold = holdKillSet(domain, decision, victim) { return hold }
    // The survey took its time: the machine may have recovered by itself. Without a reading there is no reason to kill
    // a process.
    guard let reading = readMemory(of: domain, machine.now, isWhole: true) else {
      domain.killer.release()
      return Ladder.interval
    }
    guard domain.detector.isTrouble(reading) else {
      return abandon(domain, decision, victim, .relieved, available: reading.available)
    }
    return signal(domain, decision, victim, reading)
  }

  private mutating func tellHelpless(_ domain: Domain, _ decision: Decision) -> Nanoseconds {
    if domain.done.helpless != decision.verdict.episode {
      domain.done.helpless = decision.verdict.episode
      tell(decision, .none, of: domain)
      hooks.tellNoCandidate(domain, decision, &machine, &reporter)
    }
    return AgentTiming.idleTrouble
  }

  /// Takes hold of the victim and the processes that are killed with it.
  ///
  /// - Returns: The time until the next look, where the victim cannot be held; nil where it is.
  private mutating func holdKillSet(_ domain: Domain, _ decision: Decision, _ victim: Candidate) -> Nanoseconds? {
    switch domain.killer.hold(victim.process.identity) {
    case .held: break
    case .vanished: return abandon(domain, decision, victim, .vanished)
    case .changed: return abandon(domain, decision, victim, .changed)
    case .refused(let reason) where reason.isPassing: return tryAgain(domain, reason)
    case .refused(let reason): return abandon(domain, decision, victim, .refused, reason)
    }
    guard gatherSharers(domain, decision, victim) else { return abandon(domain, decision, victim, .sharesProtected) }
    gather(domain, decision)
    return nil
  }

  /// Sends the first signal, after the hook `before` where there is one.
  ///
  /// - Parameter reading: Of this moment.
  @inline(never)
  private mutating func signal(
    _ domain: Domain, _ decision: Decision, _ victim: Candidate, _ reading: MemoryReading
  ) -> Nanoseconds {
    let before = hooks.askBefore(domain, decision, victim, &machine, &reporter)
    if case .takesOver(let delay) = before { return delay }
    let signal = Signal(decision.signal)
    let delivery = strike(domain, signal)
    switch delivery {
    case .sent, .rehearsed: break
    case .vanished: return abandon(domain, decision, victim, .vanished)
    case .refused(let reason) where reason.isPassing: return tryAgain(domain, reason)
    case .refused(let reason): return abandon(domain, decision, victim, .refused, reason)
    }
    let sentAt = machine.mark()
    if delivery == .sent {
      if let descriptor = domain.killer.exitDescriptor {
        try? machine.watch(descriptor, .readableOnce, tag: domain.tag)
      }
      domain.pursuit = Pursuit(
        incident: Incident(decision, victim),
        // The time that a hook had counts.
        ladder: Ladder(
          startedAt: sentAt, availableAtStart: reading.available,
          grace: decision.grace - (domain.takeOver?.waited ?? .zero), signal: signal))
      domain.takeOver = nil
    } else {
      domain.done.rehearsed = decision.verdict.episode
      if domain.isSystem { lastResort.count(victimOf: decision.verdict.episode) }
      domain.killer.release()
    }
    tell(decision, delivery == .sent ? .signalled : .rehearsed, of: domain)
    hooks.tellBefore(domain, decision, before, isRehearsed: delivery == .rehearsed, machine, &reporter)
    return delivery == .sent ? Ladder.interval : AgentTiming.idleTrouble
  }

  /// Takes the next step with the victim that is being killed for a domain.
  ///
  /// - Returns: The time until the next look.
  @inline(never)
  mutating func pursue(for domain: Domain, _ verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds {
    guard var current = domain.pursuit else { return Ladder.interval }
    var rung = current.ladder.step(now: now, verdict: verdict, hasExited: domain.killer.hasExited)
    if rung == .examine {
      current.ladder.examined(domain.killer.examine())
      rung = current.ladder.step(now: now, verdict: verdict, hasExited: domain.killer.hasExited)
    }
    switch rung {
    case .wait(let until):
      domain.pursuit = current
      return max(until - now, .milliseconds(1))
    case .reap(let until):
      reap(domain)
      domain.pursuit = current
      return max(until - now, .milliseconds(1))
    case .thaw(let until):
      _ = domain.killer.thaw()
      domain.pursuit = current
      return max(until - now, .milliseconds(1))
    case .examine:
      // Asked and answered above; the next look goes on.
      domain.pursuit = current
      return Ladder.interval
    case .escalate(let reason):
      switch strike(domain, .kill) {
      case .refused(let errno) where !errno.isPassing:
        return finish(domain, current, .refused, verdict, now, errno)
      case .sent, .rehearsed:
        current.ladder.escalated(reason, at: now)
        reporter.report(EscalationEvent(current.incident.victim, reason))
      case .vanished, .refused:
        // Gone at this moment, or for want of memory: the next look tells.
        break
      }
      domain.pursuit = current
      return Ladder.interval
    case .done(let ending):
      return finish(domain, current, ending, verdict, now, nil)
    }
  }

  /// Sends SIGKILL at once to a victim that is being killed for a domain within this one, or around it: both wait for
  /// it.
  mutating func killNow(for other: Domain, _ now: Nanoseconds) {
    guard var current = other.pursuit, current.ladder.signal != .kill, strike(other, .kill) == .sent else { return }
    current.ladder.escalated(.neededElsewhere, at: now)
    other.pursuit = current
    other.dueAt = .zero
    reporter.report(EscalationEvent(current.incident.victim, .neededElsewhere))
  }

  @inline(never)
  private mutating func finish(
    _ domain: Domain, _ past: Pursuit, _ ending: OutcomeKind, _ verdict: Verdict, _ now: Nanoseconds, _ refusal: Errno?
  ) -> Nanoseconds {
    domain.pursuit = nil
    var outcome = Outcome(
      ending, of: past.incident, on: past.ladder, available: domain.isBlind ? nil : verdict.reading.available, at: now)
    outcome.refusal = refusal
    outcome.released = domain.killer.released?.released
    outcome.oneByOne = domain.killer.reach.oneByOne
    domain.killer.release()
    if domain.isSystem { lastResort.count(victimOf: past.incident.cause.episode) }
    domain.detector.beginAnew()
    domain.windowsAt = .zero
    if ending == .stuck || ending == .refused { chooser.inVain.insert(past.incident.victim.process.identity) }
    if ending == .exited || ending == .killed, let kind = past.incident.kind {
      chooser.comebacks.note(
        kind, footprint: past.incident.victim.process.footprint, kills: past.incident.kills, at: past.ladder.startedAt)
    }
    reporter.report(outcome)
    hooks.tellAfter(domain, outcome, &machine, &reporter)
    if !domain.isBlind, ending == .exited || ending == .killed {
      domain.coolDown = CoolDown(freed: outcome.freed, verdict: verdict)
    }
    return verdict.acts ? .milliseconds(1) : delay(domain, verdict)
  }

  /// Records that a chosen victim was not signalled, and why.
  @inline(never)
  private mutating func abandon(
    _ domain: Domain, _ decision: Decision, _ victim: Candidate, _ ending: OutcomeKind, _ refusal: Errno? = nil,
    available: KiB? = nil
  ) -> Nanoseconds {
    domain.killer.release()
    if ending == .refused || ending == .sharesProtected { chooser.inVain.insert(victim.process.identity) }
    tell(decision, .none, of: domain)
    reporter.report(
      Outcome(
        ending, abandoning: Incident(decision, victim), available: available ?? decision.verdict.reading.available,
        refusal: refusal))
    return Ladder.interval
  }

  /// Lets a victim go that memory or descriptors were wanting for: it is as bad as before, and chosen again.
  private mutating func tryAgain(_ domain: Domain, _ reason: Errno) -> Nanoseconds {
    domain.killer.release()
    reporter.sayOnce(.passingRefusal, .warning) { line in
      line.append("the victim cannot be held or signalled at the moment, and is tried again: ")
      line.append(reason.text)
    }
    return Ladder.interval
  }

  /// Whether no process is killed at a verdict that acts, because the last kill gave nothing back and memory does not
  /// fall.
  mutating func keepsCoolDown(_ domain: Domain, _ verdict: Verdict) -> Bool {
    guard let coolDown = domain.coolDown else { return false }
    guard coolDown.holds(verdict) else {
      domain.coolDown = nil
      return false
    }
    if domain.done.held != verdict.episode {
      domain.done.held = verdict.episode
      say(of: domain, .warning) { line in
        line.append("the last kill gave next to nothing back, and memory does not go on falling; ")
        line.append("no other process is killed until it does: available ")
        line.append(verdict.reading.available)
      }
    }
    return true
  }

  /// Goes on after a kill that another agent made, for a machine that plays back: this agent only rehearses, and would
  /// let its episode pass with one decision.
  package mutating func goOnAfterKill() {
    for domain in domains {
      domain.done.rehearsed = 0
      domain.done.helpless = 0
      domain.detector.beginAnew()
    }
  }

  /// Tells once that an episode of trouble is over.
  mutating func closeEpisode(of domain: Domain, _ verdict: Verdict, _ now: Nanoseconds) {
    domain.coolDown = nil
    if domain.isAskingHook, !domain.detector.isInEpisode { domain.takeOver = nil }
    guard verdict.episode != domain.done.closed else { return }
    domain.done.closed = verdict.episode
    tellEpisode(of: domain, .memoryBack, available: verdict.reading.available, now)
  }
}

extension Signal {
  init(_ signal: VictimSignal) {
    self =
      switch signal {
      case .terminate: .terminate
      case .interrupt: .interrupt
      case .quit: .quit
      case .hangUp: .hangUp
      case .user1: .user1
      case .user2: .user2
      case .kill: .kill
      }
  }
}
