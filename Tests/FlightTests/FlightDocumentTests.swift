import Fixtures
import Foundation
import ProcModel
import Testing

@testable import Flight

/// The flight that docs/flight.md shows byte by byte.
enum FlightExample {
  static func flight() -> FlightRecorder {
    let header = FlightHeader(
      agentVersion: [UInt8]("1.0".utf8), bootID: nil, started: .milliseconds(60_000), units: .common, ownPID: 700,
      fill: 4000, isRehearsal: true)
    var recorder = FlightRecorder(header, policy: [1, 2, 3], named: [UInt8]("p".utf8))
    let now = Nanoseconds.milliseconds(61_000)
    recorder.tick(at: now)
    var reading = MemoryReading(
      time: now, total: KiB(1000), available: KiB(500), swapTotal: .zero, swapFree: .zero)
    reading.stall = StallTotals(some: 70, full: 3)
    recorder.memory(reading, missing: 0, of: 0, at: now)
    recorder.beginSurvey(leastFootprint: .zero, isForScores: true, at: now)
    recorder.text([UInt8]("0::/a\n".utf8).span, .cgroup, of: 9, at: now)
    var facts = ProcessFacts(identity: ProcessIdentity(pid: 9, startTime: Ticks(6000)))
    facts.parent = 1
    facts.processGroup = 9
    facts.session = 9
    facts.realUID = 1000
    facts.effectiveUID = 1000
    facts.effectiveGID = 1000
    facts.comm = Comm("sh")
    facts.age = Ticks(100)
    facts.anonymous = KiB(64)
    facts.resident = KiB(64)
    facts.oomScore = 666
    facts.cgroupKey = 0x1122_3344_5566_7788
    facts.memoryKey = 0x1122_3344_5566_7788
    var tally = SurveyTally()
    tally.seen = 2
    tally.kernelThreads = 1
    tally.isHidden = false
    recorder.endSurvey([facts], tally, at: now + .milliseconds(1))
    return recorder
  }
}

/// docs/flight.md is what the code does.
@Suite struct FlightDocumentTests {
  private static let text: String = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return (try? String(contentsOf: root.appending(path: "docs/flight.md"), encoding: .utf8)) ?? ""
  }()

  /// The bytes of its example: the lines in the second block of code that begin with an offset.
  private static func example() -> [UInt8] {
    var bytes: [UInt8] = []
    for line in text.split(separator: "\n") where line.hasPrefix("0") && line.contains(" | ") {
      let columns = line.split(separator: "|")
      bytes += columns[0].split(separator: " ").dropFirst().compactMap { UInt8($0, radix: 16) }
    }
    return bytes
  }

  @Test func theExampleIsAFlight() throws {
    var recorder = FlightExample.flight()
    #expect(Self.example() == recorder.file())
    let entries = try read(Self.example())
    #expect(entries.count == 5)
  }

  @Test func theNumbersAreThoseOfTheCode() {
    #expect(Self.text.contains("format version: \(FlightLayout.version) "))
    #expect(Self.text.contains("header: \(FlightLayout.headerLength) bytes and the agent's version"))
    #expect(Self.text.contains("header of a block: \(FlightLayout.blockHeaderLength) bytes"))
    let sizes = FlightCapacity.standard
    for row in [
      "| a segment | \(sizes.segment) |", "| rows | \(sizes.rowBytes) |",
      "| texts in a keyframe | \(sizes.textBytes) |",
      "| processes that are exact | \(sizes.processes) |", "| a text | \(sizes.textLimit) |",
      "| a decision's line | \(FlightLayout.longestLine) |",
    ] {
      #expect(Self.text.contains(row), "\(row)")
    }
  }
}
