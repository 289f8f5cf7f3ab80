import Pressure
import ProcModel

extension CompiledPolicy {
  /// Whether this is a policy that the engine may use: within its limits, and with no entry that leads outside its
  /// tables. The compiler asks before it writes, and the reader before it gives a policy away.
  ///
  /// - Throws: ``ImageError/tooMany(_:)`` or ``ImageError/invalid(_:entry:)``, the first found.
  package func validate() throws(ImageError) {
    for section in ImageSection.allCases {
      guard count(of: section) <= section.maximum else { throw .tooMany(section) }
    }
    var check = ImageCheck()
    // A copy, of which nothing is changed: its tables are those of this one.
    var figures = self
    try figures.pass(through: &check)
    try validateDomains()
    try validateRules()
    try validateTests()
    try validatePatterns()
    for index in automata.indices {
      try validateAutomaton(index)
    }
    try validateCommands()
    try validateMeasures()
  }

  private func validateDomains() throws(ImageError) {
    for index in domains.indices {
      let domain = domains[index]
      guard domain.name.count > 0, domain.name.count <= CompiledPolicy.maximumNameLength,
        domain.name.isWithin(text.count), isPlainText(bytes(domain.name))
      else { throw .invalid(.domainName, entry: index) }
      guard domain.cgroup.isWithin(text.count), isCgroup(bytes(domain.cgroup)) else {
        throw .invalid(.domainCgroup, entry: index)
      }
    }
  }

  /// Whether this is the path of a cgroup below the root, as the kernel prints it.
  private func isCgroup(_ path: Span<UInt8>) -> Bool {
    guard path.count > 1, path.count <= CompiledPolicy.maximumCgroupLength, path[0] == .slash,
      path[path.count - 1] != .slash
    else { return false }
    for index in path.indices where path[index] == 0 || path[index] == .newline {
      return false
    }
    return true
  }

  private func validateRules() throws(ImageError) {
    var next: UInt32 = 0
    for index in rules.indices {
      let rule = rules[index]
      guard rule.name.isWithin(text.count) else { throw .invalid(.ruleName, entry: index) }
      guard rule.name.count <= CompiledPolicy.maximumNameLength else {
        throw .invalid(.ruleNameLength, entry: index)
      }
      guard isPlainText(bytes(rule.name)) else { throw .invalid(.ruleNameText, entry: index) }
      guard rule.tests.start == next, rule.tests.count > 0, rule.tests.isWithin(tests.count) else {
        throw .invalid(.ruleTests, entry: index)
      }
      next += rule.tests.count
      guard rule.exceptions <= rule.tests.count else { throw .invalid(.ruleExceptions, entry: index) }
      guard asksAncestorsOnce(rule.conditions), asksAncestorsOnce(rule.exceptionTests) else {
        throw .invalid(.ruleAncestors, entry: index)
      }
      guard hasCommand(rule.hook?.command) else { throw .invalid(.ruleHook, entry: index) }
    }
    guard next == tests.count else { throw .invalid(.unownedTest, entry: Int(next)) }
  }

  /// Whether no two of these tests ask the same of an ancestor; those that are not there do not.
  private func asksAncestorsOnce(_ range: Range<Int>) -> Bool {
    var seen: UInt32 = 0
    for index in range where tests[index].field.isOfAncestors {
      let bit: UInt32 = 1 << UInt32(tests[index].field.rawValue)
      if seen & bit != 0 { return false }
      seen |= bit
    }
    return true
  }

  private func validateTests() throws(ImageError) {
    var next: UInt32 = 0
    for index in tests.indices {
      let test = tests[index]
      let own = test.alternatives
      guard own.start == next, own.count > 0, own.isWithin(alternatives.count) else {
        throw .invalid(.testAlternatives, entry: index)
      }
      next += own.count
      for alternative in own.indices {
        try validateAlternative(alternative, of: test.field)
      }
    }
    guard next == alternatives.count else { throw .invalid(.unownedAlternative, entry: Int(next)) }
  }

  private func validateAlternative(_ index: Int, of field: MatchField) throws(ImageError) {
    let alternative = alternatives[index]
    if let kind = alternative.kind, kind != field.kind { throw .invalid(.alternativeField, entry: index) }
    switch alternative {
    case .literal(let slice):
      guard slice.isWithin(text.count) else { throw .invalid(.literal, entry: index) }
    case .pattern(let pattern):
      guard pattern < patterns.count else { throw .invalid(.patternIndex, entry: index) }
    case .range(let low, let high):
      guard low <= high else { throw .invalid(.range, entry: index) }
    case .signedRange(let low, let high):
      guard low <= high else { throw .invalid(.range, entry: index) }
    case .capabilities(let set):
      guard !set.isEmpty else { throw .invalid(.capabilities, entry: index) }
    case .amount(.share(let points)):
      guard points <= .percent(100) else { throw .invalid(.alternativeAmount, entry: index) }
    case .amount, .time, .flag, .never:
      break
    }
  }

  private func validatePatterns() throws(ImageError) {
    for index in patterns.indices {
      let pattern = patterns[index]
      guard pattern.prefix.isWithin(text.count), pattern.suffix.isWithin(text.count) else {
        throw .invalid(.patternText, entry: index)
      }
      guard pattern.automaton < automata.count else { throw .invalid(.automatonIndex, entry: index) }
    }
  }

  private func validateAutomaton(_ index: Int) throws(ImageError) {
    let automaton = automata[index]
    let count = automaton.positions.count
    guard automaton.refers(automaton.first, below: count) else { throw .invalid(.automatonFirst, entry: index) }
    guard automaton.refers(automaton.accepting, below: count) else {
      throw .invalid(.automatonAccepting, entry: index)
    }
    for position in automaton.positions {
      guard automaton.refers(position.bytes, below: 256) else { throw .invalid(.positionBytes, entry: index) }
      guard automaton.refers(position.follow, below: count) else { throw .invalid(.positionFollow, entry: index) }
    }
  }
}

extension Automaton {
  /// Whether it has that set, and no number from `limit` on in it.
  fileprivate func refers(_ reference: SetReference, below limit: Int) -> Bool {
    if let number = reference.onlyMember { return number < limit }
    return reference.index < sets.count && sets[reference.index].isBelow(limit)
  }
}

extension Alternative {
  /// For which kind of field it is; nil where for any.
  fileprivate var kind: MatchField.Kind? {
    switch self {
    case .literal, .pattern: .text
    case .range: .range
    case .signedRange: .signedRange
    case .capabilities: .capabilities
    case .time: .time
    case .amount: .amount
    case .flag: .flag
    case .never: nil
    }
  }
}

extension Slice {
  /// Whether a table of so many entries has all of these.
  func isWithin(_ entries: Int) -> Bool {
    start <= entries && count <= entries - Int(start)
  }
}

extension Bits256 {
  /// Whether it holds no number from `limit` on.
  fileprivate func isBelow(_ limit: Int) -> Bool {
    for index in 0..<4 {
      let bits = min(max(limit - 64 * index, 0), 64)
      // Swift's shift gives 0 for a shift by the whole width.
      if words[index] >> bits != 0 { return false }
    }
    return true
  }
}

/// Whether these bytes are well-formed UTF-8 (Unicode, table 3-7) without control characters (C0, DEL, C1).
private func isPlainText(_ bytes: Span<UInt8>) -> Bool {
  var index = 0
  while index < bytes.count {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[index] {
    case 0x20...0x7E: length = 1
    // C2 80...C2 9F are the controls of C1.
    case 0xC2: (length, second) = (2, 0xA0...0xBF)
    case 0xC3...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return false
    }
    guard length <= bytes.count - index else { return false }
    if length > 1, !second.contains(bytes[index + 1]) { return false }
    for tail in index + min(2, length)..<index + length where !(0x80...0xBF).contains(bytes[tail]) {
      return false
    }
    index += length
  }
  return true
}
