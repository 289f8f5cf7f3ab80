import Badness
import Policy
import Pressure
import ProcModel
import Testing

/// The parts of a policy that a reload changed.
@Suite struct PolicyChangesTests {
  /// One change of a policy, and how it is named.
  struct Change: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var expected: @Sendable (inout PolicyChanges) -> Void
    var make: @Sendable (inout CompiledPolicy) -> Void

    init(
      _ name: String, _ expected: @escaping @Sendable (inout PolicyChanges) -> Void,
      _ make: @escaping @Sendable (inout CompiledPolicy) -> Void
    ) {
      testDescription = name
      self.expected = expected
      self.make = make
    }
  }

  private static let settings: @Sendable (inout PolicyChanges) -> Void = { $0.settingsChanged = true }
  private static let first: @Sendable (inout PolicyChanges) -> Void = { $0.changed.insert(0) }

  static let changes: [Change] = [
    Change("grace", settings) { $0.settings.grace = .zero },
    Change("formula", settings) { $0.settings.formula = .linux },
    Change("a hook's word", settings) {
      $0.rules[0].hook = nil
      $0.commands[0].words = $0.add("/bin/tell\0later\0")
    }.with { $0.changed.insert(0) },
    Change("a hook's user", settings) { $0.commands[0].uid = 1 }.with { $0.changed.insert(0) },
    Change("a hook less", settings) { $0.measures.hooks.warn = nil },
    Change("what is reclaimed", settings) { $0.cgroups[0] = $0.add("/other.slice") },
    Change("last resort", settings) { $0.measures.lastResort = nil },
    Change("flights", settings) { $0.measures.flight.keep = 5 },
    Change("a domain", settings) {
      $0.domains.append(Domain(name: $0.add("d"), cgroup: $0.add("/d"), settings: $0.settings))
    },
    Change("protect", first) { $0.rules[0].protects.toggle() }, Change("order", first) { $0.rules[0].order = .last },
    Change("weight", first) { $0.rules[0].weight = 7 }, Change("scope", first) { $0.rules[0].scope = .tree },
    Change("signal", first) { $0.rules[0].signal = nil }, Change("a rule's grace", first) { $0.rules[0].grace = nil },
    Change("a rule's hook", first) { $0.rules[0].hook = .off },
    Change("no longer in not", first) { $0.rules[0].exceptions = 1 },
    Change("a literal", first) { $0.alternatives[0] = .literal($0.add("other")) },
    Change("a literal for a pattern", first) { $0.alternatives[1] = .literal($0.add("other")) },
    Change("a range", first) { $0.alternatives[2] = .range(0, 1000) },
    Change("a field", first) { $0.tests[0].field = .ancestor },
    Change("the end of a pattern", first) { $0.patterns[0].suffix = $0.add("x") },
    Change("the middle of a pattern", first) { $0.patterns[0].automaton = 1 },
    Change("another name", { ($0.added, $0.removed) = (one(0), one(0)) }) { $0.rules[0].name = $0.add("another") },
    Change("a rule less", { $0.removed = one(1) }) { $0.rules.removeLast() },
    Change("another order", { $0.isReordered = true }) { $0.rules.swapAt(0, 1) },
    Change("a rule before all", { $0.added = one(0) }) {
      $0.addRule("new", order: .first, [(.uid, [.never])])
      $0.rules.insert($0.rules.removeLast(), at: 0)
    },
  ]

  private static func one(_ number: UInt8) -> Bits256 {
    var bits = Bits256()
    bits.insert(number)
    return bits
  }

  @Test(arguments: changes) func aChangeIsNamed(change: Change) {
    let old = Sample.mixed.policy
    var new = old
    change.make(&new)
    var expected = PolicyChanges(from: old, to: old)
    #expect(expected.isEmpty)
    change.expected(&expected)
    let found = PolicyChanges(from: old, to: new)
    #expect(found == expected && !found.isEmpty)
  }

  /// The compiler may put texts, patterns and programs anywhere.
  @Test func thePlaceOfEntriesInTheTablesDoesNotMatter() {
    let old = Sample.mixed.policy
    var new = old
    new.text = Array("shift".utf8) + old.text
    func shift(_ slice: Slice) -> Slice { Slice(start: slice.start + 5, count: slice.count) }
    for index in new.rules.indices { new.rules[index].name = shift(old.rules[index].name) }
    for (index, alternative) in old.alternatives.enumerated() {
      if case .literal(let slice) = alternative { new.alternatives[index] = .literal(shift(slice)) }
      if case .pattern(let number) = alternative { new.alternatives[index] = .pattern(1 - number) }
    }
    new.patterns = old.patterns.reversed().map {
      TextPattern(prefix: shift($0.prefix), automaton: 1 - $0.automaton, suffix: shift($0.suffix))
    }
    new.automata.reverse()
    for index in new.commands.indices { new.commands[index].words = shift(old.commands[index].words) }
    for index in new.cgroups.indices { new.cgroups[index] = shift(old.cgroups[index]) }
    #expect(PolicyChanges(from: old, to: new).isEmpty)
  }

  @Test func everyPartOfAPolicyIsCompared() {
    let full = Sample.full.policy
    #expect(PolicyChanges(from: full, to: full).isEmpty)
    let all = PolicyChanges(from: .blank, to: full)
    #expect(all.added.count == full.rules.count && all.changed.isEmpty && all.removed.isEmpty && all.settingsChanged)
    #expect(PolicyChanges(from: full, to: .blank).removed.count == full.rules.count)
  }
}

extension PolicyChangesTests.Change {
  /// The change with another one.
  fileprivate func with(_ more: @escaping @Sendable (inout PolicyChanges) -> Void) -> Self {
    var change = self
    let first = expected
    change.expected = {
      first(&$0)
      more(&$0)
    }
    return change
  }
}
