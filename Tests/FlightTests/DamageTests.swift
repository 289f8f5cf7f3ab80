import Fixtures
import ProcModel
import Testing

@testable import Flight

/// Flights that were cut off, altered, or written by another release.
@Suite struct DamageTests {
  /// A small flight of so many segments.
  private static func sample(segments: Int = 3) -> (file: [UInt8], entries: [FlightEntry], segments: [Int]) {
    var flown = Flown(policy: [1, 2, 3, 4])
    var town = Town(processes: 3, seed: 8)
    for segment in 0..<segments {
      if segment > 0 { flown.recorder.advance() }
      for _ in 0..<2 {
        flown.now += .milliseconds(250)
        flown.tick()
        flown.memory(
          MemoryReading(
            time: flown.now, total: KiB(1 << 20), available: KiB(1 << 18 + flown.now.count % 999), swapTotal: .zero,
            swapFree: .zero))
      }
      flown.beginSurvey()
      for row in town.rows { flown.text(Town.cgroup(row), .cgroup, of: row.identity.pid) }
      flown.endSurvey(town.rows, town.tally)
      town.pass(10, busy: 2, growing: 2)
      flown.decision([UInt8](repeating: 65, count: 130))
      flown.call(1, of: 7, errno: 0, value: 0)
    }
    let file = flown.file()
    let snapshot = flown.recorder.beginSnapshot()
    var end = 0
    let segments = (0..<snapshot.pieces).map { number in
      end += flown.recorder.piece(number, of: snapshot).count
      return end
    }
    return (file, flown.entries, segments)
  }

  private static func isPrefix(_ read: [FlightEntry], _ told: [FlightEntry]) -> Bool {
    read.count <= told.count && zip(read, told).allSatisfy { $0.isSame($1) }
  }

  private static func read(_ file: [UInt8]) -> (entries: [FlightEntry], segment: UInt32?, error: FlightError?) {
    do throws(FlightError) {
      var reader = try FlightReader(file)
      let (entries, error) = reader.all()
      return (entries, reader.segment, error)
    } catch {
      return ([], nil, error)
    }
  }

  @Test func aFlightCutAnywhereIsReadUpToThere() throws {
    let (file, told, ends) = Self.sample()
    var last = 0
    var counts: Set<Int> = []
    for length in 0..<file.count {
      guard length >= ends[0] else {
        let error = #expect(throws: FlightError.self) { try FlightReader([UInt8](file.prefix(length))) }
        #expect(error == .truncated(offset: length))
        continue
      }
      var reader = try FlightReader([UInt8](file.prefix(length)))
      let (read, error) = reader.all()
      #expect(error == nil && Self.isPrefix(read, told) && read.count >= last)
      last = read.count
      counts.insert(last)
      if ends.contains(length) {
        #expect(reader.ending == .whole)
      } else if case .cutOff(let offset) = reader.ending {
        #expect(offset <= length)
      } else {
        Issue.record("\(length): \(String(describing: reader.ending))")
      }
    }
    // Between the keyframes there are more places than one where a flight can end.
    #expect(last < told.count && counts.count > 8)
  }

  @Test func everyFlippedBitIsFound() throws {
    let (file, told, ends) = Self.sample(segments: 2)
    for offset in file.indices {
      for bit in 0..<8 {
        var damaged = file
        damaged[offset] ^= 1 << UInt8(bit)
        let (read, segment, found) = Self.read(damaged)
        let error = try #require(found)
        #expect(error.offset <= offset + 64 && Self.isPrefix(read, told))
        switch error {
        case .foreign: #expect(offset < 8 && error.offset == offset)
        case .unknownVersion(let found, let known): #expect((8..<10).contains(offset) && found != known)
        case .truncated: #expect((10..<12).contains(offset))
        case .damaged(.header, _): #expect((8..<ends[0]).contains(offset))
        case .damaged(.policy, _): #expect((ends[0]..<ends[2]).contains(offset))
        case .damaged(.segment(let number), let at):
          // The damage is in the frame that begins there.
          #expect(number == segment && at <= offset && offset < ends[3 + Int(number)])
        case .damaged(.block, _): #expect(error.offset <= offset && offset < error.offset + 40)
        default: Issue.record("\(offset) bit \(bit): \(error)")
        }
      }
    }
  }

  @Test func theOtherSegmentsOfADamagedFlightAreRead() throws {
    let (file, told, ends) = Self.sample()
    var damaged = file
    damaged[ends[4] - 20] ^= 1
    var reader = try FlightReader(damaged)
    let (first, error) = reader.all()
    #expect(reader.segment == 1)
    guard case .damaged(.segment(1), let offset) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect((ends[3]..<ends[4]).contains(offset))
    let (rest, none) = reader.all()
    #expect(none == nil && reader.ending == .whole && reader.segment == 2)
    guard case .state(let state) = rest.first?.item else {
      Issue.record("no state after the damage")
      return
    }
    #expect(state.rows.count == 3 && state.texts.count == 3 && state.readings.count == 1)
    let told2 = told.suffix(rest.count - 1)
    #expect(Self.isPrefix(first, told) && zip(rest.dropFirst(), told2).allSatisfy { $0.isSame($1) })
  }

  @Test(arguments: [0, 4, 255, 256, 65535] as [UInt16])
  func anotherVersionIsToldWithBothNumbers(_ version: UInt16) throws {
    var file = Self.sample().file
    file[8] = UInt8(truncatingIfNeeded: version)
    file[9] = UInt8(version >> 8)
    // Whatever else its header is.
    for length in [10, 11, 60, file.count] {
      let error = #expect(throws: FlightError.self) { try FlightReader([UInt8](file.prefix(length))) }
      #expect(error == .unknownVersion(found: version, known: FlightLayout.version))
      #expect(error?.message.contains(version < 1 ? "older" : "newer") == true)
      #expect(error?.number == Int(version) && error?.offset == 8)
    }
  }

  @Test func everyErrorIsSaid() {
    let parts: [FlightPart] = [.header, .policy(3), .segment(4), .block]
    var errors: [FlightError] = [.foreign(offset: 1), .truncated(offset: 2)]
    for part in parts { errors += [.damaged(part, offset: 5), .malformed(part, offset: 6)] }
    let messages = errors.map(\.message)
    #expect(Set(messages).count == errors.count)
    #expect(errors.map(\.offset) == [1, 2] + parts.flatMap { _ in [5, 6] })
    #expect(errors.compactMap(\.number) == [3, 3, 4, 4])
  }

  @Test func otherFilesAreForeign() {
    for text in ["#!/bin/sh\n", "{\"schema\":1}", "\u{7f}ELF", "\u{89}PNG\r\n"] {
      #expect(throws: FlightError.self) { try FlightReader([UInt8](text.utf8)) }
    }
    let error = #expect(throws: FlightError.self) { try FlightReader([0x89, 0x53, 0x50, 0x57, 0x0D]) }
    #expect(error == .foreign(offset: 3))
  }
}
