import Agent
import Flight
import Ladder
import LinuxSystem
import Policy
import ProcModel
import ProcReader

/// The machine as a flight tells of it, for an agent that may ask at other moments than the one that was recorded: it
/// answers with what is known at the time. Nothing is done to it.
struct TrialMachine: Machine, FlightSource, ~Copyable {
  var world: FlightWorld
  /// What the agent does at the next tick.
  var turn = Turn.nothing
  /// The surveys that the recorded agent made for the decision at this look, as they were told.
  var surveysOfLook: [FlightSurvey] = []
  /// Which domain's readings of the flight are those of each of the policy's domains, by number.
  var recordedDomains: [Int: Int] = [0: 0]
  /// The memory domains of the policy that is tried.
  private var roots = DomainRoots()
  private var chosen: FlightSurvey?

  enum Turn: Equatable {
    case nothing
    /// A look at the domain of that number in the flight.
    case look(domain: Int)
    /// A survey in calm time is complete.
    case learn
  }

  init(_ world: FlightWorld, _ policy: CompiledPolicy) {
    self.world = world
    if let own = world.ownCgroup { roots.setSystem(own.span) }
    for domain in policy.domains { roots.append(policy.bytes(domain.cgroup)) }
  }

  // MARK: Time and events

  var now: Nanoseconds { world.time }
  var awake: Nanoseconds { world.time - world.awakeOffset }
  mutating func wait() throws(Errno) -> Wake { .timer }
  mutating func setTimer(_ delay: Nanoseconds) throws(Errno) {}
  mutating func watch(_ descriptor: Int32, _ readiness: Readiness, tag: UInt64) throws(Errno) {}
  var isWokenAtStalls: Bool { false }

  func isTime(for step: AgentStep, _ own: Bool) -> Bool {
    switch (step, turn) {
    case (.look(let domain?), .look(let recorded)): recordedDomains[domain] == recorded
    case (.learn, .learn): true
    default: false
    }
  }

  // MARK: Memory

  mutating func read(
    _ question: MemoryQuestion, by sensors: inout Sensors
  ) throws(Sensors.Blindness) -> MemoryAnswer {
    guard let number = question.domain, let recorded = recordedDomains[number], let told = world.readings[recorded]
    else { throw .unreadable }
    var answer = MemoryAnswer(told.reading)
    answer.missing = Sensors.Missing(rawValue: told.missing & ~FlightCode.glance)
    answer.isGlance = told.missing & FlightCode.glance != 0
    return answer
  }

  mutating func ownCgroup(by sensors: inout Sensors) -> [UInt8]? { world.ownCgroup }

  // MARK: Processes

  mutating func beginSurvey(
    _ plan: ReadingPlan, isForScores: Bool, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) {
    guard world.surveyedAt != nil else { throw .vanished }
    // What was read for this very decision is taken as it was read, unless it was enough for the recorded policy alone.
    chosen = surveysOfLook.first {
      $0.note.leastFootprint == plan.leastFootprint && !$0.note.isPartial && $0.note.tally.unread == 0
    }
  }

  mutating func stepSurvey(
    _ processes: Int, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) -> Bool {
    chooser.beginRecorded(at: chosen?.note.began ?? world.surveyedAt ?? .zero)
    for row in chosen?.rows ?? world.rows {
      chooser.ranking.table.append(world.placed(row, in: roots, &chooser.ranking.table.cgroups))
    }
    chooser.ranking.tally = chosen?.note.tally ?? world.tally
    return true
  }

  mutating func look(at pid: Int32, units: KernelUnits, by chooser: inout Chooser) -> ProcessSighting {
    guard let row = world.rows.first(where: { $0.identity.pid == pid }) else { return .gone }
    return .found(world.placed(row, in: roots, &chooser.ranking.table.cgroups))
  }

  // MARK: Acts

  var killCalls: RecordedCalls? { nil }
  mutating func openCgroup(_ path: Span<UInt8>, _ scratch: inout ByteBuffer) -> CgroupDirectory? { nil }
  var relief: Means<CgroupRelief> { .missing }
  var restart: Means<LiveRestartCalls> { .rehearsed }
  var hooks: HookQueue? { nil }

  // MARK: Files

  var clock: Nanoseconds? { world.time }

  mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try world.read(file, of: pid, into: &buffer)
  }
}
