import Pressure
package import ProcModel

/// What a test, or all of a rule, comes to.
package enum TestOutcome: UInt8, Sendable {
  case no
  /// Something it looks at could not be read.
  case unknown
  case yes

  /// Of both together.
  func and(_ other: TestOutcome) -> TestOutcome {
    rawValue < other.rawValue ? self : other
  }

  var opposite: TestOutcome {
    switch self {
    case .no: .yes
    case .unknown: .unknown
    case .yes: .no
    }
  }
}

/// What the tests of each rule came to that are asked once in a process's life: all but the momentary ones
/// (``MatchField/isDynamic``).
package struct StaticMatch: Sendable {
  /// An outcome for each rule.
  struct Outcomes: Sendable {
    private var yes = Bits256()
    private(set) var unknown = Bits256()

    subscript(rule: UInt8) -> TestOutcome {
      get { yes.contains(rule) ? .yes : unknown.contains(rule) ? .unknown : .no }
      set {
        switch newValue {
        case .no: break
        case .unknown: unknown.insert(rule)
        case .yes: yes.insert(rule)
        }
      }
    }
  }

  var conditions = Outcomes()
  /// Of the tests in `not`, where it is worth asking.
  var exceptions = Outcomes()

  package init() {}

  /// Whether something could not be read.
  package var isProvisional: Bool { !conditions.unknown.isEmpty || !exceptions.unknown.isEmpty }
}

/// Of which rules the tests of `cmdline` passed when it was read.
///
/// A command line is part of the memory of its process, and cannot be read at decision time. It is the same program's
/// as long as none other is executed, whatever name, user or cgroup the process has by then.
package struct CmdlineOutcomes: Sendable {
  fileprivate var conditions = Bits256()
  fileprivate var exceptions = Bits256()

  package init() {}
}

/// What momentary tests look at.
package struct DynamicFacts: Sendable {
  /// With its growth.
  package var process: ProcessFacts
  /// What shares of memory are of.
  package var machine: MachineFacts
  package var lineage: Lineage

  package init(process: ProcessFacts, machine: MachineFacts, lineage: Lineage = Lineage()) {
    self.process = process
    self.machine = machine
    self.lineage = lineage
  }
}

extension CompiledPolicy {
  /// Puts a process in its place: all rules that match apply, in order; protection is final. What a momentary test asks
  /// counts as unknown: this is for policies that have none.
  ///
  /// Costs at most one run of each pattern over its text; allocates nothing.
  package func classify(_ subject: Subject) -> RuleOutcome {
    var ruleOutcome = RuleOutcome()
    for index in rules.indices {
      let rule = rules[index]
      let number = UInt8(truncatingIfNeeded: index)
      var outcome = outcome(of: rule.conditions, for: subject, subject.passedEarlier(number, asException: false))
      if rule.exceptions > 0, outcome != .no {
        let passedEarlier = subject.passedEarlier(number, asException: true)
        outcome = outcome.and(self.outcome(of: rule.exceptionTests, for: subject, passedEarlier).opposite)
      }
      ruleOutcome.take(rule, number, outcome)
    }
    return ruleOutcome
  }

  /// The part of that which holds as long as the process is the same.
  package func matchStatic(_ subject: Subject) -> StaticMatch {
    var settled = StaticMatch()
    for index in rules.indices {
      let rule = rules[index]
      let number = UInt8(truncatingIfNeeded: index)
      let outcome = outcome(
        of: rule.conditions, for: subject, subject.passedEarlier(number, asException: false), isStaticOnly: true)
      settled.conditions[number] = outcome
      if rule.exceptions > 0, outcome != .no {
        settled.exceptions[number] = self.outcome(
          of: rule.exceptionTests, for: subject, subject.passedEarlier(number, asException: true), isStaticOnly: true)
      }
    }
    return settled
  }

  /// What a process answers to the tests of ancestors of all rules.
  package func lineage(ofParent subject: Subject) -> Lineage {
    var lineage = Lineage()
    for index in rules.indices {
      note(asAncestor: subject, rules[index], UInt8(truncatingIfNeeded: index), in: &lineage)
    }
    return lineage
  }

  private func note(asAncestor subject: Subject, _ rule: Rule, _ number: UInt8, in lineage: inout Lineage) {
    switch outcome(asAncestor: subject, rule.conditions) {
    case .no: break
    case .unknown: lineage.unknownConditions.insert(number)
    case .yes: lineage.conditions.insert(number)
    }
    guard rule.exceptions > 0 else { return }
    switch outcome(asAncestor: subject, rule.exceptionTests) {
    case .no: break
    case .unknown: lineage.unknownExceptions.insert(number)
    case .yes: lineage.exceptions.insert(number)
    }
  }

  /// What the tests of ancestors in a range come to for one of them; no where there are none.
  private func outcome(asAncestor subject: Subject, _ range: Range<Int>) -> TestOutcome {
    var outcome = TestOutcome.yes
    var isAsked = false
    for index in range where tests[index].field.isOfAncestors {
      isAsked = true
      outcome = outcome.and(self.outcome(asAncestor: tests[index], subject))
      if outcome == .no { return .no }
    }
    return isAsked ? outcome : .no
  }

  private func outcome(asAncestor test: FieldTest, _ subject: Subject) -> TestOutcome {
    switch test.field {
    case .ancestor: outcome(of: test, .known, subject.comm.bytes)
    case .ancestorExe: outcome(of: test, subject.exeKnowledge, subject.exe.bytes)
    case .ancestorCgroup: outcome(ofCgroup: test, subject)
    case .ancestorUnit: outcome(ofUnit: test, subject)
    default: .no
    }
  }

  private func outcome(ofCgroup test: FieldTest, _ subject: Subject) -> TestOutcome {
    outcome(of: test, subject.cgroupKnowledge, subject.cgroup.bytes.extracting(subject.cgroupPath ?? 0..<0))
  }

  private func outcome(ofUnit test: FieldTest, _ subject: Subject) -> TestOutcome {
    // A cgroup may be known and be no unit's.
    if subject.cgroupKnowledge == .known, subject.unit == nil { return .no }
    return outcome(of: test, subject.cgroupKnowledge, subject.cgroup.bytes.extracting(subject.unit ?? 0..<0))
  }

  /// What the tests of a command line come to; nil where it could not be read.
  func cmdlineOutcomes(of subject: Subject) -> CmdlineOutcomes? {
    if subject.cmdlineKnowledge == .unknown { return subject.earlierCmdline }
    var outcomes = CmdlineOutcomes()
    for index in rules.indices {
      let number = UInt8(truncatingIfNeeded: index)
      if passesCmdline(rules[index].conditions, subject) { outcomes.conditions.insert(number) }
      if passesCmdline(rules[index].exceptionTests, subject) { outcomes.exceptions.insert(number) }
    }
    return outcomes
  }

  private func passesCmdline(_ range: Range<Int>, _ subject: Subject) -> Bool {
    for index in range where tests[index].field == .cmdline {
      return outcome(of: tests[index], for: subject, nil) == .yes
    }
    return false
  }

  /// The other part. Runs no pattern; allocates nothing.
  package func ruleOutcome(_ settled: StaticMatch, at moment: DynamicFacts) -> RuleOutcome {
    var ruleOutcome = RuleOutcome()
    for index in rules.indices {
      let rule = rules[index]
      let number = UInt8(truncatingIfNeeded: index)
      var outcome = settled.conditions[number]
      if outcome != .no {
        outcome = outcome.and(
          self.outcome(of: rule.conditions, at: moment, moment.lineage.outcome(ofConditionsOf: number)))
      }
      if rule.exceptions > 0, outcome != .no {
        let exception = settled.exceptions[number].and(
          self.outcome(of: rule.exceptionTests, at: moment, moment.lineage.outcome(ofExceptionsOf: number)))
        outcome = outcome.and(exception.opposite)
      }
      ruleOutcome.take(rule, number, outcome)
    }
    return ruleOutcome
  }

  /// - Parameters:
  ///   - passedEarlier: Whether the test of `cmdline` among them passed when it could be read; nil where it never was.
  ///   - isSettling: Whether momentary tests are left for later.
  private func outcome(
    of range: Range<Int>, for subject: Subject, _ passedEarlier: Bool?, isStaticOnly: Bool = false
  ) -> TestOutcome {
    var outcome = TestOutcome.yes
    for index in range where !(isStaticOnly && tests[index].field.isDynamic) {
      outcome = outcome.and(self.outcome(of: tests[index], for: subject, passedEarlier))
      if outcome == .no { return .no }
    }
    return outcome
  }

  /// - Parameter hasAncestor: Whether an ancestor is as the tests of them say.
  private func outcome(of range: Range<Int>, at moment: DynamicFacts, _ hasAncestor: TestOutcome) -> TestOutcome {
    var outcome = TestOutcome.yes
    for index in range where tests[index].field.isDynamic {
      outcome = outcome.and(self.outcome(of: tests[index], at: moment, hasAncestor))
      if outcome == .no { return .no }
    }
    return outcome
  }

  private func outcome(of test: FieldTest, for subject: Subject, _ passedEarlier: Bool?) -> TestOutcome {
    switch test.field {
    case .comm: return outcome(of: test, .known, subject.comm.bytes)
    case .exe: return outcome(of: test, subject.exeKnowledge, subject.exe.bytes)
    case .cmdline:
      if subject.cmdlineKnowledge == .unknown, let passedEarlier { return passedEarlier ? .yes : .no }
      return outcome(of: test, subject.cmdlineKnowledge, subject.cmdline.bytes)
    case .cgroup: return outcome(ofCgroup: test, subject)
    case .unit: return outcome(ofUnit: test, subject)
    case .uid: return subject.unread.contains(.user) ? .unknown : contains(test, subject.effectiveUID)
    case .capability:
      if subject.unread.contains(.capabilities) { return .unknown }
      for index in test.alternatives.indices {
        if case .capabilities(let wanted) = alternatives[index],
          !subject.effectiveCapabilities.isDisjoint(with: wanted)
        {
          return .yes
        }
      }
      return .no
    case .gid, .oomScoreAdj, .nice, .minAge, .maxAge, .minFootprint, .growth, .tty, .container, .orphan:
      return .unknown
    case .ancestor, .ancestorExe, .ancestorCgroup, .ancestorUnit: return .unknown
    }
  }

  private func outcome(of test: FieldTest, at moment: DynamicFacts, _ hasAncestor: TestOutcome) -> TestOutcome {
    let process = moment.process
    switch test.field {
    case .gid: return process.unread.contains(.group) ? .unknown : contains(test, process.effectiveGID)
    case .oomScoreAdj:
      return process.unread.contains(.oomScoreAdj) ? .unknown : contains(test, Int32(process.oomScoreAdj))
    case .nice: return contains(test, Int32(process.nice))
    case .minAge, .maxAge:
      return process.age.map { isOfAge(test, $0, moment.machine.units) } ?? .unknown
    case .minFootprint: return isAtLeast(test, process.footprint, moment)
    case .growth: return isAtLeast(test, process.growthPerSecond, moment)
    case .tty: return isFlag(test, process.hasTerminal)
    case .container: return process.unread.contains(.namespace) ? .unknown : isFlag(test, process.isInNamespace)
    case .orphan: return process.unread.contains(.leaders) ? .unknown : isFlag(test, process.isOrphan)
    case .ancestor, .ancestorExe, .ancestorCgroup, .ancestorUnit: return hasAncestor
    case .comm, .exe, .cmdline, .cgroup, .unit, .uid, .capability:
      return .yes
    }
  }

  func outcome(of test: FieldTest, _ knowledge: Subject.Knowledge, _ text: Span<UInt8>) -> TestOutcome {
    switch knowledge {
    case .absent: return .no
    case .unknown: return .unknown
    case .known: break
    }
    for index in test.alternatives.indices {
      switch alternatives[index] {
      case .literal(let slice):
        if bytes(slice).equals(text) { return .yes }
      case .pattern(let number):
        if matches(patterns[Int(number)], text) { return .yes }
      case .range, .capabilities, .signedRange, .time, .amount, .flag, .never:
        break
      }
    }
    return .no
  }

  /// Whether the whole of `text` is as the pattern says.
  package func matches(_ pattern: TextPattern, _ text: Span<UInt8>) -> Bool {
    automata[Int(pattern.automaton)].matches(text, between: bytes(pattern.prefix), and: bytes(pattern.suffix))
  }

  private func contains(_ test: FieldTest, _ number: UInt32) -> TestOutcome {
    for index in test.alternatives.indices {
      if case .range(let low, let high) = alternatives[index], number >= low, number <= high { return .yes }
    }
    return .no
  }

  private func contains(_ test: FieldTest, _ number: Int32) -> TestOutcome {
    for index in test.alternatives.indices {
      if case .signedRange(let low, let high) = alternatives[index], number >= low, number <= high { return .yes }
    }
    return .no
  }

  private func isOfAge(_ test: FieldTest, _ age: Ticks, _ units: KernelUnits) -> TestOutcome {
    for index in test.alternatives.indices {
      guard case .time(let time) = alternatives[index] else { continue }
      let line = units.ticks(time)
      if test.field == .minAge ? age >= line : age <= line { return .yes }
    }
    return .no
  }

  private func isAtLeast(_ test: FieldTest, _ amount: KiB, _ moment: DynamicFacts) -> TestOutcome {
    for index in test.alternatives.indices {
      if case .amount(let least) = alternatives[index], amount >= least.of(moment.machine.ram) { return .yes }
    }
    return .no
  }

  private func isFlag(_ test: FieldTest, _ flag: Bool) -> TestOutcome {
    for index in test.alternatives.indices {
      if case .flag(flag) = alternatives[index] { return .yes }
    }
    return .no
  }
}

extension Subject {
  /// Whether the test of `cmdline` in a rule passed when it could be read; nil where it never was.
  ///
  /// - Parameter asException: Whether that in `not` is meant.
  fileprivate func passedEarlier(_ rule: UInt8, asException: Bool) -> Bool? {
    guard let earlierCmdline else { return nil }
    return (asException ? earlierCmdline.exceptions : earlierCmdline.conditions).contains(rule)
  }
}

extension Span where Element == UInt8 {
  /// Whether both hold the same bytes.
  package func equals(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] {
      return false
    }
    return true
  }
}
