import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// The memory domains: which there are, and what there is to read of each.
extension Agent where M: ~Copyable {
  /// Finds out what the system is here, and takes up the policy's domains. What was seen of a domain that was there
  /// before is kept. Allocates: for the start and for reloads.
  mutating func takeUpDomains() {
    var roots = DomainRoots()
    let own = machine.ownCgroup(by: &sensors)
    if let own { roots.setSystem(own.span) }
    for domain in policy.domains { roots.append(policy.bytes(domain.cgroup)) }

    var taken: [Domain] = []
    taken.reserveCapacity(roots.count)
    for number in 0..<roots.count {
      let isCgroup = number > 0 || own != nil
      if let old = known(number, in: roots), old.isCgroup == isCgroup {
        taken.append(old)
      } else {
        taken.append(
          Domain(
            number: number, tag: freeTag(beside: taken), isCgroup: isCgroup, path: roots.path(number), policy: policy,
            units: constants.units, fill: constants.fill, calls: machine.killCalls))
      }
    }
    replaceDomains(by: taken)
    chooser.survey.roots = roots
    takeUpGuarded()
  }

  /// Puts the domains of a policy in the place of the former ones. One that the policy has no more stays until its
  /// victim is dead. What a victim that is being killed lies in is told by the new numbers.
  private mutating func replaceDomains(by taken: [Domain]) {
    let former = domains
    domains = taken
    for old in former where old.isPursuing && !taken.contains(where: { $0 === old }) { domains.append(old) }
    for domain in domains {
      guard let lies = domain.pursuit?.incident.victim.process.domains else { continue }
      var now: DomainSet = []
      for (number, other) in taken.enumerated() {
        if let old = other.number, former.contains(where: { $0 === other }), lies.contains(DomainSet(number: old)) {
          now.insert(DomainSet(number: number))
        }
      }
      domain.pursuit?.incident.victim.process.domains = now
    }
    for old in former { old.number = nil }
    for (number, domain) in taken.enumerated() { domain.takeUp(policy, number: number) }
  }

  /// The domain of new roots, where it was there before: the system stays the system, another is the same if its cgroup
  /// is.
  private func known(_ number: Int, in roots: DomainRoots) -> Domain? {
    for domain in domains where domain.number != nil && domain.isSystem == (number == 0) {
      let path = domain.path
      if domain.isSystem || path.bytes.equals(roots.path(number)) { return domain }
    }
    return nil
  }

  /// A tag of the event loop that no domain has.
  private func freeTag(beside taken: [Domain]) -> UInt64 {
    var tag = WakeTag.victim
    while domains.contains(where: { $0.tag == tag }) || taken.contains(where: { $0.tag == tag }) { tag += 1 }
    return tag
  }

  /// Reads a domain's memory; nil, said once, where that fails.
  ///
  /// - Parameter isWhole: Whether all is read that its triggers ask for. Else what they measure over windows is left
  ///   out between the readings that are kept for that, unless there is trouble.
  mutating func readMemory(of domain: Domain, _ now: Nanoseconds, isWhole: Bool = false) -> MemoryReading? {
    var thresholds = domain.settings.thresholds
    if isWhole || domain.measuresWindows(at: now, alertUntil: sensors.alertUntil) {
      domain.windowsAt = now
    } else {
      thresholds.leaveOutWindows()
    }
    let question = MemoryQuestion(
      domain: domain.number, cgroup: domain.isCgroup ? domain.path : nil, thresholds: thresholds,
      lastWhole: domain.whole.flatMap { now - $0.time < AgentTiming.glances ? $0 : nil }, time: now)
    let answer: MemoryAnswer
    do throws(Sensors.Blindness) {
      answer = try machine.read(question, by: &sensors)
    } catch {
      domain.isBlind = true
      sayBlind(domain, error)
      return nil
    }
    var reading = answer.reading
    if answer.isGlance {
      domain.take(reading)
      return reading
    }
    chooser.survey.isSwapBeingTakenAway = reading.isSwapBeingTakenAway
    if domain.isCgroup { domain.whole = reading }
    domain.counters.check(&reading, mayRestart: domain.isCgroup)
    sensors.countSteps(of: reading)
    sayDoubts(domain, reading.impossible)
    if domain.isCgroup { sayWatched(domain, reading) }
    sayMissing(domain, answer.missing)
    domain.take(reading)
    return reading
  }

  private mutating func sayBlind(_ domain: Domain, _ blindness: Sensors.Blindness) {
    switch blindness {
    case .unreadable:
      sayOnce(
        .unreadable, of: domain, domain.isSystem ? .error : .warning,
        domain.isSystem
          ? "meminfo cannot be read: the agent is blind until it can"
          : "its cgroup cannot be read, and is not watched until it can: it is not there, or has no memory controller")
    case .senseless:
      sayOnce(
        .senseless, of: domain, domain.isSystem ? .error : .warning,
        domain.isSystem
          ? "meminfo makes no sense: the agent is blind until it does"
          : "what its cgroup tells of memory makes no sense: it is not watched until it does")
    }
  }

  /// Says once of each source that a trigger needs and this machine does not have.
  private mutating func sayMissing(_ domain: Domain, _ missing: Sensors.Missing) {
    if missing.contains(.stall) {
      sayOnce(
        .noStall, of: domain, .notice,
        domain.isCgroup
          ? "this cgroup keeps no account of stalls (PSI of cgroups: version 2): the trigger stall is off"
          : "this kernel keeps no account of stalls (PSI): the trigger stall is off")
    }
    if missing.contains(.guarded) {
      sayOnce(
        .noGuarded, of: domain, .warning,
        "no cgroup of what stall.of names keeps an account of stalls that can be read (version 2 does, for a unit that "
          + "runs): the account of all tasks counts until one can be read")
    }
    if missing.contains(.reclaim) {
      sayOnce(
        .noReclaim, of: domain, .notice,
        domain.isCgroup
          ? "this cgroup does not count what comes back into use (version 2 does): the trigger thrash is off"
          : "this kernel does not count what comes back into use: the trigger thrash is off")
    }
    if missing.contains(.ownReclaim) {
      sayOnce(
        .noOwnReclaim, of: domain, .warning,
        "this kernel does not tell for whose sake it takes memory back: time that a cgroup loses at its own limit counts "
          + "as the machine's")
    }
  }

  /// Says once which cgroup is watched, and what its limit is.
  private mutating func sayWatched(_ domain: Domain, _ reading: MemoryReading) {
    guard domain.isNew(.isWatched) else { return }
    let path = domain.path
    say(of: domain, .info) { line in
      line.append(domain.isSystem ? "the system is what lies in cgroup /" : "cgroup /")
      if path.count > 0 { line.append(visible: path.bytes.extracting(1..<path.count)) }
      line.append(" with ")
      line.append(reading.total)
      line.append(" of memory")
    }
  }

  /// Says of each kind of impossible number once what it is, and what counts in its place.
  private mutating func sayDoubts(_ domain: Domain, _ met: Impossible) {
    guard !met.isSubset(of: domain.doubted) else { return }
    for kind in 0..<Impossible.kinds where met.contains(kind: kind) && !domain.doubted.contains(kind: kind) {
      say(of: domain, .warning) { line in line.append(Impossible.meaning(kind)) }
    }
    domain.doubted.formUnion(met)
  }

  /// The domain for which a victim is being killed that lies in this one.
  func domainWithVictim(in domain: Domain) -> Domain? {
    guard let number = domain.number else { return nil }
    for other in domains where other !== domain && other.isPursuing {
      if let pursuit = other.pursuit, pursuit.incident.victim.process.domains.contains(DomainSet(number: number)) {
        return other
      }
    }
    return nil
  }
}
