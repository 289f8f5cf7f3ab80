import Foundation
import Ladder
import LinuxSystem
import Policy
import ProcModel
import Testing

@testable import Record

/// What a record has of memory that trembles.
@Suite struct FoldingTests {
  /// Tells `count` times at these intervals, and returns the record's lines.
  private static func tell(
    _ count: Int, each interval: UInt64, from start: UInt64 = 1_000_000, _ tell: (inout Reporter, Int) -> Void
  ) throws -> [JSONObject] {
    let file = try MemoryFile.create(CPath("record"))
    let time = Clockwork(start)
    var reporter = Reporter(
      recorder: Recorder(
        sink: try OwnedDescriptor.duplicate(file.raw), isDryRun: true, sinceEpoch: { time.nanoseconds }),
      messages: Messages(to: try MemoryFile.create(CPath("messages")).raw), kernelLog: nil)
    reporter.folding = Folding()
    for number in 0..<count {
      tell(&reporter, number)
      time.milliseconds += interval
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 24)
    let length = try file.readWhole(into: &buffer)
    return try lines(buffer[..<length])
  }

  private final class Clockwork: @unchecked Sendable {
    var milliseconds: UInt64
    var nanoseconds: UInt64 { milliseconds * 1_000_000 }
    init(_ start: UInt64) { milliseconds = start }
  }

  @Test func aDayOfTremblingTakesSomeMebibytesAndEachKillIsRecorded() throws {
    var scene = Scene()
    for _ in 0..<8 { scene.offerAll() }
    let decision = scene.decision()
    // A decision each second for a day, and a kill each hour.
    let seconds = 86_400
    let records = try Self.tell(seconds, each: 1000) { reporter, second in
      reporter.tell(decision, second % 3600 == 1800 ? .signalled : .rehearsed)
    }
    let rehearsed = records.filter { $0["outcome"] != nil }
    #expect(records.count - rehearsed.count == 24)
    #expect(rehearsed.count <= Int(Folding.burst) + seconds / 60 && rehearsed.count >= seconds / 60)
    let folded = records.compactMap { $0["folded"] as? Int }.reduce(0, +)
    // What was left out after the last that was told is told by none.
    #expect(seconds - folded - records.count < 60)
    let bytes = try records.map { try JSONSerialization.data(withJSONObject: $0).count + 1 }.reduce(0, +)
    #expect(bytes < 12 << 20, "\(bytes)")
  }

  @Test func theFirstAreToldOneByOne() throws {
    let decision = Scene().decision()
    let records = try Self.tell(Int(Folding.burst) + 5, each: 1) { reporter, _ in reporter.tell(decision, .rehearsed) }
    #expect(records.count == Int(Folding.burst) && records.allSatisfy { $0["folded"] == nil })
  }

  /// A decision that came to nothing has an outcome, which goes with it.
  @Test func anOutcomeGoesWithItsDecision() throws {
    var scene = Scene()
    scene.offerAll()
    let pairs = Int(Folding.burst) + 5
    let records = try Self.tell(pairs, each: 1) { reporter, number in
      var decision = scene.decision()
      decision.incident = UInt32(number + 1)
      reporter.tell(decision, .none)
      reporter.report(Outcome(.relieved, abandoning: Incident(decision, scene.hog), available: KiB(1)))
      // One that was signalled is told whatever its decision was.
      if number == pairs - 1 {
        var outcome = Outcome(.killed, abandoning: Incident(decision, scene.hog), available: KiB(1))
        outcome.signal = .kill
        reporter.report(outcome)
      }
    }
    #expect(records.count == 2 * Int(Folding.burst) + 1)
    #expect(records.last?["outcome"] as? String == "killed")
  }

  @Test func aClockThatIsSetBackGivesNothingAndOneThatIsSetOnABurst() {
    var folding = Folding()
    func told(_ count: Int, at now: UInt64) -> Int {
      (0..<count).filter { _ in !folding.leavesOut(.step, at: .milliseconds(now)) }.count
    }
    #expect(told(100, at: 10_000_000) == 60)
    #expect(told(100, at: 1_000_000) == 0)
    #expect(told(100, at: 1_119_999) == 1)
    #expect(told(100, at: 1_120_000) == 1)
    #expect(told(100, at: .max / 2_000_000) == 60)
    #expect(folding.takeFolded(.step) == 378 && folding.takeFolded(.step) == 0 && folding.takeFolded(.decision) == 0)
  }
}
