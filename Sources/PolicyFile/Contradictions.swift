import Policy
import Pressure
import ProcModel

/// Finds conditions of a rule's `match` that no process can meet.
enum Contradiction {
  /// Warns of each pair of fields that exclude each other, and of a `not` that leaves out every process that the other
  /// fields match.
  static func warn(of match: RuleDraft.Match, log: inout DiagnosticLog) {
    warn(of: match.tests, log: &log)
    warn(of: match.exceptions, log: &log)
    guard let first = match.exceptions.first, !match.tests.isEmpty else { return }
    let leavesOutAll = match.exceptions.allSatisfy { exception in match.tests.contains { $0.implies(exception) } }
    if leavesOutAll {
      log.warning(
        at: first.offset, "\"not\" leaves out every process that the rest of \"match\" matches",
        "the rule never matches: ask for less, or leave it out")
    }
  }

  private static func warn(of tests: [RuleDraft.Test], log: inout DiagnosticLog) {
    for (index, test) in tests.enumerated() {
      for other in tests[..<index] where other.excludes(test) {
        log.warning(
          at: max(test.offset, other.offset), "no process has both this \(quoted(test.key)) and \(quoted(other.key))",
          "the rule never matches: leave one of them out")
      }
    }
  }
}

extension RuleDraft.Test {
  /// Whether no process can pass both tests.
  fileprivate func excludes(_ other: RuleDraft.Test) -> Bool {
    switch (field, other.field) {
    case (.minAge, .maxAge), (.maxAge, .minAge):
      let (least, most) = field == .minAge ? (self, other) : (other, self)
      guard case .time(let low) = least.values.first, case .time(let high) = most.values.first else { return false }
      return low > high
    case (.uid, .uid), (.gid, .gid):
      // A name that no user or group has gets a warning of its own.
      let ranges = values.compactMap(\.range)
      let others = other.values.compactMap(\.range)
      guard !ranges.isEmpty, !others.isEmpty else { return false }
      return !ranges.contains { range in others.contains { $0.overlaps(range) } }
    default: return false
    }
  }

  /// Whether every process that passes this test also passes the other.
  fileprivate func implies(_ other: RuleDraft.Test) -> Bool {
    guard field == other.field else { return false }
    switch (field, values.first, other.values.first) {
    case (.minAge, .time(let time)?, .time(let line)?): return time >= line
    case (.maxAge, .time(let time)?, .time(let line)?): return time <= line
    // A share and a size can be compared only on a machine.
    case (_, .amount(.share(let share))?, .amount(.share(let line))?): return share >= line
    case (_, .amount(.size(let size))?, .amount(.size(let line))?): return size >= line
    default: break
    }
    return values.allSatisfy { value in other.values.contains { value.implies($0) } }
  }
}

extension RuleDraft.Value {
  fileprivate var range: ClosedRange<UInt32>? {
    if case .range(let low, let high) = self { return low...high }
    return nil
  }

  fileprivate func implies(_ other: RuleDraft.Value) -> Bool {
    switch (self, other) {
    case (.pattern(let own, let text, let flavour), .pattern(let wider, let otherText, let otherFlavour)):
      if text == otherText, flavour == otherFlavour { return true }
      if case .literal(let bytes) = own.form { return wider.matches(bytes) }
      return false
    case (.range(let low, let high), .range(let otherLow, let otherHigh)):
      return low >= otherLow && high <= otherHigh
    case (.signedRange(let low, let high), .signedRange(let otherLow, let otherHigh)):
      return low >= otherLow && high <= otherHigh
    case (.capabilities(let set), .capabilities(let others)): return set.isSubset(of: others)
    case (.flag(let flag), .flag(let other)): return flag == other
    default: return false
    }
  }

  /// A text that is the same for two values if they match the same.
  fileprivate var identity: String {
    switch self {
    case .pattern(_, let text, let flavour): "pattern \(flavour) \(text)"
    case .range(let low, let high): "range \(low) \(high)"
    case .signedRange(let low, let high): "signed \(low) \(high)"
    case .capabilities(let set): "capabilities \(set.rawValue)"
    case .time(let time): "time \(time.count)"
    case .amount(let amount): "amount \(amount)"
    case .flag(let flag): "flag \(flag)"
    case .never: "never"
    }
  }
}

extension RuleDraft.Match {
  /// A list that is the same for two matches if they differ at most in the order of their fields and values.
  private var identity: [String] {
    let ofTest = { (test: RuleDraft.Test) in "\(test.field) \(Set(test.values.map(\.identity)).sorted())" }
    return tests.map(ofTest).sorted() + ["not"] + exceptions.map(ofTest).sorted()
  }

  func isSame(as other: RuleDraft.Match) -> Bool { identity == other.identity }
}

/// Finds rules that have no effect beside other rules.
enum Shadow {
  /// - Parameters:
  ///   - rule: The last rule that was read. It stands at `offset` of the file that `log` is for.
  ///   - earlier: All rules before it.
  static func warn(of rule: RuleDraft, at offset: Int, after earlier: [RuleDraft], log: inout DiagnosticLog) {
    let alike = earlier.filter { $0.match.isSame(as: rule.match) }
    guard let other = alike.first(where: \.protects) ?? alike.last else { return }
    let place = "\(quoted(other.name)) (\(other.origin.file):\(other.origin.line))"
    if other.protects, !rule.protects {
      log.warning(
        at: offset, "the rule does nothing: \(place) protects every process that it matches", "leave one of them out")
      return
    }
    // A rule of an earlier file may be replaced on purpose, for example a preset's rule by the file that extends the
    // preset.
    guard other.origin.file == rule.origin.file else { return }
    if rule.protects {
      log.warning(
        at: offset,
        other.protects
          ? "the rule does nothing: \(place) already protects the same processes"
          : "\(place) does nothing: this rule protects the same processes", "leave one of them out")
    } else if rule.replacesAll(of: other) {
      log.warning(
        at: offset, "\(place) does nothing: this rule matches the same processes and sets all of its keys again",
        "leave one of them out")
    }
  }
}

extension RuleDraft {
  /// Whether this rule sets every key that an earlier rule with the same match sets. Weights multiply, so a weight is
  /// never replaced.
  fileprivate func replacesAll(of other: RuleDraft) -> Bool {
    // A rule with a mistake may set nothing at all.
    let saysSomething =
      other.order != nil || other.scope != nil || other.signal != nil || other.grace != nil || other.hook != nil
    return saysSomething && other.weight == 1 && (other.order == nil || order != nil)
      && (other.scope == nil || scope != nil)
      && (other.signal == nil || signal != nil) && (other.grace == nil || grace != nil)
      && (other.hook == nil || hook != nil)
  }
}
