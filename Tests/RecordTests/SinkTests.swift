import Foundation
import LinuxSystem
import Policy
import ProcModel
import Record
import Testing

/// A reader that does not read costs lines, and nothing else.
@Suite struct SinkTests {
  private static func pipe() throws -> (reading: Int32, writing: Int32) {
    // Tests and agent ignore SIGPIPE, so that a write fails with EPIPE.
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    try #require(unsafe Glibc.pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  /// Reads the bytes that are there, and does not wait.
  private static func drain(_ reading: Int32) throws -> [UInt8] {
    _ = fcntl(reading, F_SETFL, O_NONBLOCK)
    let file = try OwnedDescriptor.duplicate(reading)
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while let count = try? file.readNext(into: &buffer), count > 0 { all += buffer[..<count] }
    return all
  }

  @Test func aFullPipeLosesLinesAndDoesNotBlock() throws {
    let (reading, writing) = try Self.pipe()
    let end = OwnedDescriptor(owning: reading)
    var scene = Scene()
    scene.offerAll()
    var recorder = Recorder(sink: OwnedDescriptor(owning: writing), isDryRun: false)
    // Each has some 2 KiB, and the pipe holds 64 KiB.
    for _ in 0..<200 {
      recorder.write(DecisionEvent(scene.decision(), .signalled))
    }
    let lost = recorder.sink.lostLines()
    #expect(lost > 0 && lost < 200)
    let first = try lines(Self.drain(end.raw)[...])
    #expect(first.count == 200 - Int(lost))
    // The pipe is read again, and the next lines are whole.
    recorder.write(StopEvent(Signal.terminate.name))
    let next = try lines(Self.drain(end.raw)[...])
    let lostInAll = recorder.sink.lostLines()
    #expect(next.count == 1 && next.first?["event"] as? String == "stop" && lostInAll == lost)
  }

  /// Lines longer than what a pipe takes at once may be cut; the next must not be joined to the rest.
  @Test func aLineThatIsCutDoesNotSpoilTheNext() throws {
    let (reading, writing) = try Self.pipe()
    let end = OwnedDescriptor(owning: reading)
    var scene = Scene()
    for index in 0..<8 {
      var other = scene.hog
      other.process.identity.pid = Int32(100 + index)
      scene.shortlist.offer(other, isWorthKilling: true, isPassedOver: false)
    }
    var recorder = Recorder(sink: OwnedDescriptor(owning: writing), isDryRun: false)
    // A line of two pieces takes two of the pipe's sixteen pages, and this one takes one page. For half of the last
    // line there is room.
    recorder.write(StopEvent(Signal.terminate.name))
    for _ in 0..<39 {
      recorder.write(DecisionEvent(scene.decision(), .signalled))
    }
    let lost = recorder.sink.lostLines()
    #expect(lost > 0)
    let before = try Self.drain(end.raw)
    // This is the case in question: half a line is written.
    try #require(before.last != 10)
    let whole = try #require(before.lastIndex(of: 10))
    #expect(try lines(before[...whole]).count == 40 - Int(lost))
    recorder.write(StopEvent(Signal.terminate.name))
    recorder.write(StopEvent(Signal.terminate.name))
    let after = try Self.drain(end.raw)
    #expect(after.first == 10)
    #expect(try lines(after[1...]).count == 2)
    let lostInAll = recorder.sink.lostLines()
    #expect(lostInAll == lost)
  }

  @Test func linesAreCountedAsLostWhereTheReaderIsGone() throws {
    let (reading, writing) = try Self.pipe()
    _ = OwnedDescriptor(owning: reading)
    var recorder = Recorder(sink: OwnedDescriptor(owning: writing), isDryRun: false)
    for _ in 0..<3 { recorder.write(StopEvent(Signal.terminate.name)) }
    let lost = recorder.sink.lostLines()
    #expect(lost == 3)
  }

  @Test(arguments: [0, 1, 4096, 4097, 65_536, 65_537, 200_000]) func aWriteToAPipeStopsBeforeItWouldWait(count: Int)
    throws
  {
    let (reading, writing) = try Self.pipe()
    let end = OwnedDescriptor(owning: reading)
    let sink = OwnedDescriptor(owning: writing)
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let written = try sink.writeUnlessFull(bytes.span)
    #expect(written == min(count, 65_536))
    #expect(try Self.drain(end.raw) == Array(bytes[..<written]))
  }
}
