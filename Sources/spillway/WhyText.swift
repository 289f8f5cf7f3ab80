import History
import ProcModel

/// Explains a kill in a paragraph, and names the command that shows more.
enum WhyText {
  static func explanation(_ kill: PastKill, output: Output) -> String {
    let paragraph = [sentence(kill), circumstances(kill), trust(kill)].filter { !$0.isEmpty }.joined(separator: " ")
    return Paragraph.wrapped(paragraph, output) + more(kill).map { "  \($0)\n" }.joined()
  }

  // MARK: What happened

  private static func sentence(_ kill: PastKill) -> String {
    let time = kill.time.wall.map { " at \(PastWords.time($0))" } ?? ""
    let reason = PastWords.reason(kill)
    let because = reason == "-" ? "." : ": \(reason)."
    switch kill.deed {
    case .killed: return "\(subject(kill)) was killed by \(killer(kill))\(time)\(because)"
    case .rehearsed:
      return "\(subject(kill)) would have been killed by Spillway\(time), which was in dry run and sent no signal"
        + because
    case .spared(let outcome):
      return
        "\(subject(kill)) was chosen by Spillway\(time), and was not killed: \(spared(outcome)). The reason to act "
        + "was: \(reason)."
    case .panicked: return "The kernel panicked\(time) in place of killing a process: \(PastWords.text(kill.reason))."
    case .signalled(let signal):
      return
        "The main process of \(subject(kill)) died of \(PastWords.signalName(signal))\(time). No killer tells of it: "
        + "a person or a program sent the signal, such as its service manager after a stop that took too long."
    }
  }

  private static func subject(_ kill: PastKill) -> String {
    let victim = kill.victim
    var words: String
    if let pid = victim.pid {
      words = victim.name.map { "\(pid) (\(PastWords.text($0)))" } ?? "PID \(pid)"
      if victim.count > 1 { words += ", with \(victim.count - 1) more," }
      if let place = victim.unit ?? victim.cgroup { words += " of \(PastWords.text(place))" }
    } else if let unit = victim.unit ?? victim.cgroup {
      words = PastWords.text(unit)
      if victim.count > 1 { words += " (\(victim.count) processes)" }
    } else {
      words = victim.name.map { PastWords.text($0) } ?? "A process"
    }
    return words
  }

  private static func killer(_ kill: PastKill) -> String {
    switch kill.killer {
    case .spillway: "Spillway"
    case .kernel: "the kernel"
    case .lowmemorykiller: "Android's lowmemorykiller"
    case .unknown: "an unknown killer"
    case .systemdOomd, .oomd, .earlyoom, .nohang: kill.killer.name
    }
  }

  private static func spared(_ outcome: [UInt8]) -> String {
    switch String(decoding: outcome, as: UTF8.self) {
    case "vanished": "it had exited by itself"
    case "changed": "its number was another process's by then"
    case "relieved": "memory came back first"
    case "shares_protected": "a protected process has the same memory, which would not have come back"
    case "refused": "the kernel did not allow the signal"
    default: PastWords.text(outcome)
    }
  }

  // MARK: What is known besides

  private static func circumstances(_ kill: PastKill) -> String {
    var sentences: [String] = []
    if let decision = kill.decision {
      sentences += ladder(kill, decision)
    } else if let memory = kill.memory.shown {
      sentences.append("It had \(amount(memory)) in memory.")
    }
    if let rule = kill.decision?.rule { sentences.append("The policy's rule \"\(PastWords.text(rule))\" decided.") }
    return sentences.joined(separator: " ")
  }

  private static func ladder(_ kill: PastKill, _ decision: PastDecision) -> [String] {
    if kill.deed == .rehearsed {
      return [kill.memory.shown.map { "That would have given back \(amount($0))." } ?? ""]
    }
    guard kill.deed == .killed else { return [] }
    let action = PastWords.text(decision.action)
    guard let outcome = decision.outcome else { return ["It was sent \(action); the record has no outcome."] }
    let after = decision.after.map { ", \(PastWords.duration($0)) later" } ?? ""
    var words = "It was sent \(action)"
    switch String(decoding: outcome, as: UTF8.self) {
    case "exited": words += " and exited\(after)"
    case "stuck": words += ", and SIGKILL did not make it exit either"
    default:
      words += action == "SIGKILL" ? " and died\(after)" : ", then SIGKILL (\(escalation(decision))), and died\(after)"
    }
    if let freed = decision.freed { words += "; \(amount(freed)) came back" }
    return [words + "."]
  }

  private static func escalation(_ decision: PastDecision) -> String {
    switch decision.escalation.map({ String(decoding: $0, as: UTF8.self) }) {
    case "grace_ended": "it did not exit within its grace"
    case "memory_worsened": "memory went on falling"
    case "needed_elsewhere": "its memory was needed beyond its domain too"
    case "cannot_heed": "a tracer or a frozen cgroup kept it from acting on the first signal"
    default: "no reason is told"
    }
  }

  private static func trust(_ kill: PastKill) -> String {
    kill.isProven ? "" : "Only a text log says so, to which any process can write."
  }

  // MARK: Where there is more

  private static func more(_ kill: PastKill) -> [String] {
    var commands: [String] = []
    if let incident = kill.decision?.incident {
      commands.append("spillway log --incident \(PastWords.text(incident))")
    }
    switch kill.killer {
    case .kernel: commands.append("journalctl -k\(span(kill))")
    case .systemdOomd: commands.append("journalctl -u systemd-oomd\(span(kill))")
    case .oomd, .earlyoom, .nohang: commands.append("journalctl -u \(kill.killer.name)\(span(kill))")
    case .spillway: commands.append("journalctl -u spillway\(span(kill))")
    case .unknown: if let unit = kill.victim.unit { commands.append("journalctl -u \(shell(unit))\(span(kill))") }
    case .lowmemorykiller: commands.append("dmesg")
    }
    return commands
  }

  private static func span(_ kill: PastKill) -> String {
    guard kill.time.wall != nil else { return "" }
    return " --since \(around(kill, -60_000)) --until \(around(kill, 60_000))"
  }

  private static func around(_ kill: PastKill, _ milliseconds: Int64) -> String {
    kill.time.wall.map { "\"\(PastWords.time($0.advanced(milliseconds: milliseconds)))\"" } ?? "today"
  }

  /// A unit's name as one word of a shell.
  private static func shell(_ unit: [UInt8]) -> String {
    "'" + PastWords.text(unit).split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  // MARK: Exit codes

  /// What an exit code above 128 means.
  static func meaning(of code: Int32) -> String {
    guard code > 128, code < 128 + 65 else {
      return "An exit code of \(code) is the program's own: no signal is behind it."
    }
    let signal = code - 128
    let name = PastWords.signalName(signal)
    let start =
      "An exit code of \(code) is 128 + \(signal): shells and container runtimes say so of a process that died of \(name)."
    switch signal {
    case 9:
      return start
        + " The kernel sends it when memory runs out, systemd-oomd and oomd do, and Spillway and earlyoom as "
        + "their last step; so do kill -9, docker stop after its time, and systemd after TimeoutStopSec=. A process "
        + "cannot answer it."
    case 15:
      return start + " It is the first signal of Spillway, earlyoom and nohang; so it is of kill, systemctl stop and "
        + "docker stop. A process that handles it may exit with another code."
    default: return start
    }
  }
}

/// Text in lines.
enum Paragraph {
  /// Broken at blanks for a terminal, and in one line elsewhere.
  static func wrapped(_ text: String, _ output: Output) -> String {
    guard let columns = output.columns else { return text + "\n" }
    let width = min(max(columns, 40), 100)
    var lines = ""
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines += line + "\n"
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return lines + line + "\n"
  }
}
