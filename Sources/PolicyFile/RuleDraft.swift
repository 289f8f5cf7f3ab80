import Policy
import Pressure
import ProcModel

/// One `[[rule]]` as the compiler understood it, before it becomes table entries.
struct RuleDraft {
  /// One of the values a field may have.
  enum Value {
    /// A compiled pattern, with the text that the policy has.
    case pattern(Pattern, text: String, flavour: PatternFlavour)
    case range(UInt32, UInt32)
    case capabilities(CapabilitySet)
    case signedRange(Int32, Int32)
    case time(Nanoseconds)
    case amount(Amount)
    case flag(Bool)
    /// A value that no process has.
    case never
  }

  struct Test {
    var field: MatchField
    var values: [Value]
    /// The key as the policy writes it: `user` is compiled to `uid`.
    var key = ""
    /// The offset of the key.
    var offset = 0
  }

  /// The conditions of a rule.
  struct Match {
    /// Tests that must all hold.
    var tests: [Test]
    /// Tests that must not all hold; empty where the rule has no `not`.
    var exceptions: [Test]
  }

  var name: String
  /// The position of the rule, as a diagnostic without a text.
  var origin: Diagnostic
  var match: Match
  var protects: Bool
  var order: Tier?
  var weight: Double
  var scope: Scope?
  var signal: VictimSignal?
  var grace: Nanoseconds?
  var hook: Choice<CommandDraft>?
}

/// Reads one `[[rule]]`.
struct RuleReader {
  /// The keys that change how a process is ranked or killed, and that have no effect on a protected process.
  private static let shaping = ["order", "weight", "scope", "signal", "grace", "hook"]
  private static let known = ["name", "match", "protect"] + shaping

  let accounts: AccountLookup
  let programs: ProgramLookup

  /// - Parameter earlier: The rules before this one, to check that its name is new.
  /// - Returns: The rule; nil where it cannot be understood. Every mistake is in the log.
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
    let match = readMatch(table, log: &log)
    if let match { Contradiction.warn(of: match, log: &log) }
    if protects == true, let match, let entry = table["match"] { warnOfNames(match, at: entry, log: &log) }
    guard let name, let match else { return nil }
    var rule = RuleDraft(
      name: name, origin: log.place(of: table["name"]?.node.offset ?? node.offset), match: match,
      protects: protects ?? false, order: order, weight: weight ?? 1)
    (rule.scope, rule.signal, rule.grace) = (scope, signal, grace)
    switch hook {
    case nil: break
    case .off: rule.hook = .off
    case .on(let hook): rule.hook = .on(hook.command)
    }
    Shadow.warn(of: rule, at: table["name"]?.node.offset ?? node.offset, after: earlier, log: &log)
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
    // `magnitude` turns minus zero into zero.
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

  private func readMatch(_ table: SettingsReader, log: inout DiagnosticLog) -> RuleDraft.Match? {
    let example = "{ unit = \"nginx.service\" }"
    guard table["match"] != nil else {
      log.error(at: table.offset, "a rule has no \"match\"", "write match = \(example)")
      return nil
    }
    guard let (entries, offset) = table.table("match", example, log: &log) else { return nil }
    let match = SettingsReader(
      entries, at: offset, place: "\"match\"", known: MatchReader.known + ["not"], log: &log)
    if entries.isEmpty {
      log.error(at: offset, "\"match\" names no field", "it would match everything, write as in \(example)")
      return nil
    }
    let reader = MatchReader(accounts: accounts)
    let tests = reader.read(match, log: &log)
    guard match["not"] != nil else { return tests.map { RuleDraft.Match(tests: $0, exceptions: []) } }
    guard let (inner, innerOffset) = match.table("not", "{ user = \"root\" }", log: &log) else { return nil }
    let not = SettingsReader(inner, at: innerOffset, place: "\"not\"", known: MatchReader.known, log: &log)
    if inner.isEmpty {
      log.error(
        at: innerOffset, "\"not\" names no field", "it would leave out no process, or every process: remove it")
      return nil
    }
    guard let exceptions = reader.read(not, log: &log), let tests else { return nil }
    return RuleDraft.Match(tests: tests, exceptions: exceptions)
  }

  /// Warns of a rule that protects only by what a process can say of itself.
  private func warnOfNames(_ match: RuleDraft.Match, at entry: SettingEntry, log: inout DiagnosticLog) {
    let isNamed = { (test: RuleDraft.Test) in
      switch test.field {
      case .comm, .cmdline, .ancestor, .ancestorExe: true
      default: false
      }
    }
    // Whether any process can meet the test by itself, without choosing a name.
    let isFree = { (test: RuleDraft.Test) in
      switch test.field {
      case .comm, .cmdline, .nice, .minAge, .maxAge, .minFootprint, .growth, .tty, .container, .orphan: true
      // Any user may have a program executed as its parent.
      case .ancestor, .ancestorExe: true
      case .exe, .cgroup, .unit, .ancestorCgroup, .ancestorUnit: !test.bounds
      case .uid, .gid, .capability, .oomScoreAdj: false
      }
    }
    // A `not` excludes no process for certain if a process can choose a name that one of its fields does not match.
    let canPass = match.exceptions.isEmpty || match.exceptions.contains(where: isNamed)
    let all = match.tests + match.exceptions
    guard canPass, match.tests.allSatisfy(isFree), all.contains(where: isNamed) else {
      warnOfUnreadCommandLines(match, at: entry, log: &log)
      return
    }
    log.warning(
      at: entry.keyOffset,
      all.contains { $0.field == .ancestor || $0.field == .ancestorExe }
        ? "any process can give itself, or a parent that it makes, this name and be protected"
        : "any process can give itself this name and be protected",
      "match exe, unit, user, uid or cgroup as well")
  }

  /// Warns of a protecting rule with a command line and no field that restricts it. What could not be read counts for
  /// protection, and one decision reads the command lines of only a few new processes: such a rule protects a crowd of
  /// new processes for a while.
  private func warnOfUnreadCommandLines(
    _ match: RuleDraft.Match, at entry: SettingEntry, log: inout DiagnosticLog
  ) {
    guard (match.tests + match.exceptions).contains(where: { $0.field == .cmdline }),
      !match.tests.contains(where: \.bounds)
    else { return }
    let owners = match.tests.filter { $0.field == .uid || $0.field == .gid }.map { quoted($0.key) }
    let whose = owners.isEmpty ? "" : " of that \(owners.joined(separator: " and "))"
    log.warning(
      at: entry.keyOffset,
      "every new process\(whose) is protected until its command line has been read",
      "one decision reads at most four: match exe, unit or cgroup as well")
  }
}

extension RuleDraft.Test {
  /// Whether the test restricts a rule to certain executables, cgroups or units. A test that matches every place does
  /// not.
  fileprivate var bounds: Bool {
    let places: [String]
    switch field {
    case .exe: places = ["/tmp/a", "/usr/bin/b", "/home/c/d"]
    case .cgroup, .ancestorCgroup:
      places = ["/", "/user.slice/user-1000.slice/session-1.scope", "/system.slice/a.service"]
    case .unit, .ancestorUnit: places = ["a.service", "b@c.service", "session-1.scope"]
    default: return false
    }
    return !places.allSatisfy { place in
      values.contains { value in
        if case .pattern(let pattern, _, _) = value { pattern.matches(Array(place.utf8)) } else { false }
      }
    }
  }
}
