import Fixtures
import ProcModel
import Testing

@testable import Flight

/// Surveys of more processes than are exact, and surveys that leave processes out.
@Suite struct ManyProcessesTests {
  private static func surveys(_ entries: [FlightEntry]) -> [FlightSurvey] {
    entries.compactMap { if case .survey(let survey) = $0.item { survey } else { nil } }
  }

  @Test func aSurveyOfExactlySoManyIsWhole() throws {
    for processes in [511, 512, 513] {
      var flown = Flown(ring: 256 * 1024)
      let town = Town(processes: processes, seed: 40)
      flown.beginSurvey()
      flown.endSurvey(town.rows, town.tally)
      let survey = try #require(Self.surveys(try read(flown.file())).last)
      #expect(survey.note.isPartial == (processes > 512))
      #expect(survey.rows.count == min(processes, 512))
    }
  }

  @Test func ofTooManyTheLargestAreToldAndTheRestIsSummed() throws {
    var flown = Flown(ring: 256 * 1024)
    var town = Town(processes: 3000, seed: 41)
    for _ in 0..<4 {
      flown.beginSurvey()
      flown.endSurvey(town.rows, town.tally)
      let survey = try #require(Self.surveys(try read(flown.file())).last)
      #expect(survey.note.isPartial && survey.rows.count == 512 && survey.note.rest.count == 3000 - 512)
      var all = KiB.zero
      for row in town.rows { all += row.footprint }
      for row in survey.rows { all = all - row.footprint }
      #expect(survey.note.rest.footprint == all)
      let told = Set(survey.rows.map(\.identity))
      let smallest = survey.rows.map(\.footprint).min() ?? .zero
      let largest = town.rows.filter { !told.contains($0.identity) }.map(\.footprint).max() ?? .zero
      // Sizes are told apart by a quarter of a power of two.
      #expect(largest.count * 4 < smallest.count * 5)
      #expect(areSame(survey.rows, town.rows.filter { told.contains($0.identity) }))
      town.pass(1000, busy: 4, growing: 4)
    }
  }

  @Test func theOneThatGrowsIsToldWithItsTexts() throws {
    var flown = Flown(ring: 256 * 1024)
    var town = Town(processes: 2000, seed: 42)
    func survey(_ flown: inout Flown) {
      flown.now += .milliseconds(1000)
      flown.beginSurvey()
      for row in town.rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
      flown.endSurvey(town.rows, town.tally)
    }
    survey(&flown)
    survey(&flown)
    // One that is born and is the largest at once, with the highest number of all.
    town.pass(100, busy: 4, growing: 4)
    town.set(town.rows.count - 1, anonymous: 3_000_000)
    survey(&flown)
    let culprit = town.rows[town.rows.count - 1]
    let entries = try read(flown.file())
    let last = try #require(Self.surveys(entries).last)
    #expect(last.rows.contains { $0.isSame(culprit) })
    let texts = entries.compactMap { entry -> FlightText? in
      if case .text(culprit.identity.pid, .cgroup, let text) = entry.item { text } else { nil }
    }
    #expect(texts == [.content(FlightBytes(Town.cgroup(culprit)))])
    // Each that was told before has its text, if not in this survey then in one before.
    let before = Set(try #require(Self.surveys(entries).dropLast().last).rows.map(\.identity))
    var known: Set<Int32> = []
    for entry in entries {
      if case .text(let pid, _, _) = entry.item { known.insert(pid) }
      if case .state(let state) = entry.item { known.formUnion(state.texts.map(\.pid)) }
    }
    #expect(last.rows.allSatisfy { !before.contains($0.identity) || known.contains($0.identity.pid) })
    #expect(before.intersection(last.rows.map(\.identity)).count > 500)
  }

  /// A decision's own survey leaves the small out. They are remembered for the survey after it.
  @Test func theSmallAreRememberedWhileTheyAreLeftOut() throws {
    var flown = Flown(ring: 256 * 1024)
    var town = Town(processes: 400, seed: 43)
    var costs: [Int] = []
    for least in [0, 0, 20_000, 20_000, 0, 20_000, 0] as [UInt64] {
      let rows = town.rows.filter { $0.footprint >= KiB(least) }
      flown.now += .milliseconds(500)
      flown.beginSurvey(least: KiB(least))
      let before = flown.file().count
      flown.endSurvey(rows, town.tally)
      costs.append(flown.file().count - before)
      town.pass(50, busy: 10, growing: 20)
    }
    #expect(costs[0] > 20_000)
    for cost in costs.dropFirst() { #expect(cost < 1000) }
    let (entries, told) = (try read(flown.file()), flown.entries)
    #expect(entries.count == told.count && zip(entries, told).allSatisfy { $0.isSame($1) })
  }

  /// One that was passed over as left out comes after all.
  @Test func aProcessOutOfOrderIsRememberedOnce() throws {
    var flown = Flown(ring: 256 * 1024)
    let town = Town(processes: 8, seed: 44)
    flown.beginSurvey()
    flown.endSurvey(town.rows, town.tally)
    var late = town.rows[2]
    late.anonymous += KiB(4)
    flown.beginSurvey(least: KiB(1))
    flown.endSurvey([town.rows[5], late], town.tally)
    for _ in 0..<FlightCapacity.segments { flown.recorder.advance() }
    guard case .state(let state) = try read(flown.file()).first?.item else {
      Issue.record("no state")
      return
    }
    #expect(areSame(state.rows.filter { $0.identity == late.identity }, [late]))
    // So it is where the remembered rows were out of order.
    flown.beginSurvey(least: KiB(1))
    flown.endSurvey([late, town.rows[5]], town.tally)
    let survey = try #require(Self.surveys(try read(flown.file())).last)
    #expect(areSame(survey.rows, [late, town.rows[5]]))
  }

  /// All processes are others at once, in a segment that has no room for that.
  @Test func aSurveyThatDoesNotFitIsToldInTheNextSegment() throws {
    var flown = Flown(ring: 256 * 1024)
    for seed in 0..<12 {
      let town = Town(processes: 450, seed: UInt64(50 + seed))
      flown.now += .milliseconds(500)
      flown.beginSurvey()
      flown.endSurvey(town.rows, town.tally)
      flown.tick()
      let entries = try read(flown.file())
      let told = flown.entries.suffix(entries.count { !$0.item.isState })
      #expect(zip(entries.filter { !$0.item.isState }, told).allSatisfy { $0.isSame($1) })
      #expect(entries.last?.item.isSame(.tick) == true)
    }
    // The keyframe had to do without the rows before it.
    guard case .state(let state) = try read(flown.file()).first?.item else {
      Issue.record("no state")
      return
    }
    #expect(state.rows.isEmpty && flown.recorder.ring.number >= 3)
  }
}
