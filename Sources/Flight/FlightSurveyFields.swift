package import ProcModel

/// The processes of a survey that a flight does not tell of, because there were too many.
package struct FlightRest: Equatable, Sendable {
  package var count: UInt32 = 0
  /// Of all of them together.
  package var footprint = KiB.zero

  package init() {}

  mutating func add(_ facts: borrowing ProcessFacts) {
    count &+= 1
    footprint += facts.footprint
  }
}

/// What a survey tells beside its rows.
package struct FlightSurveyNote: Equatable, Sendable {
  /// The time at which it began.
  package var began = Nanoseconds.zero
  /// What smaller processes were left out for; zero where none was.
  package var leastFootprint = KiB.zero
  /// Whether `oom_score` and `oom_score_adj` were read.
  package var isForScores = true
  /// The survey's present in ticks, from which the ages of its rows were reckoned; zero where no age is known.
  package var now = Ticks.zero
  package var tally = SurveyTally()
  /// The processes that were in the table, and are not among the rows.
  package var rest = FlightRest()

  package init() {}

  /// Whether the rows are not all that were in the table. They are then the largest by footprint.
  package var isPartial: Bool { rest.count > 0 }
}

/// The fields of a survey, beside its rows.
enum FlightSurveyField {
  static let began = 0
  static let now = 1
  static let seen = 2
  static let kernelThreads = 3
  static let vanished = 4
  static let leftOut = 5
  static let leftOutFootprint = 6

  static let leastFootprint = 7
  static let flags = 8
  static let leftOutOld = 9
  static let leftOutOldFootprint = 10
  static let withoutMemory = 11
  static let zombies = 12
  static let restCount = 13

  static let restFootprint = 14
  static let unsearched = 15
  static let denied = 16
  static let failed = 17
  static let malformed = 18
  static let unknownCgroups = 19
  static let unborn = 20

  static let malformedPID = 21
  static let malformedFile = 22
  static let malformedError = 23
  static let malformedPlace = 24
  static let uptimeError = 25
  static let uptimePlace = 26
  static let unread = 27

  static let unreadYoung = 28
  static let remainder = 29
  /// The bits of a number of 64 bits (IEEE 754).
  static let bound = 30
  static let count = 31

  static let isForCalm: UInt64 = 1
  static let isHidden: UInt64 = 2
}

extension FlightFields {
  private typealias Field = FlightSurveyField

  /// The time at which the survey began is told beside the time of the item.
  mutating func setSurveyTime(_ time: Nanoseconds) {
    self[Field.began] = time.count
  }

  mutating func set(_ note: borrowing FlightSurveyNote, units: KernelUnits) {
    let tally = note.tally
    self[Field.began] = note.began.count
    self[Field.now] = note.now.count &- units.ticks(note.began).count
    self[Field.seen] = UInt64(tally.seen)
    self[Field.kernelThreads] = UInt64(tally.kernelThreads)
    self[Field.vanished] = UInt64(tally.vanished)
    self[Field.leftOut] = UInt64(tally.leftOut)
    self[Field.leftOutFootprint] = tally.leftOutFootprint.count
    self[Field.leastFootprint] = note.leastFootprint.count
    self[Field.flags] = (note.isForScores ? 0 : Field.isForCalm) | (tally.isHidden ? Field.isHidden : 0)
    self[Field.leftOutOld] = UInt64(tally.leftOutOld)
    self[Field.leftOutOldFootprint] = tally.leftOutOldFootprint.count
    self[Field.withoutMemory] = UInt64(tally.withoutMemory)
    self[Field.zombies] = UInt64(tally.zombies)
    self[Field.restCount] = UInt64(note.rest.count)
    self[Field.restFootprint] = note.rest.footprint.count
    self[Field.unsearched] = UInt64(tally.unsearched)
    self[Field.denied] = UInt64(tally.denied)
    self[Field.failed] = UInt64(tally.failed)
    self[Field.malformed] = UInt64(tally.malformed)
    self[Field.unknownCgroups] = UInt64(tally.unknownCgroups)
    self[Field.unborn] = UInt64(tally.unborn)
    self[Field.malformedPID] = UInt64(UInt32(bitPattern: tally.lastMalformed?.pid ?? 0))
    self[Field.malformedFile] = UInt64(tally.lastMalformed?.file.rawValue ?? 0)
    self[Field.unread] = UInt64(tally.unread)
    self[Field.unreadYoung] = UInt64(tally.unreadYoung)
    self[Field.remainder] = tally.remainder.count
    self[Field.bound] = tally.bound.bitPattern
    put(tally.lastMalformed?.error, Field.malformedError, Field.malformedPlace)
    put(tally.uptimeError, Field.uptimeError, Field.uptimePlace)
  }

  /// What the fields tell. Values that no writer puts there are cut to their types.
  func surveyNote(units: KernelUnits) -> FlightSurveyNote {
    var note = FlightSurveyNote()
    note.began = Nanoseconds(self[Field.began])
    note.now = Ticks(self[Field.now] &+ units.ticks(note.began).count)
    note.leastFootprint = KiB(self[Field.leastFootprint])
    note.isForScores = self[Field.flags] & Field.isForCalm == 0
    note.tally.isHidden = self[Field.flags] & Field.isHidden != 0
    note.tally.seen = count(Field.seen)
    note.tally.kernelThreads = count(Field.kernelThreads)
    note.tally.vanished = count(Field.vanished)
    note.tally.leftOut = count(Field.leftOut)
    note.tally.leftOutFootprint = KiB(self[Field.leftOutFootprint])
    note.tally.leftOutOld = count(Field.leftOutOld)
    note.tally.leftOutOldFootprint = KiB(self[Field.leftOutOldFootprint])
    note.tally.withoutMemory = count(Field.withoutMemory)
    note.tally.zombies = count(Field.zombies)
    note.rest.count = count(Field.restCount)
    note.rest.footprint = KiB(self[Field.restFootprint])
    note.tally.unsearched = count(Field.unsearched)
    note.tally.denied = count(Field.denied)
    note.tally.failed = count(Field.failed)
    note.tally.malformed = count(Field.malformed)
    note.tally.unknownCgroups = count(Field.unknownCgroups)
    note.tally.unborn = count(Field.unborn)
    note.tally.unread = count(Field.unread)
    note.tally.unreadYoung = count(Field.unreadYoung)
    note.tally.remainder = KiB(self[Field.remainder])
    note.tally.bound = Double(bitPattern: self[Field.bound])
    if let error = error(Field.malformedError, Field.malformedPlace),
      let file = ProcessFile(rawValue: UInt8(truncatingIfNeeded: self[Field.malformedFile]))
    {
      note.tally.lastMalformed = SurveyTally.Malformed(
        pid: Int32(bitPattern: count(Field.malformedPID)), file: file, error: error)
    }
    note.tally.uptimeError = error(Field.uptimeError, Field.uptimePlace)
    return note
  }

  private func count(_ field: Int) -> UInt32 { UInt32(truncatingIfNeeded: self[field]) }

  @inline(never)
  private mutating func put(_ error: ProcParseError?, _ kind: Int, _ place: Int) {
    switch error {
    case nil:
      self[kind] = 0
      self[place] = 0
    case .truncated(let offset):
      self[kind] = 1
      self[place] = UInt64(bitPattern: Int64(offset))
    case .malformed(let offset):
      self[kind] = 2
      self[place] = UInt64(bitPattern: Int64(offset))
    case .overflow(let offset):
      self[kind] = 3
      self[place] = UInt64(bitPattern: Int64(offset))
    case .missing(let field):
      self[kind] = 4
      self[place] = UInt64(field.rawValue)
    }
  }

  private func error(_ kind: Int, _ place: Int) -> ProcParseError? {
    let offset = Int(truncatingIfNeeded: self[place])
    switch self[kind] {
    case 1: return .truncated(offset: offset)
    case 2: return .malformed(offset: offset)
    case 3: return .overflow(offset: offset)
    case 4: return ProcField(rawValue: UInt8(truncatingIfNeeded: self[place])).map { .missing($0) }
    default: return nil
    }
  }
}
