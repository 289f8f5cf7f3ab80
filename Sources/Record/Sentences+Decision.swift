package import Ladder
import LinuxSystem
package import Policy
import ProcModel

extension Array where Element == UInt8 {
  /// `sent SIGTERM to 1234 (hog) and 3 more (its cgroup), footprint 312 MiB, score 319488; uid 1000, unit cron.service,
  /// executable /usr/bin/hog; floor: available …`.
  package mutating func append(_ decision: Decision, _ act: Act) {
    guard let victim = decision.victim else { return append(helpless: decision) }
    if case .asksHook(let limit) = act { return append(asking: limit, before: decision, victim) }
    append(act == .rehearsed ? "would send " : "sent ")
    append(decision.signal.name)
    append(" to ")
    append(victim.process)
    append(killSet: decision.killSet)
    append(", footprint ")
    append(decision.killSet.members.isEmpty ? victim.process.footprint : decision.killSet.footprint)
    append(", score ")
    append(decimal: victim.score.rounded())
    append("; uid ")
    append(decimal: UInt64(victim.process.effectiveUID))
    if let origin = decision.origin { append(origin) }
    append("; ")
    append(reason: decision.verdict)
    if let comeback = decision.comeback, comeback.isInVain { append(comeback) }
    if let holder = decision.holder {
      append("; ")
      append(holder, decision.context.policy)
    }
  }

  /// `; it was killed 2 times before and came back each time, the last kill was 12 s ago: its unit goes with it now`.
  private mutating func append(_ comeback: Comeback) {
    append("; it was killed ")
    append(decimal: UInt64(comeback.kills))
    append(" times before and came back each time, the last kill was ")
    append(decimal: comeback.since.milliseconds / 1000)
    append(comeback.isWidened ? " s ago: its unit goes with it now" : " s ago: killing it alone does not help")
  }

  private mutating func append(helpless decision: Decision) {
    let list = decision.shortlist
    append("NO PROCESS CAN BE KILLED: of ")
    append(decimal: UInt64(list.considered))
    append(" processes ")
    append(decimal: UInt64(list.protected))
    append(" are protected, ")
    append(decimal: UInt64(list.tooSmall))
    append(" are too small, ")
    append(decimal: UInt64(list.passedOver))
    append(" were tried in vain; ")
    append(reason: decision.verdict)
    if let holder = decision.holder {
      append("; ")
      append(holder, decision.context.policy)
    }
  }

  /// `the most memory is held by 812 (postgres), 402 MiB, protected by rule "the database stays"`.
  package mutating func append(_ holder: Holder, _ policy: CompiledPolicy) {
    append("the most memory is held by ")
    switch holder.kind {
    case .process: if let process = holder.process { append(process.process) }
    case .shared: append("shared memory and tmpfs that no process maps")
    case .kernel: append("the kernel, which cannot drop it")
    case .pageTables: append("page tables")
    case .hugePages: append("the pool of huge pages")
    case .unnamed: append("what meminfo does not name, such as a driver")
    case .unseen: append("processes that the agent does not see here")
    }
    append(", ")
    append(holder.size)
    if let process = holder.process { append(keeping: process, policy) }
  }

  /// Why a process that holds most of the memory is not killed.
  private mutating func append(keeping process: Candidate, _ policy: CompiledPolicy) {
    let protection = process.ruleOutcome.protection
    switch protection {
    case .none: append(", which was tried in vain")
    case .rule(let rule), .assumed(let rule):
      append(", protected by rule \"")
      append(visible: policy.bytes(policy.rules[Int(rule)].name))
      append("\"")
    case .initProcess, .agent, .oomScoreAdj:
      append(", protected (")
      append(protection.builtInName ?? "")
      append(")")
    }
  }

  private mutating func append(asking limit: Nanoseconds, before decision: Decision, _ victim: Candidate) {
    append("waits up to ")
    append(decimal: limit.milliseconds)
    append(" ms for the hook before, before it sends ")
    append(decision.signal.name)
    append(" to ")
    append(victim.process)
  }

  /// `sent SIGKILL to 1234 (hog): memory went on falling`.
  package mutating func append(escalation victim: Candidate, _ reason: Escalation) {
    append("sent SIGKILL to ")
    append(victim.process)
    switch reason {
    case .graceEnded: append(": it did not exit within its grace")
    case .memoryWorsened: append(": memory went on falling")
    case .cannotHeed: append(": a tracer or a frozen cgroup keeps it from acting on the first signal")
    case .neededElsewhere: append(": its memory is needed beyond its domain too")
    }
  }

  /// `1234 (hog) exited after SIGTERM, 12 ms; available 312 MiB`.
  package mutating func append(_ outcome: Outcome) {
    append(outcome.incident.victim.process)
    switch outcome.ending {
    case .exited:
      append(" exited after ")
      append(outcome.signal?.name ?? "SIGTERM")
    case .killed: append(" was killed by SIGKILL")
    case .stuck: append(" does not die of SIGKILL; the next is chosen")
    case .vanished: append(" had exited before it was signalled")
    case .changed: append(" is another process by now and was left alone")
    case .relieved: append(" was spared: memory came back")
    case .refused: append(" may not be signalled; the next is chosen")
    case .sharesProtected: append(" has the memory of a protected process too; the next is chosen")
    }
    if outcome.ending == .exited || outcome.ending == .killed {
      append(", ")
      append(decimal: outcome.after.milliseconds)
      append(" ms; available ")
      append(outcome.available)
    }
    if let oneByOne = outcome.oneByOne {
      append("; ")
      append(oneByOne)
    }
    if let yield = Yield(outcome) {
      append("; ")
      append(yield)
    }
  }
}
