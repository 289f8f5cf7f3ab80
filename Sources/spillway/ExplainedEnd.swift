import Policy
import PolicyFile
import ProcModel

/// How a process that may be killed would be killed: the last lines of `spillway explain`.
struct ExplainedEnd {
  private let inspection: Inspection
  private let process: Inspected

  init(_ inspection: Inspection, _ process: Inspected) {
    self.inspection = inspection
    self.process = process
  }

  private var context: ScoringContext { inspection.context }
  private var facts: ProcessFacts { process.candidate.process }
  private var ruleOutcome: RuleOutcome { process.candidate.ruleOutcome }

  var text: String {
    guard process.isWorthKilling else {
      let line = context.settings.minimumFootprint.of(context.machine.ram)
      let reason = "killing it gives back less than \(amount(line)) (min_footprint)"
      return lines("no signal would be sent to it: \(reason)", [swarm])
    }
    return lines("when its turn comes it would be sent \(signals)", [company, hookBefore, hookAfter, swarm])
  }

  private func lines(_ first: String, _ others: [String?]) -> String {
    ([first] + others.compactMap { $0.map { "  " + $0 } }).joined(separator: "\n") + "\n"
  }

  private var signals: String {
    let signal = context.signal(of: ruleOutcome)
    if signal == .kill { return signal.name }
    let grace = context.grace(of: ruleOutcome)
    if grace == .zero { return "\(signal.name), and SIGKILL at once" }
    return "\(signal.name), and SIGKILL after \(describe(grace)), or sooner if memory keeps falling"
  }

  /// The processes that would be killed with it, found as the agent finds them; nil where its scope is `process`.
  private var company: String? {
    let scope = context.scope(of: ruleOutcome)
    guard scope != .process else { return nil }
    var killSet = KillSet()
    var resolver = ScopeResolver(capacity: inspection.ranking.table.rows.count)
    resolver.resolve(
      facts.identity, scope: scope, in: inspection.ranking.table, eligibility: inspection.ranking.eligibility,
      agent: context.agent,
      isComplete: inspection.tally.isComplete, into: &killSet)
    if let fallback = killSet.fallback {
      return "it would be killed alone, in spite of scope \(scope.name): \(reason(fallback, scope))"
    }
    let others = killSet.members.count - 1
    var text = "scope \(scope.name): "
    switch others {
    case 0: text += "no other process would be killed with it"
    default:
      text += "\(others) other process\(others == 1 ? "" : "es") would be killed with it;"
      text += " together they give back \(amount(killSet.footprint))"
    }
    if killSet.protected > 0 { text += "; \(processes(killSet.protected, "protected ")) in it would be spared" }
    if killSet.beyond > 0 { text += "; \(processes(killSet.beyond, "more ")) would be left for the next kill" }
    return text
  }

  /// `1 protected process`, `2 protected processes`.
  private func processes(_ count: some BinaryInteger, _ kind: String) -> String {
    "\(count) \(kind)process\(count == 1 ? "" : "es")"
  }

  private func reason(_ fallback: ScopeFallback, _ scope: Scope) -> String {
    switch fallback {
    case .otherNamespace: "its \(scope.name) belongs to another pid namespace"
    case .rootCgroup: "its cgroup is the root"
    case .unknownCgroup: "its cgroup cannot be read, or its path from the machine's root is not known"
    case .noUnit: "its cgroup lies in no system unit"
    case .holdsInit: "process 1 is part of its \(scope.name)"
    case .holdsAgent: "the agent is part of its \(scope.name)"
    }
  }

  private var hookBefore: String? {
    let hooks = context.policy.measures.hooks
    guard let command = hooks.before else { return nil }
    let name = hooks.beforeTakesOver ? "hook before, which takes over: " : "hook before: "
    return name + context.policy.describe(command: command)
  }

  private var hookAfter: String? {
    context.hook(of: ruleOutcome).map { "hook after: \(context.policy.describe(command: $0))" }
  }

  /// A note that the process would be killed with others that are chosen as one, or is young enough for a swarm; nil
  /// where neither holds.
  private var swarm: String? {
    if inspection.isInKillSet(process), let together = inspection.together {
      return "it would be killed now, \(together)"
    }
    guard let swarm = context.settings.swarm, let age = facts.age, age < context.machine.units.ticks(swarm.age)
    else { return nil }
    return "it could be killed sooner, as part of a swarm: it is younger than \(describe(swarm.age)), "
      + "and \(swarm.members) such processes can be a swarm"
  }
}
