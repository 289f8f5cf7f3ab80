package import ProcModel

/// Why a process is never killed.
package enum Protection: Equatable, Sendable {
  /// It may be killed.
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
package struct RuleOutcome: Equatable, Sendable {
  /// The rules that touched it.
  package var rules = Bits256()
  package var protection = Protection.none
  package var tier = Tier.normal
  /// The product of the weights of all rules that touched it.
  package var weight: Double = 1
  // How it is killed, as far as a rule says: the last rule that says so holds. ``ScoringContext`` knows the rest.
  package var scope: Scope?
  package var signal: VictimSignal?
  package var grace: Nanoseconds?
  package var hook: HookChoice?
  /// Of the rules that touched it, the one that decided: the first that protects, or else the last.
  package var decidingRule: UInt8?
  /// Whether something a rule looks at could not be read, so that the standing may change once it can.
  package var isProvisional = false

  package init() {}
}

extension RuleOutcome {
  /// Takes in what the next rule makes of the process.
  mutating func take(_ rule: Rule, _ number: UInt8, _ outcome: TestOutcome) {
    switch outcome {
    case .no:
      break
    case .unknown:
      isProvisional = true
      if rule.protects, !protection.protects {
        protection = .assumed(number)
        decidingRule = number
      }
    case .yes:
      rules.insert(number)
      if rule.protects {
        switch protection {
        case .none, .assumed:
          protection = .rule(number)
          decidingRule = number
        default: break
        }
      } else {
        tier = rule.order ?? tier
        // However many weights meet, their product stays a number: 0 × ∞ would be none.
        weight = min(weight * rule.weight, 1e12)
        scope = rule.scope ?? scope
        signal = rule.signal ?? signal
        grace = rule.grace ?? grace
        hook = rule.hook ?? hook
        if !protection.protects { decidingRule = number }
      }
    }
  }
}
