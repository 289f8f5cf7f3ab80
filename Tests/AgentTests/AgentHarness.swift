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

/// What the agent asked of its machine, in order.
final class Log {
  var lines: [String] = []
  /// The results of holding and signalling, by process; `held` and `sent` where there is none.
  var holds: [Int32: Hold] = [:]
  var deliveries: [Int32: Delivery] = [:]
  /// How long the machine has slept.
  var asleep = Nanoseconds.zero
  /// Processes that have exited.
  var ended: Set<Int32> = []
  /// Processes that share the memory of the held process.
  var sharers: Set<Int32> = []
  /// Processes of every process group.
  var group: [Int32] = []
  /// Why no cgroup can be written.
  var cgroupRefusal: Errno?
  /// Why a unit's counts cannot be written.
  var unitRefusal: Errno?
  /// Why a process group cannot be signalled in one step.
  var groupRefusal: Errno?
  /// Held processes by descriptor: numbers that no real descriptor has.
  fileprivate var open: [Int32: Int32] = [:]
  fileprivate var next: Int32 = 1_000_000

  /// The lines since the last time.
  func take() -> [String] {
    defer { lines = [] }
    return lines
  }
}

/// Kill calls that only write the log. The line `hold` is written for the leader of a kill set, and not for the others.
struct LoggingCalls: KillCalls {
  let log: Log

  func open(_ pid: Int32) throws(Errno) -> Int32 {
    if !log.open.values.contains(where: { !log.ended.contains($0) }) { log.lines.append("hold \(pid)") }
    switch log.holds[pid] {
    case .vanished: throw .noSuchProcess
    case .refused(let reason): throw reason
    case .held, .changed, nil: break
    }
    log.next += 1
    log.open[log.next] = pid
    return log.next
  }

  func close(_ process: Int32) { log.open[process] = nil }

  func read(_ file: ProcessFile, of pid: Int32, path: inout CPath, into buffer: inout ByteBuffer) throws(Errno) {
    let start = log.holds[pid] == .changed ? pid + 1 : pid
    switch file {
    case .stat:
      buffer.fill(from: Array("\(pid) (one) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(start) 0 0 0\n".utf8).span)
    case .status: buffer.fill(from: Array("State:\tS (sleeping)\nTracerPid:\t0\nThreads:\t1\n".utf8).span)
    default: buffer.fill(from: Array("0::/\n".utf8).span)
    }
  }

  func send(_ signal: Signal, to process: Int32) throws(Errno) {
    guard let pid = log.open[process] else { throw .noSuchProcess }
    // SIGCONT follows each signal, and is no step of the ladder.
    if signal == .resume { return }
    log.lines.append("\(signal.name) \(pid)")
    switch log.deliveries[pid] {
    case .vanished: throw .noSuchProcess
    case .refused(let reason): throw reason
    case .sent, .rehearsed, nil: break
    }
  }

  func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno) {
    if let refusal = log.groupRefusal { throw refusal }
    log.lines.append("\(signal.name) \(log.open[process] ?? 0)")
  }

  func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno) { throw .noSuchProcess }
  func processGroup(of pid: Int32) throws(Errno) -> Int32 { throw .noSuchProcess }
  func list(group: Int32, after last: Int32, into pids: inout ProcessList) throws(Errno) {
    pids.removeAll()
    for pid in log.group where pid > last { pids.append(pid) }
  }
  func hasten(_ pid: Int32, _ process: Int32, path: inout CPath) throws(Errno) {}
  func hasExited(_ process: Int32) -> Bool { log.ended.contains(log.open[process] ?? 0) }
  func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool { log.sharers.contains(second) }
  func stage(_ process: Int32) throws(Errno) { throw .notSupported }
  func release() throws(Errno) { throw .notSupported }
  func isFrozen(_ cgroup: FreezerPath, of bytes: ByteBuffer, path: inout CPath) throws(Errno) -> Bool { false }
  func thaw(_ cgroup: Range<Int>, of bytes: ByteBuffer, path: inout CPath) throws(Errno) {}
  var released: HelperResult? { nil }
  var cgroupRefusal: Errno? { log.cgroupRefusal }
  func add(_ number: UInt64, to count: UnitCount, of cgroup: borrowing CgroupDirectory) throws(Errno) {
    if let refusal = log.unitRefusal { throw refusal }
    log.lines.append(count == .ooms ? "ooms + \(number)" : "kills + \(number)")
  }
  func pause() {}
}

/// Restart calls that only write the log.
struct LoggingRestartCalls: RestartCalls {
  let log: Log
  var isSynced = true
  var failures: [String: Errno] = [:]

  private func act(_ name: String) throws(Errno) {
    log.lines.append(name)
    if let failure = failures[name] { throw failure }
  }

  func beginSync() throws(Errno) { try act("sync") }
  func reboot() throws(Errno) { try act("reboot") }
  func sysrq(_ letter: UInt8) throws(Errno) { try act("sysrq \(Character(UnicodeScalar(letter)))") }
}

/// Files in memory, whose `meminfo` changes from one reading to the next.
struct ScriptedMachine: Machine, ~Copyable {
  var files = MemorySource()
  /// Available memory in MiB, of 1000, one for each reading; the last value stays. Nil is a file that cannot be read.
  var available: [UInt64?]
  let log: Log
  /// In MiB.
  var total: UInt64 = 1000
  /// Called before each file of the machine, and before each file of a process, is read.
  var beforeMachine: () -> Void = {}
  var beforeProcess: () -> Void = {}
  /// More lines of `meminfo`.
  var lines = ""
  /// For tests in which programs really run.
  var loop: EventLoop
  var isDryRun = false
  var reliefCalls: CgroupRelief?
  var restartCalls: LoggingRestartCalls?
  let queue = HookQueue()
  /// The folder that stands for each cgroup that is opened.
  var cgroupFolder: String?
  /// The time on both clocks, without the time asleep; nil for the real time, where programs really run.
  var time: Nanoseconds? = .milliseconds(1_000_000)

  init(available: [UInt64?], log: Log, loop: consuming EventLoop) {
    self.available = available
    self.log = log
    self.loop = loop
  }

  mutating func wait() throws(Errno) -> Wake { try loop.wait() }
  mutating func openCgroup(_ path: Span<UInt8>, _ scratch: inout ByteBuffer) -> CgroupDirectory? {
    guard files.place(ofCgroup: path, into: &scratch) else { return nil }
    let place = cgroupFolder.map { CPath($0) } ?? CPath(Array(scratch.storage[..<scratch.count]))
    guard let directory = try? OwnedDescriptor.open(place, .read, .directory) else { return nil }
    return CgroupDirectory(directory)
  }

  mutating func setTimer(_ delay: Nanoseconds) throws(Errno) { try loop.wake(inNanoseconds: delay.count) }
  mutating func watch(_ descriptor: Int32, _ readiness: Readiness, tag: UInt64) throws(Errno) {
    try loop.watch(descriptor, readiness, tag: tag)
  }

  mutating func isAlive(_ process: ProcessIdentity) -> Bool? {
    var buffer = ByteBuffer(capacity: 512)
    return files.isAlive(process, &buffer)
  }

  var isWokenAtStalls: Bool { false }
  var killCalls: LoggingCalls? { isDryRun ? nil : LoggingCalls(log: log) }
  var relief: Means<CgroupRelief> {
    if isDryRun { return cgroupVersion == .v2 ? .rehearsed : .missing }
    return reliefCalls.map { .ready($0) } ?? .missing
  }
  var restart: Means<LoggingRestartCalls> {
    isDryRun ? .rehearsed : restartCalls.map { .ready($0) } ?? .missing
  }
  var hooks: HookQueue? { isDryRun ? nil : queue }

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
  var now: Nanoseconds { (time ?? Nanoseconds(Clock.sinceBoot())) + log.asleep }
  var awake: Nanoseconds { time ?? Nanoseconds(Clock.awake()) }

  /// Lets time pass, where it is not the real time.
  mutating func pass(_ milliseconds: UInt64) {
    if let now = time { time = now + .milliseconds(milliseconds) }
  }
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

/// An agent on a scripted machine with these processes: systemd (1), hog (100, 300 MiB), second (101, 200 MiB), keeper
/// (102, 400 MiB, protected by a rule) and small (103, 1 MiB).
final class AgentHarness {
  let log: Log
  var agent: Agent<ScriptedMachine>
  private let record: OwnedDescriptor
  private let spoken: OwnedDescriptor

  /// - Parameter available: As ``ScriptedMachine/available``. The floor is at 100 MiB, half of it at 50, release at
  /// 150.
  init(
    available: [UInt64?], log: Log = Log(), isDryRun: Bool = false, grace: Nanoseconds = .milliseconds(60_000),
    ownPID: Int32 = 0, policy change: (inout CompiledPolicy) -> Void = { _ in },
    relief: CgroupRelief? = nil, lastResort: LoggingRestartCalls? = nil,
    supervision: consuming Supervision = Supervision(), machine alter: (inout ScriptedMachine) -> Void = { _ in }
  ) throws {
    self.log = log
    var source = ScriptedMachine(available: available, log: log, loop: try EventLoop.taking([]))
    source.isDryRun = isDryRun
    source.reliefCalls = relief
    source.restartCalls = lastResort
    AgentHarness.addProcesses(to: &source)
    alter(&source)
    var policy = AgentHarness.policy(grace: grace)
    change(&policy)

    let record = try MemoryFile.create(CPath("record"))
    let spoken = try MemoryFile.create(CPath("messages"))
    let recorder = Recorder(sink: try OwnedDescriptor.duplicate(record.raw), isDryRun: isDryRun)
    agent = Agent(
      machine: source,
      reporter: Reporter(recorder: recorder, messages: Messages(to: spoken.raw), kernelLog: nil), policy: policy,
      constants: AgentConstants(units: .common, ownPID: ownPID),
      reload: ReloadCourse(Reloader(compiler: nil, config: nil)), supervision: supervision,
      killers: KillerWatch(expecting: isDryRun ? .spillwayd : nil))
    self.record = record
    self.spoken = spoken
  }

  /// Puts the processes into a machine.
  static func addProcesses(to source: inout ScriptedMachine) {
    source.files.set(.uptime, "1000.00 1000.00\n")
    source.files.add(1, "systemd", mib: 600, parent: 0)
    source.files.add(100, "hog", mib: 300)
    source.files.add(101, "second", mib: 200)
    source.files.add(102, "keeper", mib: 400)
    source.files.add(103, "small", mib: 1)
  }

  /// The floor is at 100 MiB of 1000, release at 150; what is named keeper is protected.
  static func policy(grace: Nanoseconds) -> CompiledPolicy {
    var policy = CompiledPolicy(
      settings: Settings(
        thresholds: Thresholds(
          floor: Floor(available: .share(.percent(10)), swapFree: nil), release: .share(.percent(15))),
        formula: .footprint, adjustment: .respect, grace: grace, minimumFootprint: .automatic))
    policy.text = Array("keeperhogthe hog".utf8)
    policy.addRule(name: 0..<6, comm: 0..<6, protects: true)
    policy.addRule(name: 9..<16, comm: 6..<9, protects: false)
    return policy
  }

  /// One look. Returns what the agent did in it.
  func tick() -> [String] {
    look()
    return log.take()
  }

  /// One look at every domain, due or not, a millisecond after the last.
  func look() {
    agent.machine.pass(1)
    for number in agent.domains.indices { agent.domains[number].dueAt = .zero }
    _ = agent.tick()
  }

  /// Whether processes that are found in a group or cgroup at the time of a signal may be killed.
  ///
  /// - Parameter domain: Its place among the agent's domains.
  func clearances(_ pids: [Int32], in domain: Int = 0) -> [Clearance] {
    agent.chooser.roster.forgetAncestors()
    let domain = agent.domains[domain]
    return pids.map { agent.clearance(of: $0, in: domain, by: agent.context(of: domain)) }
  }

  /// Whether a victim is being killed.
  var isPursuing: Bool { agent.domains.contains { $0.pursuit != nil } }

  /// Waits for an event, for two milliseconds at most. Where time is not the real time, two milliseconds pass.
  func wait() {
    if agent.machine.time != nil { return agent.machine.pass(2) }
    try? agent.machine.setTimer(.milliseconds(2))
    _ = try? agent.machine.wait()
  }

  /// Looks until the victim's outcome is known: its memory settles for 50 ms, and a stuck victim takes 5 s.
  func finish() -> [String] {
    for _ in 0..<5000 where isPursuing {
      look()
      wait()
    }
    return log.take().filter { $0 != "meminfo" }
  }

  /// All records of an event.
  func records(_ event: String) throws -> [[String: Any]] {
    try text(record).split(separator: "\n").map { line in
      let problems = RecordSchema.shared.problems(Data(line.utf8))
      #expect(problems.isEmpty, "\(problems): \(line)")
      return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }.filter { $0["event"] as? String == event }
  }

  /// All messages.
  func messages() throws -> String { try text(spoken) }

  private func text(_ file: borrowing OwnedDescriptor) throws -> String {
    var buffer = [UInt8](repeating: 0, count: 1 << 22)
    let count = try file.readWhole(into: &buffer)
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}

/// One step of a course. Several parts of an agent that a class holds cannot be passed on at once from outside.
extension Agent where M == ScriptedMachine {
  mutating func advanceHooks() { hooks.advance(&machine, &reporter, domains) }
  mutating func finishRelief() { relief.finish(&machine, &reporter) }
  mutating func watchFiles() { reload.watchFiles(&machine, &reporter) }
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
func outcomes(_ stage: AgentHarness) throws -> [String] {
  try stage.records("outcome").map { record in
    "\(victim(record) ?? 0) \(record["outcome"] as? String ?? "") \(record["action"] as? String ?? "")"
  }
}
