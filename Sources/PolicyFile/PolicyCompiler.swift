package import Policy

/// What became of a policy's text.
package struct PolicyCompilation: Sendable {
  /// Nil where there is an error among the diagnostics.
  package var policy: CompiledPolicy?
  /// In the order of the file.
  package var diagnostics: [Diagnostic]
  /// The text of each of the policy's patterns, for people: the tables themselves hold none.
  package var patterns: [String]

  package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// Makes tables of a policy's text (docs/policy.md), and says all that is wrong with it.
package struct PolicyCompiler {
  /// The version of the language that this program reads.
  package static let version = 1

  private static let known =
    ["version", "extends"] + SettingsDraft.known + MeasuresDraft.known + ["domain", "rule"]

  private let accounts: AccountLookup
  private let programs: ProgramLookup
  private var log: DiagnosticLog
  private var settings = SettingsDraft()
  private var measures = MeasuresDraft()
  private var domains: [DomainDraft] = []
  private var rules: [RuleDraft] = []

  private init(file: String, source: SourceText, accounts: AccountLookup, programs: ProgramLookup) {
    self.accounts = accounts
    self.programs = programs
    log = DiagnosticLog(file: file, source: source)
  }

  /// - Parameters:
  ///   - text: TOML in UTF-8, at most 1 MiB.
  ///   - file: What diagnostics call it; it is not read.
  ///   - accounts: Who the users are that the policy names.
  ///   - programs: What there is of the programs that it names; one that is missing is a warning.
  package static func compile(
    _ text: [UInt8], file: String, accounts: AccountLookup, programs: ProgramLookup = .live
  ) -> PolicyCompilation {
    let source = SourceText(text)
    var compiler = PolicyCompiler(file: file, source: source, accounts: accounts, programs: programs)
    compiler.read(source, extending: [])
    return compiler.finish()
  }

  package static func compile(
    _ text: String, file: String, accounts: AccountLookup, programs: ProgramLookup = .live
  ) -> PolicyCompilation {
    compile(Array(text.utf8), file: file, accounts: accounts, programs: programs)
  }

  package static func compile(_ preset: Preset, accounts: AccountLookup) -> PolicyCompilation {
    compile(preset.text, file: preset.file, accounts: accounts)
  }

  /// - Parameter extending: The presets that led here, against a circle.
  private mutating func read(_ source: SourceText, extending: [Preset]) {
    let entries: [SettingEntry]
    do {
      entries = try TOMLDocument.parse(source)
    } catch {
      log.error(line: error.line, column: error.column, error.what, error.meant)
      return
    }
    let table = SettingsReader(entries, at: 0, place: "", known: PolicyCompiler.known, log: &log)
    checkVersion(table)
    extend(table, extending)
    settings.read(table, log: &log)
    readMeasures(table)
    readDomains(table)
    readRules(table)
  }

  private mutating func readMeasures(_ table: SettingsReader) {
    if let (entries, offset) = table.table("hooks", "[hooks]", log: &log) {
      measures.readHooks(entries, at: offset, HookReader(accounts: accounts, programs: programs), log: &log)
    }
    if let (entries, offset) = table.table("relief", "[relief]", log: &log) {
      measures.readRelief(entries, at: offset, log: &log)
    }
    if let (entries, offset) = table.table("last_resort", "[last_resort]", log: &log) {
      measures.readLastResort(entries, at: offset, log: &log)
    }
  }

  private mutating func checkVersion(_ table: SettingsReader) {
    let version = PolicyCompiler.version
    guard let entry = table["version"] else {
      log.error(at: 0, "the policy has no version", "begin it with version = \(version)")
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

  /// Takes over what the named preset says.
  private mutating func extend(_ table: SettingsReader, _ extending: [Preset]) {
    let presets = Preset.allCases.map { (name: $0.rawValue, value: $0) }
    guard let preset = table.choice("extends", presets, log: &log), let entry = table["extends"] else { return }
    if extending.contains(preset) {
      log.error(at: entry.node.offset, "\"\(preset.rawValue)\" extends itself", "leave \"extends\" out")
      return
    }
    let source = SourceText(preset.text)
    var base = PolicyCompiler(file: preset.file, source: source, accounts: accounts, programs: programs)
    base.read(source, extending: extending + [preset])
    settings = base.settings
    measures = base.measures
    domains = base.domains
    rules = base.rules
    log.include(base.log, at: entry.node.offset)
  }

  private mutating func readDomains(_ table: SettingsReader) {
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

  private mutating func readRules(_ table: SettingsReader) {
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

  private mutating func finish() -> PolicyCompilation {
    var tables = PolicyTables(settings: settings.settings)
    for domain in domains {
      tables.add(domain)
    }
    for rule in rules {
      tables.add(rule)
    }
    tables.add(measures)
    checkSize(tables.policy)
    let diagnostics = log.diagnostics
    let isWhole = !diagnostics.contains { $0.severity == .error }
    return PolicyCompilation(
      policy: isWhole ? tables.policy : nil, diagnostics: diagnostics, patterns: isWhole ? tables.patterns : [])
  }

  /// What an image may hold of all rules together.
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
        case .cgroups: "cgroups in its relief"
        case .text: "bytes in its names and texts"
        }
      log.error(
        at: 0, "the policy has \(count) \(what)",
        "there can be at most \(section.maximum): write fewer or shorter rules")
    }
  }
}
