/// What a new policy has different from the one before it. Rules are known by their names.
package struct PolicyChanges: Equatable, Sendable {
  /// By their places in the new policy.
  package var added = Bits256()
  package var changed = Bits256()
  /// By their places in the old one.
  package var removed = Bits256()
  /// Whether rules that both have stand in another order.
  package var isReordered = false
  /// Of the system, of a domain, or of the machine; or which domains there are.
  package var settingsChanged = false

  /// Compares every rule with those of the other: for a reload, not for a look.
  package init(from old: CompiledPolicy, to new: CompiledPolicy) {
    var last = -1
    for index in new.rules.indices {
      let number = UInt8(truncatingIfNeeded: index)
      guard let before = old.rule(named: new.bytes(new.rules[index].name)) else {
        added.insert(number)
        continue
      }
      if before < last { isReordered = true }
      last = max(last, before)
      if !new.isSame(new.rules[index], as: old.rules[before], of: old) { changed.insert(number) }
    }
    for index in old.rules.indices where new.rule(named: old.bytes(old.rules[index].name)) == nil {
      removed.insert(UInt8(truncatingIfNeeded: index))
    }
    settingsChanged =
      new.settings != old.settings || !new.hasSameMeasures(as: old) || !new.hasSameDomains(as: old)
  }

  package var isEmpty: Bool {
    added.isEmpty && changed.isEmpty && removed.isEmpty && !isReordered && !settingsChanged
  }
}

extension CompiledPolicy {
  fileprivate func rule(named name: Span<UInt8>) -> Int? {
    for index in rules.indices where bytes(rules[index].name).equals(name) { return index }
    return nil
  }

  /// Whether a rule of this policy matches and does what one of another does.
  fileprivate func isSame(_ rule: Rule, as other: Rule, of policy: CompiledPolicy) -> Bool {
    guard rule.protects == other.protects, rule.order == other.order, rule.weight == other.weight,
      rule.scope == other.scope, rule.signal == other.signal, rule.grace == other.grace,
      rule.tests.count == other.tests.count, rule.exceptions == other.exceptions
    else { return false }
    switch (rule.hook, other.hook) {
    case (nil, nil), (.off, .off): break
    case (.command(let own), .command(let others)):
      if !isSame(command: own, as: others, of: policy) { return false }
    default: return false
    }
    var otherTest = Int(other.tests.start)
    for test in rule.tests.indices {
      if !isSame(tests[test], as: policy.tests[otherTest], of: policy) { return false }
      otherTest += 1
    }
    return true
  }

  private func isSame(_ test: FieldTest, as other: FieldTest, of policy: CompiledPolicy) -> Bool {
    guard test.field == other.field, test.alternatives.count == other.alternatives.count else { return false }
    var otherAlternative = Int(other.alternatives.start)
    for alternative in test.alternatives.indices {
      if !isSame(alternatives[alternative], as: policy.alternatives[otherAlternative], of: policy) { return false }
      otherAlternative += 1
    }
    return true
  }

  private func isSame(_ alternative: Alternative, as other: Alternative, of policy: CompiledPolicy) -> Bool {
    switch (alternative, other) {
    case (.literal(let own), .literal(let others)): return isSame(own, as: others, of: policy)
    case (.pattern(let own), .pattern(let others)):
      let pattern = patterns[Int(own)]
      let otherPattern = policy.patterns[Int(others)]
      return isSame(pattern.prefix, as: otherPattern.prefix, of: policy)
        && isSame(pattern.suffix, as: otherPattern.suffix, of: policy)
        && automata[Int(pattern.automaton)] == policy.automata[Int(otherPattern.automaton)]
    case (.literal, _), (.pattern, _): return false
    default: return alternative == other
    }
  }

  private func isSame(_ text: Slice, as other: Slice, of policy: CompiledPolicy) -> Bool {
    bytes(text).equals(policy.bytes(other))
  }

  private func isSame(command own: UInt16?, as others: UInt16?, of policy: CompiledPolicy) -> Bool {
    guard let own, let others else { return own == nil && others == nil }
    let command = commands[Int(own)]
    let other = policy.commands[Int(others)]
    return command.uid == other.uid && command.gid == other.gid && command.limit == other.limit
      && isSame(command.words, as: other.words, of: policy)
  }

  fileprivate func hasSameMeasures(as policy: CompiledPolicy) -> Bool {
    let hooks = measures.hooks
    let others = policy.measures.hooks
    let relief = measures.relief
    let other = policy.measures.relief
    guard isSame(command: hooks.warn, as: others.warn, of: policy),
      isSame(command: hooks.before, as: others.before, of: policy),
      hooks.beforeTakesOver == others.beforeTakesOver,
      isSame(command: hooks.after, as: others.after, of: policy),
      isSame(command: hooks.noCandidate, as: others.noCandidate, of: policy),
      relief.reclaim == other.reclaim, relief.high == other.high, relief.freeze == other.freeze,
      measures.lastResort == policy.measures.lastResort, measures.flight == policy.measures.flight,
      cgroups.count == policy.cgroups.count
    else { return false }
    for index in cgroups.indices where !isSame(cgroups[index], as: policy.cgroups[index], of: policy) { return false }
    return true
  }

  fileprivate func hasSameDomains(as policy: CompiledPolicy) -> Bool {
    guard domains.count == policy.domains.count else { return false }
    for index in domains.indices {
      let domain = domains[index]
      let other = policy.domains[index]
      guard isSame(domain.name, as: other.name, of: policy), isSame(domain.cgroup, as: other.cgroup, of: policy),
        domain.settings == other.settings
      else { return false }
    }
    return true
  }
}
