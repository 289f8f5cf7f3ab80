import Fixtures
import ProcModel
import Testing

@Suite struct SurveyTests {
  private static func take(_ source: inout MemorySource) throws -> (table: ProcessTable, tally: SurveyTally) {
    var table = ProcessTable(capacity: 4)
    var survey = Survey(capacity: 4)
    let tally = try survey.take(from: &source, units: .common, into: &table)
    return (table, tally)
  }

  private static func row(_ pid: Int32, _ table: ProcessTable) throws -> ProcessFacts {
    try #require(table.rows.first { $0.identity.pid == pid })
  }

  // Captured trees.

  @Test func aCapturedTreeGivesEveryProcessThatHasMemory() throws {
    var source = MemorySource(fixture: "6.18")
    let (table, tally) = try SurveyTests.take(&source)
    #expect(table.rows.map(\.identity.pid) == [1] + Array(3...15) + Array(17...19) + Array(21...23))
    #expect(tally.seen == 22 && tally.kernelThreads == 1 && tally.zombies == 1)
    #expect(tally.malformed == 0 && tally.vanished == 0 && tally.denied == 0 && !tally.isHidden)
    #expect(table.rows.allSatisfy { $0.virtual > .zero && $0.oomScore != nil && $0.cgroupKey == nil })
  }

  @Test func withoutScoresOomScoreIsNotReadAndItsAdjustmentOnceAndThenSeldom() throws {
    var source = MemorySource(fixture: "6.18")
    let whole = try SurveyTests.take(&source).table
    let reads = source.reads.count
    var table = ProcessTable(capacity: 4)
    var survey = Survey(capacity: 4)
    try survey.begin(from: &source, units: .common, isForScores: false, into: &table)
    while try survey.step(.max, from: &source, units: .common, into: &table) == nil {}
    // The leader of 15 is dead, and its score tells whether one of its threads has memory.
    #expect(source.reads.dropFirst(reads).allSatisfy { $0.file != .oomScore || $0.pid == 15 })
    #expect(table.rows.map(\.footprint) == whole.rows.map(\.footprint))
    #expect(table.rows.allSatisfy { $0.oomScore == nil && !$0.unread.contains(.oomScoreAdj) })
    // Sixteen surveys read it once more of each.
    survey.rememberElders(of: table, from: .zero)
    var asked: [Int32: Int] = [:]
    for _ in 0..<16 {
      let reads = source.reads.count
      try survey.begin(from: &source, units: .common, isForScores: false, into: &table)
      while try survey.step(.max, from: &source, units: .common, into: &table) == nil {}
      for read in source.reads.dropFirst(reads) where read.file == .oomScoreAdj { asked[read.pid, default: 0] += 1 }
    }
    #expect(asked.count == table.count && asked.values.allSatisfy { $0 == 1 })
    #expect(table.rows.contains { $0.unread.contains(.oomScoreAdj) })
  }

  @Test func aDeadLeaderIsKnownByItsLivingThread() throws {
    var source = MemorySource(fixture: "6.18")
    let facts = try SurveyTests.row(15, try SurveyTests.take(&source).table)
    #expect(facts.comm == Comm("leaderless") && facts.state == UInt8(ascii: "S") && facts.threads == 2)
    #expect(facts.virtual == KiB(15_420) && facts.resident == KiB(6872))
    #expect(facts.anonymous == KiB(6220) && facts.file == KiB(652) && facts.pageTables == KiB(52))
    // This is the leader's start time; the thread's is a tick later.
    #expect(facts.identity.startTime == Ticks(191_064))
    #expect(facts.oomScore == 666)
  }

  @Test func aPoolIsSharedAmongTheParentAndItsChildren() throws {
    var source = MemorySource(fixture: "6.18")
    let (table, _) = try SurveyTests.take(&source)
    for pid: Int32 in [17, 21, 22, 23] {
      let facts = try SurveyTests.row(pid, table)
      #expect(facts.shared == KiB(8192) && facts.ownShared == KiB(2048))
      #expect(facts.footprint < KiB(2048 + 200))
    }
    #expect(try SurveyTests.row(17, table).childrenVirtual == KiB(3 * 9272))
    #expect(try SurveyTests.row(18, table).sharedElsewhere == .zero)
  }

  @Test func theAdjustmentTheOwnerAndTheAgeAreRead() throws {
    var source = MemorySource(fixture: "6.18")
    let (table, _) = try SurveyTests.take(&source)
    let niced = try SurveyTests.row(18, table)
    #expect(niced.realUID == 1000 && niced.nice == 5 && niced.oomScoreAdj == 500 && niced.oomScore == 1000)
    #expect(niced.cpu == Ticks(17) && niced.effectiveCapabilities == [])
    // The uptime is 2031.42 s, and the process was started at 1910.64 s.
    #expect(niced.age == Ticks(203_142 - 191_064))
    #expect(try SurveyTests.row(19, table).effectiveCapabilities.contains(.sysAdmin))
    var composed = MemorySource(fixture: "5.10")
    #expect(try SurveyTests.row(412, try SurveyTests.take(&composed).table).oomScoreAdj == -1000)
  }

  // Composed trees.

  @Test(arguments: ["4.19", "5.10", "6.1"]) func treesOfEachKernelGiveTheSameFacts(name: String) throws {
    var source = MemorySource(fixture: name)
    let (table, tally) = try SurveyTests.take(&source)
    #expect(table.rows.map(\.identity.pid) == [1, 412, 520, 521, 522, 640, 641, 900, 950, 977])
    #expect(tally.kernelThreads == 2 && tally.zombies == 1 && tally.malformed == 0)
    let node = try SurveyTests.row(950, table)
    #expect(node.virtual == KiB(1_200_000) && node.resident == KiB(334_000) && node.anonymous == KiB(310_000))
    #expect(node.swap == (name == "4.19" ? .zero : KiB(65_536)) && node.pageTables == KiB(2200))
    #expect(node.parent == 900 && node.threads == 11 && node.cpu == Ticks(9500))
    #expect(node.age == Ticks(2_601_244 - 2_500_000))
    // The database has a worker of 96 MiB, one of 80 MiB, and the postmaster, whose 1 MiB all three map.
    let worker = try SurveyTests.row(521, table)
    #expect(worker.shared == KiB(98_304) && worker.ownShared == KiB(54_442))
    #expect(try SurveyTests.row(520, table).ownShared == KiB(341))
    #expect(try SurveyTests.row(520, table).childrenVirtual == KiB(444_000))
  }

  @Test func beforeFourFiveAnonymousIsWhatIsNotShared() throws {
    var source = MemorySource(fixture: "4.4")
    let worker = try SurveyTests.row(521, try SurveyTests.take(&source).table)
    #expect(worker.resident == KiB(108_404) && worker.anonymous == KiB(4100))
    #expect(worker.file == KiB(104_304) && worker.shared == .zero && worker.sharedElsewhere == .zero)
    #expect(worker.pageTables == KiB(432))
  }

  @Test func groupAndSessionAreRead() throws {
    var source = MemorySource(fixture: "5.10")
    source.set(.stat, of: 950, "950 (node) S 900 901 902 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 4096 1 0\n")
    let node = try SurveyTests.row(950, try SurveyTests.take(&source).table)
    #expect(node.parent == 900 && node.processGroup == 901 && node.session == 902)
  }

  @Test func cgroupsAreRelated() throws {
    var source = MemorySource(fixture: "5.10")
    source.set(.cgroup, of: 950, "0::/a.slice/b.service/c\n")
    source.set(.cgroup, of: 900, "0::/a.slice/b.service\n")
    let table = try SurveyTests.take(&source).table
    let below = try #require(try SurveyTests.row(950, table).cgroupKey)
    let above = try #require(try SurveyTests.row(900, table).cgroupKey)
    #expect(table.cgroups.isSameOrBelow(below, above) && !table.cgroups.isSameOrBelow(above, below))
    #expect(table.cgroups.unit(of: below) == above)
  }

  /// A machine with a parent in the domain /batch, and its child with another cgroup file.
  private static func family(_ cgroup: String?, _ failure: ReadFailure? = nil) -> MemorySource {
    var source = MemorySource(fixture: "6.18")
    source.set(.cgroup, of: 17, "0::/batch/a\n")
    for pid: Int32 in [21, 22, 23] { source.set(.cgroup, of: pid, "0::/batch/a\n") }
    source.files[.init(.cgroup, of: 21)] = cgroup.map { Array($0.utf8) }
    source.failures[.init(.cgroup, of: 21)] = failure
    return source
  }

  private static func domains(_ pid: Int32, of source: MemorySource, system: String? = nil) throws -> (
    domains: DomainSet, facts: ProcessFacts, tally: SurveyTally
  ) {
    var source = source
    var table = ProcessTable(capacity: 4)
    var survey = Survey(capacity: 4)
    if let system { survey.roots.setSystem(Array(system.utf8).span) }
    survey.roots.append(Array("/batch".utf8).span)
    let tally = try survey.take(from: &source, units: .common, into: &table)
    let facts = try row(pid, table)
    return (facts.domains, facts, tally)
  }

  /// 36 is ENAMETOOLONG, which nested cgroups can cause.
  @Test(
    arguments: [
      (nil, .failed(errno: 36)), (nil, .denied), ("0::", nil), ("nonsense\n", nil),
      ("0::/" + String(repeating: "x", count: 9000), nil),
    ] as [(String?, ReadFailure?)])
  func aProcessWhoseCgroupCannotBeReadCountsToTheDomainsOfItsParent(cgroup: String?, failure: ReadFailure?) throws {
    let found = try Self.domains(21, of: Self.family(cgroup, failure))
    #expect(found.domains == [.system, DomainSet(number: 1)])
    #expect(found.facts.unread.contains(.cgroup) && found.tally.unknownCgroups == 1 && !found.tally.isComplete)
    #expect(try Self.domains(22, of: Self.family(cgroup, failure)).facts.unread.isDisjoint(with: .cgroup))
  }

  @Test func theNearestAncestorWhoseCgroupCanBeReadCounts() throws {
    var source = Self.family(nil, .failed(errno: 36))
    source.failures[.init(.cgroup, of: 17)] = .failed(errno: 36)
    // The parent of both is process 1, or is not there: then only the system is left, also that of a container.
    #expect(try Self.domains(21, of: source).domains == .system)
    #expect(try Self.domains(21, of: source, system: "/docker/7").domains == .system)
    #expect(try Self.domains(21, of: source).tally.unknownCgroups == 2)
    // A parent that is younger than its child is another process with its number.
    let stat = String(decoding: Fixture.bytes("6.18/17/stat"), as: UTF8.self)
    var fields = stat.split(separator: " ").map(String.init)
    fields[21] = "99999999"
    var late = Self.family(nil, .failed(errno: 36))
    late.set(.stat, of: 17, fields.joined(separator: " "))
    #expect(try Self.domains(21, of: late).domains == .system)
  }

  @Test func aProcessOutsideTheNamespaceIsNotOfTheContainersSystem() throws {
    let outside = Self.family("0::/../batch/a\n")
    #expect(try Self.domains(21, of: outside).domains == .system)
    #expect(try Self.domains(21, of: outside, system: "").domains == [])
    #expect(try Self.domains(22, of: outside, system: "").domains == [.system, DomainSet(number: 1)])
    let found = try Self.domains(21, of: outside)
    #expect(found.facts.unread.contains(.cgroup) && found.facts.cgroupKey != nil && found.tally.unknownCgroups == 0)
    // Where process 1 is outside too, no path tells where a process lies.
    var part = Self.family("0::/batch/a\n")
    part.view.showsAllCgroups = false
    #expect(try Self.domains(22, of: part).domains == .system)
    #expect(try Self.domains(22, of: part).facts.unread.contains(.cgroup))
  }

  @Test func theOverflowIDCountsAsAnUnknownUser() throws {
    var source = MemorySource(fixture: "6.18")
    let whole = try SurveyTests.take(&source).table.rows
    source.view.unmappedUser = whole[0].effectiveUID
    source.view.unmappedGroup = whole[0].effectiveGID
    for facts in try SurveyTests.take(&source).table.rows {
      #expect(facts.unread.contains(.user) == (facts.effectiveUID == whole[0].effectiveUID))
      #expect(facts.unread.contains(.group) == (facts.effectiveGID == whole[0].effectiveGID))
    }
  }

  @Test func theFootprintsOfProcessesLeftOutAreAddedUp() throws {
    var source = MemorySource(fixture: "5.10")
    var table = ProcessTable(capacity: 4)
    var survey = Survey(capacity: 4)
    let full = try survey.take(from: &source, units: .common, into: &table)
    #expect(full.leftOut == 0 && full.leftOutFootprint == .zero && full.isComplete)
    let rows = table.rows
    let short = try survey.take(from: &source, units: .common, leavingOutBelow: KiB(20_000), into: &table)
    let kept = Set(table.rows.map(\.identity))
    let gone = rows.filter { !kept.contains($0.identity) }
    #expect(short.leftOut == gone.count && gone.count > 2 && !short.isComplete)
    #expect(short.leftOutFootprint == gone.reduce(.zero) { $0 + $1.footprint })
  }

  @Test func aSurveyThatCouldNotReadEverythingIsNotComplete() {
    let spoil: [(inout SurveyTally) -> Void] = [
      { $0.isHidden = true }, { $0.denied = 1 }, { $0.failed = 1 }, { $0.malformed = 1 }, { $0.leftOut = 1 },
    ]
    var whole = SurveyTally()
    whole.isHidden = false
    #expect(whole.isComplete)
    for change in spoil {
      var tally = whole
      change(&tally)
      #expect(!tally.isComplete)
    }
  }

  // Failures.

  @Test(arguments: [
    (ReadFailure.vanished, UInt32(1), UInt32(0), UInt32(0)), (.denied, 0, 1, 0), (.failed(errno: 5), 0, 0, 1),
  ]) func aProcessWithoutStatIsCountedAndSkipped(
    failure: ReadFailure, vanished: UInt32, denied: UInt32, failed: UInt32
  ) throws {
    var source = MemorySource(fixture: "5.10")
    source.failures[.init(.stat, of: 950)] = failure
    let (table, tally) = try SurveyTests.take(&source)
    #expect(table.count == 9)
    #expect(tally.vanished == vanished && tally.denied == denied && tally.failed == failed)
  }

  @Test func aMalformedStatIsNamedAndStopsNothing() throws {
    var source = MemorySource(fixture: "5.10")
    source.set(.stat, of: 640, "640 (nginx) S x")
    // A `stat` with another process's number counts as malformed.
    source.files[.init(.stat, of: 641)] = source.files[.init(.stat, of: 950)]
    let (table, tally) = try SurveyTests.take(&source)
    #expect(table.count == 8 && tally.malformed == 2)
    #expect(tally.lastMalformed == .init(pid: 641, file: .stat, error: .malformed(offset: 0)))
  }

  @Test func aProcessThatExitsBeforeItsStatusIsReadIsSkipped() throws {
    var source = MemorySource(fixture: "5.10")
    source.vanish(950, at: .status)
    let (table, tally) = try SurveyTests.take(&source)
    #expect(table.count == 9 && tally.vanished == 1)
  }

  @Test func aProcessThatExitsLaterKeepsWhatWasRead() throws {
    var source = MemorySource(fixture: "5.10")
    source.vanish(950, at: .oomScoreAdj)
    let node = try SurveyTests.row(950, try SurveyTests.take(&source).table)
    #expect(node.anonymous == KiB(310_000))
    #expect(node.oomScoreAdj == 0 && node.oomScore == nil && node.cgroupKey == nil)
    #expect(node.unread == .oomScoreAdj)
  }

  @Test(arguments: [nil, "Name:\tnode\nUid:\tx\n", "Name:\tnode\n"] as [String?])
  func withoutStatusTheOtherFilesCountAndTheOwnerIsUnknown(status: String?) throws {
    var source = MemorySource(fixture: "5.10")
    source.files[.init(.status, of: 950)] = status.map { Array($0.utf8) }
    let (table, tally) = try SurveyTests.take(&source)
    let node = try SurveyTests.row(950, table)
    #expect(node.resident == KiB(334_000) && node.anonymous == KiB(310_000) && node.file == KiB(24_000))
    #expect(node.realUID == .max && node.effectiveUID == .max && node.effectiveCapabilities == [])
    #expect(
      node.unread == [.user, .group, .namespace, .capabilities] && node.effectiveGID == .max && !node.isInNamespace)
    #expect(tally.malformed == (status == nil ? 0 : 1))
  }

  @Test func groupTerminalAndNamespaceAreRead() throws {
    var source = MemorySource(fixture: "5.10")
    let plain = try SurveyTests.row(950, try SurveyTests.take(&source).table)
    #expect(plain.unread.isEmpty && plain.effectiveGID == 1000 && !plain.hasTerminal && !plain.isInNamespace)
    let status = String(decoding: source.files[.init(.status, of: 950), default: []], as: UTF8.self)
    source.set(.status, of: 950, status.replacing("NSpid:\t950", with: "NSpid:\t950\t1"))
    let stat = String(decoding: source.files[.init(.stat, of: 950), default: []], as: UTF8.self)
    var fields = stat.split(separator: " ", omittingEmptySubsequences: false)
    fields[6] = "34816"
    source.set(.stat, of: 950, fields.joined(separator: " "))
    let inside = try SurveyTests.row(950, try SurveyTests.take(&source).table)
    #expect(inside.unread.isEmpty && inside.hasTerminal && inside.isInNamespace)
  }

  @Test func withoutTheTimeNoAgeIsKnown() throws {
    var source = MemorySource(fixture: "5.10")
    source.set(.uptime, "nonsense")
    #expect(try SurveyTests.row(950, try SurveyTests.take(&source).table).age == nil)
  }

  @Test func aStatusThatManyGroupsCutGivesTheMemoryOfStatm() throws {
    var source = MemorySource(fixture: "5.10")
    let text = String(decoding: source.files[.init(.status, of: 950), default: []], as: UTF8.self)
    let groups = (100_000..<106_000).map(String.init).joined(separator: " ")
    source.set(.status, of: 950, text.replacing("Groups:\t1000", with: "Groups:\t" + groups))
    let (table, tally) = try SurveyTests.take(&source)
    let node = try SurveyTests.row(950, table)
    #expect(node.resident == KiB(334_000) && node.anonymous == KiB(310_000))
    #expect(node.realUID == 1000 && tally.malformed == 0)
  }

  @Test func aPathThatTheBufferCutIsUnknown() throws {
    var source = MemorySource(fixture: "5.10")
    source.set(.cgroup, of: 950, "0::/a.slice/" + String(repeating: "x", count: 40_000) + "\n")
    #expect(try SurveyTests.row(950, try SurveyTests.take(&source).table).cgroupKey == nil)
  }

  @Test func aProcessThatGaveItsMemoryBackHasNone() throws {
    var source = MemorySource(fixture: "5.10")
    source.set(.status, of: 950, "Name:\tnode\nUid:\t0\t0\t0\t0\n")
    source.set(.statm, of: 950, "0 0 0 0 0 0 0\n")
    let row = try SurveyTests.row(950, try SurveyTests.take(&source).table)
    #expect(row.virtual == .zero && row.resident == .zero)
  }

  @Test func aDeadLeaderWithoutALivingThreadIsAZombie() throws {
    var source = MemorySource(fixture: "6.18")
    source.threads[15] = [20, 20]
    source.failures[.init(.stat, of: 15, thread: 20)] = .vanished
    let (table, tally) = try SurveyTests.take(&source)
    #expect(!table.rows.contains { $0.identity.pid == 15 })
    #expect(tally.zombies == 2)
  }

  @Test func deadThreadsBeforeTheLivingOneArePassedOver() throws {
    var source = MemorySource(fixture: "6.18")
    let dead = String(decoding: source.files[.init(.stat, of: 16), default: []], as: UTF8.self)
    source.threads[15] = [18, 19, 20]
    source.files[.init(.stat, of: 15, thread: 19)] = Array(dead.replacing("16 (zombie)", with: "19 (zombie)").utf8)
    #expect(try SurveyTests.row(15, try SurveyTests.take(&source).table).anonymous == KiB(6220))
  }

  @Test func theCapabilitiesOfLibcapGoBeforeThoseOfStatus() throws {
    var source = MemorySource(fixture: "5.10")
    source.capabilities[950] = .sysRawIO
    #expect(try SurveyTests.row(950, try SurveyTests.take(&source).table).effectiveCapabilities == .sysRawIO)
  }

  @Test func aPIDListedTwiceIsTakenOnce() throws {
    var source = MemorySource(fixture: "5.10")
    source.processes += [950, 1, 950]
    let (table, tally) = try SurveyTests.take(&source)
    #expect(table.count == 10 && tally.seen == 13)
  }

  @Test func onlyFilesWithoutLocksAreReadAndOfAKernelThreadOnlyStat() throws {
    var source = MemorySource(fixture: "5.10")
    _ = try SurveyTests.take(&source)
    #expect(!source.reads.contains { $0.file == .cmdline || $0.file == .exe })
    #expect(source.reads.filter { $0.pid == 2 } == [.init(.stat, of: 2)])
    #expect(source.reads.filter { $0.pid == 950 }.map(\.file) == [.stat, .status, .oomScoreAdj, .oomScore, .cgroup])
  }

  @Test func hiddenProcessesAreNoticed() throws {
    var source = MemorySource(fixture: "5.10")
    source.processes.removeFirst()
    #expect(try SurveyTests.take(&source).tally.isHidden)
  }

  @Test func withoutTheListOrTheClockThereIsNoSurvey() throws {
    var source = MemorySource(fixture: "5.10")
    source.walkFailure = .denied
    #expect(throws: ReadFailure.denied) { try SurveyTests.take(&source) }
    source.walkFailure = nil
    source.systemFailures[.uptime] = .vanished
    #expect(throws: ReadFailure.vanished) { try SurveyTests.take(&source) }
    source.systemFailures = [:]
    source.set(.uptime, "soon")
    let (table, tally) = try SurveyTests.take(&source)
    #expect(tally.uptimeError == .malformed(offset: 0))
    #expect(table.rows.allSatisfy { $0.age == nil })
  }

  @Test func aSurveyThatIsUsedAgainKeepsNothing() throws {
    var table = ProcessTable(capacity: 4)
    var survey = Survey(capacity: 4)
    var first = MemorySource(fixture: "6.18")
    var second = MemorySource(fixture: "5.10")
    let fresh = try SurveyTests.take(&second)
    for _ in 0..<3 {
      _ = try survey.take(from: &first, units: .common, into: &table)
      let tally = try survey.take(from: &second, units: .common, into: &table)
      #expect(tally == fresh.tally)
      #expect(table.rows.map(\.identity) == fresh.table.rows.map(\.identity))
      #expect(table.rows.map(\.sharedElsewhere) == fresh.table.rows.map(\.sharedElsewhere))
      #expect(table.rows.map(\.childrenVirtual) == fresh.table.rows.map(\.childrenVirtual))
    }
  }

  @Test func mutatedTreesAreSurveyedWithoutATrap() throws {
    var random = Linear(seed: 42)
    let originals = [MemorySource(fixture: "5.10"), MemorySource(fixture: "6.18")]
    var table = ProcessTable(capacity: 4)
    var survey = Survey(capacity: 4)
    for round in 0..<60 {
      var source = originals[round % 2]
      for key in source.files.keys.sorted(by: { ($0.pid, $0.file.rawValue) < ($1.pid, $1.file.rawValue) }) {
        random.mutate(&source.files[key, default: []])
      }
      let tally = try survey.take(from: &source, units: .common, into: &table)
      #expect(tally.seen == UInt32(source.processes.count) && tally.malformed > 0)
    }
  }
}
