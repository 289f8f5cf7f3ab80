import Fixtures
import ProcModel
import Testing

/// By which clock ages are measured, and what happens without one.
@Suite struct SurveyClockTests {
  /// A process that started 50 s after boot.
  private static func source(_ change: (inout MemorySource) -> Void) -> MemorySource {
    var source = MemorySource()
    source.set(.stat, of: 1, "1 (init) S 0 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5000 4096000 500 0\n")
    source.set(.status, of: 1, "Name:\tinit\nUid:\t0\t0\t0\t0\nVmRSS:\t2000 kB\nRssAnon:\t2000 kB\nThreads:\t1\n")
    source.set(.uptime, "60.00 1.00\n")
    change(&source)
    return source
  }

  private static func take(_ source: inout MemorySource) throws -> (age: Ticks?, unborn: UInt32) {
    var survey = Survey(capacity: 4)
    var table = ProcessTable(capacity: 4)
    let tally = try survey.take(from: &source, units: .common, into: &table)
    return (try #require(table.rows.first).age, tally.unborn)
  }

  @Test(
    arguments: [
      // A captured tree has its uptime, in hundredths of a second.
      (nil, "60.00 1.00\n", 1000, 0), (nil, "50.00 1.00\n", 0, 0), (nil, "49.99 1.00\n", nil, 1),
      (nil, "5.00 1.00\n", nil, 1), (nil, "nonsense", nil, 0), (nil, "0.00 0.00\n", nil, 0),
      // A live source has the kernel's clock, and a container's uptime does not count.
      (60_000, "5.00 1.00\n", 1000, 0), (60_000, "nonsense", 1000, 0), (60_000, "999999.00 1.00\n", 1000, 0),
      (49_980, "60.00 1.00\n", nil, 1),
    ] as [(UInt64?, String, UInt64?, UInt32)])
  func anAgeIsByTheClockOfStartTimes(clock: UInt64?, uptime: String, age: UInt64?, unborn: UInt32) throws {
    var source = Self.source {
      $0.clock = clock.map { .milliseconds($0) }
      $0.set(.uptime, uptime)
    }
    let found = try Self.take(&source)
    #expect(found.age == age.map { Ticks($0) } && found.unborn == unborn)
  }

  @Test func aLiveSourceNeedsNoUptime() throws {
    var source = Self.source {
      $0.clock = .milliseconds(60_000)
      $0.systemFailures[.uptime] = .failed(errno: 107)
    }
    #expect(try Self.take(&source).age == Ticks(1000))
  }

  /// The clock is read when the survey begins, and processes may be started until it ends.
  @Test func aProcessThatIsStartedDuringTheSurveyHasAnAgeOfZero() throws {
    var source = Self.source { $0.clock = .milliseconds(49_000) }
    var survey = Survey(capacity: 4)
    var table = ProcessTable(capacity: 4)
    try survey.begin(from: &source, units: .common, into: &table)
    source.clock = .milliseconds(50_010)
    while try survey.step(1, from: &source, units: .common, into: &table) == nil {}
    #expect(table.rows.first?.age == .zero)
  }
}

/// Which process is in swapoff(2).
@Suite struct SurveySwapoffTests {
  struct Line: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var comm = "swapoff"
    var capabilities = "000001ffffffffff"
    var syscall: String?
    var isUnderWay = true
    var isLive = true
    var expected: Bool
  }

  static let number = SyscallFile.swapoff
  static let lines = [
    Line(testDescription: "it says so", syscall: "\(number) 0x7ffc 0x0 0x0\n", expected: true),
    Line(testDescription: "it runs at the moment", syscall: "running\n", expected: true),
    Line(testDescription: "its file may not be read", syscall: nil, expected: true),
    Line(testDescription: "it waits in another call", syscall: "61 0xffff 0x0\n", expected: false),
    Line(testDescription: "it is in no call", syscall: "-1 0x7ffc 0x7f\n", expected: true),
    Line(testDescription: "a shell that is", comm: "bash", syscall: "\(number) 0x7ffc\n", expected: false),
    Line(testDescription: "another name in front", comm: "swapoff2", syscall: "\(number) 0x7\n", expected: false),
    Line(testDescription: "systemd's swap unit", comm: "systemd-swap", syscall: "running\n", expected: false),
    Line(testDescription: "a name is anybody's", capabilities: "0000000000000000", syscall: nil, expected: false),
    Line(
      testDescription: "no swap is being taken away", syscall: "\(number) 0x7ffc\n", isUnderWay: false, expected: false),
    Line(
      testDescription: "a captured tree whose file says so", syscall: "\(number) 0x7ffc\n", isUnderWay: false,
      isLive: false, expected: true),
    Line(
      testDescription: "a captured tree that says nothing", syscall: "running\n", isUnderWay: false, isLive: false,
      expected: false),
  ]

  private static func source(_ line: Line) -> MemorySource {
    var source = MemorySource()
    source.clock = line.isLive ? .milliseconds(60_000) : nil
    source.set(.uptime, "60.00 1.00\n")
    for (pid, comm) in [(Int32(1), "init"), (77, line.comm)] {
      source.set(.stat, of: pid, "\(pid) (\(comm)) D 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5000 4096000 300 0\n")
      source.set(
        .status, of: pid,
        """
        Name:\t\(comm)
        Uid:\t0\t0\t0\t0
        VmSize:\t4000 kB
        VmRSS:\t1200 kB
        RssAnon:\t300 kB
        RssShmem:\t0 kB
        Threads:\t1
        CapEff:\t\(line.capabilities)

        """)
    }
    if let syscall = line.syscall {
      source.set(.syscall, of: 77, syscall)
    } else {
      source.failures[.init(.syscall, of: 77)] = .denied
    }
    return source
  }

  @Test(arguments: lines) func aProcessInSwapoffIsToldByNameCapabilityAndSystemCall(line: Line) throws {
    // The survey of a decision leaves out other processes of this size.
    for smallest in [KiB.zero, KiB(10_240)] where line.isUnderWay || smallest == .zero {
      var source = Self.source(line)
      var survey = Survey(capacity: 4)
      survey.isSwapBeingTakenAway = line.isUnderWay
      var table = ProcessTable(capacity: 4)
      _ = try survey.take(from: &source, units: .common, leavingOutBelow: smallest, into: &table)
      let found = table.rows.first { $0.identity.pid == 77 }
      #expect(found?.isSwappingOff ?? false == line.expected)
    }
  }

  /// Reading `syscall` takes a lock that execve(2) holds.
  @Test func whileNoSwapIsBeingTakenAwayNoSystemCallIsRead() throws {
    var source = Self.source(Line(testDescription: "", syscall: "running\n", expected: false))
    var survey = Survey(capacity: 4)
    var table = ProcessTable(capacity: 4)
    _ = try survey.take(from: &source, units: .common, into: &table)
    #expect(!source.reads.contains { $0.file == .syscall })
  }

  @Test(arguments: ["", "16x", "18446744073709551616 0x0\n", "x\n"]) func aTextThatIsNoSystemCallIsAnError(text: String)
  {
    #expect(throws: ProcParseError.self) { try SyscallFile(parsing: Array(text.utf8).span) }
  }
}
