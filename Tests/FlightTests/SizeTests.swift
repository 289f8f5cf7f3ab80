import Fixtures
import ProcModel
import Testing

@testable import Flight

/// What a flight costs on a server of so many processes. docs/flight.md has the figures that this prints.
@Suite struct SizeTests {
  private struct Costs {
    var idleSecond = 0.0
    var troubledLook = 0.0
    var calmSurvey = 0.0
    var troubledSurvey = 0.0
    var keyframe = 0
    var textsAgain = 0
    var rowBytes = 0
    var rows = 0
    var footprint = 0

    /// The seconds that the ring reaches back at the least: just after a segment was overwritten.
    func reach(_ bytesPerSecond: Double) -> Int {
      Int(
        Double((FlightCapacity.segments - 1) * (FlightCapacity.standard.segment - keyframe - textsAgain))
          / bytesPerSecond)
    }

    var calmReach: Int { reach(idleSecond + calmSurvey / 10) }
    var troubledReach: Int { reach(troubledLook * 50 + troubledSurvey * 2) }
  }

  /// A recorder, and the time.
  private struct Run: ~Copyable {
    var recorder = FlightRecorder(.sample(), policy: [], named: [])
    var now = Nanoseconds(6_000_000_000)
    var random = SplitMix64(seed: 10)

    /// Surveys the town as the agent does, with the text of each cgroup.
    mutating func survey(_ town: Town) {
      recorder.beginSurvey(leastFootprint: .zero, isForScores: true, at: now)
      for row in town.rows { recorder.text(Town.cgroup(row).span, .cgroup, of: row.identity.pid, at: now) }
      now += Nanoseconds(UInt64(town.rows.count) * 38_000)
      recorder.endSurvey(town.rows, town.tally, at: now)
    }

    /// The bytes of this segment.
    mutating func written() -> Int {
      recorder.flushRun()
      recorder.ring.settle()
      return recorder.ring.writtenLength
    }

    mutating func look(_ reading: MemoryReading) {
      recorder.tick(at: now)
      recorder.memory(reading, missing: 0, of: 0, at: now)
    }
  }

  private static func measure(_ processes: Int) -> Costs {
    var town = Town(processes: processes, seed: 9)
    var run = Run()
    var costs = Costs()
    run.survey(town)
    for row in town.rows.prefix(512) {
      run.recorder.text(Town.program(row).span, .exe, of: row.identity.pid, at: run.now)
    }
    run.survey(town)
    run.recorder.advance()
    costs.keyframe = run.written()
    costs.rows = run.recorder.rows.count
    costs.rowBytes = run.recorder.rows.used - 2 * costs.rows
    // Texts that the keyframe had no room for are told again.
    run.survey(town)
    var before = run.written()
    costs.textsAgain = before - costs.keyframe
    for _ in 0..<6 {
      town.pass(1000, busy: 8, growing: 16)
      run.now += .milliseconds(10_000)
      run.survey(town)
    }
    costs.calmSurvey = Double(run.written() - before) / 6
    before = run.written()
    for _ in 0..<6 {
      town.pass(50, busy: 4, growing: 4)
      run.now += .milliseconds(500)
      run.survey(town)
    }
    costs.troubledSurvey = Double(run.written() - before) / 6
    run.recorder.advance()
    measureLooks(&run, &costs)
    costs.footprint = run.recorder.footprint
    return costs
  }

  private static func measureLooks(_ run: inout Run, _ costs: inout Costs) {
    var reading = MemoryReading(
      time: run.now, total: KiB(4_000_000), available: KiB(2_900_000), swapTotal: KiB(2_000_000),
      swapFree: KiB(1_900_000))
    reading.fileCache = KiB(1_200_000)
    reading.stall = StallTotals(some: 8_123_456, full: 7_234_567)
    let used = KiB(700_000)
    reading.parts = MemoryParts(anonymous: used, shared: KiB(90_000), pageTables: KiB(9000), kernel: KiB(80_000))
    run.look(reading)
    var before = run.written()
    for _ in 0..<100 {
      run.now += Nanoseconds(1_000_000_000 + run.random.next() % 300_000)
      reading.time = run.now
      let free = run.random.next() % 2000
      reading.available = KiB(2_900_000 + free)
      reading.parts = MemoryParts(
        anonymous: used - KiB(free), shared: KiB(90_000), pageTables: KiB(9000 - free / 500), kernel: KiB(80_000))
      reading.fileCache = KiB(1_200_000 + run.random.next() % 300)
      run.look(reading)
    }
    costs.idleSecond = Double(run.written() - before) / 100
    reading.reclaim = ReclaimTotals(refaults: 100_000, directScans: 500_000)
    reading.ownReclaim = 123_456
    run.look(reading)
    before = run.written()
    for _ in 0..<100 {
      run.now += Nanoseconds(20_000_000 + run.random.next() % 300_000)
      reading.time = run.now
      reading.available.count -= 400 + run.random.next() % 400
      let taken = KiB(2_900_000) - reading.available
      reading.parts = MemoryParts(
        anonymous: used + taken, shared: KiB(90_000), pageTables: KiB(9000 + taken.count / 500), kernel: KiB(80_000))
      reading.fileCache.count -= run.random.next() % 2000
      reading.swapFree.count -= run.random.next() % 300
      reading.stall?.some += run.random.next() % 9000
      reading.stall?.full += run.random.next() % 7000
      reading.reclaim?.refaults += run.random.next() % 400
      reading.reclaim?.directScans += run.random.next() % 4000
      reading.ownReclaim? += run.random.next() % 4000
      run.look(reading)
    }
    costs.troubledLook = Double(run.written() - before) / 100
  }

  /// Servers that fork their workers: 20 of them, with 25 each.
  @Test func aKeyframeOfForkedWorkersIsShort() {
    let servers = Town(processes: 20, seed: 11)
    var random = SplitMix64(seed: 12)
    var rows: [ProcessFacts] = []
    for server in servers.rows {
      for worker in 0..<25 {
        var row = server
        row.identity.pid = Int32(1000 + rows.count)
        row.identity.startTime = Ticks(server.identity.startTime.count + UInt64(worker))
        row.age = servers.now - row.identity.startTime
        row.processGroup = server.identity.pid
        row.session = server.identity.pid
        row.cpu = Ticks(random.next() % 3000)
        row.anonymous += KiB(UInt64(random.below(500)) * 4)
        row.file += KiB(UInt64(random.below(100)) * 4)
        row.resident = row.anonymous + row.file + row.shared
        rows.append(row)
      }
    }
    var run = Run()
    run.recorder.beginSurvey(leastFootprint: .zero, isForScores: true, at: run.now)
    run.recorder.endSurvey(rows, servers.tally, at: run.now)
    let full = run.recorder.rows.used - 2 * rows.count
    run.recorder.advance()
    let keyframe = run.written()
    print("500 forked processes: all rows in full \(full) bytes, a keyframe \(keyframe)")
    #expect(keyframe * 2 < full)
  }

  @Test(arguments: [100, 500, 4000])
  func surveysAndLooksAreSmall(_ processes: Int) {
    let costs = Self.measure(processes)
    print(
      """
      \(processes) processes: a second while idle \(costs.idleSecond) bytes, a look in trouble \(costs.troubledLook); \
      a survey after 10 s \(costs.calmSurvey), one after 500 ms in trouble \(costs.troubledSurvey); a keyframe \
      \(costs.keyframe), the survey after it \(costs.textsAgain), \(costs.rows) rows in full \(costs.rowBytes); the ring \
      reaches back \(costs.calmReach) s, in trouble \(costs.troubledReach) s; memory \(costs.footprint)
      """)
    #expect(costs.idleSecond < 16)
    #expect(costs.troubledLook < 32)
    #expect(costs.rows == min(processes, 512))
    #expect(costs.calmSurvey < Double(100 + min(processes, 512) * 3))
    #expect(costs.keyframe < 50 * 1024)
    #expect(costs.footprint < 330 * 1024)
  }
}
