import Fixtures
import ProcModel

@testable import Flight

extension FlightHeader {
  static func sample(keepsCommandLines: Bool = false) -> FlightHeader {
    FlightHeader(
      agentVersion: [UInt8]("1.2.3".utf8),
      bootID: BootID(parsing: [UInt8]("1e4b4a41-7b1f-4f0c-9d5c-3b9b1a3b9a11".utf8).span),
      started: Nanoseconds(5_000_000_000), units: .common, ownPID: 712, fill: 4000, isRehearsal: true,
      keepsCommandLines: keepsCommandLines)
  }
}

/// A recorder, and what it has to tell.
struct Flown: ~Copyable {
  var recorder: FlightRecorder
  var entries: [FlightEntry] = []
  var now = Nanoseconds(5_000_000_000)
  private var began = FlightSurveyNote()

  init(
    ring: Int = 32 * 1024, keepsCommandLines: Bool = false, policy: [UInt8] = [1, 2, 3], entries: [FlightEntry] = []
  ) {
    recorder = FlightRecorder(
      .sample(keepsCommandLines: keepsCommandLines), policy: policy, named: [UInt8]("built-in: server".utf8),
      capacity: FlightCapacity(ring: ring))
  }

  private mutating func expect(_ item: FlightItem) {
    entries.append(FlightEntry(time: now, awakeOffset: recorder.awakeOffset, item: item))
  }

  mutating func tick() {
    recorder.tick(at: now)
    expect(.tick)
  }

  mutating func wake(_ tag: UInt64) {
    recorder.wake(by: tag, at: now)
    expect(.wake(tag: tag))
  }

  mutating func signal(_ signal: Int32) {
    recorder.wake(bySignal: signal, at: now)
    expect(.signal(signal))
  }

  mutating func memory(_ reading: MemoryReading, missing: UInt8 = 0, of domain: UInt8 = 0) {
    recorder.memory(reading, missing: missing, of: domain, at: now)
    expect(.memory(FlightReading(domain: domain, outcome: .reading(reading), missing: missing)))
  }

  mutating func blind(_ blindness: FlightBlindness, missing: UInt8 = 0, of domain: UInt8 = 0) {
    recorder.memory(failed: blindness, missing: missing, of: domain, at: now)
    expect(.memory(FlightReading(domain: domain, outcome: .blind(blindness), missing: missing)))
  }

  mutating func beginSurvey(least: KiB = .zero, isForScores: Bool = true) {
    recorder.beginSurvey(leastFootprint: least, isForScores: isForScores, at: now)
    expect(.surveyBegan(leastFootprint: least, isForScores: isForScores))
    began = FlightSurveyNote()
    began.began = now
    began.leastFootprint = least
    began.isForScores = isForScores
  }

  mutating func endSurvey(_ rows: [ProcessFacts], _ tally: SurveyTally = SurveyTally()) {
    recorder.endSurvey(rows, tally, at: now)
    began.tally = tally
    if let row = rows.first(where: { ($0.age ?? .zero) > .zero }), let age = row.age {
      began.now = age + row.identity.startTime
    }
    expect(.survey(FlightSurvey(began, rows: rows)))
  }

  mutating func failSurvey(_ failure: ReadFailure) {
    recorder.failSurvey(failure, at: now)
    expect(.surveyFailed(failure))
  }

  mutating func sighting(_ sighting: ProcessSighting, of pid: Int32) {
    recorder.sighting(sighting, of: pid, at: now)
    expect(.sighting(pid: pid, sighting))
  }

  mutating func text(_ text: [UInt8], _ file: FlightTextFile, of pid: Int32) {
    recorder.text(text.span, file, of: pid, at: now)
    let kept = FlightBytes([UInt8](text.prefix(recorder.sizes.textLimit)), of: text.count)
    let isKept = file != .cmdline || recorder.header.keepsCommandLines
    expect(.text(pid: pid, file, isKept ? .content(kept) : .unkept(length: text.count)))
  }

  mutating func text(failed failure: ReadFailure, _ file: FlightTextFile, of pid: Int32) {
    recorder.text(failed: failure, file, of: pid, at: now)
    expect(.text(pid: pid, file, .failure(failure)))
  }

  mutating func call(_ code: UInt8, of pid: Int32, errno: Int32, value: Int64) {
    recorder.call(code, of: pid, errno: errno, value: value, at: now)
    expect(.call(code: code, pid: pid, errno: errno, value: value))
  }

  mutating func bytes(_ bytes: [UInt8], code: UInt8, of pid: Int32) {
    recorder.bytes(bytes.span, code: code, of: pid, at: now)
    let kept = FlightBytes([UInt8](bytes.prefix(recorder.sizes.textLimit)), of: bytes.count)
    expect(.bytes(code: code, pid: pid, kept))
  }

  mutating func decision(_ line: [UInt8]) {
    recorder.decision(line.span, at: now)
    expect(.decision(FlightBytes(line)))
  }

  mutating func note(_ code: UInt8, _ value: Int64) {
    recorder.note(code, value, at: now)
    expect(.note(code: code, value: value))
  }

  mutating func takeUp(_ policy: [UInt8]) {
    recorder.takeUp(policy: policy, named: [UInt8]("/etc/spillway/spillway.toml".utf8), at: now)
    expect(.policy(recorder.policy))
  }

  /// The file as it is now.
  mutating func file() -> [UInt8] { recorder.file() }
}
