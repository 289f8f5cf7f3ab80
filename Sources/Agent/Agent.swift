import Badness
package import Ladder
package import LinuxSystem
package import Policy
import Pressure
package import ProcModel
import ProcReader
package import Record

/// The loop that ties the path together: read, judge, choose, end, record. One thread; it owns everything it touches.
package struct Agent<Source: ProcSource & ~Copyable, Hand: Actuator & ~Copyable>: ~Copyable {
  var source: Source
  /// One for each of ``watches``, and some that an earlier policy had a use for.
  var hands: [HandHolder<Hand>]
  var loop: EventLoop
  var recorder: Recorder
  var messages: Messages
  /// Of `/dev/kmsg`, where the agent is armed and may write it.
  var kernelLog: KernelLog
  var kernelLine: [UInt8] = []
  let isVerbose: Bool
  var reloader: Reloader
  /// A policy that waits for victims in domains to be gone, and its image.
  var waitingPolicy: CompiledPolicy?
  var waitingImage: OwnedDescriptor?
  /// Of the policy in force: its file, or what it is called.
  var policyName = CPath("")
  var keeper: PolicyKeeper
  var supervision: Supervision
  /// Nil once the record's file is open, and where there is none.
  var recordOpening: RecordOpening?

  /// Of the domain that is looked at.
  var judge: Judge
  var needs: MatchNeeds
  /// The system, then the policy's domains in its order; their cgroups are the survey's roots.
  var watches: [Watch]
  var roster = Roster(capacity: 512)
  var survey = Survey(capacity: 512)
  var table = ProcessTable(capacity: 512)
  /// When the last survey began.
  var surveyBeganAt = Nanoseconds.zero
  /// What the last survey met beside the table's rows.
  var tally = SurveyTally()
  /// Whether the last survey failed.
  var isUnlisted = false
  var shortlist = Shortlist()
  /// What the last ranking made of each row of the table.
  var places = Places(capacity: 512)
  /// Those who end together, of the last decision.
  var party = Party()
  // Each place is resident; more are taken in calm time where there are more processes.
  var resolver = ScopeResolver(capacity: 128)
  var swarmFinder = SwarmFinder(capacity: 128)
  var kinFinder = KinFinder(capacity: 128)
  /// Processes that these have the memory for.
  var preparedFor = 128
  /// The path of the cgroup that a party is of.
  var partyPath = ByteBuffer(capacity: 2048)
  var cgroupBuffer = ByteBuffer(capacity: 4096)
  var cgroupPath = CPath("")
  var hooks: HookBench
  var hookVariables: [UInt8] = []
  /// Has room where there are hooks.
  var hookOutput = ByteBuffer(capacity: 0)
  var inVain = InVain()
  var inquiry = Inquiry()
  /// Nil in a dry run, and where the policy at the start had no last resort.
  let lastResortHand: LastResortHand?
  /// Why cgroups cannot be written by an armed agent; nil where they can, or none would be killed as one.
  package var cgroupRefusal: Errno?
  /// Of the system's episode.
  var toll = EpisodeToll()
  var resorting: Resorting?
  /// Nil in a dry run, and where the policy at the start had no relief.
  var relief: CgroupRelief?
  var reliefCourse = ReliefCourse()
  var sensors = Sensors()
  /// Nil where the kernel does not wake the agent at the system's stalls: then it looks by itself.
  let pressureWatch: PressureWatch?

  /// The fastest that memory is thought to go, in KiB per millisecond.
  let fill: UInt64
  var surveyedAt = Nanoseconds.zero
  var surveyTook = Nanoseconds.zero
  /// The kernel told of a stall: until then the agent looks often enough to measure it.
  var alertUntil = Nanoseconds.zero
  var said: Said = []
  var killerWatch = KillerWatch()

  static var compilerTag: UInt64 { EventLoop.firstFreeTag }
  static var pressureTag: UInt64 { EventLoop.firstFreeTag + 1 }
  /// Of the system's victim; those of the domains follow.
  static var victimTag: UInt64 { EventLoop.firstFreeTag + 2 }
  /// Of all that hooks have to tell.
  static var hookTag: UInt64 { EventLoop.firstFreeTag + 64 }
  static var reliefTag: UInt64 { EventLoop.firstFreeTag + 65 }

  package init(
    source: consuming Source, hand: consuming Hand, loop: consuming EventLoop, recorder: consuming Recorder,
    messages: consuming Messages, kernelLog: consuming KernelLog?, pressureWatch: consuming PressureWatch?,
    reloader: consuming Reloader, hooks: consuming HookBench = HookBench(),
    relief: consuming CgroupRelief? = nil, lastResort: LastResortHand? = nil, judge: Judge,
    fill: UInt64 = LookAhead.usualFill, supervision: consuming Supervision = Supervision(),
    keeper: consuming PolicyKeeper = PolicyKeeper(), recordOpening: consuming RecordOpening? = nil, isVerbose: Bool
  ) {
    self.source = source
    hands = [HandHolder(hand)]
    self.loop = loop
    self.recorder = recorder
    self.messages = messages
    switch consume kernelLog {
    case .some(let log): self.kernelLog = log
    case .none: self.kernelLog = KernelLog(nil)
    }
    self.pressureWatch = pressureWatch
    self.reloader = reloader
    self.judge = judge
    self.isVerbose = isVerbose
    self.fill = fill
    self.supervision = supervision
    self.keeper = keeper
    self.recordOpening = recordOpening
    waitingImage = nil
    needs = judge.policy.needs
    watches = []
    self.hooks = hooks
    self.relief = relief
    lastResortHand = lastResort
    kernelLine.reserveCapacity(256)
    takeUpDomains()
    takeUpHooks()
    takeUpRelief()
    takeUpInquiry()
  }

  /// Why the loop ended.
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
      if isTimeToArm(at: Nanoseconds(Clock.sinceBoot())) {
        messages.say(.warning, "the policy is whole again: the agent stops, for the service manager to start it armed")
        recorder.stop(reason: "to_be_armed")
        return .toBeArmed
      }
      switch try loop.wait() {
      case .ready(tag: Self.pressureTag):
        alertUntil = Nanoseconds(Clock.sinceBoot()) + AgentPace.alertness
        watches[0].dueAt = .zero
        try loop.wake(inNanoseconds: tick().count)
      case .timer:
        try loop.wake(inNanoseconds: tick().count)
      case .ready(tag: Self.compilerTag):
        finishReload()
      case .ready(tag: Self.keeperTag):
        finishKeeping()
      case .ready(tag: Self.filesTag):
        reloader.takeChanges(at: Nanoseconds(Clock.sinceBoot()))
        try loop.wake(inNanoseconds: tick().count)
      case .ready(tag: Self.hookTag), .ready(tag: Self.reliefTag):
        try loop.wake(inNanoseconds: tick().count)
      case .ready(let tag):
        let number = Int(clamping: tag - Self.victimTag)
        if number < watches.count { watches[number].dueAt = .zero }
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

  private mutating func stop(_ signal: Signal) -> End {
    supervision.tellStopping()
    endRelief()
    recorder.stop(signal: signal)
    finishOutput()
    return .byRequest
  }

  /// Looks at the domains whose time has come, and does what follows from it.
  ///
  /// - Returns: The time until the next look.
  mutating func tick() -> Nanoseconds {
    let now = Nanoseconds(Clock.sinceBoot())
    tendSupervision(now)
    reloader.giveUp(at: Nanoseconds(Clock.awake()))
    reloadChangedFiles(now)
    takeUpWaitingPolicy()
    tendHooks()
    for number in watches.indices where watches[number].dueAt <= now {
      let delay = look(at: number)
      watches[number].dueAt = Nanoseconds(Clock.sinceBoot()) + delay
    }
    tendRelief()
    learnInPassing()
    tellLostLines()
    var next = watches[0].dueAt
    for watch in watches {
      next = min(next, watch.dueAt)
    }
    let end = Nanoseconds(Clock.sinceBoot())
    let awake = Nanoseconds(Clock.awake())
    if let due = hooks.due(after: awake) { next = min(next, end + (due - awake)) }
    if let due = reliefCourse.due { next = min(next, due) }
    if let due = reloadDue(after: end) { next = min(next, due) }
    if let due = supervision.feedDue { next = min(next, due) }
    return next - end
  }

  /// One look at one domain, and what follows from it.
  ///
  /// - Returns: The time until the next.
  private mutating func look(at number: Int) -> Nanoseconds {
    let now = Nanoseconds(Clock.sinceBoot())
    guard let reading = readMemory(of: number, now) else { return AgentPace.blind }
    watches[number].lookAhead.learn(reading)
    let verdict = watches[number].detector.judge(reading)
    watches[number].verdict = verdict
    if number == 0 { followEpisode(verdict) }
    warnOnce(number, verdict)
    if watches[number].pursuit != nil { return pursue(number, verdict, now) }
    if let delay = awaitTakeOver(number, verdict, now) { return delay }
    if number == 0, let delay = resort(verdict, now) { return delay }
    guard verdict.acts else {
      closeEpisode(number, verdict)
      return delay(number, verdict)
    }
    // Who is ended for a domain within this one, or around it, frees memory here too.
    if let other = victimWithin(number) {
      hasten(other, now)
      return Ladder.interval
    }
    if keepsRespite(number, verdict) { return Ladder.interval }
    return act(number, on: verdict, now)
  }

  /// The time that the agent may look away from a domain after a verdict.
  func delay(_ number: Int, _ verdict: Verdict) -> Nanoseconds {
    let isWoken = number == 0 && isWokenAtStalls
    let window = isWoken ? .zero : watches[number].detector.thresholds.shortestWatch
    let delay = watches[number].lookAhead.delay(verdict, watching: window)
    // A trigger that waits for its confirmation is counted in looks.
    let isTense = number == 0 && verdict.reading.time < alertUntil || verdict.trigger != .none
    return isTense ? min(delay, AgentPace.alertLook) : delay
  }

  private var isWokenAtStalls: Bool {
    switch pressureWatch {
    case .some: true
    case .none: false
    }
  }
}

extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Writes the first record.
  package mutating func recordStart(
    version: String, _ privileges: Privileges, _ panic: PanicSettings?
  ) {
    _ = readMemory(of: 0, Nanoseconds(Clock.sinceBoot()))
    recorder.start(
      version: version, policy: policyName, fallback: supervision.fallback, judge: judge,
      roots: watches[0].isCgroup ? survey.roots : nil,
      panic: panic, held: privileges.held, lacking: privileges.lacking)
  }
}
