import Badness
import Policy
import Pressure
import ProcModel

/// The settings of a file over those of the presets that it extends. A setting that no file sets is nil.
struct SettingsDraft {
  private var trigger = TriggerDraft()
  private var formula: Formula?
  private var adjustment: OomScoreAdjUse?
  private var ignoresInherited: Bool?
  private var grace: Nanoseconds?
  private var minimumFootprint: MinimumFootprint?
  private var scope: Scope?
  private var signal: VictimSignal?
  private var swarm: Choice<Swarm>?

  /// The times that `grace` allows, in a file and in a rule.
  static let grace = Nanoseconds.zero...Nanoseconds.milliseconds(600_000)

  /// The settings, with the defaults for those that no file sets.
  var settings: Settings {
    var settings = Settings(
      thresholds: trigger.thresholds, formula: formula ?? .spillway, adjustment: adjustment ?? .respect,
      grace: grace ?? .milliseconds(5000), minimumFootprint: minimumFootprint ?? .automatic)
    settings.ignoresInherited = ignoresInherited ?? false
    settings.scope = scope ?? .process
    settings.signal = signal ?? .terminate
    settings.swarm = swarm?.value
    return settings
  }

  /// The settings of a domain. Its stalls are those of its own cgroup, whatever the system's are.
  var domainSettings: Settings {
    var settings = settings
    settings.thresholds.stall?.source = .domain
    return settings
  }

  /// As ``TriggerDraft/guardedCgroup``.
  var guardedCgroup: String? { trigger.guardedCgroup }

  /// The tables of a file, or of one of its domains, that are read here.
  static let known = ["trigger", "badness", "action"]

  /// - Parameter prefix: The prefix of the tables' names in messages: empty, or `domain.`.
  mutating func read(_ table: SettingsReader, prefix: String = "", log: inout DiagnosticLog) {
    if let (entries, offset) = table.table("trigger", "[\(prefix)trigger]", log: &log) {
      trigger.read(entries, at: offset, place: "[\(prefix)trigger]", log: &log)
    }
    if let (entries, offset) = table.table("badness", "[\(prefix)badness]", log: &log) {
      readBadness(entries, at: offset, place: "[\(prefix)badness]", log: &log)
    }
    if let (entries, offset) = table.table("action", "[\(prefix)action]", log: &log) {
      readAction(entries, at: offset, place: "[\(prefix)action]", log: &log)
    }
  }

  private mutating func readBadness(
    _ entries: [SettingEntry], at offset: Int, place: String, log: inout DiagnosticLog
  ) {
    let table = SettingsReader(
      entries, at: offset, place: place, known: ["formula", "oom_score_adj", "inherited_oom_score_adj"], log: &log)
    let formulas = Formula.allCases.map { (name: $0.name, value: $0) }
    formula = table.choice("formula", formulas, log: &log) ?? formula
    let uses = OomScoreAdjUse.allCases.map { (name: $0.name, value: $0) }
    adjustment = table.choice("oom_score_adj", uses, log: &log) ?? adjustment
    let inherited = [(name: "respect", value: false), (name: "ignore", value: true)]
    ignoresInherited = table.choice("inherited_oom_score_adj", inherited, log: &log) ?? ignoresInherited
    warnOfUselessKey(table, log: &log)
  }

  /// Warns of `inherited_oom_score_adj` beside settings by which no value counts that could be left out.
  private func warnOfUselessKey(_ table: SettingsReader, log: inout DiagnosticLog) {
    guard let entry = table["inherited_oom_score_adj"], ignoresInherited == true else { return }
    if adjustment == .ignore {
      log.warning(
        at: entry.keyOffset, "\"inherited_oom_score_adj\" does nothing beside oom_score_adj = \"ignore\"",
        "no value counts in any case: leave one of them out")
    } else if let formula, !formula.usesAdjustment {
      log.warning(
        at: entry.keyOffset, "\"inherited_oom_score_adj\" does nothing with the formula \(formula.name)",
        "only spillway, linux and linux-2.6 use a value that can be left out")
    }
  }

  private mutating func readAction(
    _ entries: [SettingEntry], at offset: Int, place: String, log: inout DiagnosticLog
  ) {
    let table = SettingsReader(
      entries, at: offset, place: place, known: ["scope", "signal", "grace", "min_footprint", "swarm"], log: &log)
    grace = table.duration("grace", "\"5s\"", within: SettingsDraft.grace, log: &log) ?? grace
    let ownMinimum = table.quantity("min_footprint", "\"10 MiB\", \"2%\" or \"auto\"", log: &log) {
      text throws(QuantityError) in
      text == "auto" ? MinimumFootprint.automatic : .amount(try AmountText.parse(text))
    }
    minimumFootprint = ownMinimum ?? minimumFootprint
    scope = table.scope(log: &log) ?? scope
    signal = table.signal(log: &log) ?? signal
    swarm = readSwarm(table, log: &log) ?? swarm
  }

  private func readSwarm(_ action: SettingsReader, log: inout DiagnosticLog) -> Choice<Swarm>? {
    let example = "{ members = 12, age = \"30s\", times = 3 }"
    switch action.wordOrTable("swarm", ["off"], example, log: &log) {
    case nil: return nil
    case .word: return .off
    case .table(let entries, let offset):
      let table = SettingsReader(
        entries, at: offset, place: "\"swarm\"", known: ["members", "age", "times"], log: &log)
      return .on(
        Swarm(
          members: table.count("members", "12", within: MeasureLimits.swarmMembers, log: &log) ?? 12,
          age: table.duration("age", "\"30s\"", within: MeasureLimits.swarmAge, log: &log) ?? .milliseconds(30_000),
          times: table.count("times", "3", within: MeasureLimits.swarmTimes, log: &log) ?? 3))
    }
  }
}

extension SettingsReader {
  /// Reads `scope` of a file or of a rule.
  func scope(log: inout DiagnosticLog) -> Scope? {
    choice("scope", Scope.allCases.map { (name: $0.name, value: $0) }, log: &log)
  }

  /// Reads `signal` of a file or of a rule.
  func signal(log: inout DiagnosticLog) -> VictimSignal? {
    choice("signal", VictimSignal.allCases.map { (name: $0.name, value: $0) }, log: &log)
  }
}
