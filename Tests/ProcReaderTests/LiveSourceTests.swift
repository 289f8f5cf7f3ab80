import Fixtures
import Foundation
import LinuxSystem
import ProcModel
import ProcReader
import Testing

/// The source that the agent reads, on captured trees and on the live kernel.
@Suite struct LiveSourceTests {
  static let trees = ["4.4", "5.10", "6.1", "6.18"]

  @Test(arguments: trees) func aTreesFilesAreReadAsTheyAre(tree: String) throws {
    var source = try LiveSource.open(root: CPath(Fixture.path(tree)))
    let isLive = source.isLive
    #expect(!isLive)
    var memory = MemorySource(fixture: tree)
    var (buffer, expected) = (ByteBuffer(capacity: 64 * 1024), ByteBuffer(capacity: 64 * 1024))
    for file in SystemFile.allCases {
      let outcome = attempt { () throws(ReadFailure) in try source.read(file, into: &buffer) }
      #expect(outcome == attempt { () throws(ReadFailure) in try memory.read(file, into: &expected) }, "\(file)")
      if outcome == nil { #expect(text(buffer) == text(expected)) }
    }
    for pid in memory.processes {
      for file in ProcessFile.allCases where file != .exe {
        let outcome = attempt { () throws(ReadFailure) in try source.read(file, of: pid, into: &buffer) }
        #expect(outcome == attempt { () throws(ReadFailure) in try memory.read(file, of: pid, into: &expected) })
        if outcome == nil { #expect(text(buffer) == text(expected)) }
      }
      let capabilities = source.effectiveCapabilities(of: pid)
      #expect(capabilities == nil, "the numbers of a tree are nobody's")
    }
    #expect(try processes(&source) == memory.processes)
  }

  @Test(arguments: trees) func aTreeIsSurveyedLikeItsFilesInMemory(tree: String) throws {
    var source = try LiveSource.open(root: CPath(Fixture.path(tree)))
    var memory = MemorySource(fixture: tree)
    var survey = Survey(capacity: 8)
    var (read, expected) = (ProcessTable(capacity: 8), ProcessTable(capacity: 8))
    _ = try survey.take(from: &source, units: .common, into: &read)
    _ = try survey.take(from: &memory, units: .common, into: &expected)
    let rows = read.rows.sorted { $0.identity.pid < $1.identity.pid }
    #expect(rows.map(\.identity) == expected.rows.map(\.identity))
    #expect(rows.map(\.footprint) == expected.rows.map(\.footprint))
  }

  @Test(
    arguments: [
      ("0::/init.scope", true), ("0::/", true), ("0::/../../init.scope", false), ("0::/..init", true),
      ("5:memory:/..\n1:name=systemd:/", false), ("5:memory:/..\n1:name=systemd:/init.scope\n0::/init.scope", false),
      ("5:memory:/\n1:name=systemd:/../init.scope", false), ("nonsense", true), (nil, true),
    ] as [(String?, Bool)]) func processOneTellsWhetherTheMachineIsNamed(cgroup: String?, isShown: Bool) throws
  {
    let folder = try TemporaryFolder()
    try folder.makeFolder("1")
    if let cgroup { try folder.write("1/cgroup", cgroup + "\n") }
    var source = try LiveSource.open(root: CPath(folder.path))
    let view = source.view
    #expect(view.showsAllCgroups == isShown && view.unmappedUser == nil)
    #expect(throws: CgroupRootFailure.captured) { try source.takeCgroups(from: CPath("/sys/fs/cgroup")) }
  }

  @Test func cgroupsOfTheMachineKeepTheirPaths() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    let view = source.view
    #expect(view == ProcView())
    var (before, after) = (ByteBuffer(capacity: 4096), ByteBuffer(capacity: 4096))
    try source.read(.cgroup, of: getpid(), into: &before)
    #expect(throws: CgroupRootFailure.noHierarchy) { try source.takeCgroups(from: CPath("/proc")) }
    #expect(throws: CgroupRootFailure.unreadable(.noSuchFile)) { try source.takeCgroups(from: CPath("/nonexistent")) }
    if source.cgroupVersion != nil {
      try source.takeCgroups(from: CPath("/sys/fs/cgroup"))
      #expect(source.cgroupVersion != nil)
    }
    try source.read(.cgroup, of: getpid(), into: &after)
    #expect(text(before) == text(after))
  }

  @Test func aFileThatMayWaitIsReadByAThreadOrNotAtAll() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    var (buffer, expected) = (ByteBuffer(capacity: 4096), ByteBuffer(capacity: 4096))
    let timedOut = ReadFailure.failed(errno: ETIMEDOUT)
    #expect(throws: timedOut) { try source.readOrGiveUp(.cmdline, of: getpid(), into: &buffer) }
    for _ in 0..<2 { try source.prepareToGiveUp() }
    try source.readOrGiveUp(.cmdline, of: getpid(), into: &buffer)
    try source.read(.cmdline, of: getpid(), into: &expected)
    #expect(text(buffer) == text(expected) && !text(buffer).isEmpty)
    #expect(throws: ReadFailure.vanished) { try source.readOrGiveUp(.cmdline, of: .max, into: &buffer) }
    try source.readOrGiveUp(.smapsRollup, of: getpid(), into: &buffer)
    #expect(try SmapsRollup(parsing: buffer.bytes).ownAnonymous > .zero)
  }

  /// The files of a tree are ordinary ones.
  @Test(arguments: trees) func aTreeIsReadWithoutAThread(tree: String) throws {
    var source = try LiveSource.open(root: CPath(Fixture.path(tree)))
    var memory = MemorySource(fixture: tree)
    try source.prepareToGiveUp()
    var (buffer, expected) = (ByteBuffer(capacity: 4096), ByteBuffer(capacity: 4096))
    for pid in memory.processes {
      let outcome = attempt { () throws(ReadFailure) in try source.readOrGiveUp(.cmdline, of: pid, into: &buffer) }
      let wanted = attempt { () throws(ReadFailure) in try memory.readOrGiveUp(.cmdline, of: pid, into: &expected) }
      #expect(outcome == wanted)
      if outcome == nil { #expect(text(buffer) == text(expected)) }
    }
  }

  @Test func theThreadsOfADeadLeaderAreFound() throws {
    var source = try LiveSource.open(root: CPath(Fixture.path("6.18")))
    var buffer = ByteBuffer(capacity: 4096)
    #expect(try threads(of: 15, &source).sorted() == [15, 20])
    // Positions in a folder of an ordinary file system mean nothing, so the walk begins with the first entry.
    #expect(try threads(of: 15, from: 1, &source).sorted() == [15, 20])
    try source.read(.stat, ofThread: 20, of: 15, into: &buffer)
    #expect(try ProcessStat(parsing: buffer.bytes).pid == 20)
    #expect(throws: ReadFailure.vanished) { try source.beginThreads(of: 14_000, at: 0) }
    #expect(throws: ReadFailure.vanished) { try source.read(.stat, ofThread: 21, of: 15, into: &buffer) }
  }

  @Test func theThreadsOfThisProcessAreFoundOnceEach() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    let found = try threads(of: getpid(), &source)
    // The test runner has threads beside its leader.
    #expect(found.count > 1 && found.contains(getpid()) && Set(found).count == found.count)
    // These are more than one call gives, so that the second walk begins in the middle of the kernel's list.
    let rest = try threads(of: getpid(), from: 1, &source)
    #expect(!rest.contains(found[0]) && !rest.isEmpty)
    #expect(try threads(of: getpid(), from: 1_000_000, &source).isEmpty)
  }

  private func threads(of pid: Int32, from start: Int = 0, _ source: inout LiveSource) throws -> [Int32] {
    try source.beginThreads(of: pid, at: start)
    var found: [Int32] = []
    while found.count < 10_000, let thread = try source.nextThread() { found.append(thread) }
    return found
  }

  @Test func aMissingRootIsAnErrorAndAMissingFileIsNot() throws {
    #expect(throws: Errno.noSuchFile) { _ = try LiveSource.open(root: CPath("/nonexistent")) }
    #expect(throws: Errno(ENOTDIR)) { _ = try LiveSource.open(root: CPath("/proc/meminfo")) }
    let folder = try TemporaryFolder()
    var source = try LiveSource.open(root: CPath(folder.path))
    var buffer = ByteBuffer(capacity: 64)
    for file in SystemFile.allCases {
      #expect(throws: ReadFailure.vanished) { try source.read(file, into: &buffer) }
    }
    #expect(throws: ReadFailure.vanished) { try source.read(.stat, of: 1, into: &buffer) }
    #expect(try processes(&source) == [])
  }

  @Test func aFailedReadLeavesNothingOfTheLastOne() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    var buffer = ByteBuffer(capacity: 4096)
    try source.read(.stat, of: getpid(), into: &buffer)
    #expect(buffer.count > 0)
    #expect(throws: ReadFailure.vanished) { try source.read(.stat, of: 0, into: &buffer) }
    #expect(buffer.count == 0)
  }

  /// Root may read every file. This thread has another file system user meanwhile (setfsuid(2) is for one thread).
  @Test func aFileThatMayNotBeReadIsDenied() throws {
    let folder = try TemporaryFolder()
    try folder.makeFolder("7")
    try folder.write("7/stat", "secret")
    try #require(unsafe chmod(folder.path + "/7/stat", 0) == 0)
    var source = try LiveSource.open(root: CPath(folder.path))
    var buffer = ByteBuffer(capacity: 64)
    var outcome: ReadFailure?
    try asNobody {
      outcome = attempt { () throws(ReadFailure) in try source.read(.stat, of: 7, into: &buffer) }
    }
    #expect(outcome == .denied && buffer.count == 0)
  }

  @Test func aFileIsCutAtTheBuffersSize() throws {
    var source = try LiveSource.open(root: CPath(Fixture.path("6.18")))
    var buffer = ByteBuffer(capacity: 100)
    try source.read(.meminfo, into: &buffer)
    #expect(buffer.isFull && text(buffer) == Array(Fixture.bytes("6.18/meminfo")[..<100]))
    try source.read(.status, of: 1, into: &buffer)
    #expect(buffer.isFull && text(buffer) == Array(Fixture.bytes("6.18/1/status")[..<100]))
  }

  @Test func theMachinesFilesAreReadAnewEachTime() throws {
    let folder = try TemporaryFolder()
    try folder.write("meminfo", "MemTotal: 1 kB\n")
    var source = try LiveSource.open(root: CPath(folder.path))
    var buffer = ByteBuffer(capacity: 64)
    for round in 0..<3 {
      // In place, so that the open file changes.
      let file = try OwnedDescriptor.open(CPath(folder.path + "/meminfo"), .write)
      try file.write(Array("MemTotal: \(round) kB\n".utf8).span)
      try source.read(.meminfo, into: &buffer)
      #expect(String(decoding: text(buffer), as: UTF8.self) == "MemTotal: \(round) kB\n")
    }
  }

  @Test func exeGivesTheTargetOfTheLink() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    var buffer = ByteBuffer(capacity: 4096)
    try source.read(.exe, of: getpid(), into: &buffer)
    let expected = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    #expect(String(decoding: text(buffer), as: UTF8.self) == expected)
  }

  @Test func everyLivingProcessIsFoundOnce() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    let isLive = source.isLive
    #expect(isLive)
    let first = Set(try numbers("/proc"))
    let walk = try processes(&source)
    let second = Set(try numbers("/proc"))
    #expect(Set(walk).count == walk.count)
    #expect(first.intersection(second).isSubset(of: walk))
    #expect(walk.contains(1) && walk.contains(getpid()))
  }

  @Test func threeThousandProcessesAreEachFoundOnceBesideOtherNames() throws {
    let folder = try TemporaryFolder()
    for number in 1...3000 { try folder.makeFolder("\(number)") }
    for name in ["self", "thread-self", "sys", "1x", "-5", "12.5", "meminfo"] { try folder.makeFolder(name) }
    var source = try LiveSource.open(root: CPath(folder.path))
    for _ in 0..<2 { #expect(try processes(&source) == Array(1...3000)) }
  }

  @Test func tenThousandReadsLeaveNoDescriptorOpen() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    var buffer = ByteBuffer(capacity: 8192)
    let before = try numbers("/proc/self/fd").count
    for _ in 0..<2000 {
      try source.read(.meminfo, into: &buffer)
      try source.read(.stat, of: getpid(), into: &buffer)
      try source.read(.exe, of: getpid(), into: &buffer)
      try source.beginThreads(of: getpid(), at: 0)
      _ = try source.nextThread()
      #expect(throws: ReadFailure.vanished) { try source.read(.stat, of: 0, into: &buffer) }
    }
    // Other tests of this process hold a few meanwhile; a leak would be thousands.
    #expect(try numbers("/proc/self/fd").count < before + 100)
  }
}

/// Runs `body` with this thread's file system user another than root; glibc's header is not in the module.
private func asNobody(_ body: () -> Void) throws {
  typealias SetUser = @convention(c) (UInt32) -> Int32
  guard geteuid() == 0 else { return body() }
  guard let symbol = unsafe dlsym(nil, "setfsuid") else { throw Errno(ENOSYS) }
  let setUser = unsafe unsafeBitCast(symbol, to: SetUser.self)
  _ = setUser(65_534)
  body()
  _ = setUser(0)
}

/// The failure of a reading; nil where there is none.
private func attempt(_ read: () throws(ReadFailure) -> Void) -> ReadFailure? {
  do throws(ReadFailure) {
    try read()
    return nil
  } catch {
    return error
  }
}

private func text(_ buffer: ByteBuffer) -> [UInt8] { Array(buffer.storage[..<buffer.count]) }

private func numbers(_ path: String) throws -> [Int32] {
  try FileManager.default.contentsOfDirectory(atPath: path).compactMap { Int32($0) }
}

private func processes(_ source: inout LiveSource) throws(ReadFailure) -> [Int32] {
  var found: [Int32] = []
  try source.beginProcesses()
  while let pid = try source.nextProcess() { found.append(pid) }
  return found.sorted()
}
