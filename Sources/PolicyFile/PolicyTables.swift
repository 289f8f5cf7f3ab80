import Policy
import ProcModel

/// Builds the tables of a ``CompiledPolicy`` from rules, domains and measures.
struct PolicyTables {
  private struct PatternKey: Hashable {
    var text: String
    var flavour: PatternFlavour
  }

  private(set) var policy: CompiledPolicy
  /// The text of each pattern, as the policy writes it.
  private(set) var patterns: [String] = []
  /// Patterns, texts and commands that several rules share, so that the tables hold each of them once.
  private var knownPatterns: [PatternKey: UInt32] = [:]
  private var knownTexts: [[UInt8]: Slice] = [:]
  private var knownCommands: [CommandDraft: UInt16] = [:]

  init(settings: Settings) {
    policy = CompiledPolicy(settings: settings)
  }

  mutating func add(_ domain: DomainDraft) {
    policy.domains.append(
      Domain(
        name: slice(of: Array(domain.name.utf8)), cgroup: slice(of: Array(domain.path.utf8)),
        settings: domain.settings.domainSettings))
  }

  mutating func add(_ rule: RuleDraft) {
    let name = slice(of: Array(rule.name.utf8))
    let firstTest = policy.tests.count
    for test in rule.match.tests + rule.match.exceptions {
      let first = policy.alternatives.count
      for value in test.values {
        policy.alternatives.append(alternative(value))
      }
      policy.tests.append(
        FieldTest(field: test.field, alternatives: slice(from: first, to: policy.alternatives.count)))
    }
    var entry = Rule(
      name: name, tests: slice(from: firstTest, to: policy.tests.count), protects: rule.protects, order: rule.order,
      weight: rule.weight)
    entry.exceptions = UInt8(rule.match.exceptions.count)
    (entry.scope, entry.signal, entry.grace) = (rule.scope, rule.signal, rule.grace)
    switch rule.hook {
    case nil: break
    case .off: entry.hook = .off
    case .on(let command): entry.hook = .command(index(of: command))
    }
    policy.rules.append(entry)
  }

  /// Adds the cgroup whose stalls count. It is the last of all: to be called after the measures are added.
  mutating func add(guarded cgroup: String) {
    policy.cgroups.append(slice(of: Array(cgroup.utf8)))
  }

  /// Adds hooks, relief and the last resort.
  mutating func add(_ measures: MeasuresDraft) {
    var hooks = Hooks()
    hooks.warn = measures.warn?.value.map { index(of: $0.command) }
    hooks.before = measures.before?.value.map { index(of: $0.command) }
    hooks.beforeTakesOver = measures.before?.value?.takesOver ?? false
    hooks.after = measures.after?.value.map { index(of: $0.command) }
    hooks.noCandidate = measures.noCandidate?.value.map { index(of: $0.command) }
    policy.measures.hooks = hooks

    let reclaimed = measures.reclaim ?? []
    policy.cgroups = reclaimed.map { slice(of: Array($0.utf8)) }
    policy.measures.relief.reclaim = UInt16(reclaimed.count)
    if let high = measures.high?.value {
      let cgroup = slice(of: Array(high.cgroup.utf8))
      let index = policy.cgroups.firstIndex(of: cgroup) ?? policy.cgroups.count
      if index == policy.cgroups.count { policy.cgroups.append(cgroup) }
      policy.measures.relief.high = Relief.High(cgroup: UInt16(index), to: high.to, duration: high.duration)
    }
    policy.measures.relief.freeze = measures.freeze?.value
    policy.measures.lastResort = measures.lastResort?.value
    policy.measures.flight = measures.flight.settings
  }

  /// The index of a command. Hooks that start the same program in the same way share one entry.
  private mutating func index(of command: CommandDraft) -> UInt16 {
    if let index = knownCommands[command] { return index }
    let index = UInt16(policy.commands.count)
    policy.commands.append(
      Command(
        words: slice(of: command.words.flatMap { Array($0.utf8) + [0] }), uid: command.uid, gid: command.gid,
        limit: .milliseconds(command.milliseconds)))
    knownCommands[command] = index
    return index
  }

  private mutating func alternative(_ value: RuleDraft.Value) -> Alternative {
    switch value {
    case .range(let low, let high): return .range(low, high)
    case .capabilities(let set): return .capabilities(set)
    case .signedRange(let low, let high): return .signedRange(low, high)
    case .time(let time): return .time(time)
    case .amount(let amount): return .amount(amount)
    case .flag(let flag): return .flag(flag)
    case .never: return .never
    case .pattern(let pattern, let text, let flavour):
      switch pattern.form {
      case .literal(let bytes): return .literal(slice(of: bytes))
      case .automaton(let prefix, let automaton, let suffix):
        let key = PatternKey(text: text, flavour: flavour)
        if let index = knownPatterns[key] { return .pattern(index) }
        let index = UInt32(policy.patterns.count)
        policy.patterns.append(
          TextPattern(prefix: slice(of: prefix), automaton: self.index(of: automaton), suffix: slice(of: suffix)))
        patterns.append(text)
        knownPatterns[key] = index
        return .pattern(index)
      }
    }
  }

  /// The index of an automaton. Most globs share one, because they differ in their prefix and suffix alone.
  private mutating func index(of automaton: Automaton) -> UInt32 {
    if let index = policy.automata.firstIndex(of: automaton) { return UInt32(index) }
    policy.automata.append(automaton)
    return UInt32(policy.automata.count - 1)
  }

  private mutating func slice(of bytes: [UInt8]) -> Slice {
    if bytes.isEmpty { return Slice(start: 0, count: 0) }
    if let known = knownTexts[bytes] { return known }
    let start = policy.text.count
    policy.text += bytes
    let slice = slice(from: start, to: policy.text.count)
    knownTexts[bytes] = slice
    return slice
  }

  private func slice(from start: Int, to end: Int) -> Slice {
    Slice(start: UInt32(start), count: UInt32(end - start))
  }
}
