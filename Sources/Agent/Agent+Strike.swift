import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record

/// Signals, and what the policy says at their time of processes that are in the way of one.
extension Agent where M: ~Copyable {
  /// Signals the kill set of a domain. A process that is in its group or cgroup by now, and was not when it was chosen,
  /// is asked about.
  mutating func strike(_ domain: Domain, _ signal: Signal) -> Delivery {
    chooser.roster.forgetAncestors()
    let context = context(of: domain)
    let delivery = domain.killer.send(signal) { pid in clearance(of: pid, in: domain, by: context) }
    if case .refused(let reason) = domain.killer.unitMark { sayUnmarked(reason) }
    return delivery
  }

  private mutating func sayUnmarked(_ reason: Errno) {
    reporter.sayOnce(.unmarkedUnits, .notice) { line in
      line.append("the service manager cannot be told that a unit was killed for want of memory (")
      line.append(reason.text)
      line.append("): it reports another result than oom-kill")
    }
  }

  /// Sees to the processes that came into a dying cgroup, and has memory given back.
  mutating func reap(_ domain: Domain) {
    chooser.roster.forgetAncestors()
    let context = context(of: domain)
    domain.killer.reap { pid in clearance(of: pid, in: domain, by: context) }
  }

  /// Says once that a whole cgroup cannot be killed in one step here, where the policy in force may have one killed.
  package mutating func sayUnwritableCgroups() {
    guard let refusal = machine.killCalls?.cgroupRefusal, policy.mayReachCgroups else { return }
    reporter.sayOnce(.unwritableCgroups, .warning) { line in
      line.append("cgroups cannot be written here (")
      line.append(refusal.text)
      line.append("): where a whole cgroup is to be killed, its processes are killed one by one, and it is not frozen")
    }
  }

  /// What is to be done with a process that is found where others are signalled as a whole: the word of the policy in
  /// force, as a decision of this moment would have it. Costs what one process costs a survey, and reads nothing that
  /// may wait for memory.
  ///
  /// - Parameter domain: For which the others are signalled. A process of another stays: it was never looked at whether
  ///   it may be killed.
  mutating func clearance(of pid: Int32, in domain: Domain, by context: ScoringContext) -> Clearance {
    guard let number = domain.number else { return .stays }
    let now = machine.now
    switch machine.look(at: pid, units: constants.units, by: &chooser) {
    case .gone: return .gone
    case .unreadable: return .stays
    case .found(let facts):
      guard facts.domains.contains(DomainSet(number: number)), !chooser.inVain.contains(facts.identity),
        !Agent.isPursued(facts.identity, in: domains)
      else { return .stays }
      return chooser.candidate(facts, context, now, from: &machine).ruleOutcome.protection.protects
        ? .stays : .mayGo
    }
  }
}
