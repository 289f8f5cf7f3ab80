import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// The memory domains: which there are, and what there is to read of each.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Finds out what the system is here, and takes up the policy's domains. What was seen of a domain that was there
  /// before is kept. Allocates: for the start and for reloads.
  mutating func takeUpDomains() {
    var roots = DomainRoots()
    let own = sensors.ownCgroup(from: &source)
    if let own { roots.setSystem(own.span) }
    for domain in judge.policy.domains {
      roots.append(judge.policy.bytes(domain.cgroup))
    }

    var taken: [Watch] = []
    taken.reserveCapacity(roots.count)
    for number in 0..<roots.count {
      let domain = number == 0 ? nil : judge.policy.domains[number - 1]
      let settings = domain?.settings ?? judge.policy.settings
      let isCgroup = number > 0 || own != nil
      if let old = place(of: number, in: roots), watches[old].isCgroup == isCgroup {
        var watch = watches[old]
        watch.replace(settings, name: domain?.name)
        taken.append(watch)
      } else {
        taken.append(
          Watch(name: domain?.name, isCgroup: isCgroup, settings: settings, units: judge.machine.units, fill: fill))
      }
    }
    watches = taken
    survey.roots = roots
    do throws(Errno) {
      while hands.count < watches.count {
        hands.append(HandHolder(try hands[0].hand.another()))
      }
    } catch {
      // Without a hand a domain could only be looked at.
      messages.say(.error, "not all domains can be watched", error)
      watches.removeLast(watches.count - hands.count)
    }
  }

  /// Where a domain of new roots was before: the system stays the system, another is the same if its cgroup is.
  private func place(of number: Int, in roots: DomainRoots) -> Int? {
    if number == 0 { return watches.isEmpty ? nil : 0 }
    for old in 1..<max(watches.count, 1) where survey.roots.path(old).equals(roots.path(number)) {
      return old
    }
    return nil
  }

  /// Reads a domain's memory, and makes the judge its own; nil, said once, where that fails.
  ///
  /// - Parameter isWhole: Whether all is read that its triggers ask for. Else what they measure over windows is left out
  ///   between the readings that are kept for that, unless there is trouble.
  mutating func readMemory(of number: Int, _ now: Nanoseconds, isWhole: Bool = false) -> MemoryReading? {
    var thresholds = watches[number].settings.thresholds
    if isWhole || watches[number].measuresWindows(at: now, alertUntil: alertUntil) {
      watches[number].windowsAt = now
    } else {
      thresholds.leaveOutWindows()
    }
    var missing: Sensors.Missing = []
    var reading: MemoryReading
    do throws(Sensors.Blindness) {
      let roots = survey.roots
      if watches[number].isCgroup {
        if let last = watches[number].whole, now - last.time < AgentPace.glances,
          let glance = sensors.glance(cgroup: roots.path(number), after: last, at: now, from: &source)
        {
          takeSeat(number, glance)
          return glance
        }
        let machine = try sensors.read(for: nil, from: &source, at: now, missing: &missing)
        survey.isSwapBeingTakenAway = machine.isSwapBeingTakenAway
        reading = try sensors.read(
          cgroup: roots.path(number), for: thresholds, on: machine, from: &source, missing: &missing)
        watches[number].whole = reading
      } else {
        reading = try sensors.read(for: thresholds, from: &source, at: now, missing: &missing)
        survey.isSwapBeingTakenAway = reading.isSwapBeingTakenAway
      }
    } catch {
      switch error {
      case .unreadable:
        sayOnce(
          .unreadable, of: number, number == 0 ? .error : .warning,
          number == 0
            ? "meminfo cannot be read: the agent is blind until it can"
            : "its cgroup cannot be read, and is not watched until it can: it is not there, or has no memory controller"
        )
      case .senseless:
        sayOnce(
          .senseless, of: number, number == 0 ? .error : .warning,
          number == 0
            ? "meminfo makes no sense: the agent is blind until it does"
            : "what its cgroup tells of memory makes no sense: it is not watched until it does")
      }
      return nil
    }
    watches[number].counters.check(&reading, mayRestart: watches[number].isCgroup)
    sensors.countSteps(of: reading)
    sayDoubts(number, reading.impossible)
    if watches[number].isCgroup { sayWatched(number, reading) }
    if missing.contains(.stall) {
      sayOnce(
        .noStall, of: number, .notice,
        watches[number].isCgroup
          ? "this cgroup keeps no account of stalls (PSI of cgroups: version 2): the trigger stall is off"
          : "this kernel keeps no account of stalls (PSI): the trigger stall is off")
    }
    if missing.contains(.reclaim) {
      sayOnce(
        .noReclaim, of: number, .notice,
        watches[number].isCgroup
          ? "this cgroup does not count what comes back into use (version 2 does): the trigger thrash is off"
          : "this kernel does not count what comes back into use: the trigger thrash is off")
    }
    if missing.contains(.ownReclaim) {
      sayOnce(
        .noOwnReclaim, of: number, .warning,
        "this kernel does not tell for whose sake it takes memory back: time that a cgroup loses at its own limit counts "
          + "as the machine's")
    }
    takeSeat(number, reading)
    return reading
  }

  /// Makes the judge that of a domain.
  mutating func takeSeat(_ number: Int, _ reading: MemoryReading) {
    judge.settings = watches[number].settings
    judge.machine = MachineFacts(reading, units: judge.machine.units)
  }

  /// Says once which cgroup is watched, and what its limit is.
  private mutating func sayWatched(_ number: Int, _ reading: MemoryReading) {
    guard watches[number].said.insert(.isWatched).inserted else { return }
    let roots = survey.roots
    say(of: number, .info) { line in
      line.append(number == 0 ? "the system is what lies in cgroup /" : "cgroup /")
      let path = roots.path(number)
      if !path.isEmpty { line.append(visible: path.extracting(1..<path.count)) }
      line.append(" with ")
      line.append(reading.total)
      line.append(" of memory")
    }
  }

  /// Says of each kind of impossible number once what it is, and what counts in its place.
  private mutating func sayDoubts(_ number: Int, _ met: Impossible) {
    guard !met.isSubset(of: watches[number].doubted) else { return }
    for kind in 0..<Impossible.kinds where met.contains(kind: kind) && !watches[number].doubted.contains(kind: kind) {
      say(of: number, .warning) { line in line.append(Impossible.meaning(kind)) }
    }
    watches[number].doubted.formUnion(met)
  }

  /// The domain for which somebody is being ended that lies in domain `number`.
  func victimWithin(_ number: Int) -> Int? {
    for other in watches.indices where other != number {
      if let pursuit = watches[other].pursuit,
        pursuit.victim.process.domains.contains(DomainSet(number: number))
      {
        return other
      }
    }
    return nil
  }

  /// Whether somebody is being ended already, for whichever domain.
  func isPursued(_ identity: ProcessIdentity) -> Bool {
    for watch in watches where watch.pursuit?.victim.process.identity == identity {
      return true
    }
    return false
  }

  mutating func sayOnce(_ topic: SaidOfDomain, of number: Int, _ level: MessageLevel, _ text: String) {
    if watches[number].said.insert(topic).inserted { say(of: number, level) { line in line.append(text) } }
  }
}
