import Fixtures
import ProcModel
import Testing

@testable import Flight

/// The fixed memory of a recorder, and what does not fit into it.
@Suite struct CapacityTests {
  @Test func theSizesFollowFromTheRing() {
    #expect(FlightCapacity.standard.ring == 256 * 1024)
    #expect(FlightCapacity.standard.processes == 512)
    #expect(FlightCapacity.standard.textLimit == 4096)
    #expect(FlightCapacity(ring: 0).ring == 32 * 1024)
    #expect(FlightCapacity(ring: .min).ring == 32 * 1024)
    #expect(FlightCapacity(ring: .max).ring == 8 * 1024 * 1024)
    for ring in [0, 100_000, 256 * 1024, Int.max] {
      let sizes = FlightCapacity(ring: ring)
      let recorder = FlightRecorder(.sample(), policy: [], named: [], capacity: sizes)
      let room = recorder.keyframeRoom
      // Behind a keyframe with all the rows and texts that may be, there is room for items and a text.
      #expect(room - sizes.rowBytes - 2 * sizes.processes > 1024 + sizes.textLimit)
    }
  }

  @Test func nothingIsAllocatedAfterTheStart() {
    var random = SplitMix64(seed: 20)
    var recorder = FlightRecorder(
      .sample(keepsCommandLines: true), policy: [1, 2, 3], named: [4], capacity: FlightCapacity(ring: 64 * 1024))
    let capacities = recorder.capacities
    var town = Town(processes: 700, seed: 21)
    for round in 0..<12 {
      let now = Nanoseconds(6_000_000_000 + UInt64(round) * 1_000_000_000)
      recorder.tick(at: now)
      for domain in 0..<10 { recorder.memory(random.reading(), missing: 0, of: UInt8(domain), at: now) }
      recorder.beginSurvey(leastFootprint: KiB(UInt64(round % 3)), isForScores: true, at: now)
      for row in town.rows {
        recorder.text(random.bytes(random.below(60)).span, .cmdline, of: row.identity.pid, at: now)
      }
      recorder.endSurvey(town.rows, town.tally, at: now)
      recorder.decision([UInt8](repeating: 65, count: 3000).span, at: now)
      for row in town.rows.prefix(40) {
        recorder.text(random.bytes(5000).span, .exe, of: row.identity.pid, at: now)
        recorder.bytes(random.bytes(5000).span, code: 1, of: row.identity.pid, at: now)
        recorder.sighting(.found(random.facts()), of: row.identity.pid, at: now)
      }
      _ = recorder.beginSnapshot()
      town.shake()
    }
    #expect(recorder.ring.number > 20)
    #expect(recorder.capacities == capacities)
  }

  @Test func theMemoryBesideTheRingIsSmall() {
    let recorder = FlightRecorder(.sample(), policy: [], named: [])
    // Blocks of memory may be larger than was asked for, by a page.
    let beside = recorder.footprint - 256 * 1024
    #expect(beside < 72 * 1024)
    // A process takes its row, and an entry in a map that is at most half full.
    let entries = recorder.processes.size
    #expect(recorder.sizes.rowBytes == 512 * 74 && entries == 1024 && MemoryLayout<FlightProcesses.Entry>.stride == 12)
  }

  @Test func aLineOf32KiBIsWholeBesideAHundredProcesses() throws {
    var flown = Flown(ring: 256 * 1024)
    let town = Town(processes: 100, seed: 22)
    flown.beginSurvey()
    flown.endSurvey(town.rows, town.tally)
    for length in [32 * 1024, 32 * 1024 + 1, 100_000, 32 * 1024] {
      flown.decision((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    }
    let lines: [FlightBytes] = try read(flown.file()).compactMap {
      if case .decision(let line) = $0.item { line } else { nil }
    }
    #expect(lines.suffix(4).map(\.bytes.count) == [32768, 32768, 32768, 32768].suffix(lines.count))
    #expect(lines.map(\.length) == [32768, 32769, 100_000, 32768].suffix(lines.count))
    #expect(lines.map(\.isCut) == [false, true, true, false].suffix(lines.count))
    #expect(lines.count >= 3)
  }

  @Test func aLineIsCutWhereASegmentHasNoRoomForIt() throws {
    var flown = Flown()
    flown.decision((0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 11) })
    guard case .decision(let line) = try read(flown.file()).last?.item else {
      Issue.record("no decision")
      return
    }
    #expect(line.isCut && line.length == 40_000 && line.bytes.count > 8000)
    #expect(line.bytes == (0..<line.bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 11) })
  }

  /// Rows that no machine has, each two or three times as long as usual.
  @Test(arguments: [100, 400, 512])
  func wideRowsAreToldAsFarAsASegmentHasRoom(_ processes: Int) throws {
    var random = SplitMix64(seed: 23)
    var flown = Flown(ring: 256 * 1024)
    for round in 0..<3 {
      let rows = (0..<processes).map { _ in random.facts() }
      flown.beginSurvey(least: KiB(UInt64(round)))
      flown.endSurvey(rows)
      flown.tick()
      let entries = try read(flown.file())
      guard entries.count > 1, case .survey(let survey) = entries[entries.count - 2].item else {
        Issue.record("no survey")
        return
      }
      #expect(Int(survey.note.rest.count) + survey.rows.count == processes)
      #expect(processes > 400 || !survey.note.isPartial)
      #expect(survey.rows.count >= min(processes, 300))
      var told = rows[...]
      // What is left out is left out, and the others keep their order.
      for row in survey.rows {
        let place = try #require(told.firstIndex { $0.isSame(row) })
        told = told[(place + 1)...]
      }
    }
  }
}

extension FlightRecorder {
  /// The capacity of each block of memory.
  var capacities: [Int] {
    [
      ring.capacity, rows.capacity, texts.capacity, processes.capacity, readings.capacity, item.capacity,
      rowItem.capacity,
      textHead.capacity, footprint,
    ]
  }
}
