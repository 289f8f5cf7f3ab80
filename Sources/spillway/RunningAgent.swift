import FoundationEssentials
import LinuxSystem
import ProcModel

/// An agent that runs on this machine, as its files in /proc tell of it.
struct RunningAgent: Equatable {
  let pid: Int32
  /// Its command line.
  private let words: [[UInt8]]
  /// Whether SIGUSR1 reaches its loop. An agent of a release that does not know the signal, or one that is just
  /// starting, would die of it.
  let takesRequests: Bool

  /// The agents of root and of this user. A process of another user that calls itself so proves nothing.
  static func all() throws(Failure) -> [RunningAgent] {
    do throws(Errno) {
      var walk = DirectoryWalk(try OwnedDescriptor.open(CPath("/proc"), .read, .directory), capacity: 16 * 1024)
      var agents: [RunningAgent] = []
      while let pid = try walk.next() {
        if let agent = RunningAgent(pid) { agents.append(agent) }
      }
      return agents
    } catch {
      throw Failure(.kernelFeature, "/proc cannot be read: \(error.text)")
    }
  }

  /// Nil where the process is none.
  init?(_ pid: Int32) {
    let folder = "/proc/\(pid)"
    guard RunningAgent.bytes("\(folder)/comm") == Array("\(RunningAgent.name)\n".utf8),
      let status = RunningAgent.bytes("\(folder)/status"),
      let user = try? ProcessStatus(parsing: status.span).effectiveUID,
      user == 0 || user == OwnProcess.effectiveUID
    else { return nil }
    // Root's may not be read by others.
    if let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/exe"),
      let last = program.split(separator: "/").last, last != RunningAgent.name,
      last != "\(RunningAgent.name) (deleted)"
    {
      return nil
    }
    guard let line = RunningAgent.bytes("\(folder)/cmdline") else { return nil }
    self.pid = pid
    words = line.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
    takesRequests = RunningAgent.blocks(.user1, status)
  }

  private static let name = "spillwayd"

  private static func bytes(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path).map { [UInt8]($0) }
  }

  /// Whether a process takes a signal as an event: it is blocked (`SigBlk` of proc(5), a mask in hexadecimal).
  private static func blocks(_ signal: Signal, _ status: [UInt8]) -> Bool {
    let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("SigBlk:") }), let digits = line.split(separator: "\t").last,
      let mask = UInt64(digits, radix: 16)
    else { return false }
    return mask & 1 << UInt64(signal.rawValue - 1) != 0
  }

  /// Whether it is there for another `spillway record`.
  var isRecording: Bool { words.contains(Array("--flight-in-full".utf8)) }

  /// The folder of its flights: as it was given, or in its state directory, where it makes one unless its policy has
  /// turned flights off. Nil where it records none.
  var flights: [UInt8]? {
    if let given = value(of: "--flights") { return given }
    guard let folder = value(of: "--state-dir").map({ $0 + Array("/flights".utf8) }),
      FileManager.default.fileExists(atPath: String(decoding: place(of: folder), as: UTF8.self))
    else { return nil }
    return folder
  }

  private func value(of option: String) -> [UInt8]? {
    guard let place = words.lastIndex(of: Array(option.utf8)), place + 1 < words.count, !words[place + 1].isEmpty else {
      return nil
    }
    return words[place + 1]
  }

  /// Where this process finds a file or folder that the agent names: it may have mounts of its own.
  func place(of path: [UInt8]) -> [UInt8] {
    let start = path.first == UInt8(ascii: "/") ? "/proc/\(pid)/root" : "/proc/\(pid)/cwd/"
    return Array(start.utf8) + path
  }
}
