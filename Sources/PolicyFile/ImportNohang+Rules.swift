import Policy
import Pressure
import ProcModel

/// What a configuration of nohang says of single processes, as rules.
extension NohangImport {
  private static func match(_ property: String, _ pattern: String) -> ImportedMatch {
    switch property {
    case "NAME": return match(.comm, pattern)
    case "REALPATH": return match(.exe, pattern)
    case "CMDLINE": return match(.cmdline, pattern)
    case "CGROUP_V1", "CGROUP_V2": return match(.cgroup, pattern)
    case "UID":
      guard let numbers = PythonPattern.numbers(pattern) else {
        return .none("user IDs are numbers and ranges here: uid = [0, \"1000-1999\"]")
      }
      return .field("uid = [\(numbers.map(String.init).joined(separator: ", "))]")
    case "CWD": return .none("rules do not look at the working directory, which a process chooses")
    case "ENVIRON": return .none("rules do not look at the environment: reading it can wait for the process's memory")
    default: return .none("nohang 0.3 has no such property")
    }
  }

  private static func match(_ field: MatchField, _ python: String) -> ImportedMatch {
    do throws(PythonPattern.Refusal) {
      return ImportedMatch(field, try PythonPattern.posix(python))
    } catch {
      return .none("the pattern cannot be written here: \(error.why)")
    }
  }

  /// Whether an older nohang used a line. A line without a switch is always used.
  mutating func isOn(_ key: String?) throws(ImportFault) -> Bool {
    guard let key, file[key] != nil else { return true }
    return try flag(key)
  }

  /// A rule for adjustments that have the same match.
  private struct AdjustedRule {
    var match: String
    var points: Int
    var lines: [Int]
  }

  mutating func writeAdjustments() throws(ImportFault) {
    guard !file.adjustments.isEmpty else { return }
    writer.line()
    writer.comment(
      "@BADNESS_ADJ_RE_…: points more or less. " + BadnessShift.reason(byScore: byScore)
        + " nohang does not prefer processes with a negative oom_score_adj, and neither does this policy.")
    if file.adjustments.contains(where: { $0.property == "CGROUP_V1" }) {
      writer.comment("Patterns for the version 1 cgroup are compared with the path in the hierarchy of systemd.")
    }
    var rules: [AdjustedRule] = []
    for adjustment in file.adjustments {
      guard try isOn(adjustment.isOnBy) else {
        leftOut.append((adjustment.shown, "\(adjustment.isOnBy ?? "") is False, so nohang ignores it"))
        continue
      }
      switch NohangImport.match(adjustment.property, adjustment.pattern) {
      case .none(let why): drop(adjustment.shown, at: adjustment.offset, why)
      case .field where adjustment.points == 0: leftOut.append((adjustment.shown, "0 points change nothing"))
      case .field(let field):
        let match = adjustment.points > 0 ? "{ \(field), oom_score_adj = \"0..1000\" }" : "{ \(field) }"
        // The points of several lines with one match are added.
        if let index = rules.firstIndex(where: { $0.match == match }) {
          let (sum, overflow) = rules[index].points.addingReportingOverflow(adjustment.points)
          if !overflow { rules[index].points = sum }
          rules[index].lines.append(adjustment.line)
        } else {
          rules.append(AdjustedRule(match: match, points: adjustment.points, lines: [adjustment.line]))
        }
      }
    }
    for rule in rules {
      let lines = rule.lines.prefix(8).map(String.init).joined(separator: ", ") + (rule.lines.count > 8 ? "…" : "")
      let points = rule.points > 0 ? "+\(rule.points)" : "−\(rule.points.magnitude)"
      writer.rule(
        "nohang, line \(lines): \(points)", comment: "", match: rule.match,
        effect: BadnessShift.effect(of: rule.points, byScore: byScore))
    }
  }

  /// Converts `prefer_regex` and `avoid_regex` of 0.1, which multiply or divide the score of the processes that they
  /// match.
  mutating func writeFactors() throws(ImportFault) {
    for (key, factorKey) in [("prefer_regex", "prefer_factor"), ("avoid_regex", "avoid_factor")] {
      guard let setting = file[key] else { continue }
      taken.insert(key)
      let factor = try number(factorKey, "3", most: 1000)
      guard try isOn("regex_matching") else {
        leftOut.append((setting.shown, "regex_matching is False, so nohang ignores it"))
        continue
      }
      switch NohangImport.match(.comm, "^(\(setting.value))$") {
      case .none(let why): drop(setting.shown, at: setting.offset, why)
      case .field(let match):
        guard factor > 0 else { throw fault(factorKey, "3") }
        let weight = key == "prefer_regex" ? factor : 1_000_000 / factor
        let decimals = String(String(1000 + weight % 1000).dropFirst())
        writer.rule(
          key, comment: "\(setting.written): the score is multiplied by \(weight / 1000).\(decimals).",
          match: "{ \(match) }", effect: "weight = \(weight / 1000).\(decimals)")
      }
    }
  }

  mutating func writeSoftActions() throws(ImportFault) {
    var lines: [String: Int] = [:]
    for action in file.softActions {
      guard try isOn(action.isOnBy) else {
        leftOut.append((action.shown, "\(action.isOnBy ?? "") is False, so nohang ignores it"))
        continue
      }
      let signal: VictimSignal
      switch NohangImport.signal(of: action.command) {
      case .signal(let sent): signal = sent
      case .none(let why):
        drop(action.shown, at: action.offset, why)
        continue
      }
      switch NohangImport.match(action.property, action.pattern) {
      case .none(let why): drop(action.shown, at: action.offset, why)
      case .field(let match):
        if let line = lines[match] {
          drop(action.shown, at: action.offset, "line \(line) already sets the signal for the same processes")
          continue
        }
        lines[match] = action.line
        writer.rule(
          "nohang, line \(action.line): \(signal.name)",
          comment: "This signal is sent in place of SIGTERM; SIGKILL follows when the grace time is over.",
          match: "{ \(match) }", effect: "signal = \"\(signal.name)\"")
      }
    }
  }

  /// The signal that a command sends, or why there is none.
  private enum SoftSignal {
    case signal(VictimSignal)
    case none(String)
  }

  /// Parses `kill -USR1 $PID`, `kill -s USR1 $PID`, `kill -n 10 $PID` or `kill $PID`.
  private static func signal(of command: String) -> SoftSignal {
    var words = command.split(separator: " ").map(String.init)
    guard let program = words.first, program == "kill" || program.hasSuffix("/kill"), words.last == "$PID" else {
      return .none(
        """
        a rule cannot run a command in place of its signal; hooks.before with takes_over runs for every victim, and \
        finds its unit in SPILLWAY_UNIT
        """)
    }
    words = Array(words.dropFirst().dropLast())
    if words.count == 2, words[0] == "-s" || words[0] == "-n" { words = ["-" + words[1]] }
    if words.isEmpty { return .signal(.terminate) }
    if words.count == 1, let signal = signal(words[0]) { return .signal(signal) }
    let known = VictimSignal.allCases.map(\.name).joined(separator: ", ")
    return .none(
      "\(name(ofSignal: words.joined(separator: " "))) is no signal that a rule can send: those are \(known)")
  }

  /// The usual name of a signal that no rule can send.
  private static func name(ofSignal word: String) -> String {
    // Numbers and names of signal(7), for x86 and ARM.
    let names: [String: String] = [
      "4": "ILL", "5": "TRAP", "6": "ABRT", "7": "BUS", "8": "FPE", "11": "SEGV", "13": "PIPE", "14": "ALRM",
      "16": "STKFLT", "17": "CHLD", "18": "CONT", "19": "STOP", "20": "TSTP", "21": "TTIN", "22": "TTOU", "23": "URG",
      "24": "XCPU", "25": "XFSZ", "26": "VTALRM", "27": "PROF", "28": "WINCH", "29": "IO", "30": "PWR", "31": "SYS",
    ]
    let name = word.hasPrefix("-") ? String(word.dropFirst()) : word
    if let known = names[name] { return "SIG\(known)" }
    let upper = name.uppercased()
    let plain = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
    return names.values.contains(plain) ? "SIG\(plain)" : quoted(word)
  }

  /// The signal that `kill -USR1`, `kill -SIGUSR1` or `kill -10` sends.
  private static func signal(_ word: String) -> VictimSignal? {
    guard word.hasPrefix("-") else { return nil }
    let name = String(word.dropFirst())
    // Numbers of signal(7), for x86 and ARM.
    let numbers: [String: VictimSignal] = [
      "1": .hangUp, "2": .interrupt, "3": .quit, "9": .kill, "10": .user1, "12": .user2, "15": .terminate,
    ]
    let upper = name.uppercased()
    return numbers[name] ?? VictimSignal.allCases.first { [upper, "SIG\(upper)"].contains($0.name) }
  }
}
