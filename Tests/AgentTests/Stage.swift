import Badness
import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record
import Testing

@testable import Agent

/// What the agent asked of its source and its hand, in order.
final class Log {
  var lines: [String] = []
  /// What holding and signalling come to, by process; `held` and `sent` unless said otherwise.
  var holds: [Int32: Hold] = [:]
  var deliveries: [Int32: Delivery] = [:]
  /// Processes that have ended.
  var ended: Set<Int32> = []
  /// Processes that have the memory of whichever is held.
  var sharers: Set<Int32> = []
  /// Processes that are found in the group or cgroup of whoever is signalled.
  var present: [Int32] = []
  /// What the hand was told of them at the last signal, in their order.
  var clearances: [Clearance] = []
  /// Why the last signal went one by one.
  var oneByOne: OneByOne?

  /// The lines since the last time.
  func take() -> [String] {
    defer { lines = [] }
    return lines
  }
}

/// A hand that does nothing but remember.
struct LoggingHand: Actuator {
  let log: Log
  private var pid: Int32?

  init(log: Log) {
    self.log = log
  }

  mutating func hold(_ identity: ProcessIdentity) -> Hold {
    log.lines.append("hold \(identity.pid)")
    let hold = log.holds[identity.pid] ?? .held
    pid = hold == .held ? identity.pid : nil
    return hold
  }

  mutating func send(_ signal: Signal, asking ask: (Int32) -> Clearance) -> Delivery {
    guard let pid else { return .vanished }
    log.lines.append("\(signal.name) \(pid)")
    log.clearances = log.present.map(ask)
    return log.deliveries[pid] ?? .sent
  }

  mutating func join(_ identity: ProcessIdentity) -> Hold { .held }
  mutating func takeGroup(_: Int32) {}
  mutating func take(_ cgroup: consuming CgroupDirectory) {}
  mutating func reap(asking ask: (Int32) -> Clearance) {}
  mutating func examine() -> Standstill { .running }
  mutating func thaw() -> Bool { false }
  mutating func kinship(_ identity: ProcessIdentity) -> MemoryKinship {
    log.sharers.contains(identity.pid) ? .shares : .separate
  }

  var reach: Reach {
    var reach = Reach()
    reach.oneByOne = log.oneByOne
    return reach
  }
  var released: HelperResult? { nil }
  var hasExited: Bool { pid.map { log.ended.contains($0) } ?? true }
  var exitDescriptor: Int32? { nil }

  mutating func release() {
    pid = nil
  }

  func another() -> LoggingHand { LoggingHand(log: log) }
}

/// Files in memory, whose `meminfo` changes from one reading to the next.
struct ScriptedSource: ProcSource {
  var files = MemorySource()
  /// MiB available of 1000, one for each reading; the last stays. Nil is a file that cannot be read.
  var available: [UInt64?]
  let log: Log
  /// MiB.
  var total: UInt64 = 1000
  /// Done before each file of the machine is read, and of each process.
  var beforeMachine: () -> Void = {}
  var beforeProcess: () -> Void = {}
  /// More lines of `meminfo`.
  var lines = ""

  mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure) {
    beforeMachine()
    if file == .meminfo {
      log.lines.append("meminfo")
      let next = available.count > 1 ? available.removeFirst() : available[0]
      guard let next else { throw .failed(errno: 5) }
      files.set(.meminfo, "MemTotal: \(total * 1024) kB\nMemFree: 1 kB\nMemAvailable: \(next * 1024) kB\n" + lines)
    }
    try files.read(file, into: &buffer)
  }

  mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try files.readZram(index, into: &buffer)
  }

  var cgroupVersion: CgroupVersion? { files.cgroupVersion }
  var view: ProcView { files.view }

  mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool {
    files.place(ofCgroup: path, into: &buffer)
  }

  var clock: Nanoseconds? { files.clock }
  func isReplaced(_ file: SystemFile) -> Bool { files.isReplaced(file) }

  mutating func read(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try files.read(file, ofCgroup: path, into: &buffer)
  }

  mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    beforeProcess()
    try files.read(file, of: pid, into: &buffer)
  }

  mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try files.read(file, ofThread: thread, of: pid, into: &buffer)
  }

  mutating func beginProcesses() throws(ReadFailure) { try files.beginProcesses() }
  mutating func nextProcess() throws(ReadFailure) -> Int32? { try files.nextProcess() }
  mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure) {
    try files.beginThreads(of: pid, at: start)
  }

  mutating func nextThread() throws(ReadFailure) -> Int32? { try files.nextThread() }
  mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet? { nil }
}

extension MemorySource {
  /// Adds a process of this size.
  mutating func add(_ pid: Int32, _ comm: String, mib: UInt64, parent: Int32 = 1, adjustment: Int = 0) {
    let pages = mib * 256
    set(
      .stat, of: pid,
      "\(pid) (\(comm)) S \(parent) 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 \(pid) \(pages * 4096) \(pages) 0\n")
    set(
      .status, of: pid,
      """
      Name:\t\(comm)
      Uid:\t1000\t1000\t1000\t1000
      VmSize:\t\(mib * 1024) kB
      VmRSS:\t\(mib * 1024) kB
      RssAnon:\t\(mib * 1024) kB
      RssFile:\t0 kB
      RssShmem:\t0 kB
      Threads:\t1
      CapEff:\t0000000000000000

      """)
    set(.oomScore, of: pid, "100\n")
    set(.oomScoreAdj, of: pid, "\(adjustment)\n")
    set(.cgroup, of: pid, "0::/system.slice/\(comm).service\n")
    set(.exe, of: pid, "/usr/bin/\(comm)")
    set(.cmdline, of: pid, "\(comm)\0")
  }

  /// Gives a process a part in shared memory.
  mutating func addShared(_ pid: Int32, kib: UInt64) {
    let key = Key(.status, of: pid)
    guard let status = processes.contains(pid) ? files[key] : nil else { return }
    let text = String(decoding: status, as: UTF8.self)
    set(.status, of: pid, text.replacingOccurrences(of: "RssShmem:\t0 kB", with: "RssShmem:\t\(kib) kB"))
  }

  mutating func remove(_ pid: Int32) {
    processes.removeAll { $0 == pid }
    for file in ProcessFile.allCases { files[Key(file, of: pid)] = nil }
  }
}

/// An agent in a world made for it: a hog (100), a smaller one (101), a protected giant (102), and init.
final class Stage<Hand: Actuator & ~Copyable> {
  let log: Log
  var agent: Agent<ScriptedSource, Hand>
  private let record: OwnedDescriptor
  private let spoken: OwnedDescriptor

  /// - Parameter available: As ``ScriptedSource/available``. The floor is at 100 MiB, half of it at 50, release at 150.
  init(
    available: [UInt64?], hand: consuming Hand, log: Log, isDryRun: Bool = false,
    grace: Nanoseconds = .milliseconds(60_000),
    policy change: (inout CompiledPolicy) -> Void = { _ in }, relief: consuming CgroupRelief? = nil,
    lastResort: LastResortHand? = nil, supervision: consuming Supervision = Supervision(),
    source alter: (inout ScriptedSource) -> Void = { _ in }
  ) throws {
    self.log = log
    var source = ScriptedSource(available: available, log: log)
    source.files.set(.uptime, "1000.00 1000.00\n")
    source.files.add(1, "systemd", mib: 600, parent: 0)
    source.files.add(100, "hog", mib: 300)
    source.files.add(101, "second", mib: 200)
    source.files.add(102, "keeper", mib: 400)
    source.files.add(103, "small", mib: 1)
    alter(&source)

    var policy = CompiledPolicy(
      settings: Settings(
        thresholds: Thresholds(
          floor: Floor(available: .share(.percent(10)), swapFree: nil), release: .share(.percent(15))),
        formula: .footprint, adjustment: .respect, grace: grace, minimumFootprint: .automatic))
    policy.text = Array("keeperhogthe hog".utf8)
    policy.addRule(name: 0..<6, comm: 0..<6, protects: true)
    policy.addRule(name: 9..<16, comm: 6..<9, protects: false)
    change(&policy)

    let record = try MemoryFile.create(CPath("record"))
    let spoken = try MemoryFile.create(CPath("messages"))
    let recorder = Recorder(sink: try OwnedDescriptor.duplicate(record.raw), isDryRun: isDryRun)
    let loop = try EventLoop.taking([])
    agent = Agent(
      source: source, hand: hand, loop: loop, recorder: recorder,
      messages: Messages(to: spoken.raw), kernelLog: nil, pressureWatch: nil,
      reloader: Reloader(compiler: nil, config: nil), relief: relief,
      lastResort: lastResort,
      judge: Judge(
        policy: policy, machine: MachineFacts(ram: .zero, swap: .zero, units: .common), agent: 0),
      supervision: supervision, isVerbose: false)
    self.record = record
    self.spoken = spoken
  }

  /// One look, and what the agent did in it.
  func tick() -> [String] {
    look()
    return log.take()
  }

  /// One look at every domain, whether it is time or not.
  func look() {
    for number in agent.watches.indices { agent.watches[number].dueAt = .zero }
    _ = agent.tick()
  }

  /// Whether somebody is being ended.
  var isPursuing: Bool { agent.watches.contains { $0.pursuit != nil } }

  /// Looks until it is over with the victim: its memory settles for 50 ms, and a stuck one takes 5 s.
  func finish() -> [String] {
    for _ in 0..<2000 where isPursuing {
      look()
      usleep(5000)
    }
    return log.take().filter { $0 != "meminfo" }
  }

  /// All that was recorded.
  func records(_ event: String) throws -> [[String: Any]] {
    try text(record).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }.filter { $0["event"] as? String == event }
  }

  /// All that was said.
  func messages() throws -> String { try text(spoken) }

  private func text(_ file: borrowing OwnedDescriptor) throws -> String {
    var buffer = [UInt8](repeating: 0, count: 1 << 22)
    let count = try file.readWhole(into: &buffer)
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}

extension Stage where Hand == LoggingHand {
  convenience init(
    available: [UInt64?], grace: Nanoseconds = .milliseconds(60_000),
    policy change: (inout CompiledPolicy) -> Void = { _ in }
  ) throws {
    let log = Log()
    try self.init(available: available, hand: LoggingHand(log: log), log: log, grace: grace, policy: change)
  }
}

extension CompiledPolicy {
  /// A rule on a name, both taken from ``text``.
  mutating func addRule(name: Range<UInt32>, comm: Range<UInt32>, protects: Bool) {
    alternatives.append(.literal(Slice(start: comm.lowerBound, count: UInt32(comm.count))))
    tests.append(
      FieldTest(field: .comm, alternatives: Slice(start: UInt32(alternatives.count - 1), count: 1)))
    rules.append(
      Rule(
        name: Slice(start: name.lowerBound, count: UInt32(name.count)),
        tests: Slice(start: UInt32(tests.count - 1), count: 1), protects: protects, order: nil, weight: 1))
  }
}

/// The pid of a record's victim.
func victim(_ record: [String: Any]) -> Int? {
  (record["victim"] as? [String: Any])?["pid"] as? Int
}

/// The outcomes as `pid outcome action`.
func outcomes<Hand: Actuator & ~Copyable>(_ stage: Stage<Hand>) throws -> [String] {
  try stage.records("outcome").map { record in
    "\(victim(record) ?? 0) \(record["outcome"] as? String ?? "") \(record["action"] as? String ?? "")"
  }
}
