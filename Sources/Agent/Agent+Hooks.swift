import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// A hook that may stop the victim's unit itself, within its limit: until then no process is signalled.
struct TakeOver: Sendable {
  var ticket: UInt32
  var incident: Incident
  /// On the clock that stands still while the machine sleeps: so long it does not work either.
  var askedAt: Nanoseconds
  var limit: Nanoseconds
  /// When its exit was seen.
  var endedAt: Nanoseconds?
  /// What it took, once it was in vain: the next victim is signalled without asking, and has so much less of its grace.
  var waited: Nanoseconds?
}

/// Of what a hook is told.
struct HookCause {
  var episode: UInt32
  /// The decision's number; 0 where there is none.
  var incident: UInt32 = 0
  /// The victim's process number; nil where there is none.
  var pid: Int32?
}

/// What `hooks.before` came to.
enum BeforeHook {
  /// There is none, or it was started: the signal does not wait for it.
  case goesOn
  /// It was not started, which is to be told after the signal.
  case skipped
  /// It takes over: look again after this time.
  case takesOver(Nanoseconds)
}

/// The programs that are told of what happens. They are started by a thread of their own and never waited for, save one
/// that takes over.
extension Agent where M: ~Copyable {
  /// Makes ready the programs of the policy in force. In a dry run none is started.
  mutating func takeUpHooks() {
    guard !isRehearsal else { return }
    hooks.takeUp(policy, &reporter.messages)
    if !policy.commands.isEmpty, hookOutput.storage.isEmpty {
      hookOutput = ByteBuffer(capacity: HookRun.outputCapacity)
      hookVariables.reserveCapacity(HookQueue.variableCapacity)
    }
    // One that is watched already stays so.
    if let descriptor = hooks.helperDescriptor { watchHook(descriptor) }
  }

  /// Says what a policy that was read later asks for in vain.
  mutating func sayLostPrivileges() {
    sayLostResort()
    sayLostRelief()
    let held = CapabilitySet(rawValue: (try? OwnCapabilities.effective()) ?? 0)
    for command in policy.commands where command.uid != OwnProcess.effectiveUID || command.uid == 0 {
      if isRehearsal || held.isSuperset(of: [.setUID, .setGID]) { return }
      return reporter.messages.say(
        .error, "hooks cannot be started: the policy at the start had none; restart the agent")
    }
  }

  /// Goes through all that comes before a hook's start, so that its code and memory are in place when they are needed.
  mutating func warmHooks(_ decision: Decision) {
    guard !isRehearsal, let command = policy.commands.first else { return }
    reporter.recorder.composeWarning(decision.verdict, domain: nil, of: policy)
    setVariables(.before, system, decision.verdict, decision.victim, signal: .terminate, ending: .exited)
    appendCgroup(of: OwnProcess.pid)
    if let ticket = hooks.enqueue(
      command, of: policy, .before, HookCause(episode: 0), domain: hookDomain, reading: reporter.recorder,
      variables: hookVariables)
    {
      _ = hooks.withdraw(ticket)
    }
  }

  // MARK: Occasions

  /// Starts `hooks.warn` once an episode, when a trigger is true for the first time.
  mutating func warnOnce(_ domain: Domain, _ verdict: Verdict) {
    if verdict.level == .calm { domain.done.warned = nil }
    guard verdict.trigger != .none, let hook = policy.measures.hooks.warn else { return }
    // An episode begins when a trigger is confirmed: until then it is the next one.
    let episode = domain.detector.isInEpisode ? verdict.episode : verdict.episode &+ 1
    guard domain.done.warned != episode else { return }
    domain.done.warned = episode
    var verdict = verdict
    verdict.episode = episode
    reporter.recorder.composeWarning(verdict, domain: domain.name, of: domain.policy)
    setVariables(.warn, domain, verdict, nil)
    start(hook, of: policy, .warn, domain, HookCause(episode: episode))
  }

  /// Starts the hook `before`, for a victim that is held and in the way.
  mutating func askBefore(_ domain: Domain, _ decision: Decision, _ victim: Candidate) -> BeforeHook {
    guard let hook = policy.measures.hooks.before, domain.takeOver?.waited == nil, !isRehearsal else { return .goesOn }
    let limit = policy.commands[Int(hook)].limit
    reporter.recorder.prepare(DecisionEvent(decision, .signalled))
    setVariables(
      .before, domain, decision.verdict, victim, incident: decision.incident, signal: Signal(decision.signal))
    appendCgroup(of: victim.process.identity.pid)
    guard
      let ticket = startHook(hook, of: policy, .before, domain, HookCause(decision))
    else { return .skipped }
    decisions = decision.incident
    guard policy.measures.hooks.beforeTakesOver else { return .goesOn }
    domain.takeOver = TakeOver(
      ticket: ticket, incident: Incident(decision, victim), askedAt: machine.awake, limit: limit)
    domain.killer.release()
    tell(decision, .asksHook(limit: limit))
    return .takesOver(min(limit, AgentTiming.hookLook))
  }

  /// Tells after the signal what could not be told before it.
  mutating func tellBefore(_ domain: Domain, _ decision: Decision, _ before: BeforeHook, isRehearsed: Bool) {
    let cause = HookCause(decision)
    let measures = policy.measures
    switch before {
    case .skipped:
      if let hook = measures.hooks.before { tellUnstarted(hook, of: policy, .before, domain, cause) }
    case .goesOn, .takesOver: break
    }
    guard isRehearsed, let victim = decision.victim else { return }
    if let hook = measures.hooks.before { tellUnstarted(hook, of: policy, .before, domain, cause) }
    if let hook = decision.context.hook(of: victim.ruleOutcome) {
      tellUnstarted(hook, of: policy, .after, domain, cause)
    }
  }

  /// Starts what is told of a kill, once that is recorded.
  mutating func tellAfter(_ domain: Domain, _ outcome: Outcome) {
    let incident = outcome.incident
    guard outcome.ending == .exited || outcome.ending == .killed,
      let hook = incident.context.hook(of: incident.victim.ruleOutcome)
    else { return }
    setVariables(
      .after, domain, incident.cause, incident.victim, incident: incident.number, available: outcome.available,
      signal: outcome.signal, ending: outcome.ending)
    start(hook, of: incident.context.policy, .after, domain, HookCause(incident))
  }

  /// Starts what is told that no process can be killed, once that is recorded.
  mutating func tellNoCandidate(_ domain: Domain, _ decision: Decision) {
    guard let hook = policy.measures.hooks.noCandidate else { return }
    setVariables(.noCandidate, domain, decision.verdict, nil, incident: decision.incident)
    start(hook, of: policy, .noCandidate, domain, HookCause(decision))
  }

  // MARK: Taking over

  /// Waits for a hook that takes over.
  ///
  /// - Returns: The time until the next look; nil where there is none, or it is over.
  @inline(never)
  mutating func awaitTakeOver(_ domain: Domain, _ verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds? {
    guard var asked = domain.takeOver, asked.waited == nil else { return nil }
    let deadline = asked.askedAt + asked.limit
    let awake = machine.awake
    if awake < deadline {
      guard hooks.isOver(asked.ticket) else { return min(deadline - awake, AgentTiming.hookLook) }
      // What it stopped is counted free a little later.
      let endedAt = asked.endedAt ?? awake
      if asked.endedAt == nil {
        asked.endedAt = awake
        domain.takeOver = asked
        domain.detector.beginAnew()
        domain.windowsAt = .zero
      }
      let settled = min(endedAt + Ladder.settling, deadline)
      if awake < settled { return settled - awake }
    } else if hooks.withdraw(asked.ticket) {
      let policy = asked.incident.context.policy
      if let hook = policy.measures.hooks.before {
        tellUnstarted(hook, of: policy, .before, domain, HookCause(asked.incident))
      }
    }
    if domain.detector.isTrouble(verdict.reading) {
      asked.waited = awake - asked.askedAt
      domain.takeOver = asked
      if verdict.acts { return nil }
      // It was confirmed before the hook was asked, and need not be again.
      var again = verdict
      again.level = .terminate
      if again.trigger == .none { again.trigger = .notReleased }
      return act(for: domain, on: again, now)
    }
    domain.takeOver = nil
    reporter.report(Outcome(.relieved, abandoning: asked.incident, available: verdict.reading.available))
    return nil
  }

  /// What is left of a victim's grace after a hook had its time, which counts.
  func graceLeft(_ domain: Domain, _ grace: Nanoseconds) -> Nanoseconds {
    grace - (domain.takeOver?.waited ?? .zero)
  }

  // MARK: Under way

  /// Does what the hooks under way need, and tells of those that have exited.
  @inline(never)
  mutating func tendHooks() {
    guard hooks.isBusy else { return }
    let now = machine.awake
    hooks.acknowledge()
    var index = 0
    while index < hooks.running.count {
      let holder = hooks.running[index]
      if let end = holder.run.advance(now) {
        hooks.remove(at: index)
        tellExit(holder, end)
        continue
      }
      watch(holder)
      index += 1
    }
    while let (holder, reason) = hooks.failed.popLast() {
      tellExit(holder, HookEnd(outcome: .notStarted(.descriptors, reason), written: 0, took: .zero))
    }
    hooks.startNext(now)
    // A domain that waits for one looks at once.
    for domain in domains {
      if let asked = domain.takeOver, asked.endedAt == nil, asked.waited == nil, hooks.isOver(asked.ticket) {
        domain.dueAt = .zero
      }
    }
  }

  private mutating func watch(_ holder: HookHolder) {
    guard !holder.isWatched, let exit = holder.run.exitDescriptor else { return }
    // Else it is looked at every now and then.
    holder.isWatched = watchHook(exit, once: true)
    if let output = holder.run.outputDescriptor { watchHook(output) }
  }

  @discardableResult
  private mutating func watchHook(_ descriptor: Int32, once: Bool = false) -> Bool {
    do throws(Errno) {
      if once {
        try loop.watch(descriptor, tag: Self.hookTag, once: true)
      } else {
        try loop.watchNews(descriptor, tag: Self.hookTag)
      }
      return true
    } catch {
      return false
    }
  }

  /// Starts a hook, or tells that it was not started.
  private mutating func start(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ domain: Domain, _ cause: HookCause
  ) {
    if startHook(index, of: policy, occasion, domain, cause) == nil {
      tellUnstarted(index, of: policy, occasion, domain, cause)
    }
  }

  /// Puts a hook in the queue, with the recorder's last line to read, and starts it if its turn is now.
  private mutating func startHook(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ domain: Domain, _ cause: HookCause
  ) -> UInt32? {
    guard !isRehearsal else { return nil }
    setHookDomain(domain)
    let ticket = hooks.enqueue(
      policy.commands[Int(index)], of: policy, occasion, cause, domain: hookDomain, reading: reporter.recorder,
      variables: hookVariables)
    hooks.startNext(machine.awake)
    return ticket
  }

  private mutating func setHookDomain(_ domain: Domain) {
    hookDomain.clear()
    let policy = domain.policy
    if let name = domain.name { hookDomain.fill(from: policy.bytes(name)) }
  }

  // MARK: Telling

  private mutating func tellExit(_ holder: HookHolder, _ end: HookEnd) {
    hookOutput.fill(from: holder.run.outputBytes)
    let about = holder.about
    reporter.report(
      HookEvent(
        about.occasion, .ended(end), domain: about.domain, episode: about.cause.episode,
        incident: about.cause.incident, victim: about.cause.pid, words: holder.words, output: hookOutput))
  }

  /// Tells that a hook was not started, or in a dry run would have been.
  private mutating func tellUnstarted(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ domain: Domain, _ cause: HookCause
  ) {
    setHookDomain(domain)
    hookWords.removeAll(keepingCapacity: true)
    let words = policy.bytes(policy.commands[Int(index)].words)
    for position in words.indices { hookWords.append(words[position]) }
    hookOutput.clear()
    reporter.report(
      HookEvent(
        occasion, isRehearsal ? .rehearsed : .skipped, domain: hookDomain, episode: cause.episode,
        incident: cause.incident, victim: cause.pid, words: hookWords, output: hookOutput))
  }

  // MARK: Variables

  private mutating func setVariables(
    _ occasion: HookOccasion, _ domain: Domain, _ verdict: Verdict, _ victim: Candidate?, incident: UInt32 = 0,
    available: KiB? = nil, signal: Signal? = nil, ending: OutcomeKind? = nil
  ) {
    let name = domain.name
    let policy = domain.policy
    hookVariables.removeAll(keepingCapacity: true)
    setVariable("EVENT") { text in text.append(occasion.name) }
    setVariable("DOMAIN") { text in
      if let name { text.append(visible: policy.bytes(name)) } else { text.append("system") }
    }
    setVariable("EPISODE") { text in text.append(decimal: UInt64(verdict.episode)) }
    if incident > 0 {
      let run = reporter.recorder.run
      setVariable("INCIDENT") { text in text.append(incident: incident, of: run) }
    }
    setVariable("LEVEL") { text in text.append(verdict.level.name) }
    setVariable("TRIGGER") { text in text.append(verdict.trigger.name) }
    setVariable("REASON") { text in text.append(reason: verdict) }
    setVariable("TOTAL_KIB") { text in text.append(decimal: verdict.reading.total.count) }
    setVariable("AVAILABLE_KIB") { text in text.append(decimal: (available ?? verdict.reading.available).count) }
    guard let victim else { return }
    setVariable("PID") { text in text.append(decimal: Int64(victim.process.identity.pid)) }
    setVariable("COMM") { text in text.append(visible: victim.process.comm.bytes) }
    setVariable("UID") { text in text.append(decimal: UInt64(victim.process.effectiveUID)) }
    setVariable("FOOTPRINT_KIB") { text in text.append(decimal: victim.process.footprint.count) }
    if let signal { setVariable("SIGNAL") { text in text.append(signal.name) } }
    if let ending { setVariable("OUTCOME") { text in text.append(ending.name) } }
  }

  private mutating func setVariable(_ name: String, _ write: (inout [UInt8]) -> Void) {
    hookVariables.append("SPILLWAY_")
    hookVariables.append(name)
    hookVariables.append("=")
    write(&hookVariables)
    hookVariables.append(0)
  }

  /// The victim's cgroup and system unit, as far as they can be told: what restarts a unit has to know which.
  private mutating func appendCgroup(of pid: Int32) {
    do throws(ReadFailure) {
      try machine.read(.cgroup, of: pid, into: &cgroupBuffer)
    } catch {
      return
    }
    guard let membership = try? CgroupMembership(parsing: cgroupBuffer.bytes),
      membership.path.count <= AgentTiming.hookPath
    else { return }
    let bytes = cgroupBuffer
    setVariable("CGROUP") { text in text.append(visible: bytes.bytes.extracting(membership.path)) }
    if let unit = membership.unit {
      setVariable("UNIT") { text in text.append(visible: bytes.bytes.extracting(unit)) }
    }
  }
}

extension HookCause {
  init(_ incident: Incident) {
    self.init(
      episode: incident.cause.episode, incident: incident.number, pid: incident.victim.process.identity.pid)
  }

  init(_ decision: Decision) {
    self.init(
      episode: decision.verdict.episode, incident: decision.incident, pid: decision.victim?.process.identity.pid)
  }
}
