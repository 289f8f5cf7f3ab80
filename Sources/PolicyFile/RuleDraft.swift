import Policy
import ProcModel

/// One `[[rule]]` as it was understood, before it is a run of table entries.
struct RuleDraft {
  /// One of the values a field may have.
  enum Value {
    /// As its author wrote it, and what it was taken for.
    case pattern(Pattern, text: String, flavour: PatternFlavour)
    case range(UInt32, UInt32)
    case capabilities(CapabilitySet)
    /// What no process has.
    case never
  }

  struct Test {
    var field: MatchField
    var values: [Value]
  }

  /// What a later rule of the same name is told.
  struct Origin {
    var file: String
    var line: Int
  }

  var name: String
  var origin: Origin
  var tests: [Test]
  var protects: Bool
  var order: Tier?
  var weight: Double
  var scope: Scope?
  var signal: EndingSignal?
  var grace: Nanoseconds?
  var hook: Choice<CommandDraft>?
}

/// Reads one `[[rule]]`.
struct RuleReader {
  /// What a rule can do to a process that it does not protect.
  private static let shaping = ["order", "weight", "scope", "signal", "grace", "hook"]
  private static let known = ["name", "match", "protect"] + shaping

  let accounts: AccountLookup
  let programs: ProgramLookup

  /// - Parameter earlier: The rules before it, to tell whether its name is new.
  /// - Returns: Nil where there is no telling what the rule is; all is said in the log.
  func read(_ node: SettingNode, after earlier: [RuleDraft], log: inout DiagnosticLog) -> RuleDraft? {
    guard case .table(let entries) = node.value else {
      log.error(at: node.offset, "a rule is \(node.kind)", "it must be a table that begins with [[rule]]")
      return nil
    }
    let table = SettingsReader(entries, at: node.offset, place: "[[rule]]", known: RuleReader.known, log: &log)
    let name = readName(table, after: earlier, log: &log)
    let protects = table.boolean("protect", log: &log)
    let order = table.choice("order", Tier.allCases.map { (name: $0.name, value: $0) }, log: &log)
    let weight = readWeight(table, log: &log)
    let scope = table.scope(log: &log)
    let signal = table.signal(log: &log)
    let grace = table.duration("grace", "\"5s\"", within: SettingsDraft.grace, log: &log)
    let hook = HookReader(accounts: accounts, programs: programs).read("hook", table, log: &log)
    checkEffect(table, protects: protects, log: &log)
    if signal == .kill, let entry = table["grace"] {
      log.warning(at: entry.keyOffset, "\"grace\" does nothing beside SIGKILL", "leave one of them out")
    }
    let tests = readMatch(table, log: &log)
    if protects == true, let tests, let match = table["match"] { warnOfNames(tests, at: match, log: &log) }
    guard let name, let tests else { return nil }
    let origin = RuleDraft.Origin(file: log.file, line: log.source.position(of: node.offset).line)
    var rule = RuleDraft(
      name: name, origin: origin, tests: tests, protects: protects ?? false, order: order, weight: weight ?? 1)
    (rule.scope, rule.signal, rule.grace) = (scope, signal, grace)
    switch hook {
    case nil: break
    case .off: rule.hook = .off
    case .on(let hook): rule.hook = .on(hook.command)
    }
    return rule
  }

  private func readName(_ table: SettingsReader, after earlier: [RuleDraft], log: inout DiagnosticLog) -> String? {
    guard table["name"] != nil else {
      log.error(at: table.offset, "a rule has no name", "write name = \"why it is there\"")
      return nil
    }
    guard let (name, offset) = table.string("name", "\"the database stays\"", log: &log) else { return nil }
    if let problem = NameText.problem(with: name) {
      log.error(at: offset, "a rule's name \(problem.what)", problem.meant)
    } else if let other = earlier.first(where: { $0.name == name }) {
      log.error(
        at: offset, "a rule is called \(quoted(name)) already (\(other.origin.file):\(other.origin.line))",
        "give each its own name: decisions show it")
    } else {
      return name
    }
    return nil
  }

  private func readWeight(_ table: SettingsReader, log: inout DiagnosticLog) -> Double? {
    guard let entry = table["weight"] else { return nil }
    let weight: Double
    switch entry.node.value {
    case .integer(let number): weight = Double(number)
    case .float(let number): weight = number
    default:
      log.error(at: entry.node.offset, "\"weight\" is \(entry.node.kind)", "it must be a number such as 0.5")
      return nil
    }
    guard weight.isFinite, weight >= 0 else {
      log.error(at: entry.node.offset, "\"weight\" cannot be \(weight)", "it must be 0 or more; 1 changes nothing")
      return nil
    }
    // Not minus zero.
    return weight.magnitude
  }

  private func checkEffect(_ table: SettingsReader, protects: Bool?, log: inout DiagnosticLog) {
    let shaping = RuleReader.shaping.compactMap { table[$0] }
    if protects == true {
      for entry in shaping {
        log.warning(
          at: entry.keyOffset, "\"\(entry.key)\" does nothing in a rule that protects",
          "\"protect\" wins: leave one of them out")
      }
    } else if shaping.isEmpty, table["protect"] == nil || protects == false {
      log.error(
        at: table.offset, "the rule does nothing",
        "write protect = true or what it does: \(RuleReader.shaping.joined(separator: ", "))")
    }
  }

  private func readMatch(_ table: SettingsReader, log: inout DiagnosticLog) -> [RuleDraft.Test]? {
    let example = "{ unit = \"nginx.service\" }"
    guard table["match"] != nil else {
      log.error(at: table.offset, "a rule has no \"match\"", "write match = \(example)")
      return nil
    }
    guard let (entries, offset) = table.table("match", example, log: &log) else { return nil }
    let match = SettingsReader(entries, at: offset, place: "\"match\"", known: MatchReader.known, log: &log)
    if entries.isEmpty {
      log.error(at: offset, "\"match\" names no field", "it would match everything, write as in \(example)")
      return nil
    }
    let reader = MatchReader(accounts: accounts)
    return reader.read(match, log: &log)
  }

  /// What a process says of itself must not be all that protects it.
  private func warnOfNames(_ tests: [RuleDraft.Test], at match: SettingEntry, log: inout DiagnosticLog) {
    let isSelfChosen = tests.allSatisfy { $0.field == .comm || $0.field == .cmdline }
    guard isSelfChosen, !tests.isEmpty else { return }
    log.warning(
      at: match.keyOffset, "any process can give itself this name and be protected",
      "match exe, unit, user, uid or cgroup as well")
  }
}
