import Policy
import Pressure
import ProcModel

/// `[flight]` of a file over that of the presets that it extends.
struct FlightDraft {
  private(set) var settings = FlightSettings()

  mutating func read(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) {
    let table = SettingsReader(
      entries, at: offset, place: "[flight]", known: ["ring", "keep", "folder_limit", "command_lines"], log: &log)
    let ring = table.quantity("ring", "\"256 KiB\" or \"off\"", log: &log) { text throws(QuantityError) in
      text == "off" ? Choice<KiB>.off : .on(try SizeText.parse(text, "\"256 KiB\"", within: FlightLimits.ring))
    }
    if let ring { settings.ring = ring.value }
    settings.keep = table.count("keep", "16", within: FlightLimits.keep, log: &log) ?? settings.keep
    let limit = table.quantity("folder_limit", "\"16 MiB\"", log: &log) { text throws(QuantityError) in
      try SizeText.parse(text, "\"16 MiB\"", within: FlightLimits.folder)
    }
    settings.folderLimit = limit ?? settings.folderLimit
    settings.keepsCommandLines = table.boolean("command_lines", log: &log) ?? settings.keepsCommandLines
    checkRoom(table, log: &log)
  }

  /// Reports a folder that would not hold one flight, at the key of this file that makes it so.
  private func checkRoom(_ table: SettingsReader, log: inout DiagnosticLog) {
    let least = FlightLimits.leastFolder(for: settings.ring)
    guard settings.folderLimit < least, let entry = table["folder_limit"] ?? table["ring"] else { return }
    log.error(
      at: entry.node.offset,
      "flights of \(describe(.size(settings.ring ?? .zero))) do not fit in a folder of "
        + describe(.size(settings.folderLimit)),
      "a \"folder_limit\" of \(quoted(describe(.size(least)))) holds one, with the policies that belong to it")
  }
}
