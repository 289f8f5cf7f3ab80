import ProcModel
import Testing

/// The files of a memory cgroup, and the reading that they give.
@Suite struct MemoryCgroupTests {
  /// Captured from a cgroup of version 1 (6.18) with a limit of 96 MiB, shortened to what is read and its neighbours.
  private static let firstStat = """
    cache 8388608
    rss 41943040
    inactive_file 4096
    active_file 8192
    swap 4096
    hierarchical_memory_limit 100663296
    hierarchical_memsw_limit 9223372036854771712
    total_cache 8388608
    total_rss 41943040
    total_rss_huge 2097152
    total_shmem 2097152
    total_inactive_file 4194304
    total_active_file 2097152
    total_swap 1048576
    total_unevictable 0

    """
  /// Version 2, as Linux 6.1 prints it.
  private static let secondStat = """
    anon 41943040
    file 8388608
    kernel_stack 1048576
    pagetables 3145728
    percpu 524288
    shmem 2097152
    inactive_anon 0
    active_anon 41943040
    inactive_file 4194304
    active_file 2097152
    slab_reclaimable 1048576
    slab_unreclaimable 524288
    slab 1572864
    workingset_refault_anon 900
    workingset_restore_anon 3
    workingset_restore_file 40
    pgscan 999
    pgscan_direct 77

    """

  private static func stat(_ text: String) throws -> CgroupMemoryStat {
    try CgroupMemoryStat(parsing: Array(text.utf8).span)
  }

  @Test func versionOneCountsDescendantsFurtherDown() throws {
    let stat = try Self.stat(Self.firstStat)
    #expect(stat.activeFile == KiB(2048) && stat.inactiveFile == KiB(4096) && stat.swap == KiB(1024))
    #expect(stat.hierarchicalLimit == KiB(96 * 1024) && stat.restored == nil && stat.directScans == nil)
    #expect(stat.reclaimable == KiB(6144))
  }

  @Test func versionTwoHasCountersOfReclaimToo() throws {
    let stat = try Self.stat(Self.secondStat)
    #expect(stat.reclaimable == KiB(7168) && stat.restored == 43 && stat.directScans == 77)
    #expect(stat.swap == nil && stat.hierarchicalLimit == nil)
  }

  @Test func bothVersionsTellWhatTheMemoryIs() throws {
    let first = try Self.stat(Self.firstStat)
    #expect(first.anonymous == KiB(40 * 1024) && first.shared == KiB(2048))
    #expect(first.pageTables == .zero && first.kernel == .zero)
    let second = try Self.stat(Self.secondStat)
    #expect(second.anonymous == KiB(40 * 1024) && second.shared == KiB(2048) && second.pageTables == KiB(3072))
    // 1024 of stacks, 512 for each CPU, 512 of slab.
    #expect(second.kernel == KiB(2048))
    let reading = MemoryReading(
      CgroupMemory(limit: KiB(96 * 1024), usage: KiB(56 * 1024), stat: second), on: Self.machine)
    #expect(
      reading?.parts
        == MemoryParts(anonymous: KiB(40 * 1024), shared: KiB(2048), pageTables: KiB(3072), kernel: KiB(2048)))
    // It cannot be more than the cgroup holds, a moment earlier.
    var stat = second
    stat.anonymous = KiB(1 << 20)
    #expect(MemoryParts(stat, of: KiB(56 * 1024)) == nil)
    #expect(MemoryParts(try Self.stat(""), of: KiB(56 * 1024)) == nil)
  }

  @Test func anEmptyFileIsAValueWithoutFigures() throws {
    #expect(try Self.stat("").reclaimable == .zero)
    #expect(throws: ProcParseError.self) { try Self.stat("active_file x\n") }
    #expect(throws: ProcParseError.self) { try Self.stat("total_swap 99999999999999999999\n") }
  }

  @Test(
    arguments: [
      ("max\n", nil), ("104857600\n", 102_400), ("0\n", 0), ("9223372036854771712\n", nil), ("1023\n", 0), ("4096", 4),
    ] as [(String, UInt64?)]) func anAmountIsANumberOrNone(text: String, kib: UInt64?) throws
  {
    #expect(try CgroupAmount(parsing: Array(text.utf8).span).amount == kib.map { KiB($0) })
  }

  @Test(arguments: ["", "maximum\n", "12 kB\n", "-1\n", "x\n"]) func aTextThatIsNoAmountIsAnError(text: String) {
    #expect(throws: ProcParseError.self) { try CgroupAmount(parsing: Array(text.utf8).span) }
  }

  @Test(
    arguments: [
      ("low 1\nhigh 2\nmax 30\noom 4\noom_kill 5\noom_group_kill 0\n", 30, 4), ("17\n", 17, 0), ("", 0, 0),
      ("maximum 9\n", 0, 0),
    ] as [(String, UInt64, UInt64)]) func hitsAndFailuresOfALimitAreRead(text: String, hits: UInt64, failures: UInt64)
    throws
  {
    #expect(
      try LimitCounts(parsing: Array(text.utf8).span) == LimitCounts(hits: hits, failures: failures))
  }

  @Test(
    arguments: [
      ("low 1\nhigh 2\nmax 30\noom 4\noom_kill 5\n", 32), ("17\n", 17), ("", 0),
      ("high 18446744073709551615\nmax 3\n", 2),
    ] as [(String, UInt64)]) func hitsOfTheOwnLimitAreRead(text: String, count: UInt64) throws
  {
    #expect(try OwnLimitCount(parsing: Array(text.utf8).span).count == count)
  }

  @Test func theEventsOfTheOwnLimitAreReadBesideTheSum() throws {
    #expect(
      CgroupFile.ownEvents.name(.v2) == "memory.events.local" && CgroupFile.ownEvents.name(.v1) == "memory.failcnt")
    #expect(throws: ProcParseError.self) { try OwnLimitCount(parsing: Array("max x\n".utf8).span) }
    #expect(try Self.stat(Self.secondStat).scans == 999)
    #expect(try Self.stat(Self.firstStat).scans == nil)
    var cgroup = CgroupMemory(limit: KiB(1000), usage: .zero, stat: try Self.stat(""))
    let untold = try #require(MemoryReading(cgroup, on: Self.machine))
    #expect(untold.ownReclaim == nil)
    cgroup.ownReclaim = 7
    #expect(MemoryReading(cgroup, on: Self.machine)?.ownReclaim == 7)
  }

  // Readings.

  private static let machine = MemoryReading(
    time: .milliseconds(7), total: KiB(1_000_000), available: KiB(800_000), swapTotal: KiB(50_000),
    swapFree: KiB(20_000))

  @Test func availableMemoryIsTheRestOfTheLimitAndWhatCouldBeReclaimed() throws {
    let cgroup = CgroupMemory(limit: KiB(96 * 1024), usage: KiB(56 * 1024), stat: try Self.stat(Self.secondStat))
    let reading = try #require(MemoryReading(cgroup, on: Self.machine))
    #expect(reading.time == .milliseconds(7) && reading.total == KiB(96 * 1024))
    #expect(reading.available == KiB(47 * 1024) && reading.fileCache == KiB(6144))
    #expect(reading.reclaim == ReclaimTotals(refaults: 43, directScans: 77) && reading.limitCounts == nil)
    // Without a limit, or with one above the machine's memory, the machine's memory counts.
    for limit in [nil, KiB(2_000_000)] {
      let wide = CgroupMemory(limit: limit, usage: KiB(600_000), stat: try Self.stat(""))
      #expect(MemoryReading(wide, on: Self.machine)?.total == KiB(1_000_000))
      #expect(MemoryReading(wide, on: Self.machine)?.available == KiB(400_000))
    }
    // The limit was lowered below the usage.
    let over = CgroupMemory(limit: KiB(1000), usage: KiB(5000), stat: try Self.stat(""))
    #expect(MemoryReading(over, on: Self.machine)?.available == .zero)
  }

  @Test(
    arguments: [
      // Swap is neither limited nor accounted, so the machine's counts.
      (nil, nil, 50_000, 20_000), (nil, 10_000, 50_000, 20_000), (nil, 45_000, 50_000, 5000),
      (8000, 1000, 8000, 7000), (0, 0, 0, 0), (30_000, 5000, 30_000, 20_000), (90_000, 0, 50_000, 20_000),
      (8000, 9000, 8000, 0),
    ] as [(UInt64?, UInt64?, UInt64, UInt64)])
  func swapIsLimitedByTheCgroupAndTheMachine(limit: UInt64?, usage: UInt64?, total: UInt64, free: UInt64) throws {
    let cgroup = CgroupMemory(
      limit: KiB(1000), usage: .zero, stat: try Self.stat(""), swapLimit: limit.map { KiB($0) },
      swapUsage: usage.map { KiB($0) })
    let reading = try #require(MemoryReading(cgroup, on: Self.machine))
    #expect(reading.swapTotal == KiB(total) && reading.swapFree == KiB(free))
  }
}

/// Where cgroups are mounted.
@Suite struct CgroupMountTests {
  private static func mount(_ text: String) -> CgroupMount? { CgroupMount(parsing: Array(text.utf8).span) }

  private static func description(_ mount: CgroupMount?) -> String {
    guard let mount else { return "none" }
    return "\(mount.version) \(String(decoding: mount.root, as: UTF8.self)) "
      + String(decoding: mount.point, as: UTF8.self)
  }

  @Test(
    arguments: [
      // systemd 252 on 6.1.
      (
        "23 29 0:21 / /proc rw,nosuid shared:14 - proc proc rw\n"
          + "31 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
        "v2 / /sys/fs/cgroup"
      ),
      // The hybrid of systemd 232 to 250: version 1 accounts memory.
      (
        "31 23 0:26 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup rw\n"
          + "32 23 0:27 / /sys/fs/cgroup/memoryful rw - cgroup cgroup rw,cpu,memory_x\n"
          + "33 23 0:28 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory\n", "v1 / /sys/fs/cgroup/memory"
      ),
      // A container without a cgroup namespace.
      (
        "900 800 0:28 /docker/0123 /sys/fs/cgroup/memory ro,nosuid master:10 - cgroup cgroup rw,cpu,memory\n",
        "v1 /docker/0123 /sys/fs/cgroup/memory"
      ),
      ("31 23 0:26 / /mnt/a\\040b\\134c rw - cgroup2 none rw\n", "v2 / /mnt/a b\\c"),
      ("31 23 0:26 / /a\\04 rw - cgroup2 none rw\n", "v2 / /a\\04"),
      ("31 23 0:26 / /first rw - cgroup2 x rw\n32 23 0:26 / /second rw - cgroup2 x rw\n", "v2 / /first"),
      ("", "none"), ("\n\n", "none"), ("31 23 0:26 / /sys/fs/cgroup rw - tmpfs cgroup2 rw\n", "none"),
      ("31 23 0:26 / /sys/fs/cgroup rw cgroup2 cgroup2 rw\n", "none"), ("31 23\n- cgroup2 \n", "none"),
      ("31 23 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw,memory", "v1 / /sys/fs/cgroup"),
      ("a b c d e f - cgroup2 x\n", "none"),
    ] as [(String, String)]) func theHierarchyThatAccountsMemoryIsFound(text: String, expected: String)
  {
    #expect(Self.description(Self.mount(text)) == expected)
  }

  @Test func everyPrefixOfAFileIsRead() {
    let text = Array("31 23 0:26 /a /b\\040c rw,x y:1 - cgroup cgroup rw,memory,cpu\n".utf8)
    for count in 0...text.count {
      _ = CgroupMount(parsing: text.span.extracting(0..<count))
    }
  }
}

/// The domains in which a process lies.
@Suite struct DomainRootsTests {
  private static func roots(system: String? = nil, _ paths: [String]) -> DomainRoots {
    var roots = DomainRoots()
    if let system { roots.setSystem(Array(system.utf8).span) }
    for path in paths { roots.append(Array(path.utf8).span) }
    return roots
  }

  private static func numbers(_ roots: DomainRoots, _ path: String) -> [Int] {
    let found = roots.domains(of: Array(path.utf8).span)
    return (0..<DomainRoots.capacity).filter { found.contains(DomainSet(number: $0)) }
  }

  @Test(
    arguments: [
      ("/a", [0, 1]), ("/a/b", [0, 1, 2]), ("/a/b/c", [0, 1, 2]), ("/ab", [0]), ("/a/bc", [0, 1]), ("/", [0]),
      ("", [0]), ("/A", [0]),
    ] as [(String, [Int])]) func aPathBelongsToEachDomainAtOrAboveIt(path: String, expected: [Int])
  {
    #expect(Self.numbers(Self.roots(["/a", "/a/b"]), path) == expected)
  }

  @Test func aContainersSystemIsItsCgroup() {
    let roots = Self.roots(system: "/docker/01", ["/docker/01/batch"])
    #expect(Self.numbers(roots, "/docker/01") == [0] && Self.numbers(roots, "/docker/01/batch/x") == [0, 1])
    #expect(Self.numbers(roots, "/system.slice/x.service") == [] && Self.numbers(roots, "") == [])
    // In a cgroup namespace the container's cgroup is the root.
    #expect(Self.numbers(Self.roots(system: "/", []), "/x") == [0])
    #expect(Self.numbers(Self.roots(system: "", []), "/x") == [0])
  }

  @Test func thereAreEightDomainsAtMost() {
    let roots = Self.roots((1...9).map { "/\($0)" })
    #expect(roots.count == 8 && Self.numbers(roots, "/7") == [0, 7] && Self.numbers(roots, "/8") == [0])
  }
}
