import Fixtures
import ProcModel
import Testing

@testable import Flight

@Suite struct RecorderTests {
  private static func sample() -> Flown {
    var random = SplitMix64(seed: 6)
    var flown = Flown()
    flown.tick()
    flown.now += .milliseconds(100)
    flown.wake(12)
    flown.signal(15)
    flown.now = Nanoseconds(4_999_999_999)
    flown.memory(random.reading(), missing: 5, of: 0)
    flown.recorder.awakeOffset = .milliseconds(77)
    flown.memory(random.reading(), of: 200)
    flown.blind(.senseless, missing: 2)
    flown.blind(.unreadable, of: 7)
    flown.beginSurvey(least: KiB(10_240), isForScores: false)
    flown.text([UInt8]("0::/system.slice/nginx.service\n".utf8), .cgroup, of: 90)
    flown.text(failed: .failed(errno: 110), .cmdline, of: 91)
    flown.now += .milliseconds(3)
    flown.endSurvey((0..<5).map { _ in random.facts() }, random.tally())
    flown.beginSurvey()
    flown.failSurvey(.denied)
    flown.sighting(.gone, of: 7)
    flown.sighting(.unreadable, of: -7)
    flown.sighting(.found(random.facts()), of: 9)
    flown.call(3, of: 44, errno: -1, value: .min)
    flown.bytes(random.bytes(300), code: 4, of: 44)
    flown.decision([UInt8]("{\"schema\":1}".utf8))
    flown.note(9, -5)
    flown.takeUp([7, 7, 7, 7])
    flown.tick()
    return flown
  }

  @Test func everyItemComesBackWithItsTime() throws {
    var flown = Self.sample()
    var reader = try FlightReader(flown.file())
    let (entries, error) = reader.all()
    #expect(error == nil && reader.ending == .whole)
    #expect(entries.count == flown.entries.count)
    for (read, told) in zip(entries, flown.entries) { #expect(read.isSame(told), "\(told)") }
  }

  @Test func theHeaderComesBack() throws {
    var flown = Self.sample()
    let reader = try FlightReader(flown.file())
    #expect(reader.header == .sample())
    var without = FlightHeader.sample(keepsCommandLines: true)
    without.bootID = nil
    without.agentVersion = [UInt8](repeating: 65, count: 80)
    var recorder = FlightRecorder(without, policy: [], named: [])
    let again = try FlightReader(recorder.file())
    #expect(again.header.bootID == nil && again.header.keepsCommandLines)
    #expect(again.header.agentVersion == [UInt8](repeating: 65, count: 64))
  }

  @Test func thePolicyInForceAndTheOneBeforeItAreKept() throws {
    var flown = Flown(policy: [1])
    let first = try FlightReader(flown.file())
    #expect(first.policies.map(\.image) == [[1]])
    flown.takeUp([2, 2])
    flown.now += .milliseconds(1)
    flown.takeUp([3])
    var reader = try FlightReader(flown.file())
    #expect(reader.policies.map(\.image) == [[2, 2], [3]])
    #expect(reader.policies.map(\.number) == [1, 2])
    #expect(reader.policies.map(\.time) == [flown.now - .milliseconds(1), flown.now])
    #expect(reader.policies[1].name == [UInt8]("/etc/spillway/spillway.toml".utf8))
    _ = reader.all()
    #expect(reader.policy == 2)
  }

  @Test func anUnchangedReadingTakesFewBytes() throws {
    var flown = Flown()
    var reading = MemoryReading(
      time: flown.now, total: KiB(4_000_000), available: KiB(3_000_000), swapTotal: .zero, swapFree: .zero)
    flown.memory(reading)
    let before = flown.file().count
    flown.now += .milliseconds(1000)
    reading.time = flown.now
    reading.available = KiB(3_000_100)
    flown.memory(reading)
    let after = flown.file().count
    // The kind, five bytes of time, the domain, the mask, two of available memory; a frame of its own takes five.
    #expect(after - before == 1 + 5 + 1 + 1 + 2 + 5)
  }

  @Test func aSnapshotIsOvertakenByTheNextSegment() throws {
    var flown = Flown()
    flown.tick()
    let snapshot = flown.recorder.beginSnapshot()
    let file = Self.pieces(flown.recorder, snapshot)
    for _ in 0..<10 { flown.tick() }
    let isHeld = flown.recorder.holds(snapshot)
    #expect(isHeld)
    // What was written since then is not in it.
    let later = Self.pieces(flown.recorder, snapshot)
    #expect(later == file)
    #expect(try read(file).count == 1)
    for _ in 0..<5000 {
      flown.now += Nanoseconds(1_000_003)
      flown.tick()
    }
    let isHeldStill = flown.recorder.holds(snapshot)
    #expect(!isHeldStill)
    let rest = Self.pieces(flown.recorder, snapshot)
    #expect(rest.isEmpty)
  }

  private static func pieces(_ recorder: borrowing FlightRecorder, _ snapshot: FlightSnapshot) -> [UInt8] {
    var file: [UInt8] = []
    for number in 0..<snapshot.pieces {
      let piece = recorder.piece(number, of: snapshot)
      for index in piece.indices { file.append(piece[index]) }
    }
    return file
  }
}
