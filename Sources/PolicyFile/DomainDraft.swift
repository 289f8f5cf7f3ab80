import Policy
import Pressure

/// One `[[domain]]` as the compiler understood it.
struct DomainDraft {
  var name: String
  /// The path of the domain's cgroup.
  var path: String
  var settings: SettingsDraft
}

/// Reads one `[[domain]]`.
struct DomainReader {
  private static let known = ["name", "cgroup"] + SettingsDraft.known
  private static let example = "\"/batch.slice\""

  /// The file's own settings. They apply where a domain sets nothing.
  let base: SettingsDraft

  /// - Parameter earlier: The domains before this one, to check that its name and cgroup are new.
  /// - Returns: The domain; nil where its name or cgroup is missing or wrong. Every mistake is in the log.
  func read(_ node: SettingNode, after earlier: [DomainDraft], log: inout DiagnosticLog) -> DomainDraft? {
    guard case .table(let entries) = node.value else {
      log.error(at: node.offset, "a domain is \(node.kind)", "it must be a table that begins with [[domain]]")
      return nil
    }
    let table = SettingsReader(entries, at: node.offset, place: "[[domain]]", known: DomainReader.known, log: &log)
    let name = readName(table, after: earlier, log: &log)
    let path = readCgroup(table, after: earlier, log: &log)
    var settings = base
    settings.read(table, prefix: "domain.", log: &log)
    warnOfSize(table, log: &log)
    guard let name, let path else { return nil }
    return DomainDraft(name: name, path: path, settings: settings)
  }

  private func readName(_ table: SettingsReader, after earlier: [DomainDraft], log: inout DiagnosticLog) -> String? {
    guard table["name"] != nil else {
      log.error(at: table.offset, "a domain has no name", "write name = \"batch\": decisions show it")
      return nil
    }
    guard let (name, offset) = table.string("name", "\"batch\"", log: &log) else { return nil }
    if let problem = NameText.problem(with: name) {
      log.error(at: offset, "a domain's name \(problem.what)", problem.meant)
    } else if name == "system" {
      log.error(at: offset, "no domain can be called \"system\"", "that is the machine's, which is always there")
    } else if earlier.contains(where: { $0.name == name }) {
      log.error(at: offset, "a domain is called \(quoted(name)) already", "give each its own name: decisions show it")
    } else {
      return name
    }
    return nil
  }

  /// Warns of a floor given as a size, which was meant for the machine: a small cgroup may lie below it all the time.
  private func warnOfSize(_ table: SettingsReader, log: inout DiagnosticLog) {
    guard case .size(let size) = base.settings.thresholds.floor.available else { return }
    if case .table(let entries) = table["trigger"]?.node.value, entries.contains(where: { $0.key == "floor" }) {
      return
    }
    log.warning(
      at: table.offset, "the domain has the machine's floor of \(describe(Amount.size(size)))",
      "give it a floor of its own: trigger = { floor = { available = \"8%\" } }")
  }

  private func readCgroup(
    _ table: SettingsReader, after earlier: [DomainDraft], log: inout DiagnosticLog
  ) -> String? {
    guard table["cgroup"] != nil else {
      log.error(at: table.offset, "a domain has no cgroup", "write cgroup = \(DomainReader.example)")
      return nil
    }
    guard let (text, offset) = table.string("cgroup", DomainReader.example, log: &log) else { return nil }
    var path = text
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    if !path.hasPrefix("/") {
      let unit = CgroupText.unit(path).map { "/system.slice/\($0)" }
      let meant = CgroupText.belowTheMount(path) ?? unit
      log.error(
        at: offset, "the cgroup \(quoted(text)) does not begin with a slash",
        meant.map { "write \(quoted($0))" }
          ?? "write its path from the root, as /proc/PID/cgroup shows it: \(DomainReader.example)")
    } else if path == "/" {
      log.error(at: offset, "the root cgroup is no domain", "it is the system, which [trigger] is for")
    } else if path.utf8.count > CompiledPolicy.maximumCgroupLength {
      log.error(
        at: offset, "the cgroup's path has \(path.utf8.count) bytes",
        "it can have at most \(CompiledPolicy.maximumCgroupLength)")
    } else if path.contains(where: { $0 == "*" || $0 == "?" || $0 == "[" }) {
      log.error(
        at: offset, "the cgroup \(quoted(text)) has wildcards", "a domain is one cgroup: write a [[domain]] for each")
    } else if path.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      log.error(at: offset, "the cgroup's path has control characters", "write it as /proc/PID/cgroup shows it")
    } else if let other = earlier.first(where: { $0.path == path }) {
      log.error(at: offset, "this cgroup is the domain \(quoted(other.name)) already", "leave one of them out")
    } else {
      if let problem = CgroupText.problem(with: path) {
        log.warning(at: offset, "there is no such cgroup: \(problem.what)", problem.meant)
      }
      return path
    }
    return nil
  }
}

/// The rule for the names of rules and domains.
enum NameText {
  /// The longest name, in bytes.
  static let maximumLength = 200

  /// What is wrong with a name, as a phrase that follows "its name", and what would be right; nil for a name that is
  /// allowed.
  static func problem(with name: String) -> (what: String, meant: String)? {
    if name.allSatisfy(\.isWhitespace) { return ("is empty", "write what it is for: decisions show it") }
    if name.utf8.count > maximumLength {
      return ("has \(name.utf8.count) bytes", "it can have at most \(maximumLength)")
    }
    if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      return ("has control characters", "write it on one line, without tabs and escapes")
    }
    return nil
  }
}
