import Ladder
import LinuxSystem
import ProcModel

/// The results of the scripted calls, and a log of the calls.
final class CallScript {
  /// The processes, by number: their start times and `/proc/PID/status`.
  var processes: [Int32: UInt64] = [:]
  var status: [Int32: String] = [:]
  /// Cgroups that are frozen.
  var frozen: Set<String> = []
  var cgroup: [Int32: String] = [:]
  var exited: Set<Int32> = []
  /// Why a call fails, by its name or by its name and process: `send`, `send 7`.
  var failures: [String: Errno] = [:]
  var kin: Set<Int32> = []
  /// Process groups, by process. A process that is not here has none.
  var groups: [Int32: Int32] = [:]
  /// Whether a group can be signalled by its leader's pidfd (Linux 6.9).
  var hasGroupsByPidfd = true
  /// Whether a process that gets SIGKILL has exited when the call returns.
  var dieAtOnce = false
  /// Called when the group of a process is asked for, before the answer.
  var whenAskedForGroup: (Int32) -> Void = { _ in }
  /// The results of the next releases; nil is one that stays under way.
  var releases: [HelperResult?] = []
  private(set) var calls: [String] = []
  private(set) var open: [Int32: Int32] = [:]
  private var next: Int32 = 1000
  fileprivate var last: HelperResult?

  fileprivate func say(_ call: String, _ pid: Int32? = nil, detail: String = "") throws(Errno) {
    let name = pid.map { "\(call) \($0)" } ?? call
    calls.append(detail.isEmpty ? name : "\(name) \(detail)")
    if let failure = failures[name] ?? failures[call] { throw failure }
  }

  /// Fails, and writes no log.
  fileprivate func fail(_ call: String) throws(Errno) {
    if let failure = failures[call] { throw failure }
  }

  fileprivate func openDescriptor(_ pid: Int32) -> Int32 {
    next += 1
    open[next] = pid
    return next
  }

  fileprivate func closeDescriptor(_ process: Int32) {
    precondition(open.removeValue(forKey: process) != nil, "closed twice, or never opened")
  }

  /// The calls since the last time.
  func take() -> [String] {
    defer { calls = [] }
    return calls
  }
}

/// Kill calls with the results of a script.
struct ScriptedCalls: KillCalls {
  let script: CallScript

  func open(_ pid: Int32) throws(Errno) -> Int32 {
    try script.say("open", pid)
    guard script.processes[pid] != nil else { throw .noSuchProcess }
    return script.openDescriptor(pid)
  }

  func close(_ process: Int32) { script.closeDescriptor(process) }

  func read(_ file: ProcessFile, of pid: Int32, path: inout CPath, into buffer: inout ByteBuffer) throws(Errno) {
    try script.say(file.path, pid)
    guard let start = script.processes[pid] else { throw .noSuchFile }
    let text =
      switch file {
      case .stat: "\(pid) (one) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(start) 0 0 0\n"
      case .status: script.status[pid] ?? "State:\tS (sleeping)\nTracerPid:\t0\nThreads:\t1\nCoreDumping:\t0\n"
      case .cgroup: script.cgroup[pid] ?? "0::/\n"
      default: throw .noSuchFile
      }
    buffer.fill(from: Array(text.utf8).span)
  }

  func send(_ signal: Signal, to process: Int32) throws(Errno) {
    try script.say("send", script.open[process], detail: signal.name)
    if script.exited.contains(script.open[process] ?? 0) { throw .noSuchProcess }
    if script.dieAtOnce, signal == .kill, let pid = script.open[process] { script.exited.insert(pid) }
  }

  func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno) {
    if !script.hasGroupsByPidfd { throw .invalidArgument }
    try script.say("group", script.open[process], detail: signal.name)
  }

  func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno) {
    try script.say("number", proof.group, detail: "\(signal.name) by \(proof.member)")
  }

  func processGroup(of pid: Int32) throws(Errno) -> Int32 {
    script.whenAskedForGroup(pid)
    guard let group = script.groups[pid] else { throw .noSuchProcess }
    return group
  }

  func list(group: Int32, after last: Int32, into pids: inout ProcessList) throws(Errno) {
    try script.fail("list")
    pids.removeAll()
    for pid in script.groups.keys.sorted() where script.groups[pid] == group && pid > last { pids.append(pid) }
  }

  func hasten(_ pid: Int32, _ process: Int32, path: inout CPath) throws(Errno) { try script.say("hasten", pid) }

  func hasExited(_ process: Int32) -> Bool { script.exited.contains(script.open[process] ?? 0) }

  func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool {
    try script.say("kcmp", second)
    return script.kin.contains(second)
  }

  func stage(_ process: Int32) throws(Errno) { try script.say("stage", script.open[process]) }

  func release() throws(Errno) {
    try script.say("release")
    script.last = script.releases.isEmpty ? HelperResult() : script.releases.removeFirst()
  }

  func isFrozen(_ cgroup: FreezerPath, of bytes: ByteBuffer, path: inout CPath) throws(Errno) -> Bool {
    try script.say("frozen")
    return [cgroup.first, cgroup.second].contains { range in
      range.map { script.frozen.contains(String(decoding: bytes.storage[$0], as: UTF8.self)) } ?? false
    }
  }

  func thaw(_ cgroup: Range<Int>, of bytes: ByteBuffer, path: inout CPath) throws(Errno) {
    try script.say("thaw", detail: String(decoding: bytes.storage[cgroup], as: UTF8.self))
  }

  var released: HelperResult? { script.last }
  var cgroupRefusal: Errno? { nil }
  func add(_ number: UInt64, to count: UnitCount, of cgroup: borrowing CgroupDirectory) throws(Errno) {
    try script.say(count == .ooms ? "ooms" : "kills", detail: "\(number)")
  }
  func pause() {}
}

/// A killer with scripted calls, as a class: expectations copy what they look at.
final class ScriptedKiller {
  private var killer: Killer<ScriptedCalls>
  /// The answers about processes; the others may be killed.
  var clearances: [Int32: Clearance] = [:]
  /// The processes that were asked about.
  private(set) var asked: [Int32] = []
  /// Called at each question.
  var whenAsked: (Int32) -> Void = { _ in }

  init(_ script: CallScript, capacity: Int = 512) {
    killer = Killer(calls: ScriptedCalls(script: script), capacity: capacity)
  }

  private func answer(_ pid: Int32) -> Clearance {
    asked.append(pid)
    whenAsked(pid)
    return clearances[pid] ?? .mayGo
  }

  func hold(_ identity: ProcessIdentity) -> Hold { killer.hold(identity) }
  func join(_ identity: ProcessIdentity) -> Hold { killer.join(identity) }
  func takeGroup(_ number: Int32) { killer.takeGroup(number) }
  func take(_ cgroup: consuming CgroupDirectory, isUnit: Bool = false) { killer.take(cgroup, isUnit: isUnit) }
  func send(_ signal: Signal) -> Delivery { killer.send(signal, asking: answer) }
  func reap() { killer.reap(asking: answer) }
  func examine() -> Standstill { killer.examine() }
  func thaw() -> Bool { killer.thaw() }
  func kinship(_ identity: ProcessIdentity) -> MemorySharing { killer.kinship(identity) }
  func release() { killer.release() }
  var reach: DeliveryCount { killer.reach }
  var unitMark: UnitMark { killer.unitMark }
  var released: HelperResult? { killer.released }
  var hasExited: Bool { killer.hasExited }
  var exitDescriptor: Int32? { killer.exitDescriptor }
}
