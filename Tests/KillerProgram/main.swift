import Glibc
import Ladder
import LinuxSystem
import ProcModel

/// A `Killer` in a process of its own, for tests that kill real processes.
///
/// usage: KillerProgram PID START_TIME [PID START_TIME…] [WORD…]
///
/// It holds these processes, the first as the leader of the kill set, and prints what came of each: `held`, `changed`.
/// Then it does what each WORD says, and prints what came of that:
///
/// - `term`, `kill`: sends the signal;
/// - `group`: the leader's process group may be killed as a whole;
/// - `protect=NAME`: from here on, processes of that name are protected where they would be killed with a whole;
/// - `how`: whether the last signal went to a whole in one step, or why not;
/// - `say=WORD`: writes it to the file `said`; `wait=FILE`: waits until there is such a file, 20 s at most;
/// - `cgroup=DIRECTORY`: that cgroup may be killed as a whole; `freezer=DIRECTORY` before it is its version 1 freezer;
/// - `reap`: has memory given back until all have exited, and prints of how many it was;
/// - `release`: has memory given back once, and prints of how many it was;
/// - `gone`: looks until all have exited, 20 s at most;
/// - `examine`, `thaw`;
/// - `kin=PID,START_TIME`: whether that process has the leader's memory.
///
/// Without a WORD it sends SIGTERM.
private struct Program: ~Copyable {
  private var killer: Killer<LiveCalls>
  private var freezer: String?
  private var protected: String?
  /// The first process held.
  private var first: Int32 = 0

  init() throws(Errno) {
    var calls = LiveCalls(proc: try OwnedDescriptor.open(CPath("/proc"), .read, .directory))
    // Before Linux 5.15 no memory is released.
    try? calls.makeHelper()
    killer = Killer(calls: calls)
  }

  mutating func run(_ words: ArraySlice<String>) throws(Errno) {
    var rest = words
    var isFirst = true
    var answers: [String] = []
    while rest.count > 1, let identity = Program.identity(rest[rest.startIndex], rest[rest.startIndex + 1]) {
      if isFirst { first = identity.pid }
      answers.append("\(isFirst ? killer.hold(identity) : killer.join(identity))")
      isFirst = false
      rest = rest.dropFirst(2)
    }
    if isFirst { throw .invalidArgument }
    for word in rest.isEmpty ? ["term"] : rest { answers.append(try answer(word)) }
    print(answers.joined(separator: " "))
  }

  private mutating func answer(_ word: String) throws(Errno) -> String {
    if let path = Program.value(word, "cgroup=") {
      let directory = try OwnedDescriptor.open(CPath(path), .read, .directory)
      if let freezer {
        killer.take(
          CgroupDirectory(directory, freezer: try OwnedDescriptor.open(CPath(freezer), .read, .directory)))
      } else {
        killer.take(CgroupDirectory(directory))
      }
      return "taken"
    }
    if let path = Program.value(word, "freezer=") {
      freezer = path
      return "noted"
    }
    if let kin = Program.value(word, "kin=") {
      let parts = kin.split(separator: ",").map(String.init)
      guard parts.count == 2, let identity = Program.identity(parts[0], parts[1]) else { throw .invalidArgument }
      return "\(killer.kinship(identity))"
    }
    if let name = Program.value(word, "protect=") {
      protected = name
      return "noted"
    }
    if let text = Program.value(word, "say=") {
      try OwnedDescriptor.open(CPath("said"), .write, [.create, .append]).write(CPath(text).bytes)
      return "said"
    }
    if let file = Program.value(word, "wait=") {
      try wait { _ in unsafe access(file, F_OK) == 0 }
      return "seen"
    }
    switch word {
    case "term": return Program.text(send(.terminate))
    case "kill": return Program.text(send(.kill))
    case "how":
      guard let reason = killer.reach.oneByOne else { return killer.reach.isWhole ? "whole" : "members" }
      return reason.errno.map { "\(reason.name)(\($0.text))" } ?? reason.name
    case "group":
      killer.takeGroup(first)
      return "taken"
    case "examine": return killer.examine().name
    case "thaw": return killer.thaw() ? "thawed" : "unthawed"
    case "reap":
      try wait { program in
        program.reap()
        return program.killer.hasExited
      }
      let released = killer.released ?? HelperResult()
      return "reaped \(released.released) \(released.vanished)"
    case "release":
      try wait { program in
        program.reap()
        return program.killer.released != nil
      }
      return "released \(killer.released?.released ?? 0)"
    case "gone":
      try wait { program in program.killer.hasExited }
      return "gone"
    default: throw .invalidArgument
    }
  }

  private mutating func send(_ signal: Signal) -> Delivery {
    let protected = protected
    return killer.send(signal) { pid in Program.clearance(of: pid, protected) }
  }

  private mutating func reap() {
    let protected = protected
    killer.reap { pid in Program.clearance(of: pid, protected) }
  }

  private static func clearance(of pid: Int32, _ protected: String?) -> Clearance {
    if pid == 1 || pid == OwnProcess.pid { return .stays }
    guard let protected else { return .mayGo }
    var name = [UInt8](repeating: 0, count: 32)
    guard let file = try? OwnedDescriptor.open(CPath("/proc/\(pid)/comm"), .read),
      let count = try? file.readWhole(into: &name)
    else { return .gone }
    return String(decoding: name[..<max(count - 1, 0)], as: UTF8.self) == protected ? .stays : .mayGo
  }

  private mutating func wait(_ isOver: (inout Program) -> Bool) throws(Errno) {
    let start = Clock.sinceBoot()
    while !isOver(&self) {
      if Clock.sinceBoot() - start > 20_000_000_000 { throw .busy }
      usleep(1000)
    }
  }

  private static func identity(_ pid: String, _ startTime: String) -> ProcessIdentity? {
    guard let pid = Int32(pid), let startTime = UInt64(startTime) else { return nil }
    return ProcessIdentity(pid: pid, startTime: Ticks(startTime))
  }

  private static func text(_ delivery: Delivery) -> String {
    delivery == .refused(.notPermitted) ? "refused(EPERM)" : "\(delivery)"
  }

  private static func value(_ word: String, _ prefix: String) -> String? {
    word.hasPrefix(prefix) ? String(word.dropFirst(prefix.count)) : nil
  }
}

do throws(Errno) {
  var program = try Program()
  try program.run(CommandLine.arguments.dropFirst())
} catch {
  print("KillerProgram: \(error.text)")
  OwnProcess.exit(64)
}
