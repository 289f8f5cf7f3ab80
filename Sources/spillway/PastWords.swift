import History
import ProcModel
import Record

/// How what happened is told in words. All text of processes is made harmless on the way.
enum PastWords {
  /// Local time to the second: `2026-11-30 10:00:05`.
  static func time(_ time: WallTime?) -> String {
    guard let time else { return "-" }
    let civil = PastOptions.zone.civil(time)
    return "\(civil.year)-\(two(civil.month))-\(two(civil.day)) \(two(civil.hour)):\(two(civil.minute)):"
      + two(civil.second)
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

  static func text(_ bytes: [UInt8]) -> String { visible(bytes.span) }

  static func text(_ bytes: [UInt8]?) -> String { bytes.map { visible($0.span) } ?? "-" }

  /// `12 s`, `3.5 s`, `250 ms`, rounded to nearest.
  static func duration(_ milliseconds: UInt64) -> String {
    switch milliseconds {
    case 0..<1000: "\(milliseconds) ms"
    case 1000..<9950: "\(decimal(Double((milliseconds + 50) / 100) / 10)) s"
    default: age(milliseconds / 1000 + (milliseconds % 1000 >= 500 ? 1 : 0))
    }
  }

  /// What became of the victim.
  static func deed(_ kill: PastKill) -> String {
    switch kill.deed {
    case .killed: kill.decision?.outcome.map { $0.elementsEqual("stuck".utf8) } ?? false ? "stuck" : "killed"
    case .rehearsed: "would kill"
    case .spared: "spared"
    case .panicked: "panic"
    case .signalled: "died"
    }
  }

  /// The killer, with `?` behind it where only a text log says so.
  static func killer(_ kill: PastKill) -> String { kill.killer.name + (kill.isProven ? "" : "?") }

  /// Where it lay: its unit, or its cgroup.
  static func place(_ victim: PastVictim) -> String {
    guard let place = victim.unit ?? victim.cgroup, place != [.slash] else { return "-" }
    return text(place)
  }

  static func name(_ kill: PastKill) -> String {
    let name = kill.victim.name.map { $0.isEmpty ? "\"\"" : text($0) } ?? "-"
    return kill.victim.count > 1 ? "\(name) +\(kill.victim.count - 1)" : name
  }

  // MARK: Reasons

  /// Why it was killed, in a clause.
  static func reason(_ kill: PastKill) -> String {
    switch kill.deed {
    case .signalled(let signal): return "died of \(signalName(signal)); no killer tells of it"
    case .panicked: return "kernel panic: \(text(kill.reason))"
    default: break
    }
    if kill.killer == .kernel { return kernelReason(kill) }
    return kill.reason.isEmpty ? "-" : text(kill.reason)
  }

  private static func kernelReason(_ kill: PastKill) -> String {
    let shortage = kill.shortage
    var words: String
    switch shortage.constraint {
    case .machine: words = "the machine had no memory left"
    case .cpuset: words = "the memory nodes of its cpuset had no memory left"
    case .memoryPolicy: words = "the memory nodes that it is bound to had no memory left"
    case .controlGroup:
      words = shortage.limited.map { group($0) + " reached its limit" } ?? "a control group reached its limit"
    case nil: words = "out of memory"
    }
    if shortage.isWholeGroup { words += "; its whole group was killed" }
    if shortage.isManual {
      words += "; asked for by sysrq f"
    } else if let invoker = shortage.invoker, invoker != kill.victim.name {
      words += "; \(text(invoker)) asked for more"
    }
    return words
  }

  /// A control group by its path, or OpenVZ's container by its number.
  static func group(_ path: [UInt8]) -> String {
    (path.first == UInt8(ascii: "/") ? "control group " : "container ") + text(path)
  }

  static func signalName(_ number: Int32) -> String {
    switch number {
    case 1: "SIGHUP"
    case 2: "SIGINT"
    case 3: "SIGQUIT"
    case 6: "SIGABRT"
    case 7: "SIGBUS"
    case 9: "SIGKILL"
    case 11: "SIGSEGV"
    case 15: "SIGTERM"
    case 24: "SIGXCPU"
    default: "signal \(number)"
    }
  }
}
