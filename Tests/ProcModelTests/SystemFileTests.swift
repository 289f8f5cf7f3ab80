import Fixtures
import ProcModel
import Testing

@Suite struct MeminfoTests {
  @Test func aCaptureIsReadAsPrinted() throws {
    let meminfo = try Meminfo(parsing: Fixture.bytes("6.18/meminfo").span)
    #expect(meminfo.total == KiB(24_684_100))
    #expect(meminfo.free > .zero && meminfo.free < meminfo.available)
    #expect(!meminfo.availableIsEstimated)
    #expect(meminfo.swapTotal == .zero)
  }

  @Test func everyLineThatIsUsedIsRead() throws {
    let meminfo = try Meminfo(parsing: Fixture.bytes("6.1/meminfo").span)
    #expect(meminfo.total == KiB(2_014_288))
    #expect(meminfo.free == KiB(61_048))
    #expect(meminfo.available == KiB(402_104))
    #expect(meminfo.buffers == KiB(30_212))
    #expect(meminfo.cached == KiB(420_188))
    #expect(meminfo.shmem == KiB(99_004))
    #expect(meminfo.sReclaimable == KiB(81_044))
    #expect(meminfo.activeFile == KiB(161_108))
    #expect(meminfo.inactiveFile == KiB(190_348))
    #expect(meminfo.anonPages == KiB(1_080_012))
    #expect(meminfo.pageTables == KiB(12_208))
    #expect(meminfo.sUnreclaim == KiB(60_000))
    #expect(meminfo.kernelStack == KiB(4304))
    #expect(meminfo.perCPU == KiB(1320))
    #expect(meminfo.swapCached == KiB(30_208))
    #expect(meminfo.swapTotal == KiB(2_031_612))
    #expect(meminfo.swapFree == KiB(1_702_108))
  }

  @Test func aMissingMemAvailableIsEstimatedAndMarked() throws {
    let meminfo = try Meminfo(parsing: Fixture.bytes("3.10/meminfo").span)
    // 73460 + (21344 + 190284 − 99328) + 41020
    #expect(meminfo.available == KiB(226_780))
    #expect(meminfo.availableIsEstimated)
  }

  @Test(arguments: [
    // More shared memory than cache: a torn reading, not a negative amount.
    ("MemTotal: 100 kB\nMemFree: 10 kB\nCached: 5 kB\nShmem: 50 kB\n", 10),
    ("MemTotal: 100 kB\nMemFree: 10 kB\nCached: 500 kB\n", 100),
    ("MemTotal: 100 kB\nMemFree: 10 kB\nCached: 18446744073709551615 kB\nBuffers: 9 kB\n", 100),
    ("MemFree: 10 kB\nMemTotal: 100 kB", 10),
  ]) func theEstimateStaysBetweenFreeAndTotal(text: String, available: UInt64) throws {
    #expect(try Meminfo(parsing: Array(text.utf8).span).available == KiB(available))
  }

  @Test(arguments: [
    ("", ProcParseError.missing(.memTotal)),
    ("MemTotal: 1 kB\n", .missing(.memFree)),
    ("MemFree: 1 kB\nmemtotal: 3 kB\n", .missing(.memTotal)),
    ("MemTotal: 1", .truncated(offset: 11)),
    ("MemTotal: 1\n", .malformed(offset: 11)),
    ("MemTotal: 1 MB\n", .malformed(offset: 12)),
    ("MemTotal: -1 kB\n", .malformed(offset: 10)),
    ("MemTotal: 1\0 kB\n", .malformed(offset: 11)),
    ("MemTotal: 18446744073709551616 kB\n", .overflow(offset: 10)),
    ("MemTotal:", .truncated(offset: 9)),
  ]) func aMalformedMeminfoIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try Meminfo(parsing: Array(text.utf8).span) }
  }

  @Test func aNumberThatWasCutIsNeverTakenForASmallOne() throws {
    let whole = Fixture.bytes("5.10/meminfo")
    let truth = try Meminfo(parsing: whole.span)
    for end in whole.indices {
      guard let cut = try? Meminfo(parsing: whole.span.extracting(0..<end)) else { continue }
      #expect(cut.total == truth.total && cut.free == truth.free)
      #expect(cut.availableIsEstimated || cut.available == truth.available)
      #expect(cut.swapFree == truth.swapFree || cut.swapFree == .zero)
    }
  }

  @Test func aReadingHasTheFiveFiguresAndTheTime() throws {
    let meminfo = try Meminfo(parsing: Fixture.bytes("5.10/meminfo").span)
    let reading = MemoryReading(meminfo, at: Nanoseconds(7))
    var expected = MemoryReading(
      time: Nanoseconds(7), total: KiB(1_000_244), available: KiB(98_412), swapTotal: KiB(524_284),
      swapFree: KiB(458_748))
    expected.fileCache = KiB(109_952)
    // Kernel: 30000 + 3104 + 1020. Unnamed: 1000244 − (52108 + 2100 + 140220 + 651012 + 21044), less 2212 of the swap
    // cache, 8208 and 34124.
    expected.parts = MemoryParts(
      anonymous: KiB(651_012), shared: KiB(30_212), pageTables: KiB(8208), kernel: KiB(34_124), unnamed: KiB(89_216))
    #expect(reading == expected)
    #expect(reading?.parts?.anonymous == KiB(635 * 1024) && reading?.parts?.unnamed == KiB(87 * 1024))
  }

  @Test(
    arguments: [
      // Before 2.6.18 the file does not tell of anonymous memory.
      ("Shmem: 10 kB\n", false), ("AnonPages: 4096 kB\nShmem: 2048 kB\n", true),
      // The lines are not of one moment: a 16th more is believed.
      ("AnonPages: 100000 kB\nPageTables: 4000 kB\nSUnreclaim: 2000 kB\n", true),
      ("AnonPages: 100000 kB\nPageTables: 4000 kB\nSUnreclaim: 3000 kB\n", false),
      ("AnonPages: 18446744073709551615 kB\n", false), ("AnonPages: 60000 kB\nHugetlb: 60000 kB\n", false),
    ]) func partsAreKnownWhereTheyFitTogether(lines: String, isKnown: Bool) throws
  {
    let text = "MemTotal: 100000 kB\nMemFree: 100 kB\nMemAvailable: 200 kB\n" + lines
    let meminfo = try Meminfo(parsing: Array(text.utf8).span)
    #expect((MemoryReading(meminfo, at: .zero)?.parts != nil) == isKnown)
    // lxcfs makes such a file of the container's lines and the machine's.
    #expect(MemoryReading(meminfo, isOwn: false, at: .zero)?.parts == nil)
  }
}

@Suite struct VMStatTests {
  @Test func countersByZoneAreSummedAndTheThrottleIsNoZone() throws {
    let old = try VMStat(parsing: Fixture.bytes("4.4/vmstat").span)
    #expect(old.pgscanDirect == 8015)
    #expect(old.pgscanKswapd == 100_205)
    #expect(old.allocstall == 61)
    #expect(old.workingsetActivate == 9120)
    #expect(old.workingsetRestore == nil && old.workingsetRestoreFile == nil)
    #expect(old.oomKill == nil)
    let newer = try VMStat(parsing: Fixture.bytes("4.19/vmstat").span)
    #expect(newer.pgscanDirect == 5012)
    #expect(newer.allocstall == 19)
    #expect(newer.oomKill == 2)
    #expect(newer.workingsetRestore == 3001)
  }

  @Test func restoredPagesAreCountedByKindSinceFiveNine() throws {
    let vmstat = try VMStat(parsing: Fixture.bytes("5.10/vmstat").span)
    #expect(vmstat.workingsetRestore == nil && vmstat.workingsetActivate == nil)
    #expect(vmstat.workingsetRestoreAnon == 1100)
    #expect(vmstat.workingsetRestoreFile == 28_004)
    #expect(vmstat.pgscanDirect == 88_012)
    #expect(vmstat.pgscanKswapd == 310_200)
    #expect(vmstat.allocstall == 370)
    #expect(vmstat.pswpin == 7204)
    #expect(vmstat.pswpout == 23_588)
    #expect(vmstat.pgmajfault == 41_220)
    #expect(vmstat.oomKill == 1)
  }

  private static func machineReclaim(_ text: String) throws -> UInt64? {
    try VMStat(parsing: Array(text.utf8).span).machineReclaim
  }

  @Test func theMachinesReclaimIsThatOfKswapdAndOfDirectReclaim() throws {
    #expect(try VMStat(parsing: Fixture.bytes("4.4/vmstat").span).machineReclaim == 8015 + 100_205 + 61)
    #expect(try VMStat(parsing: Fixture.bytes("5.10/vmstat").span).machineReclaim == 88_012 + 310_200 + 370)
    #expect(try VMStat(parsing: Fixture.bytes("6.18/vmstat").span).machineReclaim == 0)
    // Neither the counters that include cgroups, nor that of tasks that waited before reclaim, are counted.
    let others =
      "workingset_restore_file 9\npgscan_anon 9\npgscan_file 9\npgscan_direct_throttle 9\npgscan_khugepaged 9\n"
    #expect(try Self.machineReclaim(others) == nil && Self.machineReclaim("") == nil)
    #expect(try Self.machineReclaim("pgscan_kswapd 5\n") == 5 && Self.machineReclaim("allocstall_movable 6\n") == 6)
  }

  /// Among the counters of nodes, `pgscan_direct` includes what cgroups scan.
  @Test func aCounterOfNodesThatCountsCgroupsIsLeftOut() throws {
    let after = "pgpgin 1\npgscan_kswapd 20\npgscan_direct 300\nallocstall_normal 4000\n"
    let before = "pgscan_kswapd 20\npgscan_direct 300\npgpgin 1\nallocstall_normal 4000\n"
    #expect(try Self.machineReclaim(after) == 4320 && Self.machineReclaim(before) == 4020)
    #expect(try Self.machineReclaim("pgscan_direct 300\npgpgin 1\n") == nil)
    #expect(try VMStat(parsing: Array(before.utf8).span).pgscanDirect == 300)
  }

  @Test func aCaptureHasWhatItsKernelCounts() throws {
    let vmstat = try VMStat(parsing: Fixture.bytes("6.18/vmstat").span)
    #expect(vmstat.workingsetRestoreFile == 0, "a long stream was read, and nothing that was in use was evicted")
    #expect(vmstat.pgscanDirect == 0 && vmstat.allocstall == 0 && vmstat.oomKill == 0)
    #expect(vmstat.workingsetRestore == nil)
  }

  /// Restored pages count, or where they are missing activated ones, and refaults never.
  @Test func refaultsOfAStreamDoNotCount() throws {
    #expect(ReclaimTotals(try VMStat(parsing: Fixture.bytes("6.18/vmstat").span))?.refaults == 0)
    #expect(ReclaimTotals(try VMStat(parsing: Fixture.bytes("5.10/vmstat").span))?.refaults == 29_104)
    #expect(ReclaimTotals(try VMStat(parsing: Fixture.bytes("4.19/vmstat").span))?.refaults == 3001)
    #expect(ReclaimTotals(try VMStat(parsing: Fixture.bytes("4.4/vmstat").span))?.refaults == 9120)
    #expect(ReclaimTotals(try VMStat(parsing: Array("workingset_refault_file 5\n".utf8).span)) == nil)
  }

  @Test func aSumSaturates() throws {
    let text = "allocstall_dma 18446744073709551615\nallocstall_normal 5\n"
    #expect(try VMStat(parsing: Array(text.utf8).span).allocstall == .max)
  }

  @Test func anEmptyFileCountsNothing() throws {
    #expect(try VMStat(parsing: [UInt8]().span) == VMStat(parsing: Array("nr_free_pages 1\n".utf8).span))
  }

  @Test func aNumberBeyond64BitsIsAnOverflow() {
    #expect(throws: ProcParseError.overflow(offset: 9)) {
      try VMStat(parsing: Array("oom_kill 99999999999999999999\n".utf8).span)
    }
  }
}

@Suite struct PressureStallTests {
  @Test func bothLinesAreRead() throws {
    let pressure = try PressureStall(parsing: Fixture.bytes("5.10/pressure/memory").span)
    #expect(pressure.some.avg10 == BasisPoints(1207))
    #expect(pressure.some.avg60 == BasisPoints(610))
    #expect(pressure.some.avg300 == BasisPoints(198))
    #expect(pressure.some.total == 90_123_456)
    #expect(pressure.full?.avg10 == BasisPoints(930))
    #expect(pressure.full?.total == 60_123_456)
  }

  @Test func aCaptureAtRestIsZero() throws {
    let pressure = try PressureStall(parsing: Fixture.bytes("6.18/pressure/memory").span)
    #expect(pressure.some.avg10 == BasisPoints(0) && pressure.some.total == pressure.full?.total)
  }

  @Test func aFileWithoutFullIsWhole() throws {
    let text = "some avg10=100.00 avg60=0.01 avg300=0.00 total=18446744073709551615\n"
    let pressure = try PressureStall(parsing: Array(text.utf8).span)
    #expect(pressure.some.avg10 == BasisPoints(10_000) && pressure.some.avg60 == BasisPoints(1))
    #expect(pressure.some.total == .max && pressure.full == nil)
  }

  @Test(arguments: [
    ("", ProcParseError.missing(.pressureSome)),
    ("some", .truncated(offset: 4)),
    ("some ", .truncated(offset: 5)),
    ("full", .truncated(offset: 4)),
    ("some\n", .malformed(offset: 4)),
    ("full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", .missing(.pressureSome)),
    ("some avg10=0 avg60=0.00 avg300=0.00 total=0\n", .malformed(offset: 12)),
    ("some avg10=0. avg60=0.00 avg300=0.00 total=0\n", .malformed(offset: 13)),
    ("some avg10=-1.00 avg60=0.00 avg300=0.00 total=0\n", .malformed(offset: 11)),
    ("some avg10=42949673.00 avg60=0.00 avg300=0.00 total=0\n", .overflow(offset: 11)),
    ("some avg10=184467440737095517.00 avg60=0.00 avg300=0.00 total=0\n", .overflow(offset: 11)),
    ("some avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551616\n", .overflow(offset: 45)),
    ("some avg10=0.00 avg60=0.00 avg300=0.00 total=1x\n", .malformed(offset: 46)),
  ]) func aMalformedPressureFileIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try PressureStall(parsing: Array(text.utf8).span) }
  }
}

@Suite struct SwapTableTests {
  @Test(arguments: ["4.19/swaps", "6.18/swaps"]) func aHeaderAloneIsNoSwap(name: String) throws {
    let table = try SwapTable(parsing: Fixture.bytes(name).span)
    #expect(table.count == 0 && table.size == .zero && table.zramSize == .zero)
  }

  @Test func zramIsCountedApart() throws {
    let table = try SwapTable(parsing: Fixture.bytes("6.1/swaps").span)
    #expect(table.count == 2 && table.kept == 2 && table.overflow == 0)
    #expect(table.size == KiB(1_007_144 + 1_024_468) && table.used == KiB(329_504))
    #expect(table.zramSize == KiB(1_007_144))
    #expect(table[0] == area(1_007_144, 320_000, 100, .zram))
    #expect(table[1] == area(1_024_468, 9504, -2, .partition))
  }

  @Test func aNameWithBlanksIsOneWord() throws {
    let table = try SwapTable(parsing: Fixture.bytes("5.10/swaps").span)
    #expect(table.count == 1)
    #expect(table[0] == area(524_284, 65_536, -2, .file))
  }

  @Test func areasBeyondTheCapacityAreStillSummed() throws {
    let lines = (0..<20).map { "/swap\($0) file 100 \($0) -\($0)\n" }.joined()
    let table = try SwapTable(parsing: Array(("Filename Type\n" + lines).utf8).span)
    #expect(table.count == 20 && table.kept == 16 && table.overflow == 4)
    #expect(table.size == KiB(2000) && table.used == KiB(190))
    #expect(table[15] == area(100, 15, -15, .file))
  }

  @Test(arguments: [
    ("", ProcParseError.truncated(offset: 0)),
    ("/dev/sda1 partition 1 1 1\n", .malformed(offset: 0)),
    ("Filename\n\n", .malformed(offset: 9)),
    ("Filename\n/dev/sda1 partition 5", .truncated(offset: 30)),
    ("Filename\n/dev/sda1 partition x 0 -2\n", .malformed(offset: 29)),
    ("Filename\n/dev/sda1 partition 5 0 99999999999\n", .overflow(offset: 33)),
    ("Filename\n/dev/sda1 partition 99999999999999999999 0 -2\n", .overflow(offset: 29)),
  ]) func aMalformedSwapTableIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try SwapTable(parsing: Array(text.utf8).span) }
  }

  private func area(_ size: UInt64, _ used: UInt64, _ priority: Int32, _ kind: SwapTable.Kind) -> SwapTable.Area {
    SwapTable.Area(size: KiB(size), used: KiB(used), priority: priority, kind: kind)
  }
}

@Suite struct UptimeTests {
  @Test(arguments: [
    ("26012.44 41012.20\n", UInt64(2_601_244)), ("0.00 0.00\n", 0), ("5.5", 550), ("7.999 1", 799),
  ]) func hundredthsAreRead(text: String, hundredths: UInt64) throws {
    #expect(try Uptime(parsing: Array(text.utf8).span).hundredths == hundredths)
  }

  @Test(arguments: [
    ("", ProcParseError.truncated(offset: 0)), ("12", .truncated(offset: 2)), ("12.", .truncated(offset: 3)),
    ("-1.00 2.00", .malformed(offset: 0)), ("1.00x", .malformed(offset: 4)),
    ("18446744073709551615.00", .overflow(offset: 0)),
  ]) func aMalformedUptimeIsAnErrorAtItsPlace(text: String, error: ProcParseError) {
    #expect(throws: error) { try Uptime(parsing: Array(text.utf8).span) }
  }

  @Test func anUptimeConvertsToTicksAndNanosecondsAndSaturates() {
    let uptime = Uptime(hundredths: 2_601_244)
    #expect(uptime.ticks(.common) == Ticks(2_601_244))
    #expect(uptime.ticks(KernelUnits(pageSizeKiB: 4, ticksPerSecond: 1000)) == Ticks(26_012_440))
    #expect(uptime.nanoseconds == Nanoseconds(26_012_440_000_000))
    #expect(Uptime(hundredths: .max).nanoseconds == Nanoseconds(.max))
    #expect(Uptime(hundredths: .max).ticks(KernelUnits(pageSizeKiB: 4, ticksPerSecond: 1000)) == Ticks(.max))
  }
}
