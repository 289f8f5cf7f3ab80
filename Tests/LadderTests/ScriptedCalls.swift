import Ladder
import LinuxSystem
import ProcModel

/// What a script makes of each call, and what was asked for.
final class CallScript {
  /// Processes that there are, by number: their start times and `/proc/PID/status`.
  var processes: [Int32: UInt64] = [:]
  var status: [Int32: String] = [:]
  /// Cgroups that are frozen.
  var frozen: Set<String> = []
  var cgroup: [Int32: String] = [:]
  var exited: Set<Int32> = []
  /// Why a call fails, by its name or by its name and process: `send`, `send 7`.
  var failures: [String: Errno] = [:]
  var kin: Set<Int32> = []
  /// What the next releases come to; nil is one that stays under way.
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

/// A kernel that does as its script says.
struct ScriptedCalls: HandCalls {
  let script: CallScript

  func open(_ pid: Int32) throws(Errno) -> Int32 {
    try script.say("open", pid)
    guard script.processes[pid] != nil else { throw .noSuchProcess }
    return script.openDescriptor(pid)
  }

  func close(_ process: Int32) { script.closeDescriptor(process) }

  func read(_ file: VictimFile, of pid: Int32, path: inout CPath, into buffer: inout ByteBuffer) throws(Errno) {
    try script.say(file.path, pid)
    guard let start = script.processes[pid] else { throw .noSuchFile }
    let text =
      switch file {
      case .stat: "\(pid) (one) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(start) 0 0 0\n"
      case .status: script.status[pid] ?? "State:\tS (sleeping)\nTracerPid:\t0\nThreads:\t1\nCoreDumping:\t0\n"
      case .cgroup: script.cgroup[pid] ?? "0::/\n"
      }
    buffer.fill(from: Array(text.utf8).span)
  }

  func send(_ signal: Signal, to process: Int32) throws(Errno) {
    try script.say("send", script.open[process], detail: signal.name)
    if script.exited.contains(script.open[process] ?? 0) { throw .noSuchProcess }
  }

  func send(_ signal: Signal, toGroupOf process: Int32, pid: Int32) throws(Errno) {
    try script.say("group", pid, detail: signal.name)
  }

  func hasten(_ pid: Int32, path: inout CPath) throws(Errno) { try script.say("hasten", pid) }

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
  func another() -> ScriptedCalls { self }
}
