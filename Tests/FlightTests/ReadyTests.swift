import Fixtures
import ProcModel
import Testing

@testable import Flight

/// The ring takes memory as it is written, and ahead of that.
@Suite struct ReadyTests {
  /// Writes items of some size in a calm or troubled recorder until the ring has gone round, and checks before each what
  /// is ready.
  @Test(arguments: [32, 64, 256, 1024]) func halfASegmentIsReadyWhereverTheWriterIs(kib: Int) {
    var random = SplitMix64(seed: UInt64(kib))
    var recorder = FlightRecorder(.sample(), policy: [], named: [], capacity: FlightCapacity(ring: kib * 1024))
    let size = recorder.sizes.ring
    #expect(recorder.ring.storage.count < size / 3 * 2, "not all of it at the start")
    let room = recorder.ring.capacity
    var now = Nanoseconds(60_000_000_000)
    while recorder.ring.number < 7 {
      recorder.makeReady(isCalm: true)
      let before = recorder.ring.storage.count
      // Less than half a segment in one tick: a survey's texts, a line, a few items.
      now += .milliseconds(10)
      recorder.tick(at: now)
      recorder.decision(random.bytes(random.below(recorder.sizes.segment / 4)).span, at: now)
      #expect(recorder.ring.storage.count == before, "the writer met memory that was not ready")
    }
    #expect(recorder.ring.storage.count == size && recorder.ring.capacity == room)
  }

  /// In trouble an eighth of a segment is kept ready, so that a tick does not take memory without need.
  @Test func inTroubleMemoryIsTakenWhereLittleIsLeft() {
    var recorder = FlightRecorder(.sample(), policy: [], named: [])
    let ready = recorder.ring.storage.count
    var steps = 0
    var now = Nanoseconds(60_000_000_000)
    while recorder.ring.storage.count == ready {
      let left = ready - recorder.ring.end
      recorder.makeReady(isCalm: false)
      #expect((recorder.ring.storage.count > ready) == (left < recorder.sizes.segment / 8))
      now += .milliseconds(1)
      recorder.decision([UInt8](repeating: 65, count: 500).span, at: now)
      steps += 1
    }
    #expect(steps > 20)
  }

  /// The rows of a survey and of the one before it have room that was made ready, with half as many again.
  @Test func rowsHaveRoomForHalfAsManyAgain() {
    var recorder = FlightRecorder(.sample(), policy: [], named: [])
    var now = Nanoseconds(60_000_000_000)
    for processes in [100, 140, 200, 280] {
      let town = Town(processes: processes, seed: 4)
      let before = recorder.rows.ready
      now += .milliseconds(500)
      recorder.beginSurvey(leastFootprint: .zero, isForScores: true, at: now)
      recorder.endSurvey(town.rows, town.tally, at: now)
      if processes > 100 { #expect(recorder.rows.ready == before, "\(processes) processes") }
      recorder.makeReady(isCalm: true)
    }
    #expect(recorder.rows.ready <= recorder.sizes.rowBytes)
  }
}
