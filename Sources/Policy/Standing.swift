package import ProcModel

/// Why a process is never ended.
package enum Protection: Equatable, Sendable {
  /// It may be ended.
  case none
  /// Process 1 of the namespace.
  case initProcess
  /// The agent, or a program it started.
  case agent
  /// `oom_score_adj` is −1000.
  case oomScoreAdj
  /// The rule at this index protects it.
  case rule(UInt8)
  /// The rule at this index would protect it if what could not be read were as the rule says. Safety goes first.
  case assumed(UInt8)

  package var protects: Bool { self != .none }
}

/// What the policy makes of one process, apart from its badness.
package struct Standing: Equatable, Sendable {
  /// The rules that touched it.
  package var rules = Bits256()
  package var protection = Protection.none
  package var tier = Tier.normal
  /// The product of the weights of all rules that touched it.
  package var weight: Double = 1
  // How it ends, as far as a rule says: the last one that does. ``Judge`` knows the rest.
  package var scope: Scope?
  package var signal: EndingSignal?
  package var grace: Nanoseconds?
  package var hook: HookChoice?
  /// Of the rules that touched it, the one that decided: the first that protects, or else the last.
  package var decidingRule: UInt8?
  /// Whether something a rule looks at could not be read, so that the standing may change once it can.
  package var isProvisional = false

  package init() {}
}

extension CompiledPolicy {
  /// Puts a process in its place: all rules that match apply, in order; protection is final.
  ///
  /// Costs at most one run of each pattern over its text; allocates nothing.
  package func classify(_ subject: Subject) -> Standing {
    var standing = Standing()
    for index in rules.indices {
      let rule = rules[index]
      let number = UInt8(truncatingIfNeeded: index)
      switch outcome(of: rule, for: subject) {
      case .no:
        continue
      case .unknown:
        standing.isProvisional = true
        if rule.protects, !standing.protection.protects {
          standing.protection = .assumed(number)
          standing.decidingRule = number
        }
      case .yes:
        standing.rules.insert(number)
        if rule.protects {
          switch standing.protection {
          case .none, .assumed:
            standing.protection = .rule(number)
            standing.decidingRule = number
          default: break
          }
        } else {
          standing.tier = rule.order ?? standing.tier
          // However many weights meet, their product stays a number: 0 × ∞ would be none.
          standing.weight = min(standing.weight * rule.weight, 1e12)
          standing.scope = rule.scope ?? standing.scope
          standing.signal = rule.signal ?? standing.signal
          standing.grace = rule.grace ?? standing.grace
          standing.hook = rule.hook ?? standing.hook
          if !standing.protection.protects { standing.decidingRule = number }
        }
      }
    }
    return standing
  }

  private enum Outcome {
    case no
    case unknown
    case yes
  }

  private func outcome(of rule: Rule, for subject: Subject) -> Outcome {
    var outcome = Outcome.yes
    for index in rule.tests.indices {
      switch self.outcome(of: tests[index], for: subject) {
      case .no: return .no
      case .unknown: outcome = .unknown
      case .yes: break
      }
    }
    return outcome
  }

  private func outcome(of test: FieldTest, for subject: Subject) -> Outcome {
    switch test.field {
    case .comm: return outcome(of: test, .known, subject.comm.bytes)
    case .exe: return outcome(of: test, subject.exeKnowledge, subject.exe.bytes)
    case .cmdline: return outcome(of: test, subject.cmdlineKnowledge, subject.cmdline.bytes)
    case .cgroup:
      return outcome(of: test, subject.cgroupKnowledge, subject.cgroup.bytes.extracting(subject.cgroupPath ?? 0..<0))
    case .unit:
      // A cgroup may be known and be no unit's.
      if subject.cgroupKnowledge == .known, subject.unit == nil { return .no }
      return outcome(of: test, subject.cgroupKnowledge, subject.cgroup.bytes.extracting(subject.unit ?? 0..<0))
    case .uid:
      return contains(test) { alternative in
        if case .range(let low, let high) = alternative {
          return subject.effectiveUID >= low && subject.effectiveUID <= high
        }
        return false
      }
    case .capability:
      return contains(test) { alternative in
        if case .capabilities(let wanted) = alternative {
          return !subject.effectiveCapabilities.isDisjoint(with: wanted)
        }
        return false
      }
    }
  }

  private func outcome(
    of test: FieldTest, _ knowledge: Subject.Knowledge, _ text: Span<UInt8>
  ) -> Outcome {
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
      case .range, .capabilities, .never:
        break
      }
    }
    return .no
  }

  /// Whether the whole of `text` is as the pattern says.
  package func matches(_ pattern: TextPattern, _ text: Span<UInt8>) -> Bool {
    automata[Int(pattern.automaton)].matches(text, between: bytes(pattern.prefix), and: bytes(pattern.suffix))
  }

  private func contains(_ test: FieldTest, where accepts: (Alternative) -> Bool) -> Outcome {
    for index in test.alternatives.indices where accepts(alternatives[index]) {
      return .yes
    }
    return .no
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
