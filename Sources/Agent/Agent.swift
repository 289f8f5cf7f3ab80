import Badness
import Ladder
package import LinuxSystem
package import Policy
import Pressure
package import ProcModel
import ProcReader
package import Record

/// The loop: read, judge, choose, kill, tell. One thread, which owns all that it touches.
///
/// `run` waits, `tick` looks at each memory domain whose time has come, and `look` is the path from a reading to what
/// is done. Each of the words in `look` has a file of its own. What goes on beside that path is a course with its own
/// state, which `tick` lets go one step on.
package struct Agent<M: Machine & ~Copyable>: ~Copyable {
  typealias Domain = MemoryDomain<M.Calls>

  package var machine: M
  package var reporter: Reporter
  /// The system first, then the policy's in its order, then those that a reload took out of it.
  var domains: [Domain] = []
  var policy: CompiledPolicy
  var sensors = Sensors()
  var chooser = Chooser(capacity: 512, picking: 128)
  var killSetCgroup = KillSetCgroup()
  let constants: AgentConstants

  var hooks = HookCourse()
  var relief = ReliefCourse()
  var lastResort = ResortCourse()
  var reload: ReloadCourse
  var supervision: Supervision
  var learning: LearningCourse
  /// Nil where no flight is recorded.
  var flights: FlightCourse?

  package init(
    machine: consuming M, reporter: consuming Reporter, policy: CompiledPolicy, constants: AgentConstants,
    reload: consuming ReloadCourse, supervision: consuming Supervision = Supervision(),
    killers: KillerWatch = KillerWatch(), flights: consuming FlightCourse? = nil
  ) {
    self.machine = machine
    self.reporter = reporter
    self.policy = policy
    self.constants = constants
    self.reload = reload
    self.supervision = supervision
    learning = LearningCourse(killers)
    self.flights = flights
    takeUpDomains()
    hooks.takeUp(policy, &self.machine, &self.reporter)
    relief.takeUp(&self.machine)
    takeUpInquiry()
  }

  var system: Domain { domains[0] }

  /// Why the loop stopped.
  package enum End: Equatable, Sendable {
    case byRequest
    /// The service manager has to start the agent again: only so is it armed.
    case toBeArmed
  }

  /// Runs until SIGTERM or SIGINT, or until it has to be started again.
  ///
  /// - Throws: Only what makes waiting itself impossible.
  package mutating func run() throws(Errno) -> End {
    begin()
    try machine.setTimer(Nanoseconds(1))
    while true {
      if isTimeToArm(at: machine.now) { return stopToBeArmed() }
      if let end = take(try machine.wait()) { return end }
      try machine.setTimer(tick())
    }
  }

  /// What comes before the first wait.
  package mutating func begin() {
    rehearse()
    reload.watchFiles(&machine, &reporter)
  }

  /// Takes note of what woke the loop.
  ///
  /// - Returns: Why the loop is to stop; nil where it goes on.
  package mutating func take(_ wake: Wake) -> End? {
    switch wake {
    case .signal(.terminate): return stop(.terminate)
    case .signal(.interrupt): return stop(.interrupt)
    case .signal(.hangUp): beginReload()
    case .signal(.user1): askForFlight()
    case .signal, .timer: break
    case .ready(tag: WakeTag.pressure):
      sensors.alertUntil = machine.now + AgentTiming.alertness
      system.dueAt = .zero
    case .ready(tag: WakeTag.compiler): finishReload()
    case .ready(tag: WakeTag.keeper): reload.finishKeeping(&reporter)
    case .ready(tag: WakeTag.files): reload.takeChanges(at: machine.now)
    case .ready(let tag):
      for domain in domains where domain.tag == tag { domain.dueAt = .zero }
    }
    return nil
  }

  // What is seldom on the stack together is kept apart from here on: inlined, `run` had a frame of 56 KiB and `act` one of
  // 54, which stay resident. With what Trend says of its ring, that was 76 KiB of 1236.

  /// Looks at the domains whose time has come, and does what else is due.
  ///
  /// - Returns: The time until the next look.
  @inline(never)
  package mutating func tick() -> Nanoseconds {
    let now = machine.now
    machine.beginTick(at: now)
    supervise(now)
    advanceReload(now)
    hooks.advance(&machine, &reporter, domains)
    for domain in domains where machine.isTime(for: .look(domain: domain.number), domain.dueAt <= now) {
      let delay = look(at: domain)
      domain.dueAt = machine.now + delay
      countKernelKills(before: domain)
    }
    removeDomains()
    // After the looks, so that no decision waits for it.
    relieve()
    learnInPassing()
    recordOn()
    reporter.tellLostLines()
    return untilNextLook()
  }

  /// One look at one domain, and what follows from it: the path from a reading to the kill.
  ///
  /// - Returns: The time until the next.
  @inline(never)
  private mutating func look(at domain: Domain) -> Nanoseconds {
    let now = machine.now
    guard let reading = readMemory(of: domain, now) else { return pursueBlindly(for: domain, now) }
    domain.lookAhead.learn(reading)
    let verdict = domain.detector.judge(reading)
    domain.verdict = verdict
    if verdict.acts || domain.isInEpisode { follow(episodeOf: domain, verdict, now) }
    if domain.isSystem {
      lastResort.follow(
        verdict, isInEpisode: domain.detector.isInEpisode, by: policy, awake: machine.awake, &reporter)
    }
    hooks.warnOnce(domain, verdict, &machine, &reporter)
    if domain.isPursuing { return pursue(for: domain, verdict, now) }
    switch hooks.awaitTakeOver(domain, verdict, machine, &reporter) {
    case .none: break
    case .wait(let delay): return delay
    case .kill(let verdict): return act(for: domain, on: verdict, now)
    }
    if domain.isSystem,
      let delay = lastResort.advance(
        verdict, isKilling: domainWithVictim(in: domain) != nil, by: policy, now, machine, &reporter)
    {
      return delay
    }
    guard verdict.acts else {
      closeEpisode(of: domain, verdict, now)
      return delay(domain, verdict)
    }
    // A victim that is killed for a domain within this one, or around it, frees memory here too.
    if let other = domainWithVictim(in: domain) {
      killNow(for: other, now)
      return Ladder.interval
    }
    if keepsCoolDown(domain, verdict) { return Ladder.interval }
    return act(for: domain, on: verdict, now)
  }

  /// Notes the exit of a victim whose domain cannot be read any more: a cgroup goes with the last process in it.
  /// Nothing is signalled meanwhile, since without a reading there is no reason to.
  private mutating func pursueBlindly(for domain: Domain, _ now: Nanoseconds) -> Nanoseconds {
    guard domain.isPursuing, let verdict = domain.verdict, domain.killer.hasExited else { return AgentTiming.blind }
    return min(pursue(for: domain, verdict, now), AgentTiming.blind)
  }

  /// The time that the agent may look away from a domain after a verdict.
  func delay(_ domain: Domain, _ verdict: Verdict) -> Nanoseconds {
    let isWoken = domain.isSystem && machine.isWokenAtStalls
    let window = isWoken ? .zero : domain.detector.thresholds.shortestWatch
    let delay = domain.lookAhead.delay(verdict, watching: window)
    // A trigger that waits for its confirmation is counted in looks.
    let isTense = domain.isSystem && verdict.reading.time < sensors.alertUntil || verdict.trigger != .none
    return isTense ? min(delay, AgentTiming.alertLook) : delay
  }

  /// Has the processes surveyed and the flight saved as it then is, where one is recorded.
  private mutating func askForFlight() {
    guard flights != nil else { return }
    flights?.isAsked = true
    learning.isAsked = true
  }

  /// Goes on with the flight, where one is recorded. After the looks, so that no decision waits for it.
  @inline(never)
  private mutating func recordOn() {
    var isCalm = true
    for domain in domains where domain.isBusy { isCalm = false }
    flights?.advance(&reporter, isCalm: isCalm)
  }

  private func untilNextLook() -> Nanoseconds {
    var next = system.dueAt
    for domain in domains { next = min(next, domain.dueAt) }
    let end = machine.now
    let awake = machine.awake
    if let due = machine.hooks?.due(after: awake) { next = min(next, end + (due - awake)) }
    if let due = relief.due { next = min(next, due) }
    if let due = reload.due(after: end) { next = min(next, due) }
    if let due = supervision.feedDue { next = min(next, due) }
    switch flights {
    case .some(let flights): if flights.isAsked { next = min(next, end + AgentTiming.savingLook) }
    case .none: break
    }
    return next - end
  }
}

/// What does not change while the agent runs.
package struct AgentConstants: Sendable {
  package var units: KernelUnits
  /// The agent's own process number; 0 where the processes are of another machine.
  package var ownPID: Int32
  /// The fastest that memory is thought to go, in KiB per millisecond.
  package var fill: UInt64
  package var isVerbose: Bool

  package init(units: KernelUnits, ownPID: Int32, fill: UInt64 = LookAhead.usualFill, isVerbose: Bool = false) {
    self.units = units
    self.ownPID = ownPID
    self.fill = fill
    self.isVerbose = isVerbose
  }
}
