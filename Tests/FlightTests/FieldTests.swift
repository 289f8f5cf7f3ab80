import Fixtures
import ProcModel
import Testing

@testable import Flight

@Suite struct FieldTests {
  @Test func theComparisonKnowsEveryStoredField() {
    let facts = ProcessFacts(identity: ProcessIdentity(pid: 1, startTime: .zero))
    // A choice finds out what a process is to its relatives, and a replay does so anew.
    let found = ["hasAnotherImageThanItsParent", "isOrphan", "inheritsOomScoreAdj"]
    #expect(Mirror(reflecting: facts).children.compactMap(\.label) == ProcessFacts.names + found)
  }

  @Test func anyFactsComeBack() throws {
    var random = SplitMix64(seed: 2)
    for _ in 0..<3000 {
      let facts = random.facts()
      let now = Ticks(random.any())
      var buffer = FlightBuffer(capacity: 512)
      buffer.put(facts.identity, FlightFields(facts, now: now), since: FlightFields())
      var scanner = FlightScanner(buffer.bytes, from: 0, to: buffer.count)
      var row = FlightRow()
      try scanner.take(&row)
      let isAtEnd = scanner.isAtEnd
      #expect(isAtEnd)
      #expect(row.fields.facts(of: row.identity, now: now).isSame(facts))
    }
  }

  @Test func anyDifferenceOfFactsComesBack() throws {
    var random = SplitMix64(seed: 3)
    for _ in 0..<1000 {
      let old = FlightFields(random.facts(), now: .zero)
      let new = FlightFields(random.facts(), now: Ticks(random.any()))
      var buffer = FlightBuffer(capacity: 512)
      buffer.put(new, since: old, wide: FlightRowField.wide)
      var scanner = FlightScanner(buffer.bytes, from: 0, to: buffer.count)
      var read = old
      try scanner.take(&read, count: FlightFields.count, wide: FlightRowField.wide)
      let isAtEnd = scanner.isAtEnd
      #expect(isAtEnd && read == new)
    }
  }

  @Test func anyReadingComesBack() throws {
    var random = SplitMix64(seed: 4)
    var fields = FlightFields()
    for _ in 0..<3000 {
      let reading = random.reading()
      let missing = UInt8(truncatingIfNeeded: random.next())
      fields.set(reading, missing: missing)
      #expect(fields.reading == reading && fields.missing == missing)
    }
  }

  @Test func anySurveyNoteComesBack() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<3000 {
      var note = FlightSurveyNote()
      note.began = Nanoseconds(random.any())
      note.leastFootprint = KiB(random.any())
      note.isForScores = random.isOnce(in: 2)
      note.now = Ticks(random.any())
      note.tally = random.tally()
      note.rest.count = UInt32(truncatingIfNeeded: random.any())
      note.rest.footprint = KiB(random.any())
      #expect(FlightFields(note, units: .common).surveyNote(units: .common) == note)
    }
  }

  /// The facts that follow from others: no bytes are spent on them while they do.
  @Test func whatASurveyCanReckonAgainTakesNoBytes() throws {
    var source = MemorySource(fixture: "6.18")
    var survey = Survey(capacity: 64)
    var table = ProcessTable(capacity: 64)
    _ = try survey.take(from: &source, units: .common, into: &table)
    #expect(table.count > 5)
    let now = try #require(table.rows.first.flatMap { row in row.age.map { $0 + row.identity.startTime } })
    for row in table.rows {
      let fields = FlightFields(row, now: now)
      #expect(fields[FlightRowField.age] == 0)
      #expect(fields[FlightRowField.growth] == 0)
      #expect(fields[FlightRowField.resident] == 0 || row.resident != row.anonymous + row.file + row.shared)
      #expect(fields.facts(of: row.identity, now: now).isSame(row))
      var later = row
      later.age = row.age.map { $0 + Ticks(1000) }
      #expect(FlightFields(later, now: now + Ticks(1000)) == fields)
    }
  }
}
