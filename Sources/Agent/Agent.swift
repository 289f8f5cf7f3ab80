import Badness
package import Ladder
package import LinuxSystem
package import Policy
import Pressure
package import ProcModel
package import Record

/// The loop that ties the path together: read, judge, choose, end, record. One thread; it owns everything it touches.
package struct Agent<Source: ProcSource & ~Copyable, Hand: Actuator & ~Copyable>: ~Copyable {
  var source: Source
  var hand: Hand
  var loop: EventLoop
  var recorder: Recorder
  var messages: Messages
  /// `/dev/kmsg`, where the agent is armed and may write it.
  let kernelLog: OwnedDescriptor?
  var kernelLine: [UInt8] = []
  let isVerbose: Bool
  var reloader: Reloader

  var judge: Judge
  var needs: MatchNeeds
  var detector: Detector
  var roster = Roster(capacity: 512)
  var survey = Survey(capacity: 512)
  var table = ProcessTable(capacity: 512)
  /// Processes that the last survey left out of the table.
  var leftOut: UInt32 = 0
  var shortlist = Shortlist()
  var inVain = InVain()
  var sensors = Sensors()
  var lookAhead = LookAhead()
  /// Nil where the kernel does not wake the agent at stalls: then it looks by itself.
  let pressureWatch: PressureWatch?

  /// The victim that is being ended.
  var pursuit: Pursuit?
  /// The last episode that a rehearsal answered: nothing more is done in it.
  var rehearsedEpisode: UInt32 = 0
  /// The last episode in which it was recorded that nobody can be ended; candidates are looked for on and on.
  var helplessEpisode: UInt32 = 0
  /// The last episode that was said to be over.
  var closedEpisode: UInt32 = 0
  var surveyedAt = Nanoseconds.zero
  /// The kernel told of a stall: until then the agent looks often enough to measure it.
  var alertUntil = Nanoseconds.zero
  var said: Said = []

  static var victimTag: UInt64 { EventLoop.firstFreeTag }
  static var compilerTag: UInt64 { EventLoop.firstFreeTag + 1 }
  static var pressureTag: UInt64 { EventLoop.firstFreeTag + 2 }

  package init(
    source: consuming Source, hand: consuming Hand, loop: consuming EventLoop, recorder: consuming Recorder,
    messages: consuming Messages, kernelLog: consuming OwnedDescriptor?, pressureWatch: consuming PressureWatch?,
    reloader: consuming Reloader, judge: Judge, isVerbose: Bool
  ) {
    self.source = source
    self.hand = hand
    self.loop = loop
    self.recorder = recorder
    self.messages = messages
    self.kernelLog = kernelLog
    self.pressureWatch = pressureWatch
    self.reloader = reloader
    self.judge = judge
    self.isVerbose = isVerbose
    needs = judge.policy.needs
    detector = Detector(thresholds: judge.policy.settings.thresholds, units: judge.machine.units)
    sensors.serve(judge.policy.settings.thresholds)
    kernelLine.reserveCapacity(256)
  }

  /// Runs until SIGTERM or SIGINT.
  ///
  /// - Throws: Only what makes waiting itself impossible.
  package mutating func run() throws(Errno) {
    rehearse()
    try loop.wake(inNanoseconds: 1)
    while true {
      switch try loop.wait() {
      case .ready(tag: Self.pressureTag):
        alertUntil = Nanoseconds(Clock.sinceBoot()) + AgentPace.alertness
        try loop.wake(inNanoseconds: tick().count)
      case .timer, .ready(tag: Self.victimTag):
        try loop.wake(inNanoseconds: tick().count)
      case .ready(tag: Self.compilerTag):
        finishReload()
      case .ready:
        break
      case .signal(.hangUp):
        beginReload()
      case .signal(.terminate):
        return recorder.stop(signal: .terminate)
      case .signal(.interrupt):
        return recorder.stop(signal: .interrupt)
      case .signal:
        break
      }
    }
  }

  /// One look at the machine, and what follows from it.
  ///
  /// - Returns: The time until the next.
  mutating func tick() -> Nanoseconds {
    let now = Nanoseconds(Clock.sinceBoot())
    reloader.giveUp(at: now)
    guard let reading = readMemory(now) else { return AgentPace.blind }
    lookAhead.learn(reading)
    let verdict = detector.judge(reading)
    if pursuit != nil { return pursue(verdict, now) }
    if verdict.acts { return act(on: verdict, now) }
    closeEpisode(verdict)
    if surveyedAt == .zero || now - surveyedAt >= surveyInterval(verdict) {
      learn(now, budget: AgentPace.learningBudget)
      if isVerbose { sayCalm(verdict) }
    }
    return delay(verdict)
  }

  /// The time that the agent may look away after a verdict.
  func delay(_ verdict: Verdict) -> Nanoseconds {
    let window = isWokenAtStalls ? .zero : detector.thresholds.shortestWatch
    let delay = lookAhead.delay(verdict, watching: window)
    // A trigger that waits for its confirmation is counted in looks.
    let isTense = verdict.reading.time < alertUntil || verdict.trigger != .none
    return isTense ? min(delay, AgentPace.alertLook) : delay
  }

  private var isWokenAtStalls: Bool {
    switch pressureWatch {
    case .some: true
    case .none: false
    }
  }

  /// Reads the domain's memory; nil, said once, where that fails.
  mutating func readMemory(_ now: Nanoseconds) -> MemoryReading? {
    var missing: Sensors.Missing = []
    let reading: MemoryReading
    do throws(Sensors.Blindness) {
      reading = try sensors.read(from: &source, at: now, missing: &missing)
    } catch {
      switch error {
      case .unreadable: sayOnce(.unreadableMemory, "meminfo cannot be read: the agent is blind until it can")
      case .senseless: sayOnce(.senselessMemory, "meminfo makes no sense: the agent is blind until it does")
      }
      return nil
    }
    if missing.contains(.stall) {
      sayOnce(.noStall, "this kernel keeps no account of stalls (PSI): the trigger stall is off")
    }
    if missing.contains(.reclaim) {
      sayOnce(.noReclaim, "this kernel does not count what comes back into use: the trigger thrash is off")
    }
    judge.machine.ram = reading.total
    judge.machine.swap = reading.swapTotal
    return reading
  }
}

extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Writes the first record.
  package mutating func recordStart(version: String, policy: CPath, _ privileges: Privileges) {
    _ = readMemory(Nanoseconds(Clock.sinceBoot()))
    recorder.start(
      version: version, policy: policy, machine: judge.machine, held: privileges.held, lacking: privileges.lacking)
  }
}
