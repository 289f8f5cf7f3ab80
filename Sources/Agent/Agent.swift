import Badness
package import Ladder
package import LinuxSystem
package import Policy
import Pressure
package import ProcModel
import ProcReader
package import Record

/// The loop: read, judge, choose, kill, tell. One thread, which owns all that it touches.
///
/// `run` waits, `tick` looks at each memory domain whose time has come, and `look` is the path from a reading to what
/// is done. Each of the words in `look` has a file of its own.
package struct Agent<M: Machine & ~Copyable>: ~Copyable {
  typealias Domain = MemoryDomain<M.Calls>

  var machine: M
  var loop: EventLoop
  var reporter: Reporter
  /// The system first, then the policy's in its order, then those that a reload took out of it.
  var domains: [Domain] = []
  var chooser = Chooser(capacity: 512, picking: 128)
  var sensors = Sensors()
  /// The number of the last decision that was told.
  var decisions: UInt32 = 0

  /// The policy in force, what it is called, and what its rules have to know of a process.
  var policy: CompiledPolicy
  package var policyName = CPath("")
  var needs: MatchNeeds
  let units: KernelUnits
  /// The agent's own process number; 0 where the processes are of another machine.
  let ownPID: Int32
  /// The fastest that memory is thought to go, in KiB per millisecond.
  let fill: UInt64
  let isVerbose: Bool

  var reloader: Reloader
  package var keeper: PolicyKeeper
  var supervision: Supervision
  /// Nil once the record's file is open, and where there is none.
  var recordOpening: RecordOpening?

  /// The path of the cgroup that a kill set is of.
  var killSetCgroup = ByteBuffer(capacity: 2048)
  var cgroupBuffer = ByteBuffer(capacity: 4096)
  var cgroupPath = CPath("")

  var hooks: HookQueue
  var hookVariables: [UInt8] = []
  var hookDomain = ByteBuffer(capacity: 256)
  var hookWords: [UInt8] = []
  /// Has room where there are hooks.
  var hookOutput = ByteBuffer(capacity: 0)
  var inVain = InVain()
  var inquiry = Inquiry()
  /// Nil in a dry run, and where the policy at the start had no last resort.
  let lastResortStepper: LastResortStepper?
  /// Why cgroups cannot be written by an armed agent; nil where they can, or none would be killed as one.
  package var cgroupRefusal: Errno?
  /// Of the system's episode.
  var totals = EpisodeTotals()
  var resorting: Resorting?
  /// Nil in a dry run, and where the policy at the start had no relief.
  var relief: CgroupRelief?
  var reliefCourse = ReliefCourse()
  var reliefPath = ByteBuffer(capacity: 2048)
  /// Nil where the kernel does not wake the agent at the system's stalls: then it looks by itself.
  let pressureWatch: PressureWatch?

  /// What the last survey in calm time took.
  var surveyTook = Nanoseconds.zero
  /// The kernel told of a stall: until then the agent looks often enough to measure it.
  var alertUntil = Nanoseconds.zero
  var said: NoticeOnce = []
  var killerWatch = KillerWatch()

  static var compilerTag: UInt64 { EventLoop.firstFreeTag }
  static var pressureTag: UInt64 { EventLoop.firstFreeTag + 1 }
  /// Of a victim; one for each domain from here on.
  static var victimTag: UInt64 { EventLoop.firstFreeTag + 2 }
  /// Of all that hooks have to tell.
  static var hookTag: UInt64 { EventLoop.firstFreeTag + 64 }
  static var reliefTag: UInt64 { EventLoop.firstFreeTag + 65 }

  package init(
    machine: consuming M, loop: consuming EventLoop, reporter: consuming Reporter,
    policy: CompiledPolicy, units: KernelUnits, ownPID: Int32, pressureWatch: consuming PressureWatch?,
    reloader: consuming Reloader, hooks: consuming HookQueue = HookQueue(),
    relief: consuming CgroupRelief? = nil, lastResort: LastResortStepper? = nil,
    fill: UInt64 = LookAhead.usualFill, supervision: consuming Supervision = Supervision(),
    keeper: consuming PolicyKeeper = PolicyKeeper(), recordOpening: consuming RecordOpening? = nil, isVerbose: Bool
  ) {
    self.machine = machine
    self.loop = loop
    self.reporter = reporter
    self.policy = policy
    self.units = units
    self.ownPID = ownPID
    self.pressureWatch = pressureWatch
    self.reloader = reloader
    self.isVerbose = isVerbose
    self.fill = fill
    self.supervision = supervision
    self.keeper = keeper
    self.recordOpening = recordOpening
    needs = policy.needs
    self.hooks = hooks
    self.relief = relief
    lastResortStepper = lastResort
    takeUpDomains()
    takeUpHooks()
    takeUpRelief()
    takeUpInquiry()
  }

  var system: Domain { domains[0] }

  /// Whether no process can be killed: this is a dry run.
  var isRehearsal: Bool { machine.killCalls == nil }

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
    rehearse()
    watchFiles()
    try loop.wake(inNanoseconds: 1)
    while true {
      if isTimeToArm(at: machine.now) {
        reporter.messages.say(
          .warning, "the policy is whole again: the agent stops, for the service manager to start it armed")
        reporter.report(StopEvent("to_be_armed"))
        return .toBeArmed
      }
      switch try loop.wait() {
      case .ready(tag: Self.pressureTag):
        alertUntil = machine.now + AgentTiming.alertness
        system.dueAt = .zero
        try loop.wake(inNanoseconds: tick().count)
      case .timer:
        try loop.wake(inNanoseconds: tick().count)
      case .ready(tag: Self.compilerTag):
        finishReload()
      case .ready(tag: Self.keeperTag):
        finishKeeping()
      case .ready(tag: Self.filesTag):
        reloader.takeChanges(at: machine.now)
        try loop.wake(inNanoseconds: tick().count)
      case .ready(tag: Self.hookTag), .ready(tag: Self.reliefTag):
        try loop.wake(inNanoseconds: tick().count)
      case .ready(let tag):
        for domain in domains where domain.tag == tag { domain.dueAt = .zero }
        try loop.wake(inNanoseconds: tick().count)
      case .signal(.hangUp):
        beginReload()
      case .signal(.terminate):
        return stop(.terminate)
      case .signal(.interrupt):
        return stop(.interrupt)
      case .signal:
        break
      }
    }
  }

  // What is seldom on the stack together is kept apart from here on: inlined, `run` had a frame of 56 KiB and `act` one of
  // 54, which stay resident. With what Trend says of its ring, that was 76 KiB of 1236.

  @inline(never)
  private mutating func stop(_ signal: Signal) -> End {
    supervision.tellStopping()
    endRelief()
    reporter.report(StopEvent(signal.name))
    reporter.finish(within: AgentTiming.lastWords)
    return .byRequest
  }

  /// Looks at the domains whose time has come, and does what else is due.
  ///
  /// - Returns: The time until the next look.
  @inline(never)
  mutating func tick() -> Nanoseconds {
    let now = machine.now
    tendSupervision(now)
    reloader.giveUp(at: machine.awake)
    reloadChangedFiles(now)
    tendHooks()
    for domain in domains where domain.dueAt <= now {
      let delay = look(at: domain)
      domain.dueAt = machine.now + delay
    }
    domains.removeAll { $0.number == nil && $0.pursuit == nil }
    tendRelief()
    learnInPassing()
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
    if domain.isSystem { followEpisode(verdict) }
    warnOnce(domain, verdict)
    if domain.pursuit != nil { return pursue(for: domain, verdict, now) }
    if let delay = awaitTakeOver(domain, verdict, now) { return delay }
    if domain.isSystem, let delay = resort(verdict, now) { return delay }
    guard verdict.acts else {
      closeEpisode(of: domain, verdict)
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
    guard domain.pursuit != nil, let verdict = domain.verdict, domain.killer.hasExited else { return AgentTiming.blind }
    return min(pursue(for: domain, verdict, now), AgentTiming.blind)
  }

  /// The time that the agent may look away from a domain after a verdict.
  func delay(_ domain: Domain, _ verdict: Verdict) -> Nanoseconds {
    let isWoken = domain.isSystem && isWokenAtStalls
    let window = isWoken ? .zero : domain.detector.thresholds.shortestWatch
    let delay = domain.lookAhead.delay(verdict, watching: window)
    // A trigger that waits for its confirmation is counted in looks.
    let isTense = domain.isSystem && verdict.reading.time < alertUntil || verdict.trigger != .none
    return isTense ? min(delay, AgentTiming.alertLook) : delay
  }

  private var isWokenAtStalls: Bool {
    switch pressureWatch {
    case .some: true
    case .none: false
    }
  }

  private func untilNextLook() -> Nanoseconds {
    var next = system.dueAt
    for domain in domains { next = min(next, domain.dueAt) }
    let end = machine.now
    let awake = machine.awake
    if let due = hooks.due(after: awake) { next = min(next, end + (due - awake)) }
    if let due = reliefCourse.due { next = min(next, due) }
    if let due = reloadDue(after: end) { next = min(next, due) }
    if let due = supervision.feedDue { next = min(next, due) }
    return next - end
  }
}

extension Agent where M: ~Copyable {
  /// Tells that the agent began.
  package mutating func reportStart(version: String, _ privileges: Privileges, _ panic: PanicSettings?) {
    _ = readMemory(of: system, machine.now)
    reporter.report(
      StartEvent(
        version: version, policyName: policyName, fallback: supervision.fallback, context: context(of: system),
        roots: system.isCgroup ? chooser.survey.roots : nil, panic: panic, held: privileges.held,
        lacking: privileges.lacking))
  }
}
