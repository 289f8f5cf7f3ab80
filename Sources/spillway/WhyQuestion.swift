import History
import ProcModel

/// What somebody asks `why` about.
enum WhyQuestion: Equatable {
  case pid(Int32)
  /// An exit code above 128, or the signal that it stands for.
  case exit(code: Int32)
  case incident([UInt8])
  /// A control group's path, or an executable's.
  case path([UInt8])
  /// The name of a unit or of a process.
  case name([UInt8])

  /// - Returns: Nil where nothing is asked about.
  init?(_ words: [String]) {
    let text = words.joined(separator: " ").split(separator: " ").joined(separator: " ")
    guard !text.isEmpty else { return nil }
    if let code = WhyQuestion.exitCode(text) {
      self = .exit(code: code)
    } else if let pid = Int32(text), pid > 0 {
      self = .pid(pid)
    } else if WhyQuestion.isIncident(text) {
      self = .incident(Array(text.utf8))
    } else if text.hasPrefix("/") {
      self = .path(Array(text.utf8))
    } else {
      self = .name(Array(text.utf8))
    }
  }

  /// `exit 137`, `exit code 137`, `exited with 143`, `status=137`, `rc=137`; `SIGKILL` and systemd's `status=9/KILL`.
  private static func exitCode(_ text: String) -> Int32? {
    let lower = text.lowercased()
    if lower == "sigkill" || lower.hasSuffix("9/kill") { return 137 }
    if lower == "sigterm" || lower.hasSuffix("15/term") { return 143 }
    guard ["exit", "status", "rc", "code", "returncode"].contains(where: { lower.hasPrefix($0) }),
      let digits = lower.split(whereSeparator: { !$0.isNumber }).first, let code = Int32(digits), code < 256
    else { return nil }
    // Nothing else but the words around a number.
    let words = lower.split { !$0.isLetter }
    let known = ["exit", "exited", "status", "rc", "code", "returncode", "with", "of"]
    return words.allSatisfy { known.contains(String($0)) } ? code : nil
  }

  /// `1e4b4a41-8412-3`.
  private static func isIncident(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 3 && parts[0].count == 8 && parts[0].allSatisfy { $0.isHexDigit }
      && parts[1...].allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isNumber } }
  }

  /// Whether a kill is what was asked about.
  func isAbout(_ kill: PastKill) -> Bool {
    let victim = kill.victim
    switch self {
    case .pid(let pid): return victim.pid == pid || victim.companions.contains(pid)
    case .exit(let code):
      switch kill.deed {
      case .killed: return true
      case .signalled(let signal): return signal == code - 128
      case .rehearsed, .spared, .panicked: return false
      }
    case .incident(let incident): return kill.decision?.incident == incident
    case .path(let path):
      if victim.executable == path { return true }
      guard let cgroup = victim.cgroup, cgroup.starts(with: path) else { return false }
      return cgroup.count == path.count || path.last == .slash || cgroup[path.count] == .slash
    case .name(let name):
      // The kernel keeps 15 bytes of a process's name.
      if let own = victim.name, own == name || own == Array(name.prefix(15)) { return true }
      if let unit = victim.unit, unit == name || unit == name + Array(".service".utf8) { return true }
      return victim.executable.map { $0.split(separator: .slash).last.map(Array.init) == name } ?? false
    }
  }

  /// What was asked about, in words: `PID 4711`.
  var words: String {
    switch self {
    case .pid(let pid): "PID \(pid)"
    case .exit(let code): "exit code \(code)"
    case .incident(let incident): "incident \(PastWords.text(incident))"
    case .path(let path): PastWords.text(path)
    case .name(let name): PastWords.text(name)
    }
  }
}
