/// The part of a survey that reads cgroups.
extension Survey {
  /// The number of ancestors that are read for the cgroup of a process whose own cannot be read.
  private static let generations = 16

  /// Adds the cgroup, and the memory domains that it is in.
  ///
  /// Where a process's cgroup cannot be read, the domains are those of its nearest ancestor whose cgroup can be, since
  /// a cgroup is inherited. A kernel may refuse a path longer than a page (`ENAMETOOLONG`, kernel/cgroup/cgroup.c,
  /// `proc_cgroup_show`), so a user that may nest cgroups could otherwise hide from a domain. Where no ancestor's
  /// cgroup can be read either, the process belongs to the system alone.
  mutating func addCgroup<Source: ProcSource & ~Copyable>(
    to facts: inout ProcessFacts, from source: inout Source, cgroups: inout CgroupTree, tally: inout SurveyTally
  ) {
    let pid = facts.identity.pid
    switch readMembership(of: pid, from: &source, tally: &tally) {
    case .known(let membership):
      facts.cgroupKey = membership.key
      facts.memoryKey = membership.memoryKey ?? 0
      if membership.isOutside || !view.showsAllCgroups { facts.unread.insert(.cgroup) }
      cgroups.add(membership, in: buffer.bytes)
      facts.domains = domains(of: membership)
    case .absent:
      // The process has exited, or the kernel has no cgroups.
      facts.domains = roots.domains(of: buffer.bytes.extracting(0..<0))
    case .unknown:
      facts.unread.insert(.cgroup)
      tally.unknownCgroups += 1
      facts.domains = ancestralDomains(of: facts, from: &source) ?? .system
    }
  }

  private func domains(of membership: CgroupMembership) -> DomainSet {
    if membership.isMemoryOutside || !view.showsAllCgroups { return roots.outside }
    return roots.domains(of: buffer.bytes.extracting(membership.memoryPath))
  }

  /// - Returns: Nil where the cgroup of no ancestor below process 1 can be read.
  private mutating func ancestralDomains<Source: ProcSource & ~Copyable>(
    of facts: ProcessFacts, from source: inout Source
  ) -> DomainSet? {
    // Ancestors may exit meanwhile, so what cannot be read of them is not counted.
    var ignored = SurveyTally()
    var parent = facts.parent
    var startTime = facts.identity.startTime
    for _ in 0..<Survey.generations where parent > 1 {
      // A process that is younger than its child only has the number of the parent, which died.
      guard let stat = readStat(of: parent, from: &source), stat.startTime <= startTime else { return nil }
      if case .known(let membership) = readMembership(of: parent, from: &source, tally: &ignored) {
        return domains(of: membership)
      }
      parent = stat.parent
      startTime = stat.startTime
    }
    return nil
  }

  private mutating func readMembership<Source: ProcSource & ~Copyable>(
    of pid: Int32, from source: inout Source, tally: inout SurveyTally
  ) -> MembershipReading {
    do throws(ReadFailure) {
      try source.read(.cgroup, of: pid, into: &buffer)
    } catch {
      buffer.clear()
      return error == .vanished ? .absent : .unknown
    }
    let isCut = buffer.isFull
    buffer.dropTornLine()
    do throws(ProcParseError) {
      let membership = try CgroupMembership(parsing: buffer.bytes)
      return isCut && !membership.isSettled ? .unknown : .known(membership)
    } catch {
      tally.note(error, in: .cgroup, of: pid)
      return .unknown
    }
  }

  private mutating func readStat<Source: ProcSource & ~Copyable>(
    of pid: Int32, from source: inout Source
  ) -> ProcessStat? {
    do throws(ReadFailure) {
      try source.read(.stat, of: pid, into: &buffer)
    } catch {
      return nil
    }
    return try? ProcessStat(parsing: buffer.bytes)
  }
}

/// The outcome of reading a process's cgroup.
private enum MembershipReading {
  case known(CgroupMembership)
  case absent
  case unknown
}
