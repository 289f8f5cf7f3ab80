import Fixtures
import Foundation
import History
import ProcModel
import Testing

/// Lines of the record, whole, torn and foreign.
@Suite struct RecordParserTests {
  private static var lines: [[UInt8]] {
    Fixture.bytes(of: Fixture.logPath("audit.jsonl")).split(separator: UInt8(ascii: "\n")).map(Array.init)
  }

  private static func event(_ text: String) throws -> RecordEvent {
    try RecordParser.event(Array(text.utf8).span)
  }

  @Test func aDecisionHasItsFields() throws {
    let line = Self.lines[1]
    let event = try RecordParser.event(line.span)
    #expect(event.kind == .decision && event.schema == 1 && event.isRehearsal)
    #expect(event.time == WallTime(milliseconds: 1_795_316_400_100))
    #expect(event.boot == Array("4c041c6953914fc7b68e741fb821f972".utf8))
    #expect(event.incident == Array("4c041c69-8-1".utf8) && event.episode == 1)
    #expect(event.victim?.pid == 140 && event.victim?.name == Array("leak".utf8) && event.victim?.uid == 1000)
    #expect(event.victim?.startTime == 1033 && event.victim?.footprint == KiB(287_772))
    #expect(event.killSet?.members == 1 && event.killSet?.pids == [140])
    #expect(event.more.available == KiB(38_432) && event.more.floor == KiB(38_483))
    #expect(event.more.trigger == Array("floor".utf8) && event.action == Array("SIGTERM".utf8))
    #expect(event.outcome == Array("rehearsed".utf8))
  }

  @Test func theEndOfAnEpisodeHasItsFields() throws {
    let line = Self.lines[2]
    let event = try RecordParser.event(line.span)
    #expect(event.kind == .episode && event.incident == Array("4c041c69-8-1".utf8))
    let ended = try #require(event.ended)
    #expect(ended.duration == 39_900 && ended.lowestAvailable == KiB(4096) && ended.kernelKills == 1)
    #expect(ended.end == Array("memory_back".utf8) && ended.victimExitedAfter == nil && ended.decisions == 1)
  }

  @Test func whatIsNotAskedForIsNotRead() throws {
    let line = Self.lines[1]
    #expect(try RecordParser.event(line.span, wanted: [.start]).victim == nil)
    #expect(try RecordParser.event(line.span, since: WallTime(seconds: 1_800_000_000)).victim == nil)
  }

  @Test func whatIsFoldedAndLostIsCounted() throws {
    let lost = try Self.event(#"{"schema":1,"event":"lost","output":"messages","error":"busy","lost_lines":3}"#)
    #expect(lost.kind == .lost && lost.more.subject == Array("messages".utf8) && lost.more.lost == 3)
    let hook = try Self.event(#"{"schema":1,"event":"hook","program":"/bin/x","output":"text","folded":7}"#)
    #expect(hook.more.subject == Array("/bin/x".utf8) && hook.more.folded == 7)
  }

  @Test func escapesAreTakenBack() throws {
    let event = try Self.event(
      #"{"schema":1,"time":"2026-11-30T00:00:00Z","event":"outcome","victim":{"comm":"a\"\\\n\u001b\ud83d\ude00\ud83d"}}"#
    )
    #expect(event.victim?.name == Array("a\"\\\n\u{1b}😀\u{fffd}".utf8))
  }

  @Test(arguments: [
    "", "x", "{}", "[]", "null", #"{"event":"decision"}"#, #"{"schema":1}"#, "Oct 10 10:00:00 host kernel: oom",
    #"{"MESSAGE":"x"}"#, #""schema""#,
  ]) func aForeignLineIsTold(text: String) {
    #expect(throws: RecordProblem.foreign) { try Self.event(text) }
  }

  /// A line that is cut anywhere is torn or foreign, and never read as a whole one.
  @Test func aTornLineIsTold() throws {
    for line in Self.lines {
      for cut in 0..<line.count {
        do throws(RecordProblem) {
          _ = try RecordParser.event(Array(line.prefix(cut)).span)
          Issue.record("\(cut) bytes of \(line.count) pass for a line")
        } catch {
          #expect(error == .torn || cut < 24)
        }
      }
    }
  }

  /// Any byte changed: the line is read or refused, and nothing traps.
  @Test func aDamagedLineIsNoMoreThanALine() {
    var random = SplitMix64(seed: 7)
    for line in Self.lines {
      for _ in 0..<400 {
        var bytes = line
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        let event = try? RecordParser.event(bytes.span)
        #expect((event?.killSet?.pids.count ?? 0) <= 64)
      }
    }
  }

  @Test func deepAndHugeValuesAreBounded() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: RecordProblem.torn) { try Self.event(#"{"schema":1,"event":"x","a":"# + deep) }
    let huge = try Self.event(
      #"{"schema":1,"event":"outcome","freed_kib":99999999999999999999999999,"after_ms":-5,"victim":{"pid":1e99}}"#)
    #expect(huge.more.freed == KiB(.max) && huge.more.after == nil)
    let pids = (0..<1000).map(String.init).joined(separator: ",")
    #expect(
      try Self.event("{\"schema\":1,\"event\":\"decision\",\"kill_set\":{\"pids\":[\(pids)]}}").killSet?.pids.count
        == 64)
  }
}
