package import ProcModel

/// What makes a process the same as one that was killed, where its supervisor starts it again: its name, its user, and
/// the unit or cgroup that it is in.
package struct ProcessKind: Equatable, Sendable {
  package var comm: Comm
  package var uid: UInt32
  /// The key of its unit, or of its cgroup where that lies in no unit; 0 in the root.
  package var place: UInt64

  package init(_ process: ProcessFacts, in cgroups: borrowing CgroupTree) {
    comm = process.comm
    uid = process.effectiveUID
    place = process.cgroupKey.map { cgroups.unit(of: $0) ?? $0 } ?? 0
  }
}

/// That a victim is back.
package struct Comeback: Equatable, Sendable {
  /// How often it was killed, and came back each time.
  package var kills: UInt32
  /// From the last of these kills to the choice.
  package var since: Nanoseconds
  /// Whether its unit goes with it for that reason.
  package var isWidened = false

  package init(kills: UInt32, since: Nanoseconds) {
    self.kills = kills
    self.since = since
  }

  /// So many kills of the same in a row were in vain: the next one of it alone would be too.
  package static let tooMany: UInt32 = 2

  package var isInVain: Bool { kills >= Comeback.tooMany }
}

/// What was killed, so that it is known when it comes back: a service manager, a container's runtime or a server's master
/// starts it again, it grows again, and each time costs a kill.
///
/// A process is back where it is of the same kind, was started after the kill, holds at least half of what was killed,
/// and the kill is no more than ``memory`` ago. It is forgotten in a restart of the agent.
package struct Comebacks: Sendable {
  /// What comes back later than this was not brought back by the kill.
  package static let memory = Nanoseconds.milliseconds(300_000)

  private struct Killed {
    var kind: ProcessKind
    var footprint: KiB
    var at: Nanoseconds
    /// The kills in a row, this one among them; 0 where nothing is remembered.
    var kills: UInt32
  }

  private var storage: InlineArray<16, Killed>

  package init() {
    let placeholder = ProcessFacts(identity: ProcessIdentity(pid: 0, startTime: .zero))
    storage = InlineArray(
      repeating: Killed(
        kind: ProcessKind(placeholder, in: CgroupTree(capacity: 0)), footprint: .zero, at: .zero, kills: 0))
  }

  /// How often a process was killed before it was started again; nil where it was not.
  ///
  /// - Parameter now: On the clock of start times.
  package func comeback(
    of process: ProcessFacts, _ kind: ProcessKind, units: KernelUnits, now: Nanoseconds
  ) -> Comeback? {
    guard let index = index(of: kind) else { return nil }
    let killed = storage[index]
    guard now >= killed.at, now - killed.at <= Comebacks.memory,
      process.identity.startTime >= units.ticks(killed.at), process.footprint.count >= killed.footprint.count / 2
    else { return nil }
    return Comeback(kills: killed.kills, since: now - killed.at)
  }

  /// Remembers a kill.
  ///
  /// - Parameters:
  ///   - kills: In a row, this one among them.
  ///   - time: Of the first signal.
  package mutating func note(_ kind: ProcessKind, footprint: KiB, kills: UInt32, at time: Nanoseconds) {
    var place = 0
    if let known = index(of: kind) {
      place = known
    } else {
      for index in 1..<storage.count where storage[index].at < storage[place].at { place = index }
    }
    storage[place] = Killed(kind: kind, footprint: footprint, at: time, kills: kills)
  }

  private func index(of kind: ProcessKind) -> Int? {
    for index in storage.indices where storage[index].kills > 0 && storage[index].kind == kind { return index }
    return nil
  }
}

extension Chooser {
  /// Whether the victim of the last pick was killed before and is back.
  package func comeback(of victim: Candidate, by context: ScoringContext, now: Nanoseconds) -> Comeback? {
    comebacks.comeback(
      of: victim.process, ProcessKind(victim.process, in: ranking.table.cgroups), units: context.machine.units, now: now
    )
  }

  /// Whether its unit may be killed with a victim that no policy has killed with others. What process 1 started again
  /// has no master in its unit that would do so, and the service manager starts the unit again too.
  package func mayWiden(_ victim: Candidate, by context: ScoringContext) -> Bool {
    guard victim.process.parent > 1, context.scope(of: victim.ruleOutcome) == .process, victim.ruleOutcome.scope == nil,
      !victim.isSwappingOff
    else {
      return false
    }
    switch picker.killSet.choice {
    case .ranking, .yielded: return true
    case .swarm, .kin, .largest: return false
    }
  }

  /// Has the whole unit of the victim killed with it, where nothing in it has to stay. The survey has to have everyone.
  ///
  /// - Returns: Whether others go with it now.
  package mutating func widen(_ victim: Candidate, by context: ScoringContext) -> Bool {
    let identity = victim.process.identity
    let choice = picker.killSet.choice
    picker.resolve(identity, scope: .unit, from: ranking, context)
    let killSet = picker.killSet
    let isWhole = killSet.fallback == nil && killSet.protected + killSet.inVain + killSet.outside + killSet.beyond == 0
    if !isWhole || killSet.members.count < 2 { picker.resolve(identity, from: ranking, context) }
    picker.keep(choice)
    return isWhole && killSet.members.count > 1
  }
}
