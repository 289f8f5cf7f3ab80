import Policy

/// Lays rules out as the tables of a ``CompiledPolicy``.
struct PolicyTables {
  private struct PatternKey: Hashable {
    var text: String
    var flavour: PatternFlavour
  }

  private(set) var policy: CompiledPolicy
  /// The text of each automaton, as its author wrote it.
  private(set) var patterns: [String] = []
  /// A fence that many rules share is compiled once.
  private var known: [PatternKey: UInt32] = [:]

  init(settings: Settings) {
    policy = CompiledPolicy(settings: settings)
  }

  mutating func add(_ rule: RuleDraft) {
    let name = append(Array(rule.name.utf8))
    let firstTest = policy.tests.count
    for test in rule.tests {
      let first = policy.alternatives.count
      for value in test.values {
        policy.alternatives.append(alternative(value))
      }
      policy.tests.append(
        FieldTest(field: test.field, alternatives: slice(from: first, to: policy.alternatives.count)))
    }
    policy.rules.append(
      Rule(
        name: name, tests: slice(from: firstTest, to: policy.tests.count), protects: rule.protects, order: rule.order,
        weight: rule.weight))
  }

  private mutating func alternative(_ value: RuleDraft.Value) -> Alternative {
    switch value {
    case .literal(let bytes): return .literal(append(bytes))
    case .range(let low, let high): return .range(low, high)
    case .capabilities(let set): return .capabilities(set)
    case .never: return .never
    case .automaton(let automaton, let text, let flavour):
      let key = PatternKey(text: text, flavour: flavour)
      if let index = known[key] { return .automaton(index) }
      let index = UInt32(policy.automata.count)
      policy.automata.append(automaton)
      patterns.append(text)
      known[key] = index
      return .automaton(index)
    }
  }

  private mutating func append(_ bytes: [UInt8]) -> Slice {
    let start = policy.text.count
    policy.text += bytes
    return slice(from: start, to: policy.text.count)
  }

  private func slice(from start: Int, to end: Int) -> Slice {
    Slice(start: UInt32(start), count: UInt32(end - start))
  }
}
