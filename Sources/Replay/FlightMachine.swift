import Agent
import Flight
import Ladder
import LinuxSystem
import Policy
import ProcModel
import ProcReader

/// The machine as a flight tells of it. Each question takes the flight's next answer; one that the flight does not
/// answer there ends the replay (``FlightCursor/divergence``).
struct FlightMachine: Machine, FlightSource, ~Copyable {
  let cursor: FlightCursor
  let header: FlightHeader
  /// Where the cursor was when a survey waited last for a look at memory.
  private var waitedAt: Int?

  init(_ cursor: FlightCursor, _ header: FlightHeader) {
    self.cursor = cursor
    self.header = header
  }

  // MARK: Time and events

  var now: Nanoseconds { cursor.nextTime() }
  var awake: Nanoseconds { cursor.nextTime() - cursor.nextAwakeOffset() }

  mutating func wait() throws(Errno) -> Wake {
    switch cursor.peek()?.item {
    case nil: throw .interrupted
    case .wake(let tag):
      cursor.skip()
      return .ready(tag: tag)
    case .signal(let number):
      cursor.skip()
      guard let signal = Signal(rawValue: number) else { return .timer }
      return .signal(signal)
    default: return .timer
    }
  }

  mutating func setTimer(_ delay: Nanoseconds) throws(Errno) {}
  mutating func watch(_ descriptor: Int32, _ readiness: Readiness, tag: UInt64) throws(Errno) {}
  // Only how long the agent may look away depends on it, and that is told by the flight.
  var isWokenAtStalls: Bool { false }

  mutating func beginTick(at now: Nanoseconds) {
    _ = cursor.take("a tick") { if case .tick = $0 { true } else { nil } }
  }

  var tellsOrigins: Bool { header.layout >= FlightLayout.firstWithOrigins }

  mutating func mark() -> Nanoseconds {
    let isMarked = cursor.take("a moment that is told of") { item in
      if case .note(FlightCode.mark, _) = item { true } else { nil }
    }
    return isMarked == true ? cursor.time : cursor.nextTime()
  }

  func isTime(for step: AgentStep, _ own: Bool) -> Bool {
    switch (step, cursor.peek()?.item) {
    case (.look(let domain), .memory(let reading)): Int(reading.domain) == domain ?? FlightCode.noDomain
    case (.learn, .surveyBegan): true
    default: false
    }
  }

  // MARK: Memory

  mutating func read(
    _ question: MemoryQuestion, by sensors: inout Sensors
  ) throws(Sensors.Blindness) -> MemoryAnswer {
    let domain = question.domain ?? FlightCode.noDomain
    let told = cursor.take("a reading of domain \(domain)") { item -> FlightReading? in
      guard case .memory(let reading) = item, Int(reading.domain) == domain else { return nil }
      return reading
    }
    switch told?.outcome {
    case .reading(let reading):
      var answer = MemoryAnswer(reading)
      let bits = told?.missing ?? 0
      answer.missing = Sensors.Missing(rawValue: bits & ~FlightCode.glance)
      answer.isGlance = bits & FlightCode.glance != 0
      return answer
    case .blind(.senseless): throw .senseless
    case .blind(.unreadable), nil: throw .unreadable
    }
  }

  mutating func ownCgroup(by sensors: inout Sensors) -> [UInt8]? {
    guard case .content(let path) = cursor.text(.cgroup, of: 0) else { return nil }
    return path.bytes
  }

  // MARK: Processes

  mutating func beginSurvey(
    _ plan: ReadingPlan, isForScores: Bool, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) {
    _ = cursor.take("a survey") { if case .surveyBegan = $0 { true } else { nil } }
  }

  mutating func stepSurvey(
    _ processes: Int, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) -> Bool {
    // Looks at memory on the way are told in their place. One that no domain asks for is no look.
    if case .memory = cursor.peek()?.item, waitedAt != cursor.index {
      waitedAt = cursor.index
      return false
    }
    let told = cursor.take("the end of a survey") { item -> Result<FlightSurvey, ReadFailure>? in
      switch item {
      case .survey(let survey): .success(survey)
      case .surveyFailed(let failure): .failure(failure)
      default: nil
      }
    }
    switch told {
    case .success(let survey):
      take(survey, by: &chooser)
      return true
    case .failure(let failure): throw failure
    case nil: throw .vanished
    }
  }

  private func take(_ survey: FlightSurvey, by chooser: inout Chooser) {
    chooser.beginRecorded(at: survey.note.began)
    for row in survey.rows {
      chooser.ranking.table.append(row)
      addCgroup(of: row.identity.pid, to: &chooser.ranking.table.cgroups)
    }
    chooser.ranking.tally = survey.note.tally
  }

  private func addCgroup(of pid: Int32, to cgroups: inout CgroupTree) {
    guard case .content(let file) = cursor.text(.cgroup, of: pid),
      let membership = try? CgroupMembership(parsing: file.bytes.span)
    else { return }
    cgroups.add(membership, in: file.bytes.span)
  }

  mutating func look(at pid: Int32, units: KernelUnits, by chooser: inout Chooser) -> ProcessSighting {
    let told = cursor.take("process \(pid)") { item -> ProcessSighting? in
      guard case .sighting(pid, let sighting) = item else { return nil }
      return sighting
    }
    addCgroup(of: pid, to: &chooser.ranking.table.cgroups)
    return told ?? .unreadable
  }

  // MARK: Acts

  var killCalls: RecordedCalls? { header.isRehearsal ? nil : RecordedCalls(cursor, marksUnits: tellsOrigins) }

  mutating func openCgroup(_ path: Span<UInt8>, _ scratch: inout ByteBuffer) -> CgroupDirectory? {
    let isOpen = cursor.take("a cgroup to be killed whole") { item -> Bool? in
      if case .call(FlightCode.openCgroup, _, _, let value) = item { value == 1 } else { nil }
    }
    guard isOpen == true else { return nil }
    // Each call on it is answered by the flight, so any directory stands for it.
    do throws(Errno) {
      return CgroupDirectory(try OwnedDescriptor.open(CPath("/"), .read, .directory))
    } catch {
      return nil
    }
  }

  // What is done beside kills is told in the record, and decides nothing.
  var relief: Means<CgroupRelief> { .missing }
  var restart: Means<LiveRestartCalls> { .rehearsed }
  var hooks: HookQueue? { nil }

  // MARK: Files

  var clock: Nanoseconds? { cursor.nextTime() }

  mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    if let name = FlightTextFile(file) { return try read(name, of: pid, into: &buffer) }
    let told = cursor.take("\(file.path) of process \(pid)") { item -> Result<FlightBytes, ReadFailure>? in
      switch item {
      case .bytes(FlightCode.file, pid, let bytes): .success(bytes)
      case .call(FlightCode.file, pid, let number, _): .failure(FlightCode.failure(of: number))
      default: nil
      }
    }
    switch told {
    case .success(let bytes): buffer.fill(from: bytes.bytes.span)
    case .failure(let failure): throw failure
    case nil: throw .vanished
    }
  }

  private func read(_ file: FlightTextFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    switch cursor.text(file, of: pid) {
    case .content(let text): buffer.fill(from: text.bytes.span)
    case .failure(let failure): throw failure
    case .unkept, nil: throw .denied
    }
  }
}
