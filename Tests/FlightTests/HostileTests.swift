import Fixtures
import ProcModel
import Testing

@testable import Flight

/// Flights whose checks are right and whose content is anything: items or an error, and never a trap.
@Suite struct HostileTests {
  /// A flight of one segment that has these frames.
  private static func flight(_ frames: [[UInt8]]) -> [UInt8] {
    var ring = FlightRing(FlightCapacity(ring: 0), FlightSegmentStart())
    for frame in frames {
      ring.beginLarge()
      for byte in frame { ring.put(byte) }
    }
    ring.settle()
    return [UInt8](FlightHeader.sample()) + [UInt8](ring.storage[ring.range(of: 0, length: ring.writtenLength)])
  }

  private static let emptyKeyframe: [UInt8] = [1, 0, 0, 0, 0, 0]

  /// The payloads of a flight's frames.
  private static func frames(_ file: [UInt8]) throws -> [[UInt8]] {
    var position = try FlightHeader.parse(file.span).length
    var payloads: [[UInt8]] = []
    while let block = try FlightBlock(file.span, at: position) {
      position = block.payload.upperBound
      guard block.mark == FlightLayout.segmentMark else { continue }
      var frames = FlightFrames(block, file.span)
      while let frame = frames.take(file.span) { payloads.append([UInt8](file[frame])) }
    }
    return payloads
  }

  private static func sample() throws -> [[UInt8]] {
    var flown = Flown()
    var town = Town(processes: 4, seed: 12)
    var random = SplitMix64(seed: 13)
    for _ in 0..<2 {
      flown.memory(random.reading(), of: 1)
      flown.beginSurvey()
      for row in town.rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
      flown.endSurvey(town.rows, random.tally())
      town.shake()
      flown.sighting(.found(random.facts()), of: 3)
      flown.text(failed: .failed(errno: 5), .exe, of: 4)
      flown.bytes([1, 2, 3], code: 1, of: 2)
      flown.blind(.senseless)
    }
    return try frames(flown.file())
  }

  @Test func thatWhichWasWrittenIsReadFromFramesPutTogetherAgain() throws {
    let frames = try Self.sample()
    #expect(try read(Self.flight(frames)).count > 8)
    #expect(try read(Self.flight([Self.emptyKeyframe, [2, 2]])).count == 2)
  }

  @Test func anyChangedByteGivesItemsOrAnError() throws {
    let frames = try Self.sample()
    var errors = 0
    var tries = 0
    for frame in frames.indices {
      for offset in frames[frame].indices {
        for value in [0, 0xFF, frames[frame][offset] ^ 0x10] as [UInt8] {
          var changed = frames
          changed[frame][offset] = value
          var reader = try FlightReader(Self.flight(changed))
          tries += 1
          if reader.all().error != nil { errors += 1 }
        }
      }
    }
    #expect(errors > tries / 4)
  }

  @Test func anyBytesGiveItemsOrAnError() throws {
    var random = SplitMix64(seed: 14)
    for _ in 0..<3000 {
      var frame = random.bytes(1 + random.below(60))
      frame[0] = UInt8(2 + random.below(18)) | frame[0] & 0xE0
      var reader = try FlightReader(Self.flight([Self.emptyKeyframe, frame]))
      let (entries, error) = reader.all()
      #expect(entries.count <= frame.count)
      if let error { #expect(error.offset > 90) }
      // After the damage there is nothing more.
      #expect(reader.all().entries.isEmpty && reader.ending == .whole)
    }
  }

  @Test(arguments: [
    // No keyframe, or a second one.
    [[2]], [emptyKeyframe, emptyKeyframe],
    // A kind that there is not.
    [emptyKeyframe, [0]], [emptyKeyframe, [31]],
    // A number that is longer than it need be, and one of more than 64 bits.
    [emptyKeyframe, [3, 0x80, 0]], [emptyKeyframe, [3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2]],
    // A survey without an end, with a row of the last survey that there is not, and with a step that there is not.
    [emptyKeyframe, [8]], [emptyKeyframe, [8, 0, 3, 0]], [emptyKeyframe, [8, 7, 0, 3, 0]],
    [emptyKeyframe, [8, 0xFF, 3, 0]],
    // Nothing, which is no frame.
    [[1, 0, 0, 0, 0, 0, 0]],
    // Rows that are counted and not there.
    [[1, 0, 0, 200, 1]],
    // A run of texts without any, or in rows that there are not.
    [emptyKeyframe, [12, 0, 1]], [emptyKeyframe, [12, 1, 0]],
    // A text that is known by a number that there is not, or is the same as none.
    [emptyKeyframe, [11, 14, 4, 9]], [emptyKeyframe, [11, 14, 0]], [emptyKeyframe, [11, 14, 8, 0, 0, 0]],
    // More bytes than there are.
    [emptyKeyframe, [15, 255, 255, 3, 255, 255, 3]], [emptyKeyframe, [15, 1, 2, 65, 65]],
    // A reading with a field that there is not, and one that does not fit its type.
    [emptyKeyframe, [5, 0, 0x80, 0x80, 0x80, 2, 2]], [emptyKeyframe, [5, 0, 0x80, 4, 0x80, 8]],
  ])
  func whatNoAgentWritesIsMalformed(_ frames: [[UInt8]]) throws {
    var reader = try FlightReader(Self.flight(frames))
    guard case .malformed(.segment(0), let offset) = reader.all().error else {
      Issue.record("\(frames)")
      return
    }
    #expect(offset > 90)
  }

  @Test func whatIsRememberedIsBounded() throws {
    // 70 000 new rows in a survey, of three bytes each.
    var frame: [UInt8] = [8]
    for _ in 0..<70_000 { frame += [FlightStep.new, 1, 1, 0] }
    frame += [FlightStep.end, 0]
    var ring = FlightRing(FlightCapacity(ring: 1 << 20), FlightSegmentStart())
    ring.beginLarge()
    for byte in Self.emptyKeyframe { ring.put(byte) }
    ring.beginLarge()
    for byte in frame { ring.put(byte) }
    ring.settle()
    let file = [UInt8](FlightHeader.sample()) + [UInt8](ring.storage[ring.range(of: 0, length: ring.writtenLength)])
    var reader = try FlightReader(file)
    #expect(reader.all().error != nil)
    #expect(reader.memory.rows.isEmpty)
  }
}
