import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// A hook that may end the victim's unit itself, within its limit: until then nobody is signalled.
struct TakeOver: Sendable {
  var ticket: UInt32
  var victim: Candidate
  var cause: Verdict
  var judge: Judge
  var members: Int
  /// On the clock that stands still while the machine sleeps: so long it does not work either.
  var askedAt: Nanoseconds
  var limit: Nanoseconds
  /// When its end was seen.
  var endedAt: Nanoseconds?
  /// What it took, once it was in vain: the next victim is signalled without asking, and has so much less of its grace.
  var waited: Nanoseconds?
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
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Makes ready the programs of the policy in force. In a dry run none is started.
  mutating func takeUpHooks() {
    guard !recorder.isDryRun else { return }
    hooks.takeUp(judge.policy, &messages)
    if !judge.policy.commands.isEmpty, hookOutput.storage.isEmpty {
      hookOutput = ByteBuffer(capacity: HookRun.outputCapacity)
      hookVariables.reserveCapacity(HookBench.variableCapacity)
    }
    // One that is watched already stays so.
    if let descriptor = hooks.helperDescriptor { watchHook(descriptor) }
  }

  /// Says what a policy that was read later asks for in vain.
  mutating func sayLostPrivileges() {
    sayLostResort()
    sayLostRelief()
    let held = CapabilitySet(rawValue: (try? OwnCapabilities.effective()) ?? 0)
    for command in judge.policy.commands where command.uid != OwnProcess.effectiveUID || command.uid == 0 {
      if recorder.isDryRun || held.isSuperset(of: [.setUID, .setGID]) { return }
      return messages.say(.error, "hooks cannot be started: the policy at the start had none; restart the agent")
    }
  }

  /// Goes through all that comes before a hook's start, so that its code and memory are in place when they are needed.
  mutating func warmHooks(_ verdict: Verdict) {
    guard !recorder.isDryRun, let command = judge.policy.commands.first else { return }
    recorder.composeWarning(verdict, domain: nil, judge: judge)
    setVariables(.before, 0, verdict, shortlist.victim, signal: .terminate, ending: .exited)
    appendCgroup(of: OwnProcess.pid)
    if let ticket = hooks.enqueue(
      command, of: judge.policy, .before, domain: nil, episode: 0, pid: 0, reading: recorder, variables: hookVariables)
    {
      _ = hooks.withdraw(ticket)
    }
  }

  // MARK: Occasions

  /// Starts `hooks.warn` once an episode, when a trigger is true for the first time.
  mutating func warnOnce(_ number: Int, _ verdict: Verdict) {
    if verdict.level == .calm { watches[number].warnedEpisode = nil }
    guard verdict.trigger != .none, let hook = judge.policy.measures.hooks.warn else { return }
    // An episode begins when a trigger is confirmed: until then it is the next one.
    let episode = watches[number].detector.isInEpisode ? verdict.episode : verdict.episode &+ 1
    guard watches[number].warnedEpisode != episode else { return }
    watches[number].warnedEpisode = episode
    var verdict = verdict
    verdict.episode = episode
    recorder.composeWarning(verdict, domain: watches[number].name, judge: judge)
    setVariables(.warn, number, verdict, nil)
    if startHook(hook, of: judge.policy, .warn, number, episode, nil) == nil {
      tellUnstarted(hook, of: judge.policy, .warn, number, episode, nil)
    }
  }

  /// Starts `hooks.before`, of a victim that is held and in the way.
  mutating func askBefore(
    _ number: Int, _ verdict: Verdict, _ victim: Candidate, _ signal: Signal, _ took: Nanoseconds
  ) -> BeforeHook {
    guard let hook = judge.policy.measures.hooks.before, watches[number].takeOver?.waited == nil,
      !recorder.isDryRun
    else { return .goesOn }
    let name = watches[number].name
    let (judge, shortlist) = (judge, shortlist)
    recorder.hold { [party] recorder in
      recorder.decision(
        verdict, shortlist, victim, party, domain: name, judge: judge, signal: signal, took: took, isRehearsed: false)
    }
    setVariables(.before, number, verdict, victim, signal: signal)
    appendCgroup(of: victim.process.identity.pid)
    guard
      let ticket = startHook(
        hook, of: judge.policy, .before, number, verdict.episode, victim.process.identity.pid)
    else { return .skipped }
    guard judge.policy.measures.hooks.beforeTakesOver else { return .goesOn }
    let limit = judge.policy.commands[Int(hook)].limit
    watches[number].takeOver = TakeOver(
      ticket: ticket, victim: victim, cause: verdict, judge: judge, members: party.members.count,
      askedAt: Nanoseconds(Clock.awake()), limit: limit)
    hands[number].hand.release()
    recorder.write()
    say(of: number, .warning) { line in
      line.append("waits up to ")
      line.append(decimal: limit.milliseconds)
      line.append(" ms for the hook before, before it sends ")
      line.append(signal.name)
      line.append(" to ")
      line.append(victim.process)
    }
    return .takesOver(min(limit, AgentPace.hookLook))
  }

  /// Tells after the signal what could not be told before it.
  mutating func tellBefore(
    _ number: Int, _ verdict: Verdict, _ victim: Candidate, _ before: BeforeHook, isRehearsed: Bool
  ) {
    let pid = victim.process.identity.pid
    let measures = judge.policy.measures
    switch before {
    case .skipped:
      if let hook = measures.hooks.before {
        tellUnstarted(hook, of: judge.policy, .before, number, verdict.episode, pid)
      }
    case .goesOn, .takesOver: break
    }
    guard isRehearsed else { return }
    if let hook = measures.hooks.before {
      tellUnstarted(hook, of: judge.policy, .before, number, verdict.episode, pid)
    }
    if let hook = judge.hook(of: victim.standing) {
      tellUnstarted(hook, of: judge.policy, .after, number, verdict.episode, pid)
    }
  }

  /// Starts what is told of an end, once that is recorded.
  mutating func tellAfter(_ number: Int, _ ended: Pursuit, _ ending: Ending, _ verdict: Verdict) {
    guard ending == .exited || ending == .killed, let hook = ended.judge.hook(of: ended.victim.standing) else { return }
    let cause = ended.cause
    setVariables(
      .after, number, cause, ended.victim, available: verdict.reading.available, signal: ended.ladder.signal,
      ending: ending)
    let pid = ended.victim.process.identity.pid
    if startHook(hook, of: ended.judge.policy, .after, number, cause.episode, pid) == nil {
      tellUnstarted(hook, of: ended.judge.policy, .after, number, cause.episode, pid)
    }
  }

  /// Starts what is told that nobody can be ended, once that is recorded.
  mutating func tellNoCandidate(_ number: Int, _ verdict: Verdict) {
    guard let hook = judge.policy.measures.hooks.noCandidate else { return }
    setVariables(.noCandidate, number, verdict, nil)
    if startHook(hook, of: judge.policy, .noCandidate, number, verdict.episode, nil) == nil {
      tellUnstarted(hook, of: judge.policy, .noCandidate, number, verdict.episode, nil)
    }
  }

  // MARK: Taking over

  /// Waits for a hook that takes over.
  ///
  /// - Returns: The time until the next look; nil where there is none, or it is over.
  mutating func awaitTakeOver(_ number: Int, _ verdict: Verdict, _ now: Nanoseconds) -> Nanoseconds? {
    guard var asked = watches[number].takeOver, asked.waited == nil else { return nil }
    let deadline = asked.askedAt + asked.limit
    let awake = Nanoseconds(Clock.awake())
    if awake < deadline {
      guard hooks.isOver(asked.ticket) else { return min(deadline - awake, AgentPace.hookLook) }
      // What it ended is counted free a little later.
      let endedAt = asked.endedAt ?? awake
      if asked.endedAt == nil {
        asked.endedAt = awake
        watches[number].takeOver = asked
        watches[number].detector.beginAnew()
        watches[number].windowsAt = .zero
      }
      let settled = min(endedAt + Ladder.settling, deadline)
      if awake < settled { return settled - awake }
    } else if hooks.withdraw(asked.ticket), let hook = asked.judge.policy.measures.hooks.before {
      tellUnstarted(
        hook, of: asked.judge.policy, .before, number, asked.cause.episode, asked.victim.process.identity.pid)
    }
    if watches[number].detector.isTrouble(verdict.reading) {
      asked.waited = awake - asked.askedAt
      watches[number].takeOver = asked
      if verdict.acts { return nil }
      // It was confirmed before the hook was asked, and need not be again.
      var again = verdict
      again.level = .terminate
      if again.trigger == .none { again.trigger = .notReleased }
      return act(number, on: again, now)
    }
    watches[number].takeOver = nil
    recorder.outcome(
      asked.victim, .relieved, members: asked.members, domain: watches[number].name, cause: asked.cause,
      judge: asked.judge, signal: nil, escalation: nil, after: .zero, available: verdict.reading.available,
      freed: .zero,
      refusal: nil)
    sayOutcome(number, asked.victim, .relieved, after: .zero, verdict)
    return nil
  }

  /// What is left of a victim's grace after a hook had its time, which counts.
  func graceLeft(_ number: Int, _ grace: Nanoseconds) -> Nanoseconds {
    grace - (watches[number].takeOver?.waited ?? .zero)
  }

  // MARK: Under way

  /// Does what the hooks under way need, and tells of those that have ended.
  mutating func tendHooks() {
    guard hooks.isBusy else { return }
    let now = Nanoseconds(Clock.awake())
    hooks.acknowledge()
    var index = 0
    while index < hooks.running.count {
      let holder = hooks.running[index]
      if let end = holder.run.advance(now) {
        hooks.remove(at: index)
        tellEnd(holder, end)
        continue
      }
      watch(holder)
      index += 1
    }
    while let (holder, reason) = hooks.failed.popLast() {
      tellEnd(holder, HookEnd(outcome: .notStarted(.descriptors, reason), written: 0, took: .zero))
    }
    hooks.startNext(now)
    // Whoever waits for one looks at once.
    for number in watches.indices {
      if let asked = watches[number].takeOver, asked.endedAt == nil, asked.waited == nil, hooks.isOver(asked.ticket) {
        watches[number].dueAt = .zero
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

  /// Puts a hook in the queue, with the recorder's last line to read, and starts it if its turn is now.
  private mutating func startHook(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ number: Int, _ episode: UInt32,
    _ pid: Int32?
  ) -> UInt32? {
    guard !recorder.isDryRun else { return nil }
    let ticket = hooks.enqueue(
      policy.commands[Int(index)], of: policy, occasion, domain: watches[number].name, episode: episode, pid: pid ?? 0,
      reading: recorder, variables: hookVariables)
    hooks.startNext(Nanoseconds(Clock.awake()))
    return ticket
  }

  // MARK: Telling

  private mutating func tellEnd(_ holder: HookHolder, _ end: HookEnd) {
    hookOutput.fill(from: holder.run.outputBytes)
    let (output, words) = (hookOutput, holder.words)
    let about = holder.about
    let path = HookBench.path(words.span)
    recorder.hook(
      about.occasion, .ended(end), domain: about.domain.bytes, episode: about.episode,
      victim: about.pid == 0 ? nil : about.pid, program: path, output: output.bytes)
    messages.say(HookOutcome.ended(end).level) { line in
      line.append("hook ")
      line.append(about.occasion.name)
      line.append(": ")
      line.append(hook: path, .ended(end), output: output.bytes)
    }
  }

  /// Records and says that a hook was not started, or in a dry run would have been.
  private mutating func tellUnstarted(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ number: Int, _ episode: UInt32,
    _ pid: Int32?
  ) {
    let outcome: HookOutcome = recorder.isDryRun ? .rehearsed : .skipped
    let name = watches[number].name ?? Slice(start: 0, count: 0)
    let nothing = Slice(start: 0, count: 0)
    let path = HookBench.path(policy.bytes(policy.commands[Int(index)].words))
    recorder.hook(
      occasion, outcome, domain: policy.bytes(name), episode: episode, victim: pid, program: path,
      output: policy.bytes(nothing))
    messages.say(outcome.level) { line in
      line.append("hook ")
      line.append(occasion.name)
      line.append(": ")
      line.append(hook: path, outcome, output: policy.bytes(nothing))
    }
  }

  // MARK: Variables

  private mutating func setVariables(
    _ occasion: HookOccasion, _ number: Int, _ verdict: Verdict, _ victim: Candidate?, available: KiB? = nil,
    signal: Signal? = nil, ending: Ending? = nil
  ) {
    let name = watches[number].name
    let policy = judge.policy
    hookVariables.removeAll(keepingCapacity: true)
    setVariable("EVENT") { text in text.append(occasion.name) }
    setVariable("DOMAIN") { text in
      if let name { text.append(visible: policy.bytes(name)) } else { text.append("system") }
    }
    setVariable("EPISODE") { text in text.append(decimal: UInt64(verdict.episode)) }
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
      try source.read(.cgroup, of: pid, into: &cgroupBuffer)
    } catch {
      return
    }
    guard let membership = try? CgroupMembership(parsing: cgroupBuffer.bytes),
      membership.path.count <= AgentPace.hookPath
    else { return }
    let bytes = cgroupBuffer
    setVariable("CGROUP") { text in text.append(visible: bytes.bytes.extracting(membership.path)) }
    if let unit = membership.unit {
      setVariable("UNIT") { text in text.append(visible: bytes.bytes.extracting(unit)) }
    }
  }
}
