package import Policy

/// The result of compiling a policy's text.
package struct PolicyCompilation: Sendable {
  /// Nil where there is an error among the diagnostics.
  package var policy: CompiledPolicy?
  /// The diagnostics, in the order of the file.
  package var diagnostics: [Diagnostic]
  /// The text of each of the policy's patterns, for people: the compiled tables hold no text of patterns.
  package var patterns: [String]
  /// The position of each rule, as a warning without a text.
  package var places: [Diagnostic] = []
}

/// Compiles a policy's text (docs/policy.md) to tables, and reports every mistake in it.
package struct PolicyCompiler {
  /// The version of the policy language that this program reads.
  package static let version = 1

  private static let known =
    ["version", "extends"] + SettingsDraft.known + MeasuresDraft.known + ["domain", "rule"]

  private let accounts: AccountLookup
  private let programs: ProgramLookup
  /// A file whose settings have been read. Its domains and rules are read once the settings of all files are known.
  private struct Part {
    var table: SettingsReader
    var log: DiagnosticLog
  }

  private var parts: [Part] = []
  /// The logs of files that are not TOML, with their place in the order of files.
  private var lostLogs: [(order: Int, log: DiagnosticLog)] = []
  private var settings = SettingsDraft()
  private var measures = MeasuresDraft()
  private var domains: [DomainDraft] = []
  private var rules: [RuleDraft] = []

  private init(accounts: AccountLookup, programs: ProgramLookup) {
    self.accounts = accounts
    self.programs = programs
  }

  /// - Parameters:
  ///   - texts: The policy's file, then its drop-ins in their order; each TOML in UTF-8, at most 1 MiB.
  ///   - accounts: Looks up the users and groups that the policy names.
  ///   - programs: Looks up the programs that the policy names; a missing program is a warning.
  package static func compile(
    _ texts: [PolicyText], accounts: AccountLookup, programs: ProgramLookup = .live
  ) -> PolicyCompilation {
    var compiler = PolicyCompiler(accounts: accounts, programs: programs)
    for (index, text) in texts.enumerated() {
      compiler.readSettings(DiagnosticLog(text), isDropIn: index > 0, extending: [])
    }
    compiler.readBodies()
    return compiler.finish()
  }

  /// - Parameter file: The name of the file in diagnostics; it is not read.
  package static func compile(
    _ text: [UInt8], file: String, accounts: AccountLookup, programs: ProgramLookup = .live
  ) -> PolicyCompilation {
    compile([PolicyText(file: file, bytes: text)], accounts: accounts, programs: programs)
  }

  package static func compile(
    _ text: String, file: String, accounts: AccountLookup, programs: ProgramLookup = .live
  ) -> PolicyCompilation {
    compile(Array(text.utf8), file: file, accounts: accounts, programs: programs)
  }

  package static func compile(_ preset: Preset, accounts: AccountLookup) -> PolicyCompilation {
    compile(preset.text, file: preset.file, accounts: accounts)
  }

  /// Reads a file's settings and measures, over those that were read before.
  ///
  /// - Parameter extending: The presets that led to this file, so that a circle is noticed.
  private mutating func readSettings(_ ownLog: DiagnosticLog, isDropIn: Bool, extending: [Preset]) {
    var log = ownLog
    let entries: [SettingEntry]
    do {
      entries = try TOMLDocument.parse(log.source)
    } catch {
      log.error(line: error.line, column: error.column, error.what, error.meant)
      lostLogs.append((parts.count + lostLogs.count, log))
      return
    }
    let table = SettingsReader(entries, at: 0, place: "", known: PolicyCompiler.known, log: &log)
    checkVersion(table, isDropIn: isDropIn, log: &log)
    if isDropIn {
      if let entry = table["extends"] {
        log.error(at: entry.keyOffset, "a drop-in extends nothing", "name the preset in the policy's file")
      }
    } else {
      extend(table, extending, log: &log)
    }
    settings.read(table, log: &log)
    readMeasures(table, log: &log)
    parts.append(Part(table: table, log: log))
  }

  /// Reads the domains and rules of all files.
  private mutating func readBodies() {
    for index in parts.indices {
      var log = parts[index].log
      readDomains(parts[index].table, log: &log)
      readRules(parts[index].table, log: &log)
      parts[index].log = log
    }
  }

  private mutating func readMeasures(_ table: SettingsReader, log: inout DiagnosticLog) {
    if let (entries, offset) = table.table("hooks", "[hooks]", log: &log) {
      measures.readHooks(entries, at: offset, HookReader(accounts: accounts, programs: programs), log: &log)
    }
    if let (entries, offset) = table.table("relief", "[relief]", log: &log) {
      measures.readRelief(entries, at: offset, log: &log)
    }
    if let (entries, offset) = table.table("last_resort", "[last_resort]", log: &log) {
      measures.readLastResort(entries, at: offset, log: &log)
    }
    if let (entries, offset) = table.table("flight", "[flight]", log: &log) {
      measures.flight.read(entries, at: offset, log: &log)
    }
  }

  private func checkVersion(_ table: SettingsReader, isDropIn: Bool, log: inout DiagnosticLog) {
    let version = PolicyCompiler.version
    guard let entry = table["version"] else {
      // A drop-in is read after a file that has a version.
      if !isDropIn { log.error(at: 0, "the policy has no version", "begin it with version = \(version)") }
      return
    }
    guard case .integer(let number) = entry.node.value else {
      log.error(at: entry.node.offset, "\"version\" is \(entry.node.kind)", "write version = \(version)")
      return
    }
    if number != version {
      log.error(at: entry.node.offset, "version \(number) is not known here", "this program reads version \(version)")
    }
  }

  /// Reads the preset that `extends` names.
  private mutating func extend(_ table: SettingsReader, _ extending: [Preset], log: inout DiagnosticLog) {
    guard let (name, offset) = table.string("extends", "\"server\"", log: &log), let entry = table["extends"] else {
      return
    }
    guard let preset = Preset(rawValue: name) else {
      log.error(at: offset, "no preset is called \(quoted(name))", Preset.listed(nearTo: name))
      return
    }
    if extending.contains(preset) {
      log.error(at: entry.node.offset, "\"\(preset.rawValue)\" extends itself", "leave \"extends\" out")
      return
    }
    var base = PolicyCompiler(accounts: accounts, programs: programs)
    base.readSettings(
      DiagnosticLog(PolicyText(file: preset.file, bytes: preset.text)), isDropIn: false, extending: extending + [preset]
    )
    base.readBodies()
    settings = base.settings
    measures = base.measures
    domains = base.domains
    rules = base.rules
    log.include(base.allDiagnostics, at: entry.node.offset)
  }

  private mutating func readDomains(_ table: SettingsReader, log: inout DiagnosticLog) {
    guard let entry = table["domain"] else { return }
    guard case .array(let nodes) = entry.node.value else {
      log.error(at: entry.node.offset, "\"domain\" is \(entry.node.kind)", "begin each domain with [[domain]]")
      return
    }
    let room = CompiledPolicy.maximumDomains - domains.count
    if nodes.count > room {
      log.error(
        at: nodes[room].offset, "this is domain \(CompiledPolicy.maximumDomains + 1)",
        "there can be at most \(CompiledPolicy.maximumDomains) beside the system")
    }
    let reader = DomainReader(base: settings)
    for node in nodes.prefix(room) {
      if let domain = reader.read(node, after: domains, log: &log) { domains.append(domain) }
    }
  }

  private mutating func readRules(_ table: SettingsReader, log: inout DiagnosticLog) {
    guard let entry = table["rule"] else { return }
    guard case .array(let nodes) = entry.node.value else {
      log.error(at: entry.node.offset, "\"rule\" is \(entry.node.kind)", "begin each rule with [[rule]]")
      return
    }
    let room = CompiledPolicy.maximumRules - rules.count
    if nodes.count > room {
      log.error(
        at: nodes[room].offset, "this is rule \(CompiledPolicy.maximumRules + 1), those of a preset among them",
        "there can be at most \(CompiledPolicy.maximumRules)")
    }
    let reader = RuleReader(accounts: accounts, programs: programs)
    for node in nodes.prefix(room) {
      if let rule = reader.read(node, after: rules, log: &log) { rules.append(rule) }
    }
  }

  /// The diagnostics of all files, in the order of the files.
  private var allDiagnostics: [Diagnostic] {
    var logs = parts.map(\.log)
    for lost in lostLogs { logs.insert(lost.log, at: min(lost.order, logs.count)) }
    return logs.flatMap(\.diagnostics)
  }

  private mutating func finish() -> PolicyCompilation {
    var tables = PolicyTables(settings: settings.settings)
    for domain in domains {
      tables.add(domain)
    }
    for rule in rules {
      tables.add(rule)
    }
    tables.add(measures)
    if let cgroup = settings.guardedCgroup { tables.add(guarded: cgroup) }
    checkSize(tables.policy)
    let diagnostics = allDiagnostics
    let isWhole = !diagnostics.contains { $0.severity == .error }
    return PolicyCompilation(
      policy: isWhole ? tables.policy : nil, diagnostics: diagnostics, patterns: isWhole ? tables.patterns : [],
      places: isWhole ? rules.map(\.origin) : [])
  }

  /// Reports a policy whose rules together are too large for an image.
  private mutating func checkSize(_ policy: CompiledPolicy) {
    for section in ImageSection.allCases {
      let count = policy.count(of: section)
      guard count > section.maximum else { continue }
      let what =
        switch section {
        case .domains: "domains"
        case .rules: "rules"
        case .tests: "fields in all its matches"
        case .alternatives: "values in all its matches"
        case .patterns: "different patterns"
        case .automata: "kinds of patterns"
        case .positions: "positions in all its patterns"
        case .sets: "choices in all its patterns"
        case .commands: "different programs in its hooks"
        case .cgroups: "cgroups in its relief and \"stall\""
        case .text: "bytes in its names and texts"
        }
      guard !parts.isEmpty else { return }
      parts[0].log.error(
        at: 0, "the policy has \(count) \(what)",
        "there can be at most \(section.maximum): write fewer or shorter rules")
    }
  }
}
