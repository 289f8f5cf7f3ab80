import Badness
import Policy
import Pressure
import ProcModel

/// The settings of a file over those of the presets it extends. What nobody set is nil.
struct SettingsDraft {
  private var floor: Floor?
  private var release: Amount?
  private var formula: Formula?
  private var adjustment: OomScoreAdjUse?
  private var grace: Nanoseconds?
  private var minimumFootprint: MinimumFootprint?

  /// In minutes.
  private static let longestGrace: UInt64 = 10

  /// With the defaults where nothing was set.
  var settings: Settings {
    let floor =
      self.floor ?? Floor(available: .share(.percent(8)), swapFree: .share(.percent(10)))
    return Settings(
      thresholds: Thresholds(floor: floor, release: release ?? SettingsDraft.release(over: floor.available)),
      formula: formula ?? .spillway, adjustment: adjustment ?? .respect, grace: grace ?? .milliseconds(5000),
      minimumFootprint: minimumFootprint ?? .automatic)
  }

  /// One and a half times the floor; the whole at most.
  private static func release(over floor: Amount) -> Amount {
    switch floor {
    case .share(let points): .share(BasisPoints(min(points.count + points.count / 2, 10_000)))
    case .size(let size): .size(size + KiB(size.count / 2))
    }
  }

  /// `[trigger]`.
  mutating func readTrigger(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) {
    let table = SettingsReader(entries, at: offset, place: "[trigger]", known: ["floor", "release"], log: &log)
    let ownFloor = readFloor(table, log: &log)
    let ownRelease = table.quantity("release", "\"12%\"", log: &log, parse: AmountText.parse)
    if let ownFloor {
      floor = ownFloor
      // A release line that was drawn for another floor says nothing of this one.
      release = nil
    }
    if let ownRelease { release = ownRelease }

    // Where one of them is wrong in itself, nothing can be said of both.
    guard (table["floor"] == nil) == (ownFloor == nil), (table["release"] == nil) == (ownRelease == nil) else { return }
    let thresholds = settings.thresholds
    if SettingsDraft.isBelow(thresholds.release, thresholds.floor.available),
      let entry = table["release"] ?? table["floor"]
    {
      log.error(
        at: entry.node.offset, "\"release\" is below the floor's \"available\"",
        "acting ends there, so it must be \(quoted(describe(thresholds.floor.available))) at least")
    }
  }

  /// False too where a share stands beside a size: only the machine can tell.
  private static func isBelow(_ left: Amount, _ right: Amount) -> Bool {
    switch (left, right) {
    case (.share(let left), .share(let right)): left < right
    case (.size(let left), .size(let right)): left < right
    case (.share, .size), (.size, .share): false
    }
  }

  private func readFloor(_ trigger: SettingsReader, log: inout DiagnosticLog) -> Floor? {
    let example = "{ available = \"8%\", swap_free = \"10%\" }"
    guard let (entries, offset) = trigger.table("floor", example, log: &log) else { return nil }
    let table = SettingsReader(
      entries, at: offset, place: "\"floor\"", known: ["available", "swap_free"], log: &log)
    let available = table.quantity("available", AmountText.example, log: &log, parse: AmountText.parse)
    let swapFree = table.quantity("swap_free", AmountText.example, log: &log, parse: AmountText.parse)
    if table["available"] == nil {
      log.error(at: offset, "\"floor\" has no \"available\"", "write as in \(example)")
    }
    guard let available else { return nil }
    return Floor(available: available, swapFree: swapFree)
  }

  /// `[badness]`.
  mutating func readBadness(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) {
    let table = SettingsReader(
      entries, at: offset, place: "[badness]", known: ["formula", "oom_score_adj"], log: &log)
    let formulas = Formula.allCases.map { (name: $0.name, value: $0) }
    formula = table.choice("formula", formulas, log: &log) ?? formula
    let uses = OomScoreAdjUse.allCases.map { (name: $0.name, value: $0) }
    adjustment = table.choice("oom_score_adj", uses, log: &log) ?? adjustment
  }

  /// `[action]`.
  mutating func readAction(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) {
    let table = SettingsReader(
      entries, at: offset, place: "[action]", known: ["grace", "min_footprint"], log: &log)
    let ownGrace = table.quantity("grace", "\"5s\"", log: &log) { text throws(QuantityError) in
      try DurationText.parse(text, most: SettingsDraft.longestGrace)
    }
    grace = ownGrace ?? grace
    let ownMinimum = table.quantity("min_footprint", "\"10 MiB\", \"2%\" or \"auto\"", log: &log) {
      text throws(QuantityError) in
      text == "auto" ? MinimumFootprint.automatic : .amount(try AmountText.parse(text))
    }
    minimumFootprint = ownMinimum ?? minimumFootprint
  }
}
