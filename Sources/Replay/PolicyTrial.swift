import Agent
import Flight
import LinuxSystem
package import Policy
import Pressure
package import ProcModel
import Record

/// What a policy would have decided over a flight.
///
/// The agent looks at each moment at which the one that was recorded looked, and decides on the processes as they were
/// read last. Nothing is signalled, so that a decision is made once in an episode. After each kill that was recorded the
/// machine is what that kill left of it, and the next decision may be made.
package struct PolicyTrial: Sendable {
  package fileprivate(set) var decisions: [Decision] = []
  /// The names of the policy's domains of which the flight has no reading.
  package fileprivate(set) var unread: [String] = []
  /// The triggers of the policy, by name, of which the flight has no figures.
  package fileprivate(set) var blindTriggers: [String] = []
  /// The least memory that was available to the system, and when, since the run began; nil where none was read.
  package fileprivate(set) var least: (available: KiB, at: Nanoseconds)?

  /// One decision.
  package struct Decision: Sendable {
    /// Since the run began.
    package var at: Nanoseconds
    /// The record's line.
    package var line: [UInt8]
    /// The time since the processes were read that it was made on.
    package var age: Nanoseconds
    /// The number of processes of which the policy's rules ask for a text that the flight does not have.
    package var lackingText: Int
    /// The number of processes whose `oom_score_adj` was not read.
    package var unscored: Int
    /// The processes that the flight tells nothing of, since there were too many.
    package var untold: UInt32
  }
}

extension Replay {
  /// Tries a policy on the flight. A flight that begins after the agent's start is as good as any.
  ///
  /// - Parameter name: The policy's, for the record.
  package func tried(_ policy: CompiledPolicy, named name: String) throws(Failure) -> PolicyTrial {
    do throws(Errno) {
      var run = try TrialRun(self, policy, named: name)
      return try run.finish()
    } catch {
      throw .machine(error)
    }
  }
}

/// A trial that is under way.
private struct TrialRun: ~Copyable {
  private let replay: Replay
  private let policy: CompiledPolicy
  private var agent: Agent<TrialMachine>
  private let file: OwnedDescriptor
  private var trial = PolicyTrial()
  private var decided: UInt32 = 0
  private var sawStall = false
  private var sawReclaim = false
  private var domainsRead: Set<Int> = []
  private var mapped: UInt32?

  init(_ replay: Replay, _ policy: CompiledPolicy, named name: String) throws(Errno) {
    let header = replay.header
    var world = FlightWorld(header)
    // What the start read.
    for entry in replay.items[..<TrialRun.firstTick(of: replay.items)] { world.take(entry) }
    let record = try MemoryFile.create(CPath("trial"))
    let sink = try OwnedDescriptor.duplicate(record.raw)
    let spoken = try MemoryFile.create(CPath("trial-messages"))
    self.replay = replay
    self.policy = policy
    agent = Agent(
      machine: TrialMachine(world, policy),
      reporter: Reporter(
        recorder: Recorder(
          sink: sink, isDryRun: true, run: RunID(boot: header.bootID, startedAt: header.started), sinceEpoch: { 0 }),
        messages: Messages(to: spoken.raw), kernelLog: nil),
      policy: policy,
      constants: AgentConstants(units: header.units, ownPID: header.ownPID, fill: header.fill),
      reload: ReloadCourse(Reloader(compiler: nil, config: nil)),
      supervision: Supervision(
        mode: AgentMode(isDryRun: true, policy: CPath(name), rules: policy.rules.count)))
    file = record
  }

  private static func firstTick(of entries: [FlightEntry]) -> Int {
    entries.firstIndex { if case .tick = $0.item { true } else { false } } ?? entries.count
  }

  mutating func finish() throws(Errno) -> PolicyTrial {
    let entries = replay.items
    var start = TrialRun.firstTick(of: entries)
    mapDomains()
    for entry in entries[..<start] { note(entry) }
    agent.begin()
    while start < entries.count {
      let rest = entries[(start + 1)...]
      let end = rest.firstIndex { if case .tick = $0.item { true } else { false } } ?? entries.count
      goThrough(entries[start..<end])
      start = end
    }
    try takeLines()
    tellWhatIsMissing()
    return trial
  }

  // MARK: One waking of the loop

  /// Goes through what was learned and done from one waking of the loop to the next.
  private mutating func goThrough(_ entries: ArraySlice<FlightEntry>) {
    // A decision takes a moment that it tells of when it is made. A survey after that is one in calm time.
    let decision = entries.lastIndex { entry in
      if case .note(FlightCode.mark, _) = entry.item { true } else { false }
    }
    var looked: Set<UInt8> = []
    var isSurveying = false
    for (index, entry) in zip(entries.indices, entries) {
      agent.machine.world.take(entry)
      note(entry)
      switch entry.item {
      case .surveyBegan: isSurveying = true
      case .surveyFailed: isSurveying = false
      case .survey:
        isSurveying = false
        if decision.map({ index > $0 }) ?? true { tick(.learn) }
      case .memory(let reading) where !isSurveying && looked.insert(reading.domain).inserted:
        look(at: reading, decision.map { entries[index...max($0, index)] } ?? [])
      case .policy: mapDomains()
      case .decision(let line) where RecordLine(line.bytes).killedVictim != nil: agent.goOnAfterKill()
      default: break
      }
    }
  }

  /// - Parameter read: What was read for the decision that the recorded agent made at this look, if it made one.
  private mutating func look(at reading: FlightReading, _ read: ArraySlice<FlightEntry>) {
    guard case .reading = reading.outcome else { return }
    agent.machine.surveysOfLook = read.compactMap { if case .survey(let survey) = $0.item { survey } else { nil } }
    agent.machine.world.takeAhead(read)
    tick(.look(domain: Int(reading.domain)))
    agent.machine.surveysOfLook = []
  }

  private mutating func tick(_ turn: TrialMachine.Turn) {
    agent.machine.turn = turn
    _ = agent.tick()
    agent.machine.turn = .nothing
    let world = agent.machine.world
    while decided != agent.reporter.decisions {
      decided &+= 1
      trial.decisions.append(
        PolicyTrial.Decision(
          at: world.time - world.header.started, line: [], age: world.time - (world.surveyedAt ?? world.time),
          lackingText: world.countLackingText(policy.needs), unscored: world.unscored.count, untold: world.untold))
    }
  }

  // MARK: What the flight has

  private mutating func note(_ entry: FlightEntry) {
    switch entry.item {
    case .memory(let reading): note(reading, at: entry.time)
    case .state(let state): for reading in state.readings { note(reading, at: entry.time) }
    default: break
    }
  }

  private mutating func note(_ told: FlightReading, at time: Nanoseconds) {
    guard case .reading(let reading) = told.outcome else { return }
    for (number, recorded) in agent.machine.recordedDomains where recorded == Int(told.domain) {
      domainsRead.insert(number)
    }
    sawStall = sawStall || reading.stall != nil
    sawReclaim = sawReclaim || reading.reclaim != nil
    guard told.domain == 0 else { return }
    if let least = trial.least, least.available <= reading.available { return }
    trial.least = (reading.available, time - replay.header.started)
  }

  /// Finds the policy's domains among those of the policy that was in force, by their cgroups.
  private mutating func mapDomains() {
    let number = agent.machine.world.policy
    guard mapped != number else { return }
    mapped = number
    var domains = [0: 0]
    if let image = replay.policies.first(where: { $0.number == number })?.image,
      let recorded = try? CompiledPolicy(image: image.span)
    {
      for (own, domain) in policy.domains.enumerated() {
        let other = recorded.domains.firstIndex { recorded.bytes($0.cgroup).equals(policy.bytes(domain.cgroup)) }
        if let other { domains[own + 1] = other + 1 }
      }
    }
    agent.machine.recordedDomains = domains
  }

  private mutating func tellWhatIsMissing() {
    for (index, domain) in policy.domains.enumerated() where !domainsRead.contains(index + 1) {
      trial.unread.append(String(decoding: policy.text[domain.name.indices], as: UTF8.self))
    }
    let thresholds = policy.settings.thresholds
    if thresholds.stall != nil, !sawStall { trial.blindTriggers.append("stall") }
    if thresholds.thrash != nil, !sawReclaim { trial.blindTriggers.append("thrash") }
  }

  private mutating func takeLines() throws(Errno) {
    var buffer = [UInt8](repeating: 0, count: (1 << 20) + trial.decisions.count * 16384)
    let count = try file.readWhole(into: &buffer)
    let lines = buffer[..<count].split(separator: UInt8(ascii: "\n")).map { Array($0) }
      .filter { RecordLine($0).isDecision }
    for (index, line) in zip(trial.decisions.indices, lines) { trial.decisions[index].line = line }
  }
}
