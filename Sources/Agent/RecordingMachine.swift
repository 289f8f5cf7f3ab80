package import Flight
import Ladder
package import LinuxSystem
package import Policy
package import ProcModel
package import ProcReader
import Record

/// A machine that keeps in a flight what another one answers, so that the same agent can be run over it again. Without a
/// flight it only passes on.
package struct RecordingMachine<Base: Machine & ~Copyable>: Machine, ~Copyable {
  package var base: Base
  package let flight: SharedFlight?
  /// Whether what is read of processes is told as facts, and not file by file.
  private var isTelling = false
  /// What is read for the flight alone; nil where nothing is.
  private var fullReading: FullReading?

  /// The difference of the two clocks is told anew where it moved by more, in nanoseconds: they are not read at once.
  private static var offsetStep: UInt64 { 5_000_000 }

  /// - Parameter isInFull: Whether the flight has of each process what any policy may ask for, and not only what the
  ///   agent asks for. A decision then takes longer: this is for dry runs.
  package init(_ base: consuming Base, in flight: SharedFlight?, inFull isInFull: Bool = false) {
    self.base = base
    self.flight = flight
    if isInFull, let flight { fullReading = FullReading(withCommandLines: flight.recorder.header.keepsCommandLines) }
  }

  // MARK: Time and events

  package var now: Nanoseconds { base.now }
  package var awake: Nanoseconds { base.awake }

  package mutating func wait() throws(Errno) -> Wake {
    let wake = try base.wait()
    guard let flight else { return wake }
    switch wake {
    case .timer: break
    case .ready(let tag): flight.recorder.wake(by: tag, at: base.now)
    case .signal(let signal): flight.recorder.wake(bySignal: signal.rawValue, at: base.now)
    }
    return wake
  }

  package mutating func setTimer(_ delay: Nanoseconds) throws(Errno) { try base.setTimer(delay) }

  package mutating func watch(_ descriptor: Int32, _ readiness: Readiness, tag: UInt64) throws(Errno) {
    try base.watch(descriptor, readiness, tag: tag)
  }

  package var isWokenAtStalls: Bool { base.isWokenAtStalls }

  package mutating func beginTick(at now: Nanoseconds) {
    base.beginTick(at: now)
    guard let flight else { return }
    let offset = (now - base.awake).count
    let told = flight.recorder.awakeOffset.count
    if max(offset, told) - min(offset, told) > Self.offsetStep { flight.recorder.awakeOffset = Nanoseconds(offset) }
    flight.recorder.tick(at: now)
  }

  package mutating func isAlive(_ process: ProcessIdentity) -> Bool? { base.isAlive(process) }
  package var tellsOrigins: Bool { base.tellsOrigins }

  package mutating func mark() -> Nanoseconds {
    let now = base.mark()
    flight?.recorder.note(FlightCode.mark, 0, at: now)
    return now
  }

  package mutating func takeUp(_ policy: CompiledPolicy, named name: CPath) {
    base.takeUp(policy, named: name)
    guard let flight else { return }
    var text: [UInt8] = []
    text.append(visible: name.bytes)
    flight.recorder.takeUp(policy: ImageWriter.image(of: policy), named: text, at: base.now)
  }

  package func isTime(for step: AgentStep, _ own: Bool) -> Bool {
    guard step == .learn, let fullReading else { return base.isTime(for: step, own) }
    return base.isTime(for: step, own || fullReading.isDue(at: base.now))
  }

  // MARK: Memory

  package mutating func read(
    _ question: MemoryQuestion, by sensors: inout Sensors
  ) throws(Sensors.Blindness) -> MemoryAnswer {
    let domain = UInt8(question.domain ?? FlightCode.noDomain)
    do throws(Sensors.Blindness) {
      let answer = try base.read(question, by: &sensors)
      flight?.recorder.memory(
        answer.reading, missing: answer.missing.rawValue | (answer.isGlance ? FlightCode.glance : 0), of: domain,
        at: question.time)
      return answer
    } catch {
      flight?.recorder.memory(
        failed: error == .unreadable ? .unreadable : .senseless, missing: 0, of: domain, at: question.time)
      throw error
    }
  }

  package mutating func ownCgroup(by sensors: inout Sensors) -> [UInt8]? {
    let own = base.ownCgroup(by: &sensors)
    guard let flight else { return own }
    if let own {
      flight.recorder.text(own.span, .cgroup, of: 0, at: flight.recorder.time)
    } else {
      flight.recorder.text(failed: .vanished, .cgroup, of: 0, at: flight.recorder.time)
    }
    return own
  }

  // MARK: Processes

  package mutating func beginSurvey(
    _ plan: ReadingPlan, isForScores: Bool, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) {
    isTelling = true
    let isForScores = isForScores || fullReading != nil
    fullReading?.began(at: base.now)
    do throws(ReadFailure) {
      try chooser.beginSurvey(plan, isForScores: isForScores, units: units, now: base.now, from: &self)
    } catch {
      isTelling = false
      flight?.recorder.beginSurvey(
        leastFootprint: plan.leastFootprint, isForScores: isForScores, at: chooser.surveyBeganAt)
      flight?.recorder.failSurvey(error, at: chooser.surveyBeganAt)
      throw error
    }
    flight?.recorder.beginSurvey(
      leastFootprint: plan.leastFootprint, isForScores: isForScores, at: chooser.surveyBeganAt)
  }

  package mutating func stepSurvey(
    _ processes: Int, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) -> Bool {
    isTelling = true
    defer { isTelling = false }
    do throws(ReadFailure) {
      guard try chooser.stepSurvey(processes, units: units, from: &self) else { return false }
    } catch {
      if let flight { flight.recorder.failSurvey(error, at: flight.recorder.time) }
      throw error
    }
    if let flight {
      if fullReading != nil { readInFull(chooser.ranking.table.rows, flight) }
      flight.recorder.endSurvey(chooser.ranking.table.rows, chooser.ranking.tally, at: flight.recorder.time)
    }
    return true
  }

  package mutating func look(at pid: Int32, units: KernelUnits, by chooser: inout Chooser) -> ProcessSighting {
    isTelling = true
    let sighting = chooser.look(at: pid, units: units, now: base.now, from: &self)
    isTelling = false
    if let flight { flight.recorder.sighting(sighting, of: pid, at: flight.recorder.time) }
    return sighting
  }

  /// Reads the executable of each process of a survey, and its command line where those are kept: the survey has read
  /// all else. What the agent then asks for itself is told after the survey.
  private mutating func readInFull(_ rows: [ProcessFacts], _ flight: SharedFlight) {
    guard var reading = fullReading.take() else { return }
    for index in rows.indices {
      let pid = rows[index].identity.pid
      do throws(ReadFailure) {
        try base.read(.exe, of: pid, into: &reading.buffer)
        flight.recorder.text(reading.buffer.bytes, .exe, of: pid, at: flight.recorder.time)
      } catch {
        flight.recorder.text(failed: error, .exe, of: pid, at: flight.recorder.time)
      }
    }
    if reading.hasCommandLines {
      for index in rows.indices {
        // One that was given up, or would be, is told as it was before.
        guard (try? base.readOrGiveUp(.cmdline, of: rows[index].identity.pid, into: &reading.buffer)) != nil else {
          continue
        }
        flight.recorder.text(
          reading.buffer.bytes, .cmdline, of: rows[index].identity.pid, at: flight.recorder.time)
      }
    }
    reading.ended(at: base.now)
    fullReading = reading
  }

  // MARK: Acts

  package var killCalls: NotedCalls<Base.Calls>? { base.killCalls.map { NotedCalls($0, in: flight) } }

  package mutating func openCgroup(_ path: Span<UInt8>, _ scratch: inout ByteBuffer) -> CgroupDirectory? {
    let cgroup = base.openCgroup(path, &scratch)
    guard let flight else { return cgroup }
    let isOpen: Int64
    switch cgroup {
    case .some: isOpen = 1
    case .none: isOpen = 0
    }
    flight.recorder.call(FlightCode.openCgroup, of: 0, errno: 0, value: isOpen, at: flight.recorder.time)
    return cgroup
  }

  package var relief: Means<Base.Cgroups> { base.relief }
  package var restart: Means<Base.Restart> { base.restart }
  package var hooks: HookQueue? { base.hooks }

  // MARK: Files

  package var view: ProcView { base.view }
  package var clock: Nanoseconds? { base.clock }
  package var cgroupVersion: CgroupVersion? { base.cgroupVersion }
  package func isReplaced(_ file: SystemFile) -> Bool { base.isReplaced(file) }

  package mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try base.read(file, into: &buffer)
  }

  package mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try base.readZram(index, into: &buffer)
  }

  package mutating func read(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try base.read(file, ofCgroup: path, into: &buffer)
  }

  package mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool {
    base.place(ofCgroup: path, into: &buffer)
  }

  package mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    do throws(ReadFailure) {
      try base.read(file, of: pid, into: &buffer)
    } catch {
      note(error, file, pid)
      throw error
    }
    note(buffer.bytes, file, pid)
  }

  package mutating func readOrGiveUp(
    _ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    do throws(ReadFailure) {
      try base.readOrGiveUp(file, of: pid, into: &buffer)
    } catch {
      note(error, file, pid)
      throw error
    }
    if file == .smapsRollup, flight != nil { buffer.keepRollupLines() }
    note(buffer.bytes, file, pid)
  }

  private func note(_ bytes: Span<UInt8>, _ file: ProcessFile, _ pid: Int32) {
    guard let flight else { return }
    if let text = FlightTextFile(file) {
      flight.recorder.text(bytes, text, of: pid, at: flight.recorder.time)
    } else if !isTelling {
      flight.recorder.bytes(bytes, code: FlightCode.file, of: pid, at: flight.recorder.time)
    }
  }

  private func note(_ failure: ReadFailure, _ file: ProcessFile, _ pid: Int32) {
    guard let flight else { return }
    if let text = FlightTextFile(file) {
      flight.recorder.text(failed: failure, text, of: pid, at: flight.recorder.time)
    } else if !isTelling {
      flight.recorder.call(
        FlightCode.file, of: pid, errno: FlightCode.number(of: failure), value: Int64(file.rawValue),
        at: flight.recorder.time)
    }
  }

  package mutating func prepareToGiveUp() throws(ReadFailure) { try base.prepareToGiveUp() }

  package mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try base.read(file, ofThread: thread, of: pid, into: &buffer)
  }

  package mutating func beginProcesses() throws(ReadFailure) { try base.beginProcesses() }
  package mutating func nextProcess() throws(ReadFailure) -> Int32? { try base.nextProcess() }
  package mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure) {
    try base.beginThreads(of: pid, at: start)
  }
  package mutating func nextThread() throws(ReadFailure) -> Int32? { try base.nextThread() }
  package mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet? {
    base.effectiveCapabilities(of: pid)
  }
}

/// What is read of processes for a flight that another policy is to be tried on. It is surveyed more often than the
/// agent has to, so that growth is known.
struct FullReading {
  let hasCommandLines: Bool
  var buffer = ByteBuffer(capacity: 4096)
  private var begin = Nanoseconds.zero
  private var took = Nanoseconds.zero

  /// Between two surveys.
  private static let interval = Nanoseconds.milliseconds(1000)

  init(withCommandLines hasCommandLines: Bool) {
    self.hasCommandLines = hasCommandLines
  }

  mutating func began(at now: Nanoseconds) { begin = now }
  mutating func ended(at now: Nanoseconds) { took = now - begin }

  func isDue(at now: Nanoseconds) -> Bool {
    let (rest, overflow) = took.count.multipliedReportingOverflow(by: AgentTiming.surveyShare)
    return now - begin >= max(FullReading.interval, Nanoseconds(overflow ? .max : rest))
  }
}

extension FlightTextFile {
  /// Nil where what a process's file tells is told as facts.
  package init?(_ file: ProcessFile) {
    switch file {
    case .cgroup: self = .cgroup
    case .exe: self = .exe
    case .cmdline: self = .cmdline
    case .smapsRollup: self = .smapsRollup
    case .stat, .statm, .status, .oomScore, .oomScoreAdj, .syscall: return nil
    }
  }
}
