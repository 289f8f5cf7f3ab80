import Fixtures
import ProcModel
import Testing

@testable import Flight

/// Anything that may be written comes back, however often the ring has wrapped around: what is read is the last part of
/// what was written.
@Suite struct RoundTripTests {
  /// Writes something.
  private static func step(_ flown: inout Flown, _ town: inout Town, _ random: inout SplitMix64) {
    if random.isOnce(in: 3) { flown.now = Nanoseconds(flown.now.count &+ random.any() % 10_000_000_000) }
    if random.isOnce(in: 300) { flown.now = Nanoseconds(random.any()) }
    if random.isOnce(in: 50) { flown.recorder.awakeOffset = Nanoseconds(random.any()) }
    switch random.below(24) {
    case 0: flown.wake(random.any())
    case 1: flown.signal(Int32(truncatingIfNeeded: random.any()))
    case 2...7: flown.memory(random.reading(), missing: UInt8(random.below(8)), of: UInt8(random.below(10)))
    case 8: flown.blind(random.isOnce(in: 2) ? .senseless : .unreadable, missing: 1, of: UInt8(random.below(10)))
    case 9: survey(&flown, &town, &random)
    case 10: flown.sighting(.found(random.facts()), of: Int32(truncatingIfNeeded: random.any()))
    case 11: flown.sighting(random.isOnce(in: 2) ? .gone : .unreadable, of: 5)
    case 12...14: text(&flown, town, &random)
    case 15:
      flown.call(
        UInt8(truncatingIfNeeded: random.next()), of: Int32(truncatingIfNeeded: random.next()),
        errno: Int32(random.below(120)), value: Int64(bitPattern: random.any()))
    case 16: flown.bytes(random.bytes(random.below(700)), code: 3, of: 77)
    case 17: if random.isOnce(in: 4) { flown.decision(random.bytes(random.below(2000))) }
    case 18: flown.note(UInt8(truncatingIfNeeded: random.next()), Int64(bitPattern: random.any()))
    case 19: if random.isOnce(in: 20) { flown.takeUp(random.bytes(30)) }
    default: flown.tick()
    }
  }

  private static func survey(_ flown: inout Flown, _ town: inout Town, _ random: inout SplitMix64) {
    town.shake()
    let leavesOut = random.isOnce(in: 3)
    flown.beginSurvey(least: leavesOut ? KiB(4000) : .zero, isForScores: random.isOnce(in: 2))
    let rows = town.rows.filter { !leavesOut || $0.footprint >= KiB(4000) }
    if random.isOnce(in: 2) {
      for row in rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
    }
    if random.isOnce(in: 8) { return flown.failSurvey(random.failure()) }
    flown.now += Nanoseconds(random.any() % 10_000_000)
    flown.endSurvey(rows, random.isOnce(in: 2) ? town.tally : random.tally())
  }

  private static func text(_ flown: inout Flown, _ town: Town, _ random: inout SplitMix64) {
    let row = town.rows[random.below(town.rows.count)]
    let pid = random.isOnce(in: 9) ? Int32(truncatingIfNeeded: random.any()) : row.identity.pid
    let file = FlightTextFile.allCases[random.below(FlightTextFile.allCases.count)]
    switch random.below(4) {
    case 0: flown.text(failed: random.failure(), file, of: pid)
    case 1: flown.text(random.bytes(random.below(random.isOnce(in: 8) ? 900 : 20)), file, of: pid)
    default: flown.text(file == .cgroup ? Town.cgroup(row) : Town.program(row), file, of: pid)
    }
  }

  /// Reads a snapshot and compares it with what was written.
  ///
  /// - Returns: How many items it has.
  private static func check(_ flown: inout Flown) throws -> Int {
    var reader = try FlightReader(flown.file())
    let (all, error) = reader.all()
    try #require(error == nil)
    let policy = flown.recorder.policy
    #expect(reader.ending == .whole && reader.policy == policy)
    var entries = all
    let isWrapped = entries.first.map { $0.item.isState } ?? false
    if isWrapped { entries.removeFirst() }
    #expect(isWrapped == (flown.recorder.ring.oldest > 0))
    #expect(isWrapped || entries.count == flown.entries.count)
    let told = flown.entries.suffix(entries.count)
    try #require(told.count == entries.count)
    for (read, told) in zip(entries, told) where !read.isSame(told) {
      Issue.record("read \(read), told \(told)")
      return 0
    }
    if isWrapped, case .state(let state) = all[0].item {
      check(state, flown.entries.dropLast(entries.count))
    }
    return entries.count
  }

  /// Compares all that is known at the beginning with what was told before it.
  private static func check(_ state: FlightState, _ before: ArraySlice<FlightEntry>) {
    var readings: [UInt8: FlightReading] = [:]
    var last: FlightSurvey?
    var rows: [ProcessIdentity: ProcessFacts] = [:]
    var texts: [Int32: [FlightTextFile: FlightText]] = [:]
    for entry in before {
      switch entry.item {
      case .memory(let reading): readings[reading.domain] = reading
      case .survey(let survey):
        last = survey
        for row in survey.rows { rows[row.identity] = row }
      case .text(let pid, let file, let text): texts[pid, default: [:]][file] = text
      default: break
      }
    }
    for reading in state.readings { #expect(readings[reading.domain]?.isSame(reading) ?? false) }
    #expect(state.readings.count == readings.keys.count { $0 < 8 })
    #expect(state.survey == last?.note ?? FlightSurveyNote())
    for row in state.rows { #expect(rows[row.identity]?.isSameButAge(row) ?? false) }
    for text in state.texts { #expect(texts[text.pid]?[text.file] == text.text) }
    // The survey before which the segment began may have replaced them all.
    guard !state.rows.isEmpty, let last else { return }
    let known = Set(state.rows.map(\.identity))
    #expect(last.rows.allSatisfy { known.contains($0.identity) })
  }

  @Test(arguments: 0..<8)
  func whatIsReadIsTheEndOfWhatWasWritten(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(100 + seed))
    var flown = Flown(ring: seed % 3 == 0 ? 48 * 1024 : 32 * 1024, keepsCommandLines: seed % 2 == 0)
    var town = Town(processes: 5 + seed * 2, seed: UInt64(seed))
    var least = Int.max
    for step in 0..<2400 {
      Self.step(&flown, &town, &random)
      if step % 400 == 399 { least = min(least, try Self.check(&flown)) }
    }
    #expect(flown.recorder.ring.number > 6)
    #expect(least > 40)
  }

  /// A survey of a quiet machine, then the same again, in all of the orders that the walk has to cope with.
  @Test func rowsKeepTheirOrder() throws {
    var flown = Flown(ring: 64 * 1024)
    var town = Town(processes: 40, seed: 4)
    let orders: [([ProcessFacts]) -> [ProcessFacts]] = [
      { $0 }, { $0.reversed() }, { Array($0.dropFirst(20)) + Array($0.prefix(20)) }, { $0 + $0 }, { _ in [] }, { $0 },
      { Array($0.prefix(1)) }, { $0.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) },
    ]
    for round in 0..<4 {
      for order in orders {
        flown.now += .milliseconds(500)
        town.pass(50, busy: 3, growing: 5)
        flown.beginSurvey(least: round % 2 == 0 ? .zero : KiB(1))
        let rows = order(town.rows)
        for row in rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
        flown.endSurvey(rows, town.tally)
      }
      _ = try Self.check(&flown)
    }
  }

  @Test func aRowThatStaysTheSameTakesNextToNothing() throws {
    var flown = Flown(ring: 256 * 1024)
    var town = Town(processes: 400, seed: 5)
    func survey(_ flown: inout Flown) -> Int {
      let before = flown.file().count
      flown.now += .milliseconds(10_000)
      flown.beginSurvey()
      for row in town.rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
      flown.endSurvey(town.rows, town.tally)
      return flown.file().count - before
    }
    _ = survey(&flown)
    town.pass(1000, busy: .max, growing: .max, births: 0)
    let survey400 = survey(&flown)
    #expect(survey400 < 60)
    _ = try Self.check(&flown)
  }
}
