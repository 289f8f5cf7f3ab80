import ProcModel
import Testing

/// Which numbers are believed, and what counts in place of impossible ones.
@Suite struct BeliefTests {
  private static let gib: UInt64 = 1024 * 1024

  private static func meminfo(_ text: String) throws -> Meminfo { try Meminfo(parsing: Array(text.utf8).span) }

  // MARK: Huge pages

  @Test(
    arguments: [
      // 2 MiB pages, before 4.20 and since.
      ("HugePages_Total: 28672\nHugepagesize: 2048 kB\n", 4 * gib, 56 * gib, false),
      ("HugePages_Total: 28672\nHugepagesize: 2048 kB\nHugetlb: \(56 * gib) kB\n", 4 * gib, 56 * gib, false),
      // A pool of 1 GiB pages, with 2 MiB as the default size: only `Hugetlb` counts it.
      ("HugePages_Total: 0\nHugepagesize: 2048 kB\nHugetlb: \(48 * gib) kB\n", 10 * gib, 48 * gib, false),
      ("HugePages_Total: 48\nHugepagesize: \(gib) kB\n", 10 * gib, 48 * gib, false),
      // Surplus pages are counted in the total already.
      (
        "HugePages_Total: 1024\nHugePages_Surp: 512\nHugepagesize: 2048 kB\nHugetlb: \(2 * gib) kB\n", 10 * gib,
        2 * gib, false
      ),
      // The lines are read at two moments, between which the pool grows by a page.
      ("Hugetlb: \(60 * gib + 2048) kB\n", 4 * gib, 60 * gib + 2048, false),
      ("HugePages_Total: 0\nHugepagesize: 2048 kB\nHugetlb: 0 kB\n", 10 * gib, 0, false),
      // Impossible: as much as all, more, more than fits beside what is available, a product beyond 64 bits.
      ("Hugetlb: \(64 * gib) kB\n", 4 * gib, 0, true),
      ("Hugetlb: \(512 * gib) kB\n", 4 * gib, 0, true),
      ("Hugetlb: \(56 * gib) kB\n", 30 * gib, 0, true),
      ("HugePages_Total: 18446744073709551615\nHugepagesize: 2048 kB\n", 4 * gib, 0, true),
    ] as [(String, UInt64, UInt64, Bool)])
  func sharesAreOfMemoryWithoutThePool(pool: String, available: UInt64, expected: UInt64, isDoubted: Bool) throws {
    let text = "MemTotal: \(64 * Self.gib) kB\nMemFree: 1000 kB\nMemAvailable: \(available) kB\n" + pool
    let reading = try #require(MemoryReading(try Self.meminfo(text), at: .zero))
    #expect(reading.hugePool == KiB(expected) && reading.total == KiB(64 * Self.gib - expected))
    #expect(reading.available <= reading.total && reading.available.count >= min(available, reading.total.count))
    #expect(reading.impossible == (isDoubted ? .hugePages : []))
    // The kernel's own formula counts all of it.
    #expect(MachineFacts(reading, units: .common).totalPages == 64 * Self.gib / 4)
  }

  /// lxcfs gives a container's total, and passes the machine's pool on.
  @Test func thePoolOfAnotherMachineIsNotTakenOff() throws {
    let text = "MemTotal: 16777216 kB\nMemFree: 8000000 kB\nMemAvailable: 8000000 kB\nHugetlb: 4194304 kB\n"
    let reading = try #require(MemoryReading(try Self.meminfo(text), isOwn: false, at: .zero))
    #expect(reading.total == KiB(16_777_216) && reading.hugePool == .zero && reading.impossible.isEmpty)
  }

  @Test func thePoolIsNotTakenOffACgroupsLimit() throws {
    var machine = MemoryReading(
      time: .zero, total: KiB(8 * Self.gib), available: KiB(4 * Self.gib), swapTotal: .zero, swapFree: .zero)
    machine.hugePool = KiB(56 * Self.gib)
    for (limit, total) in [(2, 2), (20, 20), (100, 64)] as [(UInt64, UInt64)] {
      let cgroup = CgroupMemory(limit: KiB(limit * Self.gib), usage: KiB(Self.gib), stat: try .blank())
      #expect(MemoryReading(cgroup, on: machine)?.total == KiB(total * Self.gib))
    }
    let unlimited = CgroupMemory(limit: nil, usage: KiB(Self.gib), stat: try .blank())
    #expect(MemoryReading(unlimited, on: machine)?.total == machine.total)
  }

  // MARK: Available

  @Test(
    arguments: [
      ("MemAvailable: 1000 kB\n", 1000, false),
      ("MemAvailable: 10000 kB\n", 10_000, false),
      // More is available than there is: the sum of the parts counts, or else what is free.
      ("MemAvailable: 10001 kB\nCached: 700 kB\n", 800, true),
      ("MemAvailable: 18446744073709551360 kB\nCached: 700 kB\nShmem: 300 kB\nBuffers: 9 kB\n", 509, true),
      ("MemAvailable: 10001 kB\nCached: 99999 kB\n", 100, true),
      // Without the line the parts are the estimate.
      ("Cached: 700 kB\n", 800, false), ("Cached: 99999 kB\n", 100, true),
      ("SReclaimable: 18446744073709551615 kB\n", 100, true),
    ] as [(String, UInt64, Bool)])
  func noMoreMemoryIsAvailableThanThereIs(lines: String, available: UInt64, isDoubted: Bool) throws {
    let reading = try #require(
      MemoryReading(try Self.meminfo("MemTotal: 10000 kB\nMemFree: 100 kB\n" + lines), at: .zero))
    #expect(reading.available == KiB(available) && reading.total == KiB(10_000))
    #expect(reading.impossible == (isDoubted ? .available : []))
  }

  @Test(arguments: [
    "MemTotal: 0 kB\nMemFree: 0 kB\n", "MemTotal: 4398046511105 kB\nMemFree: 5 kB\nMemAvailable: 5 kB\n",
    "MemTotal: 18446744073709551360 kB\nMemFree: 5 kB\nMemAvailable: 5 kB\n",
    "MemTotal: 100 kB\nMemFree: 200 kB\nMemAvailable: 300 kB\n",
  ])
  func anImpossibleFileGivesNoReading(text: String) throws {
    #expect(MemoryReading(try Self.meminfo(text), at: .zero) == nil)
  }

  // MARK: Swap

  struct SwapCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var total: UInt64
    var free: UInt64
    var listing: SwapListing?
    var isOneView = true
    var expected: (total: UInt64, free: UInt64)
    var met: Impossible = []
    var isBeingTakenAway = false
  }

  private static func listed(_ size: UInt64, _ used: UInt64) -> SwapListing {
    SwapListing(size: KiB(size), used: KiB(used))
  }

  static let swapCases = [
    SwapCase(testDescription: "none", total: 0, free: 0, listing: listed(0, 0), expected: (0, 0)),
    SwapCase(testDescription: "as listed", total: 900, free: 300, listing: listed(900, 600), expected: (900, 300)),
    SwapCase(testDescription: "a table that cannot be read", total: 900, free: 300, listing: nil, expected: (900, 300)),
    SwapCase(
      testDescription: "not listed at all", total: 900, free: 900, listing: listed(0, 0), expected: (0, 0),
      met: .swapTotal),
    SwapCase(
      testDescription: "2⁶⁴ − 256, listed as 1000", total: .max - 255, free: .max - 255, listing: listed(1000, 400),
      expected: (1000, 600), met: [.swapTotal, .swapFree]),
    SwapCase(
      testDescription: "16 EiB, and no table", total: 1 << 54, free: 1 << 54, listing: nil, expected: (0, 0),
      met: .swapTotal),
    SwapCase(
      testDescription: "more than is listed, in part used", total: 2000, free: 100, listing: listed(1000, 900),
      expected: (1000, 100), met: .swapTotal),
    SwapCase(
      testDescription: "more free than there is: what the table leaves", total: 1000, free: 1001,
      listing: listed(1000, 990), expected: (1000, 10), met: .swapFree),
    SwapCase(
      testDescription: "free below zero, and no table", total: 1000, free: .max - 255, listing: nil,
      expected: (1000, 0), met: .swapFree),
    SwapCase(testDescription: "free of nothing", total: 0, free: 5, listing: nil, expected: (0, 0), met: .swapFree),
    SwapCase(
      testDescription: "swapoff of the only area: what is read back counts as total and free", total: 700, free: 700,
      listing: listed(1000, 700), expected: (700, 0), isBeingTakenAway: true),
    SwapCase(
      testDescription: "swapoff of one of two: 1000 of which 700 are used, and 500 of which 100 are", total: 1200,
      free: 1100, listing: listed(1500, 800), expected: (1200, 400), isBeingTakenAway: true),
    SwapCase(
      testDescription: "a container's total beside the machine's table", total: 700, free: 700,
      listing: listed(1000, 900), isOneView: false, expected: (700, 700)),
  ]

  @Test(arguments: swapCases) func swapIsWhatIsListedAndFree(example: SwapCase) {
    var met: Impossible = []
    let belief = SwapBelief(
      total: KiB(example.total), free: KiB(example.free), listing: example.listing, isOneView: example.isOneView, &met)
    #expect(belief.total == KiB(example.expected.total) && belief.free == KiB(example.expected.free))
    #expect(met == example.met && belief.isBeingTakenAway == example.isBeingTakenAway)
  }

  @Test(arguments: [
    "/dev/sda2 partition 18014398509465600 0 -2\n", "/dev/sda2 partition 1000 2000 -2\n",
    "/dev/sda2 partition 18446744073709551615 5 -2\n/dev/sdb2 partition 18446744073709551615 5 -3\n",
  ])
  func anImpossibleSwapTableIsRefused(lines: String) throws {
    let table = try SwapTable(parsing: Array(("Filename Type Size Used Priority\n" + lines).utf8).span)
    #expect(SwapListing(table) == nil)
  }

  // MARK: Caches

  @Test(
    arguments: [
      // No line names 1000 − 100 free − 200 of programs − 150 of cache = 550 that are in use.
      (500, 100, 400), (800, 100, 550), (900, 0, 550),
      // It is larger than all that is not free, so it is another machine's.
      (901, 0, nil), (16_000_000, 1000, nil),
    ] as [(UInt64, UInt64, UInt64?)])
  func theCacheOfZFSGivesBackNoMoreThanItCanHave(size: UInt64, minimum: UInt64, expected: UInt64?) throws {
    let meminfo = try Self.meminfo(
      "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 150 kB\nAnonPages: 200 kB\nCached: 150 kB\n")
    let arc = try ArcStats(parsing: Array("c_min 4 \(minimum * 1024)\nsize 4 \(size * 1024)\n".utf8).span)
    #expect(arc.reclaimable(on: meminfo, besides: .zero) == expected.map { KiB($0) })
    // A pool of huge pages is in use too, and is not part of the cache.
    if let expected { #expect(arc.reclaimable(on: meminfo, besides: KiB(50))?.count ?? 0 <= expected) }
  }

  @Test func theReliefOfADeviceDoesNotOverflow() {
    let all = ZramStat(stored: KiB(.max), used: KiB(1))
    #expect(all.relief(of: KiB(.max)) == KiB(.max - 1))
    #expect(!all.isPossible(size: KiB(1 << 40), machine: KiB(1000)))
    #expect(ZramStat(stored: KiB(500), used: KiB(100)).isPossible(size: KiB(500), machine: KiB(1000)))
    #expect(!ZramStat(stored: KiB(500), used: KiB(1001)).isPossible(size: KiB(500), machine: KiB(1000)))
  }

  // MARK: Cgroups

  @Test(
    arguments: [
      // Usage, reclaimable memory and hard limit; the reading, and whether it is doubted.
      (500, 100, 1000, 600, false), (1000, 100, 1000, 100, false),
      // `memory.stat` is older than the usage.
      (500, 550, 1000, 1000, false),
      // A limit that was lowered, or allocations that must not fail.
      (1100, 0, 1000, 0, false), (200_000, 0, 1000, 0, true),
      (500, 70_000, 1000, nil, false), (500, 1 << 50, 1000, nil, false), (2_000_000, 0, nil, nil, false),
      (1 << 54, 0, 1000, nil, false),
    ] as [(UInt64, UInt64, UInt64?, UInt64?, Bool)])
  func aCgroupThatContradictsItselfGivesNoReading(
    usage: UInt64, reclaimable: UInt64, limit: UInt64?, available: UInt64?, isDoubted: Bool
  ) throws {
    let machine = MemoryReading(
      time: .zero, total: KiB(1_000_000), available: .zero, swapTotal: KiB(100), swapFree: KiB(70))
    var stat = try CgroupMemoryStat.blank()
    stat.inactiveFile = KiB(reclaimable)
    var cgroup = CgroupMemory(limit: limit.map { KiB($0) }, usage: KiB(usage), stat: stat)
    cgroup.hardLimit = cgroup.limit
    let reading = MemoryReading(cgroup, on: machine)
    #expect(reading?.available == available.map { KiB($0) })
    #expect(reading?.impossible ?? [] == (isDoubted ? .cgroup : []))
  }

  @Test func moreSwapThanTheMachineHasIsNotBelieved() throws {
    let machine = MemoryReading(
      time: .zero, total: KiB(1000), available: .zero, swapTotal: KiB(100), swapFree: KiB(70))
    let cgroup = CgroupMemory(
      limit: KiB(1000), usage: .zero, stat: try .blank(), swapLimit: nil, swapUsage: KiB(.max - 3))
    let reading = MemoryReading(cgroup, on: machine)
    #expect(reading?.swapFree == KiB(70) && reading?.impossible == .cgroup)
  }

  // MARK: Counters

  @Test(
    arguments: [
      // A second later lost time has grown by half a second, by three seconds, by more, or has run backwards.
      (1_500_000, false), (4_000_000, false), (4_000_001, true), (999_999, true), (0, true), (.max, true),
    ] as [(UInt64, Bool)])
  func lostTimeGoesForwardAndNoFasterThanTime(later: UInt64, isDoubted: Bool) {
    for isFull in [true, false] {
      var memory = CounterMemory()
      var reading = Self.counted(at: 1000, some: 1_000_000, full: 1_000_000)
      memory.check(&reading, mayRestart: false)
      #expect(reading.impossible.isEmpty)
      reading = Self.counted(at: 2000, some: isFull ? 1_000_000 : later, full: isFull ? later : 1_000_000)
      memory.check(&reading, mayRestart: false)
      #expect(reading.impossible == (isDoubted ? .stall : []))
      // The step is counted once.
      reading.impossible = []
      reading.time = .milliseconds(2100)
      memory.check(&reading, mayRestart: false)
      #expect(reading.impossible.isEmpty)
    }
  }

  @Test func aCgroupThatIsMadeAgainCountsFromZero() {
    var memory = CounterMemory()
    var first = Self.counted(at: 1000, some: 9_000_000, full: 9_000_000)
    first.reclaim = ReclaimTotals(refaults: 7, directScans: 9)
    memory.check(&first, mayRestart: true)
    var second = Self.counted(at: 1100, some: 5, full: 5)
    second.reclaim = ReclaimTotals(refaults: 0, directScans: 0)
    var (anew, elsewhere) = (memory, second)
    anew.check(&second, mayRestart: true)
    #expect(second.impossible.isEmpty)
    memory.check(&elsewhere, mayRestart: false)
    #expect(elsewhere.impossible == [.stall, .reclaim])
  }

  private static func counted(at milliseconds: UInt64, some: UInt64, full: UInt64) -> MemoryReading {
    var reading = MemoryReading(
      time: .milliseconds(milliseconds), total: KiB(1000), available: KiB(500), swapTotal: .zero, swapFree: .zero)
    reading.stall = StallTotals(some: some, full: full)
    return reading
  }

  @Test func impossibleNumbersAreCountedPerLookAndKindAndSaturate() {
    var counts = ImpossibleCounts()
    #expect(counts.isEmpty)
    counts.count([])
    counts.count([.arc, .swapFree])
    counts.count(.arc)
    let told = (0..<Impossible.kinds).map { "\(Impossible.name($0)) \(counts[$0])" }.filter { !$0.hasSuffix(" 0") }
    #expect(told == ["swap_free 1", "arc 2"] && !counts.isEmpty)
  }
}

extension CgroupMemoryStat {
  /// A file without any known line.
  fileprivate static func blank() throws -> CgroupMemoryStat { try CgroupMemoryStat(parsing: [UInt8]().span) }
}
