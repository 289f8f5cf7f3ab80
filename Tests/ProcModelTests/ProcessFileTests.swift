import Fixtures
import ProcModel
import Testing

@Suite struct ProcessStatTests {
  @Test func theImageChangesWithTheAddressesOfCodeAndStack() throws {
    func image(_ tail: String) throws -> UInt64 {
      let text = "7 (a) S 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 100 4096 1\(tail)"
      return try ProcessStat(parsing: Array(text.utf8).span).image
    }
    let first = try image(" 18446744073709551615 94186939981824 94186940004569 140728258800704 0 0\n")
    let cases = [
      // The same program executed again has other addresses. A static one differs in its stack alone.
      " 18446744073709551615 94186939981824 94186940004569 140728258800720 0 0\n",
      " 18446744073709551615 94186939985920 94186940004569 140728258800704 0 0\n",
    ]
    for other in cases { #expect(try image(other) != first) }
    #expect(first != 0)
    // A reader without the right sees 1 and 0. An old or cut file ends before these fields.
    for nothing in [" 18446744073709551615 1 1 0 0 0\n", " 18446744073709551615 94186939981824\n", "\n"] {
      #expect(try image(nothing) == 0)
    }
  }

  @Test func aComposedLineGivesEveryField() throws {
    let stat = try ProcessStat(parsing: Fixture.bytes("5.10/977/stat").span)
    #expect(stat.pid == 977 && stat.parent == 900 && stat.processGroup == 977 && stat.session == 977)
    #expect(stat.comm == Comm("cc1plus"))
    #expect(stat.state == UInt8(ascii: "R") && !stat.isDead && !stat.isKernelThread)
    #expect(stat.terminal == 0 && stat.flags == 4_194_304)
    #expect(stat.userTime == Ticks(1500) && stat.systemTime == Ticks(60))
    #expect(stat.nice == 10 && stat.threads == 1)
    #expect(stat.startTime == Ticks(2_590_000))
    #expect(stat.virtualBytes == 400_000 * 1024 && stat.residentPages == 52_750)
  }

  /// The names of processes 3…14 of the capture. The kernel cut the thirteenth at 15 bytes.
  @Test(arguments: [
    (3, "x) Z 1 (y"), (4, "foo) Z "), (5, " a b  c "), (6, "new\nline\nUid:\t0"), (7, "tab\there"),
    (8, "\u{1b}[31mred"), (10, ""), (11, ")"), (12, "()()())"), (13, "sixteen-bytes-a"), (14, "ends\n"),
  ]) func aCapturedHostileNameHidesNothing(pid: Int32, name: String) throws {
    let stat = try ProcessStat(parsing: Fixture.bytes("6.18/\(pid)/stat").span)
    #expect(stat.pid == pid)
    #expect(stat.comm == Comm(name))
    #expect(stat.state == UInt8(ascii: "S"))
    #expect(stat.parent == 1 && stat.threads == 1)
    #expect(stat.residentPages > 0 && stat.startTime.count > 190_000)
    let status = try ProcessStatus(parsing: Fixture.bytes("6.18/\(pid)/status").span)
    #expect(status.realUID == 0)
    #expect(status.virtual == KiB(bytes: stat.virtualBytes))
  }

  @Test func aNameThatIsNotUTF8IsKeptAsBytes() throws {
    let stat = try ProcessStat(parsing: Fixture.bytes("6.18/9/stat").span)
    #expect(stat.comm == Comm([0xff, 0xfe, 0xc3, 0x28].span))
  }

  @Test func kernelThreadsAndZombiesAreRecognized() throws {
    #expect(try ProcessStat(parsing: Fixture.bytes("6.18/2/stat").span).isKernelThread)
    #expect(try ProcessStat(parsing: Fixture.bytes("4.4/37/stat").span).isKernelThread)
    let leader = try ProcessStat(parsing: Fixture.bytes("6.18/15/stat").span)
    #expect(leader.isDead && leader.threads == 2 && leader.virtualBytes == 0)
    let zombie = try ProcessStat(parsing: Fixture.bytes("6.18/16/stat").span)
    #expect(zombie.isDead && zombie.threads == 1)
  }

  private static let tail = " S 1 2 3 0 -1 0 0 0 0 0 5 6 0 0 20 0 1 0 99 4096 "

  @Test(arguments: [
    ("7", ProcParseError.truncated(offset: 55)), ("7x", .malformed(offset: 55)),
    ("9223372036854775808 ", .overflow(offset: 54)), ("-9223372036854775809 ", .overflow(offset: 54)),
  ]) func aResidentSizeMustBeWhole(end: String, error: ProcParseError) {
    let text = "1 (a)" + ProcessStatTests.tail + end
    #expect(throws: error) { try ProcessStat(parsing: Array(text.utf8).span) }
  }

  @Test func aPIDBeyond32BitsIsAnOverflow() {
    let text = "2147483648 (a)" + ProcessStatTests.tail + "7 0\n"
    #expect(throws: ProcParseError.overflow(offset: 0)) { try ProcessStat(parsing: Array(text.utf8).span) }
  }

  @Test(arguments: [("-7 0\n", UInt64(0)), ("7 0\n", 7), ("0\n", 0)])
  func aNegativeResidentSizeIsZero(end: String, pages: UInt64) throws {
    let text = "1 (a)" + ProcessStatTests.tail + end
    #expect(try ProcessStat(parsing: Array(text.utf8).span).residentPages == pages)
  }

  @Test(arguments: [
    ("", ProcParseError.truncated(offset: 0)),
    (")", .malformed(offset: 0)),
    ("\0\0\0", .malformed(offset: 0)),
    ("1", .truncated(offset: 1)),
    ("1 (", .truncated(offset: 3)),
    ("1 (a", .truncated(offset: 4)),
    ("1) (a", .malformed(offset: 1)),
    ("1 )", .malformed(offset: 2)),
    ("1 (a)", .truncated(offset: 5)),
    ("1 (a) ", .truncated(offset: 6)),
    ("1 (a) S", .truncated(offset: 7)),
    ("1 (a) \n", .malformed(offset: 6)),
    ("1 (a) S 99999999999999999999", .overflow(offset: 8)),
    ("1 (a) S 1 2 3 0 -1 0 0 0 0 0 5 6 0 0 20 128 1 0 99 4096 7 0\n", .overflow(offset: 40)),
  ]) func aMalformedStatIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try ProcessStat(parsing: Array(text.utf8).span) }
  }
}

@Suite struct ProcessStatusTests {
  @Test func aCaptureGivesTheThreeKindsOfResidentMemory() throws {
    let status = try ProcessStatus(parsing: Fixture.bytes("6.18/17/status").span)
    #expect(status.virtual == KiB(9272) && status.resident == KiB(8504))
    #expect(status.residentAnonymous == KiB(48) && status.residentFile == KiB(264))
    #expect(status.residentShared == KiB(8192) && status.swap == .zero && status.pageTables == KiB(56))
    #expect(status.threads == 1)
    #expect(status.effectiveCapabilities == CapabilitySet(rawValue: 0x1_fffe_ffff_ff))
  }

  @Test func realAndEffectiveUserAreRead() throws {
    let status = try ProcessStatus(parsing: Fixture.bytes("6.18/18/status").span)
    #expect(status.realUID == 1000 && status.effectiveUID == 1000 && status.effectiveCapabilities == [])
    let text = "Uid:\t1000\t0\t0\t0\n"
    let setuid = try ProcessStatus(parsing: Array(text.utf8).span)
    #expect(setuid.realUID == 1000 && setuid.effectiveUID == 0)
  }

  @Test func beforeFourFiveTheThreeKindsAreMissing() throws {
    let status = try ProcessStatus(parsing: Fixture.bytes("4.4/950/status").span)
    #expect(status.resident == KiB(334_000) && status.residentAnonymous == nil && status.residentShared == nil)
    #expect(status.pageTables == KiB(2200 + 12))
    #expect(status.swap == KiB(65_536))
  }

  @Test(arguments: ["6.18/2/status", "6.18/15/status", "6.18/16/status"])
  func kernelThreadsAndZombiesHaveNoMemoryLines(name: String) throws {
    let status = try ProcessStatus(parsing: Fixture.bytes(name).span)
    #expect(status.virtual == nil && status.resident == nil && status.swap == nil && status.pageTables == nil)
  }

  @Test func theNumberOfPidNamespacesIsRead() throws {
    let text = "Uid:\t0\t0\t0\t0\nNSpid:\t4711\t12\t1\n"
    let status = try ProcessStatus(parsing: Array(text.utf8).span)
    #expect(status.namespaces == 3)
    // Before 4.1 there is no such line.
    #expect(try ProcessStatus(parsing: Array("Uid:\t0\t0\t0\t0\n".utf8).span).namespaces == nil)
  }

  @Test func theEffectiveGroupIsRead() throws {
    let text = "Uid:\t0\t0\t0\t0\nGid:\t100\t200\t300\t400\nGroups:\t7\n"
    #expect(try ProcessStatus(parsing: Array(text.utf8).span).effectiveGID == 200)
    #expect(try ProcessStatus(parsing: Array("Uid:\t0\t0\t0\t0\n".utf8).span).effectiveGID == nil)
    #expect(try ProcessStatus(parsing: Fixture.bytes("6.18/18/status").span).effectiveGID == 1000)
  }

  @Test(arguments: [
    ("", ProcParseError.missing(.statusUID)),
    ("Name:\tx\\nUid:\t0\t0\t0\t0\n", .missing(.statusUID)),
    ("Uid:\t0", .truncated(offset: 6)),
    ("Uid:\t4294967296\t0\t0\t0\n", .overflow(offset: 5)),
    ("Uid:\t0\t0\t0\t0\nVmRSS:\t 99999999999999999999 kB\n", .overflow(offset: 21)),
    ("Uid:\t0\t0\t0\t0\nVmRSS:\t 12", .truncated(offset: 23)),
    ("Uid:\t0\t0\t0\t0\nCapEff:\t1ffffffffffffffff\n", .overflow(offset: 21)),
    ("Uid:\t0\t0\t0\t0\nCapEff:\tzz\n", .malformed(offset: 21)),
    ("Uid:\t0\t0\t0\t0\nThreads:\t1x\n", .malformed(offset: 23)),
  ]) func aMalformedStatusIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try ProcessStatus(parsing: Array(text.utf8).span) }
  }
}

@Suite struct SmallFileTests {
  @Test func statmGivesPages() throws {
    let statm = try ProcessStatm(parsing: Fixture.bytes("5.10/950/statm").span)
    #expect(statm.size == 300_000 && statm.resident == 83_500 && statm.shared == 6000)
    #expect(throws: ProcParseError.truncated(offset: 5)) {
      try ProcessStatm(parsing: Array("1 2 3".utf8).span)
    }
    #expect(throws: ProcParseError.overflow(offset: 2)) {
      try ProcessStatm(parsing: Array("1 18446744073709551616 3 0 0 0 0\n".utf8).span)
    }
  }

  @Test(arguments: [("-1000\n", Int16(-1000)), ("1000\n", 1000), ("0", 0), ("-17\n", -17)])
  func adjustmentsAreTaken(text: String, value: Int16) throws {
    #expect(try OomScoreAdj(parsing: Array(text.utf8).span).value == value)
  }

  @Test(arguments: [
    ("-1001\n", ProcParseError.overflow(offset: 0)), ("1001\n", .overflow(offset: 0)),
    ("99999999999999999999\n", .overflow(offset: 0)), ("", .truncated(offset: 0)), ("-", .truncated(offset: 1)),
    ("--1\n", .malformed(offset: 1)), ("0 \n", .malformed(offset: 1)),
  ]) func aMalformedAdjustmentIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try OomScoreAdj(parsing: Array(text.utf8).span) }
  }

  @Test func scoresAreTaken() throws {
    #expect(try OomScore(parsing: Fixture.bytes("6.18/18/oom_score").span).value == 1000)
    #expect(try OomScore(parsing: Array("0\n".utf8).span).value == 0)
    #expect(throws: ProcParseError.overflow(offset: 0)) { try OomScore(parsing: Array("2147483648\n".utf8).span) }
  }
}
