import Badness
import Policy
import ProcModel

/// The settings of a file over those of the presets it extends. What nobody set is nil.
struct SettingsDraft {
  private var trigger = TriggerDraft()
  private var formula: Formula?
  private var adjustment: OomScoreAdjUse?
  private var grace: Nanoseconds?
  private var minimumFootprint: MinimumFootprint?

  private static let grace = Nanoseconds.zero...Nanoseconds.milliseconds(600_000)

  /// With the defaults where nothing was set.
  var settings: Settings {
    Settings(
      thresholds: trigger.thresholds, formula: formula ?? .spillway, adjustment: adjustment ?? .respect,
      grace: grace ?? .milliseconds(5000), minimumFootprint: minimumFootprint ?? .automatic)
  }

  /// The tables of a file, or of one of its domains, that settings are read from.
  static let known = ["trigger", "badness", "action"]

  /// - Parameter prefix: Of the tables' names in messages: empty, or `domain.`.
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
      entries, at: offset, place: place, known: ["formula", "oom_score_adj"], log: &log)
    let formulas = Formula.allCases.map { (name: $0.name, value: $0) }
    formula = table.choice("formula", formulas, log: &log) ?? formula
    let uses = OomScoreAdjUse.allCases.map { (name: $0.name, value: $0) }
    adjustment = table.choice("oom_score_adj", uses, log: &log) ?? adjustment
  }

  private mutating func readAction(
    _ entries: [SettingEntry], at offset: Int, place: String, log: inout DiagnosticLog
  ) {
    let table = SettingsReader(
      entries, at: offset, place: place, known: ["grace", "min_footprint"], log: &log)
    grace = table.duration("grace", "\"5s\"", within: SettingsDraft.grace, log: &log) ?? grace
    let ownMinimum = table.quantity("min_footprint", "\"10 MiB\", \"2%\" or \"auto\"", log: &log) {
      text throws(QuantityError) in
      text == "auto" ? MinimumFootprint.automatic : .amount(try AmountText.parse(text))
    }
    minimumFootprint = ownMinimum ?? minimumFootprint
  }
}
