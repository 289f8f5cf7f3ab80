package import ProcModel

/// One item of a flight, with its time.
package struct FlightEntry: Sendable {
  /// On `CLOCK_BOOTTIME`.
  package var time: Nanoseconds
  /// `CLOCK_BOOTTIME` minus `CLOCK_MONOTONIC`.
  package var awakeOffset: Nanoseconds
  package var item: FlightItem

  package init(time: Nanoseconds, awakeOffset: Nanoseconds, item: FlightItem) {
    self.time = time
    self.awakeOffset = awakeOffset
    self.item = item
  }
}

/// What the agent learned, or did. ``FlightRecorder`` has a function for each, with what they mean.
package enum FlightItem: Sendable {
  /// All that is known where the flight begins, if what came before it was overwritten or is damaged.
  case state(FlightState)
  case tick
  case wake(tag: UInt64)
  case signal(Int32)
  case memory(FlightReading)
  case surveyBegan(leastFootprint: KiB, isForScores: Bool)
  case survey(FlightSurvey)
  case surveyFailed(ReadFailure)
  case sighting(pid: Int32, ProcessSighting)
  case text(pid: Int32, FlightTextFile, FlightText)
  case call(code: UInt8, pid: Int32, errno: Int32, value: Int64)
  case bytes(code: UInt8, pid: Int32, FlightBytes)
  case decision(FlightBytes)
  case note(code: UInt8, value: Int64)
  /// Another policy is in force: ``FlightReader/policies`` has it by this number, unless two more came after it.
  case policy(UInt32)
}

/// What came of reading a domain's memory.
package struct FlightReading: Sendable {
  /// The domain's number, 0 for the system.
  package var domain: UInt8
  package var outcome: Outcome
  /// The sources that the reading lacked, as the sensors' own bits.
  package var missing: UInt8

  package enum Outcome: Equatable, Sendable {
    case reading(MemoryReading)
    case blind(FlightBlindness)
  }

  package init(domain: UInt8, outcome: Outcome, missing: UInt8) {
    self.domain = domain
    self.outcome = outcome
    self.missing = missing
  }
}

/// A survey that is complete.
package struct FlightSurvey: Sendable {
  package var note: FlightSurveyNote
  /// The rows of its table, in their order. Not all of them where ``FlightSurveyNote/isPartial``.
  package var rows: [ProcessFacts]

  package init(_ note: FlightSurveyNote, rows: [ProcessFacts]) {
    self.note = note
    self.rows = rows
  }
}

/// All that is known of a moment.
package struct FlightState: Sendable {
  /// The number of the policy in force.
  package var policy: UInt32
  /// The last reading of each domain.
  package var readings: [FlightReading] = []
  /// What the last survey told beside its rows; all zero where there was none.
  package var survey = FlightSurveyNote()
  /// The rows of the last survey, and of those before it that it left out. Ages are of the last survey.
  package var rows: [ProcessFacts] = []
  /// The texts that were last read of each process.
  package var texts: [Text] = []

  package init(policy: UInt32) {
    self.policy = policy
  }

  package struct Text: Equatable, Sendable {
    package var pid: Int32
    package var file: FlightTextFile
    package var text: FlightText
  }
}
