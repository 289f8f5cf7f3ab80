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

/// What `hooks.before` came to.
enum BeforeHook {
  /// There is none, or it was started: the signal does not wait for it.
  case goesOn
  /// It was not started, which is to be told after the signal.
  case skipped
  /// It takes over: look again after this time.
  case takesOver(Nanoseconds)
}

/// What follows from a hook that was to take over.
enum TakeOverNews {
  /// There is none, or it was in vain.
  case none
  /// It has its time: look again after this.
  case wait(Nanoseconds)
  /// It was in vain: the process is killed now, on this verdict.
  case kill(Verdict)
}

/// The hooks: what is told to which program, and what came of it. A program is never waited for, save one that takes
/// over.
struct HookCourse: Sendable {
  private var variables = HookVariables()
  private var domainName = ByteBuffer(capacity: 256)
  private var words: [UInt8] = []
  /// What a program wrote. Has room where there are hooks.
  private var output = ByteBuffer(capacity: 0)

  // MARK: The policy

  /// Makes ready the programs of the policy in force. Allocates: for the start and for reloads.
  mutating func takeUp<M: Machine & ~Copyable>(
    _ policy: CompiledPolicy, _ machine: inout M, _ reporter: inout Reporter
  ) {
    guard let queue = machine.hooks else { return }
    queue.takeUp(policy, &reporter.messages)
    if !policy.commands.isEmpty {
      if output.storage.isEmpty { output = ByteBuffer(capacity: HookRun.outputCapacity) }
      variables.prepare()
    }
    // One that is watched already stays so.
    if let descriptor = queue.helperDescriptor { _ = HookCourse.watch(descriptor, .news, by: &machine) }
  }

  /// Says what a policy that was read later asks for in vain.
  func sayLost<M: Machine & ~Copyable>(
    of policy: CompiledPolicy, _ machine: borrowing M, _ reporter: inout Reporter
  ) {
    guard machine.hooks != nil else { return }
    let held = CapabilitySet(rawValue: (try? OwnCapabilities.effective()) ?? 0)
    for command in policy.commands where command.uid != OwnProcess.effectiveUID || command.uid == 0 {
      if held.isSuperset(of: [.setUID, .setGID]) { return }
      return reporter.messages.say(
        .error, "hooks cannot be started: the policy at the start had none; restart the agent")
    }
  }

  /// Goes through all that comes before a hook's start, so that its code and memory are in place when they are needed.
  mutating func warm<M: Machine & ~Copyable>(
    _ decision: Decision, for domain: MemoryDomain<M.Calls>, _ machine: inout M, _ reporter: inout Reporter
  ) {
    guard let queue = machine.hooks, let command = domain.policy.commands.first else { return }
    reporter.recorder.composeWarning(decision.verdict, domain: nil, of: domain.policy)
    let run = reporter.recorder.run
    variables.set(.before, domain, decision.verdict, decision.victim, run, signal: .terminate, ending: .exited)
    variables.addCgroup(of: OwnProcess.pid, &machine)
    if let ticket = queue.enqueue(
      command, of: domain.policy, .before, HookCause(episode: 0), domain: domainName, reading: reporter.recorder,
      variables: variables.bytes)
    {
      _ = queue.withdraw(ticket)
    }
  }

  // MARK: Occasions

  /// Starts `hooks.warn` once an episode, when a trigger is true for the first time.
  mutating func warnOnce<M: Machine & ~Copyable>(
    _ domain: MemoryDomain<M.Calls>, _ verdict: Verdict, _ machine: inout M, _ reporter: inout Reporter
  ) {
    if verdict.level == .calm { domain.done.warned = nil }
    guard verdict.trigger != .none, domain.number != nil, let hook = domain.policy.measures.hooks.warn else { return }
    // An episode begins when a trigger is confirmed: until then it is the next one.
    let episode = domain.detector.isInEpisode ? verdict.episode : verdict.episode &+ 1
    guard domain.done.warned != episode else { return }
    domain.done.warned = episode
    var verdict = verdict
    verdict.episode = episode
    reporter.recorder.composeWarning(verdict, domain: domain.name, of: domain.policy)
    variables.set(.warn, domain, verdict, nil, reporter.recorder.run)
    start(hook, of: domain.policy, .warn, domain, HookCause(episode: episode), &machine, &reporter)
  }

  /// Starts the hook `before`, for a victim that is held and in the way.
  mutating func askBefore<M: Machine & ~Copyable>(
    _ domain: MemoryDomain<M.Calls>, _ decision: Decision, _ victim: Candidate, _ machine: inout M,
    _ reporter: inout Reporter
  ) -> BeforeHook {
    let policy = domain.policy
    guard let hook = policy.measures.hooks.before, domain.takeOver?.waited == nil, machine.hooks != nil else {
      return .goesOn
    }
    let limit = policy.commands[Int(hook)].limit
    reporter.recorder.prepare(DecisionEvent(decision, .signalled))
    variables.set(
      .before, domain, decision.verdict, victim, reporter.recorder.run, incident: decision.incident,
      signal: Signal(decision.signal))
    variables.addCgroup(of: victim.process.identity.pid, &machine)
    guard let ticket = enqueue(hook, of: policy, .before, domain, HookCause(decision), &machine, reporter) else {
      return .skipped
    }
    reporter.decisions = decision.incident
    guard policy.measures.hooks.beforeTakesOver else { return .goesOn }
    domain.takeOver = TakeOver(
      ticket: ticket, incident: Incident(decision, victim), askedAt: machine.awake, limit: limit)
    domain.killer.release()
    reporter.tell(decision, .asksHook(limit: limit))
    domain.episode.account.count(decision.incident)
    return .takesOver(min(limit, AgentTiming.hookLook))
  }

  /// Tells after the signal what could not be told before it.
  mutating func tellBefore<M: Machine & ~Copyable>(
    _ domain: MemoryDomain<M.Calls>, _ decision: Decision, _ before: BeforeHook, isRehearsed: Bool,
    _ machine: borrowing M, _ reporter: inout Reporter
  ) {
    let cause = HookCause(decision)
    let policy = domain.policy
    switch before {
    case .skipped:
      if let hook = policy.measures.hooks.before {
        tellUnstarted(hook, of: policy, .before, domain, cause, machine, &reporter)
      }
    case .goesOn, .takesOver: break
    }
    guard isRehearsed, let victim = decision.victim else { return }
    if let hook = policy.measures.hooks.before {
      tellUnstarted(hook, of: policy, .before, domain, cause, machine, &reporter)
    }
    if let hook = decision.context.hook(of: victim.ruleOutcome) {
      tellUnstarted(hook, of: policy, .after, domain, cause, machine, &reporter)
    }
  }

  /// Starts what is told of a kill, once that is recorded.
  mutating func tellAfter<M: Machine & ~Copyable>(
    _ domain: MemoryDomain<M.Calls>, _ outcome: Outcome, _ machine: inout M, _ reporter: inout Reporter
  ) {
    let incident = outcome.incident
    guard outcome.ending == .exited || outcome.ending == .killed,
      let hook = incident.context.hook(of: incident.victim.ruleOutcome)
    else { return }
    variables.set(
      .after, domain, incident.cause, incident.victim, reporter.recorder.run, incident: incident.number,
      available: outcome.available, signal: outcome.signal, ending: outcome.ending)
    start(hook, of: incident.context.policy, .after, domain, HookCause(incident), &machine, &reporter)
  }

  /// Starts what is told that no process can be killed, once that is recorded.
  mutating func tellNoCandidate<M: Machine & ~Copyable>(
    _ domain: MemoryDomain<M.Calls>, _ decision: Decision, _ machine: inout M, _ reporter: inout Reporter
  ) {
    guard let hook = domain.policy.measures.hooks.noCandidate else { return }
    variables.set(.noCandidate, domain, decision.verdict, nil, reporter.recorder.run, incident: decision.incident)
    start(hook, of: domain.policy, .noCandidate, domain, HookCause(decision), &machine, &reporter)
  }

  // MARK: Taking over

  /// Waits for a hook that takes over.
  @inline(never)
  mutating func awaitTakeOver<M: Machine & ~Copyable>(
    _ domain: MemoryDomain<M.Calls>, _ verdict: Verdict, _ machine: borrowing M, _ reporter: inout Reporter
  ) -> TakeOverNews {
    guard domain.isAskingHook, var asked = domain.takeOver, asked.waited == nil, let queue = machine.hooks else {
      return .none
    }
    let deadline = asked.askedAt + asked.limit
    let awake = machine.awake
    if awake < deadline {
      guard queue.isOver(asked.ticket) else { return .wait(min(deadline - awake, AgentTiming.hookLook)) }
      // What it stopped is counted free a little later.
      let endedAt = asked.endedAt ?? awake
      if asked.endedAt == nil {
        asked.endedAt = awake
        domain.takeOver = asked
        domain.detector.beginAnew()
        domain.windowsAt = .zero
      }
      let settled = min(endedAt + Ladder.settling, deadline)
      if awake < settled { return .wait(settled - awake) }
    } else if queue.withdraw(asked.ticket) {
      let policy = asked.incident.context.policy
      if let hook = policy.measures.hooks.before {
        tellUnstarted(hook, of: policy, .before, domain, HookCause(asked.incident), machine, &reporter)
      }
    }
    guard domain.detector.isTrouble(verdict.reading) else {
      domain.takeOver = nil
      reporter.report(Outcome(.relieved, abandoning: asked.incident, available: verdict.reading.available))
      return .none
    }
    asked.waited = awake - asked.askedAt
    domain.takeOver = asked
    if verdict.acts { return .none }
    // It was confirmed before the hook was asked, and need not be again.
    var again = verdict
    again.level = .terminate
    if again.trigger == .none { again.trigger = .notReleased }
    return .kill(again)
  }

  // MARK: Under way

  /// Does what the hooks under way need, and tells of those that have exited.
  @inline(never)
  mutating func advance<M: Machine & ~Copyable>(
    _ machine: inout M, _ reporter: inout Reporter, _ domains: [MemoryDomain<M.Calls>]
  ) {
    guard let queue = machine.hooks, queue.isBusy else { return }
    let now = machine.awake
    queue.acknowledge()
    var index = 0
    while index < queue.running.count {
      let holder = queue.running[index]
      if let end = holder.run.advance(now) {
        queue.remove(at: index)
        tellExit(holder, end, &reporter)
        continue
      }
      HookCourse.watch(holder, by: &machine)
      index += 1
    }
    while let (holder, reason) = queue.failed.popLast() {
      tellExit(
        holder, HookEnd(outcome: .notStarted(.descriptors, reason), written: 0, took: .zero), &reporter)
    }
    queue.startNext(now)
    // A domain that waits for one looks at once.
    for domain in domains {
      if let asked = domain.takeOver, asked.endedAt == nil, asked.waited == nil, queue.isOver(asked.ticket) {
        domain.dueAt = .zero
      }
    }
  }

  private static func watch<M: Machine & ~Copyable>(_ holder: HookHolder, by machine: inout M) {
    guard !holder.isWatched, let exit = holder.run.exitDescriptor else { return }
    // Else it is looked at every now and then.
    holder.isWatched = watch(exit, .readableOnce, by: &machine)
    if let output = holder.run.outputDescriptor { _ = watch(output, .news, by: &machine) }
  }

  private static func watch<M: Machine & ~Copyable>(
    _ descriptor: Int32, _ readiness: Readiness, by machine: inout M
  ) -> Bool {
    do throws(Errno) {
      try machine.watch(descriptor, readiness, tag: WakeTag.hook)
      return true
    } catch {
      return false
    }
  }

  /// Starts a hook, or tells that it was not started.
  private mutating func start<M: Machine & ~Copyable>(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ domain: MemoryDomain<M.Calls>,
    _ cause: HookCause, _ machine: inout M, _ reporter: inout Reporter
  ) {
    if enqueue(index, of: policy, occasion, domain, cause, &machine, reporter) == nil {
      tellUnstarted(index, of: policy, occasion, domain, cause, machine, &reporter)
    }
  }

  /// Puts a hook in the queue, with the recorder's last line to read, and starts it if its turn is now.
  private mutating func enqueue<M: Machine & ~Copyable>(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ domain: MemoryDomain<M.Calls>,
    _ cause: HookCause, _ machine: inout M, _ reporter: borrowing Reporter
  ) -> UInt32? {
    guard let queue = machine.hooks else { return nil }
    setName(of: domain)
    let ticket = queue.enqueue(
      policy.commands[Int(index)], of: policy, occasion, cause, domain: domainName, reading: reporter.recorder,
      variables: variables.bytes)
    queue.startNext(machine.awake)
    return ticket
  }

  private mutating func setName<Calls>(of domain: MemoryDomain<Calls>) {
    domainName.clear()
    let policy = domain.policy
    if let name = domain.name { domainName.fill(from: policy.bytes(name)) }
  }

  // MARK: Telling

  private mutating func tellExit(_ holder: HookHolder, _ end: HookEnd, _ reporter: inout Reporter) {
    output.fill(from: holder.run.outputBytes)
    let about = holder.about
    reporter.report(
      HookEvent(
        about.occasion, .ended(end), domain: about.domain, episode: about.cause.episode,
        incident: about.cause.incident, victim: about.cause.pid, words: holder.words, output: output))
  }

  /// Tells that a hook was not started, or in a dry run would have been.
  private mutating func tellUnstarted<M: Machine & ~Copyable>(
    _ index: UInt16, of policy: CompiledPolicy, _ occasion: HookOccasion, _ domain: MemoryDomain<M.Calls>,
    _ cause: HookCause, _ machine: borrowing M, _ reporter: inout Reporter
  ) {
    setName(of: domain)
    words.removeAll(keepingCapacity: true)
    let command = policy.bytes(policy.commands[Int(index)].words)
    for position in command.indices { words.append(command[position]) }
    output.clear()
    reporter.report(
      HookEvent(
        occasion, machine.hooks == nil ? .rehearsed : .skipped, domain: domainName, episode: cause.episode,
        incident: cause.incident, victim: cause.pid, words: words, output: output))
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
