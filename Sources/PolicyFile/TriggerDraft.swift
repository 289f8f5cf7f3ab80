import Policy
import Pressure
import ProcModel

/// `[trigger]` of a file over those of the presets that it extends.
struct TriggerDraft {
  /// What a file says of a trigger that can be off.
  private enum Switch<Trigger> {
    case off
    case on(Trigger)

    var trigger: Trigger? {
      switch self {
      case .off: nil
      case .on(let trigger): trigger
      }
    }
  }

  // A key that no file sets is nil.
  private var floor: Floor?
  private var stall: Switch<StallDraft>?
  private var thrash: Switch<Thrash>?
  private var forecast: Switch<Forecast>?
  private var limit: Switch<Limit>?
  private var release: Amount?
  private var confirmation: Confirmation?

  private static let known = ["floor", "stall", "thrash", "forecast", "limit", "release", "confirm"]

  /// The thresholds, with the defaults for what no file sets. A file that sets the floor alone has no other trigger.
  var thresholds: Thresholds {
    let floor = self.floor ?? Floor(available: .share(.percent(8)), swapFree: .share(.percent(10)))
    return Thresholds(
      floor: floor, stall: stall?.trigger?.stall, thrash: thrash?.trigger, forecast: forecast?.trigger,
      limit: limit?.trigger, release: release ?? TriggerDraft.release(over: floor.available),
      confirmation: confirmation ?? .immediate)
  }

  /// The path of the cgroup whose lost time the trigger `stall` measures; nil where that is none.
  var guardedCgroup: String? { stall?.trigger?.cgroup }

  /// The default release line: one and a half times the floor, and at most the whole memory.
  private static func release(over floor: Amount) -> Amount {
    switch floor {
    case .share(let points): .share(BasisPoints(min(points.count + points.count / 2, 10_000)))
    case .size(let size): .size(size + KiB(size.count / 2))
    }
  }

  /// - Parameter place: The name of the table in messages.
  mutating func read(_ entries: [SettingEntry], at offset: Int, place: String, log: inout DiagnosticLog) {
    let table = SettingsReader(entries, at: offset, place: place, known: TriggerDraft.known, log: &log)
    let ownFloor = readFloor(table, log: &log)
    stall = readSwitch("stall", table, TriggerDraft.stallExample, readStall, log: &log) ?? stall
    thrash = readSwitch("thrash", table, TriggerDraft.thrashExample, readThrash, log: &log) ?? thrash
    forecast = readSwitch("forecast", table, TriggerDraft.forecastExample, readForecast, log: &log) ?? forecast
    limit = readSwitch("limit", table, TriggerDraft.limitExample, readLimit, log: &log) ?? limit
    confirmation = readConfirmation(table, log: &log) ?? confirmation
    let ownRelease = table.amount("release", "\"12%\"", log: &log)
    if let ownFloor {
      floor = ownFloor
      // A release line that was set for another floor does not hold for this one.
      release = nil
    }
    if let ownRelease { release = ownRelease }

    // If one of the two lines is wrong in itself, they cannot be compared.
    guard (table["floor"] == nil) == (ownFloor == nil), (table["release"] == nil) == (ownRelease == nil) else { return }
    let thresholds = self.thresholds
    warnOfFigures(table, log: &log)
    refuseSource(table, place: place, log: &log)
    if TriggerDraft.isBelow(thresholds.release, thresholds.floor.available),
      let entry = table["release"] ?? table["floor"]
    {
      log.error(
        at: entry.node.offset, "\"release\" is below the floor's \"available\"",
        "the agent stops acting there, so it must be at least \(quoted(describe(thresholds.floor.available)))")
    } else {
      warnOfLines(table, thresholds, log: &log)
    }
  }

  /// Warns of lines at zero, which are never met, and of lines at the whole, which always are.
  private func warnOfFigures(_ table: SettingsReader, log: inout DiagnosticLog) {
    let lines: [(trigger: String, key: String, amount: Amount?)] = [
      ("floor", "available", floor?.available), ("stall", "below", stall?.trigger?.stall.below),
      ("forecast", "below", forecast?.trigger?.below), ("limit", "available", limit?.trigger?.available),
    ]
    for (trigger, key, amount) in lines {
      guard let amount, case .table(let entries) = table[trigger]?.node.value,
        let entry = entries.first(where: { $0.key == key })
      else { continue }
      if amount.isNothing {
        log.warning(
          at: entry.node.offset, "available memory is never as little as \(quoted(describe(amount)))",
          trigger == "floor"
            ? "the trigger never acts: \"8%\" is usual"
            : "the trigger never acts: raise it, or say \(trigger) = \"off\"")
      } else if trigger == "floor", amount == .share(.percent(100)) {
        log.warning(
          at: entry.node.offset, "available memory is always at or below \"100%\"",
          "the trigger is always true: \"8%\" is usual")
      }
    }
    if floor?.swapFree == .share(.percent(100)), case .table(let entries) = table["floor"]?.node.value,
      let entry = entries.first(where: { $0.key == "swap_free" })
    {
      log.warning(at: entry.node.offset, "free swap is always at or below \"100%\"", "leave \"swap_free\" out")
    }
  }

  /// Reports a domain that names whose stalls count: what is short there is the domain's own cgroup.
  private func refuseSource(_ table: SettingsReader, place: String, log: inout DiagnosticLog) {
    guard place.hasPrefix("[domain."), case .table(let entries) = table["stall"]?.node.value,
      let entry = entries.first(where: { $0.key == "of" })
    else { return }
    log.error(
      at: entry.keyOffset, "a domain's stalls are those of its own cgroup",
      "leave \"of\" out here: it is for the system's [trigger]")
  }

  /// Warns of lines because of which another line has no effect.
  private func warnOfLines(_ table: SettingsReader, _ thresholds: Thresholds, log: inout DiagnosticLog) {
    let floor = thresholds.floor
    // If the floor also requires free swap, another trigger may be true before the floor is met.
    if floor.swapFree == nil {
      for (key, below) in [("stall", thresholds.stall?.below), ("forecast", thresholds.forecast?.below)] {
        guard let below, !below.isNothing, let entry = table[key] ?? table["floor"],
          !TriggerDraft.isBelow(floor.available, below),
          TriggerDraft.isComparable(floor.available, below)
        else { continue }
        log.warning(
          at: entry.keyOffset,
          "\"\(key)\" acts only below \(describe(below)), and the floor is met at \(describe(floor.available))",
          "it never acts first: raise its \"below\", or say \(key) = \"off\"")
      }
    }
    if thresholds.release == .share(.percent(100)), floor.available != .share(.percent(100)),
      let entry = table["release"] ?? table["floor"]
    {
      log.warning(
        at: entry.keyOffset, "available memory is never above 100%",
        "the agent would never stop acting: \"12%\" is usual for \"release\"")
    }
  }

  private static func isComparable(_ left: Amount, _ right: Amount) -> Bool {
    switch (left, right) {
    case (.share, .share), (.size, .size): true
    case (.share, .size), (.size, .share): false
    }
  }

  /// Whether the left amount is less. False for a share beside a size, which can be compared only on a machine.
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
    let available = table.amount("available", log: &log)
    let swapFree = table.amount("swap_free", log: &log)
    if table["available"] == nil {
      log.error(at: offset, "\"floor\" has no \"available\"", "write as in \(example)")
    }
    guard let available else { return nil }
    return Floor(available: available, swapFree: swapFree)
  }

  // These are the triggers that can be off. A key that a table leaves out has its default, not the preset's value: a
  // table is complete in itself.

  private static let stallExample = "{ full = \"15%\", over = \"2s\", below = \"25%\" }"
  private static let thrashExample = "{ refaults = \"1%\", over = \"2s\", swap_free = \"10%\" }"
  private static let forecastExample = "{ horizon = \"500ms\", below = \"16%\" }"

  private static let limitExample = "{ available = \"10%\", swap_free = \"10%\" }"

  private static let defaultWindow = Nanoseconds.milliseconds(2000)

  /// - Returns: Nil where the key is missing or its value is wrong.
  private func readSwitch<Trigger>(
    _ key: String, _ trigger: SettingsReader, _ example: String,
    _ read: ([SettingEntry], Int, inout DiagnosticLog) -> Trigger?, log: inout DiagnosticLog
  ) -> Switch<Trigger>? {
    switch trigger.wordOrTable(key, ["off"], example, log: &log) {
    case nil: nil
    case .word: .off
    case .table(let entries, let offset): read(entries, offset, &log).map { .on($0) }
    }
  }

  private func readStall(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) -> StallDraft? {
    let table = SettingsReader(
      entries, at: offset, place: "\"stall\"", known: ["full", "some", "over", "below", "swap", "of"], log: &log)
    let full = table.share("full", "\"15%\"", within: TriggerLimits.stall, log: &log)
    let some = table.share("some", "\"40%\"", within: TriggerLimits.stall, log: &log)
    let over = table.duration("over", "\"2s\"", within: TriggerLimits.window, log: &log)
    let below = table.amount("below", log: &log)
    let isPatient = table.choice("swap", [("wait", true), ("ignore", false)], log: &log)
    let (source, cgroup) = StallDraft.readSource(table, log: &log)
    switch (table["full"], table["some"]) {
    case (nil, nil):
      log.error(at: offset, "\"stall\" has neither \"full\" nor \"some\"", "write as in \(TriggerDraft.stallExample)")
    case (let full?, let some?):
      log.error(
        at: max(full.keyOffset, some.keyOffset), "\"stall\" has both \"full\" and \"some\"",
        "leave one out: \"full\" needs all tasks to wait, \"some\" at least one")
    case (.some, nil), (nil, .some): break
    }
    guard let share = full ?? some else { return nil }
    return StallDraft(
      stall: Stall(
        isFull: full != nil, share: share, over: over ?? TriggerDraft.defaultWindow,
        below: below ?? .share(.percent(25)), isPatient: isPatient ?? true, source: source),
      cgroup: cgroup)
  }

  private func readThrash(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) -> Thrash? {
    let table = SettingsReader(
      entries, at: offset, place: "\"thrash\"", known: ["refaults", "over", "swap_free"], log: &log)
    let refaults = table.share("refaults", "\"1%\"", within: TriggerLimits.refaults, log: &log)
    let over = table.duration("over", "\"2s\"", within: TriggerLimits.window, log: &log)
    let swapFree = table.amount("swap_free", log: &log)
    if table["refaults"] == nil {
      log.error(at: offset, "\"thrash\" has no \"refaults\"", "write as in \(TriggerDraft.thrashExample)")
    }
    guard let refaults else { return nil }
    return Thrash(
      refaults: refaults, over: over ?? TriggerDraft.defaultWindow, swapFree: swapFree ?? .share(.percent(10)))
  }

  private func readForecast(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) -> Forecast? {
    let table = SettingsReader(
      entries, at: offset, place: "\"forecast\"", known: ["horizon", "below"], log: &log)
    let horizon = table.duration("horizon", "\"500ms\"", within: TriggerLimits.horizon, log: &log)
    let below = table.amount("below", log: &log)
    if table["horizon"] == nil {
      log.error(at: offset, "\"forecast\" has no \"horizon\"", "write as in \(TriggerDraft.forecastExample)")
    }
    guard let horizon else { return nil }
    return Forecast(horizon: horizon, below: below ?? .share(.percent(16)))
  }

  private func readLimit(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) -> Limit? {
    let table = SettingsReader(
      entries, at: offset, place: "\"limit\"", known: ["available", "swap_free"], log: &log)
    let available = table.amount("available", log: &log)
    let swapFree = table.amount("swap_free", log: &log)
    if table["available"] == nil {
      log.error(at: offset, "\"limit\" has no \"available\"", "write as in \(TriggerDraft.limitExample)")
    }
    guard let available else { return nil }
    return Limit(available: available, swapFree: swapFree ?? .share(.percent(10)))
  }

  private func readConfirmation(_ trigger: SettingsReader, log: inout DiagnosticLog) -> Confirmation? {
    let example = "{ gate = \"classic\", failures = 10 }"
    switch trigger.wordOrTable("confirm", ["immediate", "classic"], example, log: &log) {
    case nil: return nil
    case .word(let word): return word == "classic" ? .classic(ClassicConstants()) : .immediate
    case .table(let entries, let offset):
      let table = SettingsReader(
        entries, at: offset, place: "\"confirm\"",
        known: ["gate", "gap", "youngest", "failures", "pause", "swap_free"], log: &log)
      if table["gate"] == nil {
        log.error(at: offset, "\"confirm\" has no \"gate\"", "write as in \(example)")
      }
      let gate: Void? = table.choice("gate", [(name: "classic", value: ())], log: &log)
      let usual = ClassicConstants()
      let constants = ClassicConstants(
        gap: table.duration("gap", "\"5s\"", within: TriggerLimits.gap, log: &log) ?? usual.gap,
        youngest: table.duration("youngest", "\"1s\"", within: TriggerLimits.youngest, log: &log) ?? usual.youngest,
        failures: table.count("failures", "10", within: TriggerLimits.failures, log: &log) ?? usual.failures,
        pause: table.duration("pause", "\"5s\"", within: TriggerLimits.pause, log: &log) ?? usual.pause,
        swapFree: table.amount("swap_free", log: &log) ?? usual.swapFree)
      return gate == nil ? nil : .classic(constants)
    }
  }
}
