import Fixtures
import ProcModel
import Testing

/// Whether a process lives, as its `stat` tells.
@Suite struct AliveTests {
  private static func isAlive(_ stat: String, startTime: UInt64 = 4711) -> Bool? {
    var source = MemorySource()
    source.set(.stat, of: 70, stat)
    var buffer = ByteBuffer(capacity: 512)
    return source.isAlive(ProcessIdentity(pid: 70, startTime: Ticks(startTime)), &buffer)
  }

  private static func stat(
    state: String = "S", flags: UInt64 = 4_194_560, threads: Int = 1, pending: UInt64 = 0
  ) -> String {
    "70 (a) 9 (b) \(state) 1 70 70 0 -1 \(flags) 100 0 0 0 5 6 0 0 20 0 \(threads) 0 4711 8192000 500 18446744073709551615 "
      + "1 2 3 0 0 \(pending) 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
  }

  @Test func aProcessThatIsLeavingLivesNoMore() {
    #expect(Self.isAlive(Self.stat()) == true)
    #expect(Self.isAlive(Self.stat(), startTime: 4712) == false)
    #expect(Self.isAlive(Self.stat(state: "Z")) == false)
    #expect(Self.isAlive(Self.stat(state: "Z", threads: 3)) == true)
    // PF_EXITING, and SIGKILL that is pending; SIGTERM may be handled.
    #expect(Self.isAlive(Self.stat(flags: 4_194_564)) == false)
    #expect(Self.isAlive(Self.stat(pending: 256)) == false)
    #expect(Self.isAlive(Self.stat(pending: 16384)) == true)
  }

  @Test func whatCannotBeReadIsNotKnown() {
    #expect(Self.isAlive("") == nil)
    var source = MemorySource()
    var buffer = ByteBuffer(capacity: 512)
    let process = ProcessIdentity(pid: 70, startTime: Ticks(1))
    #expect(source.isAlive(process, &buffer) == false)
    source.failures[MemorySource.Key(.stat, of: 70)] = .denied
    #expect(source.isAlive(process, &buffer) == nil)
  }
}
