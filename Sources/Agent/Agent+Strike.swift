import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record

/// Signals, and what the policy says at their time of processes that are in the way of one.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Signals the party at a hand. Whoever is in its group or cgroup by now and was not when it was chosen is asked about.
  mutating func strike(_ number: Int, _ signal: Signal) -> Delivery {
    roster.forgetAncestors()
    let holder = hands[number]
    return holder.hand.send(signal) { pid in clearance(of: pid, in: number) }
  }

  /// Has the hand see to those that came into a dying party's cgroup, and to memory.
  mutating func reap(_ number: Int) {
    roster.forgetAncestors()
    let holder = hands[number]
    holder.hand.reap { pid in clearance(of: pid, in: number) }
  }

  /// Says once that a whole cgroup cannot be killed in one step here, where the policy in force may have one killed.
  package mutating func sayUnwritableCgroups() {
    guard let refusal = cgroupRefusal, judge.policy.mayReachCgroups else { return }
    sayOnce(.unwritableCgroups, .warning) { line in
      line.append("cgroups cannot be written here (")
      line.append(refusal.text)
      line.append("): where a whole cgroup is to be killed, its processes are killed one by one, and it is not frozen")
    }
  }

  /// What is to be done with a process that is found where others are signalled as a whole: the word of the policy in
  /// force, as a decision of this moment would have it. Costs what one process costs a survey, and reads nothing that may
  /// wait for memory.
  ///
  /// - Parameter number: The domain that the others are signalled for. A process of another stays: nobody looked whether it
  ///   may go.
  mutating func clearance(of pid: Int32, in number: Int) -> Clearance {
    let now = Nanoseconds(Clock.sinceBoot())
    switch survey.look(
      at: pid, later: judge.machine.units.ticks(now - surveyBeganAt), from: &source, units: judge.machine.units,
      cgroups: &table.cgroups)
    {
    case .gone: return .gone
    case .unreadable: return .stays
    case .found(let facts):
      guard facts.domains.contains(DomainSet(number: number)), !inVain.contains(facts.identity),
        !isPursued(facts.identity)
      else { return .stays }
      return candidate(facts, now).standing.protection.protects ? .stays : .mayGo
    }
  }
}
