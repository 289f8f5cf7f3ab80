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
  var systemFile = ByteBuffer(capacity: 8192)

  /// The victim that is being ended.
  var pursuit: Pursuit?
  /// The last episode that a rehearsal answered: nothing more is done in it.
  var rehearsedEpisode: UInt32 = 0
  /// The last episode in which it was recorded that nobody can be ended; candidates are looked for on and on.
  var helplessEpisode: UInt32 = 0
  /// The last episode that was said to be over.
  var closedEpisode: UInt32 = 0
  var surveyedAt = Nanoseconds.zero
  var said: Said = []

  static var victimTag: UInt64 { EventLoop.firstFreeTag }
  static var compilerTag: UInt64 { EventLoop.firstFreeTag + 1 }

  package init(
    source: consuming Source, hand: consuming Hand, loop: consuming EventLoop, recorder: consuming Recorder,
    messages: consuming Messages, kernelLog: consuming OwnedDescriptor?, reloader: consuming Reloader, judge: Judge,
    isVerbose: Bool
  ) {
    self.source = source
    self.hand = hand
    self.loop = loop
    self.recorder = recorder
    self.messages = messages
    self.kernelLog = kernelLog
    self.reloader = reloader
    self.judge = judge
    self.isVerbose = isVerbose
    needs = judge.policy.needs
    detector = Detector(thresholds: judge.policy.settings.thresholds)
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
    guard let reading = readMemory(now) else { return LookAhead.longest }
    let verdict = detector.judge(reading)
    if pursuit != nil { return pursue(verdict, now) }
    if verdict.acts { return act(on: verdict, now) }
    closeEpisode(verdict)
    let isDue = now - surveyedAt >= (verdict.level == .calm ? AgentPace.calmSurvey : AgentPace.watchfulSurvey)
    if surveyedAt == .zero || isDue {
      learn(now, budget: AgentPace.learningBudget)
      if isVerbose { sayCalm(verdict) }
    }
    return LookAhead.delay(verdict)
  }

  /// Reads the domain's memory; nil, said once, where that fails.
  mutating func readMemory(_ now: Nanoseconds) -> MemoryReading? {
    do throws(ReadFailure) {
      try source.read(.meminfo, into: &systemFile)
    } catch {
      sayOnce(.unreadableMemory, "meminfo cannot be read: the agent is blind until it can")
      return nil
    }
    guard let meminfo = try? Meminfo(parsing: systemFile.bytes) else {
      sayOnce(.senselessMemory, "meminfo makes no sense: the agent is blind until it does")
      return nil
    }
    judge.machine.ram = meminfo.total
    judge.machine.swap = meminfo.swapTotal
    return MemoryReading(meminfo, at: now)
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
