import Foundation
import LinuxSystem
import Testing

/// Signals belong to the test runner here. They are tested with the agent.
@Suite struct EventLoopTests {
  private static let tag = EventLoop.firstFreeTag

  @Test func theTimerWakesOnceEachTimeItIsSet() throws {
    var loop = try EventLoop.taking([])
    for delay: UInt64 in [0, 1, 1_000_000] {
      let before = Clock.sinceBoot()
      try loop.wake(inNanoseconds: delay)
      #expect(try loop.wait() == .timer)
      #expect(Clock.sinceBoot() - before >= delay)
    }
    // The timer ran out and was taken. Now only the descriptor is ready.
    let file = try ready()
    try loop.watch(file.reading.raw, tag: Self.tag)
    #expect(try loop.wait() == .ready(tag: Self.tag))
    #expect(try loop.wait() == .ready(tag: Self.tag))
  }

  @Test func aTimerThatIsSetAgainForgetsTheOldTime() throws {
    var loop = try EventLoop.taking([])
    try loop.wake(inNanoseconds: 1)
    usleep(2000)
    // The timer has run out by now, and was not taken.
    try loop.wake(inNanoseconds: 3_600_000_000_000)
    let file = try ready()
    try loop.watch(file.reading.raw, tag: Self.tag)
    #expect(try loop.wait() == .ready(tag: Self.tag))
  }

  @Test func aDescriptorWatchedOnceWakesOnce() throws {
    var loop = try EventLoop.taking([])
    let file = try ready()
    try loop.watch(file.reading.raw, .readableOnce, tag: 77)
    #expect(try loop.wait() == .ready(tag: 77))
    try loop.wake(inNanoseconds: 1)
    #expect(try loop.wait() == .timer)
    #expect(throws: Errno.exists) { try loop.watch(file.reading.raw, tag: 77) }
  }

  @Test func aClosedDescriptorLeavesTheLoop() throws {
    var loop = try EventLoop.taking([])
    for round: UInt64 in 0..<3 {
      let file = try ready()
      try loop.watch(file.reading.raw, tag: Self.tag + round)
      #expect(try next(in: &loop, ignoringTagsBelow: Self.tag + round) == .ready(tag: Self.tag + round))
    }
    // The loop takes turns between ready descriptors: two wakes of the timer in a row show that no other is ready.
    var inARow = 0
    for _ in 0..<1_000_000 where inARow < 2 {
      try loop.wake(inNanoseconds: 1)
      inARow = try loop.wait() == .timer ? inARow + 1 : 0
    }
    #expect(inARow == 2)
  }

  /// The next event of a descriptor that is open. A process that another test starts has copies of all descriptors
  /// until it executes its program, and as long as it has one the loop keeps what was closed here.
  private func next(in loop: inout EventLoop, ignoringTagsBelow first: UInt64) throws(Errno) -> Wake {
    for _ in 0..<1_000_000 {
      let wake = try loop.wait()
      guard case .ready(let tag) = wake, tag < first else { return wake }
    }
    return try loop.wait()
  }

  @Test func aProcessThatExitsWakesTheLoop() throws {
    var loop = try EventLoop.taking([])
    let unused = try MemoryFile.create(CPath("unused"))
    let child = try Child.start(CPath("/bin/sleep"), [CPath("sleep"), CPath("60")], inheriting: unused)
    try loop.watch(child.handle.descriptor.raw, .readableOnce, tag: Self.tag)
    try loop.wake(inNanoseconds: 1_000_000)
    #expect(try loop.wait() == .timer)
    try child.handle.send(.kill)
    #expect(try loop.wait() == .ready(tag: Self.tag))
    _ = try child.wait()
  }

  /// A descriptor that has something to read, and keeps it.
  private func ready() throws(Errno) -> PipeEnds {
    let pipe = try PipeEnds()
    try pipe.writing.write([1].span)
    return pipe
  }
}
