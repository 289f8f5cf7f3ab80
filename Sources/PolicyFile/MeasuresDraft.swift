import Policy
import Pressure
import ProcModel

/// `[hooks]`, `[relief]`, `[last_resort]` and `[flight]` of a file over those of the presets that it extends. A key that no file
/// sets is nil.
struct MeasuresDraft {
  /// The tables of a file that are read here.
  static let known = ["hooks", "relief", "last_resort", "flight"]

  struct High {
    var cgroup: String
    var to: Amount
    var duration: Nanoseconds
  }

  private(set) var warn: Choice<HookReader.Hook>?
  private(set) var before: Choice<HookReader.Hook>?
  private(set) var after: Choice<HookReader.Hook>?
  private(set) var noCandidate: Choice<HookReader.Hook>?
  private(set) var reclaim: [String]?
  private(set) var high: Choice<High>?
  private(set) var freeze: Choice<Nanoseconds>?
  private(set) var lastResort: Choice<LastResort>?
  var flight = FlightDraft()

  private static let highExample = "{ cgroup = \"/batch.slice\", to = \"80%\", for = \"30s\" }"
  private static let defaultFreeze = Nanoseconds.milliseconds(10_000)

  /// Reads `[hooks]`.
  mutating func readHooks(_ entries: [SettingEntry], at offset: Int, _ reader: HookReader, log: inout DiagnosticLog) {
    let table = SettingsReader(
      entries, at: offset, place: "[hooks]", known: ["warn", "before", "after", "no_candidate"], log: &log)
    warn = reader.read("warn", table, log: &log) ?? warn
    before = reader.read("before", table, mayTakeOver: true, log: &log) ?? before
    after = reader.read("after", table, log: &log) ?? after
    noCandidate = reader.read("no_candidate", table, log: &log) ?? noCandidate
  }

  /// Reads `[relief]`.
  mutating func readRelief(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) {
    let table = SettingsReader(
      entries, at: offset, place: "[relief]", known: ["reclaim", "high", "freeze"], log: &log)
    reclaim = readReclaim(table, log: &log) ?? reclaim
    switch table.wordOrTable("high", ["off"], MeasuresDraft.highExample, log: &log) {
    case nil: break
    case .word: high = .off
    case .table(let entries, let offset): high = readHigh(entries, at: offset, log: &log).map { .on($0) } ?? high
    }
    freeze = readFreeze(table, log: &log) ?? freeze
  }

  private func readReclaim(_ table: SettingsReader, log: inout DiagnosticLog) -> [String]? {
    guard let entry = table["reclaim"] else { return nil }
    guard case .array(let nodes) = entry.node.value else {
      log.error(
        at: entry.node.offset, "\"reclaim\" is \(entry.node.kind)", "it must be a list such as [\"/batch.slice\"]")
      return nil
    }
    // One entry is left for the cgroup of "high", and one for that of "stall".
    let most = CompiledPolicy.maximumCgroups - 2
    if nodes.count > most {
      log.error(at: nodes[most].offset, "\"reclaim\" names \(nodes.count) cgroups", "there can be at most \(most)")
      return nil
    }
    let paths = nodes.map { cgroup($0, "reclaim", log: &log) }
    return paths.contains { $0 == nil } ? nil : paths.compactMap { $0 }
  }

  private func readHigh(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) -> High? {
    let table = SettingsReader(entries, at: offset, place: "\"high\"", known: ["cgroup", "to", "for"], log: &log)
    let duration = table.duration("for", "\"30s\"", within: MeasureLimits.duration, log: &log)
    let to = table.amount("to", "\"80%\" or \"200 MiB\"", log: &log)
    if case .share(let points) = to, points < MeasureLimits.high.lowerBound, let entry = table["to"] {
      log.error(
        at: entry.node.offset, "\"to\" leaves the cgroup next to nothing",
        "it must be \(quoted(describe(.share(MeasureLimits.high.lowerBound)))) at least")
    }
    guard let entry = table["cgroup"] else {
      log.error(at: offset, "\"high\" has no \"cgroup\"", "write as in \(MeasuresDraft.highExample)")
      return nil
    }
    guard let path = cgroup(entry.node, "high", log: &log) else { return nil }
    return High(cgroup: path, to: to ?? .share(.percent(80)), duration: duration ?? .milliseconds(30_000))
  }

  private func cgroup(_ node: SettingNode, _ key: String, log: inout DiagnosticLog) -> String? {
    guard case .string(let path) = node.value else {
      log.error(at: node.offset, "a cgroup of \"\(key)\" is \(node.kind)", "write its path, as in \"/batch.slice\"")
      return nil
    }
    if path.contains("*") {
      log.error(
        at: node.offset, "\(quoted(path)) is a pattern", "name one cgroup: the cgroups below it are included")
      return nil
    }
    guard MeasureLimits.isCgroup(Array(path.utf8).span) else {
      let meant = CgroupText.belowTheMount(path) ?? CgroupText.unit(path).map { "/system.slice/\($0)" }
      log.error(
        at: node.offset, "\(quoted(path)) is no cgroup below the root",
        meant.map { "write \(quoted($0))" } ?? "write its path as /proc/PID/cgroup shows it, as in \"/batch.slice\"")
      return nil
    }
    if let problem = CgroupText.problem(with: path) {
      log.warning(at: node.offset, "there is no such cgroup: \(problem.what)", problem.meant)
    }
    return path
  }

  private func readFreeze(_ table: SettingsReader, log: inout DiagnosticLog) -> Choice<Nanoseconds>? {
    guard let entry = table["freeze"] else { return nil }
    switch entry.node.value {
    case .boolean(let isOn):
      return isOn ? .on(MeasuresDraft.defaultFreeze) : .off
    case .table(let entries):
      let own = SettingsReader(entries, at: entry.node.offset, place: "\"freeze\"", known: ["for"], log: &log)
      if own["for"] == nil {
        log.error(at: entry.node.offset, "\"freeze\" has no \"for\"", "write as in { for = \"10s\" }")
      }
      return own.duration("for", "\"10s\"", within: MeasureLimits.duration, log: &log).map { .on($0) }
    default:
      log.error(
        at: entry.node.offset, "\"freeze\" is \(entry.node.kind)",
        "it must be true, false or a table such as { for = \"10s\" }")
      return nil
    }
  }

  /// Reads `[last_resort]`, which replaces that of a preset as a whole.
  mutating func readLastResort(_ entries: [SettingEntry], at offset: Int, log: inout DiagnosticLog) {
    let table = SettingsReader(
      entries, at: offset, place: "[last_resort]", known: ["action", "after_victims", "after_stall"], log: &log)
    let victims = table.count("after_victims", "10", within: MeasureLimits.victims, log: &log)
    let stall = table.duration("after_stall", "\"30s\"", within: MeasureLimits.duration, log: &log)
    let actions =
      LastResort.Action.allCases.map { (name: $0.name, value: LastResort.Action?.some($0)) }
      + [(name: "off", value: nil)]
    guard table["action"] != nil else {
      log.error(at: offset, "[last_resort] has no \"action\"", "write action = \"reboot\", \"panic\" or \"off\"")
      return
    }
    guard let action = table.choice("action", actions, log: &log) else { return }
    guard let action else {
      lastResort = .off
      return
    }
    if table["after_victims"] == nil, table["after_stall"] == nil {
      log.error(
        at: offset, "[last_resort] does not say when", "write after_victims = 10, after_stall = \"30s\" or both")
    }
    lastResort = .on(LastResort(action: action, afterVictims: victims, afterStall: stall))
  }
}
