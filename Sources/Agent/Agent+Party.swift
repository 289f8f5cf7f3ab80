import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel

/// Who ends, and who ends with it.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Chooses from a fresh survey: the shortlist has the best single candidates then, and ``party`` those who end
  /// together.
  ///
  /// - Returns: The party's leader; nil where nobody can be ended, or processes cannot be listed, which is said.
  mutating func choose(_ number: Int, _ verdict: Verdict, _ now: Nanoseconds) -> Candidate? {
    inquiry = Inquiry()
    guard surveyProcesses() else { return nil }
    rankAsking(now, in: number)
    let shortfall = verdict.lines.release - verdict.reading.available
    let reading = verdict.reading
    let inUse = reading.total - reading.available + (reading.swapTotal - reading.swapFree)
    // Beside one there is no need to look for a swarm, which among thousands of the young takes seconds.
    let hasCulprit = shortlist.victim.map { isCulprit($0, number, shortfall, now) } ?? false
    if !hasCulprit,
      swarmFinder.mayHide(
        besides: table, places: places, best: shortlist.victim, shortfall: shortfall, judge: judge, tally: tally)
    {
      guard surveyProcesses(isWhole: true) else { return nil }
      rankAsking(now, in: number)
    }
    var isSwarm = !hasCulprit && findSwarm(shortfall, inUse: inUse)
    if isSwarm, tally.leftOut > 0 {
      // Its youngest hold next to nothing yet, and would go on where the others were stopped.
      guard surveyProcesses(isWhole: true) else { return nil }
      rankAsking(now, in: number)
      isSwarm = findSwarm(shortfall, inUse: inUse)
    }
    if isSwarm { return party.leader.map { candidate(at: Int($0.row), now) } }
    guard var victim = shortlist.victim else { return chooseSmall(number, verdict, shortfall, now) }
    if judge.scope(of: victim.standing) != .process, tally.leftOut > 0 {
      guard surveyProcesses(isWhole: true) else { return nil }
      rankAsking(now, in: number)
      guard let again = shortlist.victim else { return nil }
      victim = again
    }
    resolve(victim)
    guard let one = alone(insteadOf: victim, number, shortfall, now) else { return victim }
    return takeAlone(one, number, now)
  }

  /// Fills the party with those who go with a victim.
  mutating func resolve(_ victim: Candidate) {
    resolver.resolve(
      victim.process.identity, scope: judge.scope(of: victim.standing), in: table, places: places, agent: judge.agent,
      isComplete: tally.isComplete, into: &party)
  }

  /// Whether a candidate takes swap away, or its end is enough, it has taken three quarters of what has gone since the last survey, and no rule
  /// has others go before it.
  private func isCulprit(_ candidate: Candidate, _ number: Int, _ shortfall: KiB, _ now: Nanoseconds) -> Bool {
    if candidate.isSwappingOff { return true }
    guard candidate.process.footprint >= shortfall, watches[number].isFalling,
      !judge.policy.hasOrder(before: candidate.standing.tier),
      let grown = roster.grown(candidate.process, since: judge.machine.units.ticks(now - surveyedAt))
    else { return false }
    return grown.count >= watches[number].fallen.count / 4 * 3
  }

  private mutating func findSwarm(_ shortfall: KiB, inUse: KiB) -> Bool {
    swarmFinder.find(
      in: table, places: places, best: shortlist.victim, shortfall: shortfall, inUse: inUse, judge: judge,
      tally: tally, into: &party)
  }

  /// The first signal for a victim.
  func firstSignal(_ verdict: Verdict, _ victim: Candidate) -> Signal {
    if verdict.level == .kill { return .kill }
    return switch judge.signal(of: victim.standing) {
    case .terminate: .terminate
    case .interrupt: .interrupt
    case .quit: .quit
    case .hangUp: .hangUp
    case .user1: .user1
    case .user2: .user2
    case .kill: .kill
    }
  }

  /// Takes hold of the rest of the party. Who has gone meanwhile is not missed.
  mutating func gather(_ number: Int) {
    // Also of one that is alone in its cgroup: what another party left in its place is another cgroup's path.
    let isSame = isOfCgroup && readCgroup(ofLeader: ())
    for index in party.members.indices.dropFirst() {
      let identity = party.members[index].identity
      // Two cgroups may have one key: only the path tells.
      if isOfCgroup, !isSame || !liesInCgroup(party.members[index]) { continue }
      switch hands[number].hand.join(identity) {
      case .held, .vanished, .changed, .refused: continue
      }
    }
    switch party.whole {
    case .group(let group): hands[number].hand.takeGroup(group)
    case .cgroup where isSame: takeCgroup(number)
    case .cgroup, nil: break
    }
  }

  /// Has those go with the victim that have its very memory (`CLONE_VM`): ended alone, it would give nothing back.
  ///
  /// - Returns: Whether all of them may go.
  mutating func gatherSharers(_ number: Int, _ victim: Candidate) -> Bool {
    var asked = 0
    for row in table.rows.indices where asked < AgentPace.kinshipQuestions {
      let other = table.rows[row]
      guard other.identity != victim.process.identity, other.isOfTheSizeOf(victim.process) else { continue }
      asked += 1
      guard hands[number].hand.kinship(other.identity) == .shares else { continue }
      // A thread group of its own that a rule protects, or −1000: then none of them may go.
      guard places[row].reach != .protected || isCleared(row) else { return false }
      _ = hands[number].hand.join(other.identity)
    }
    return true
  }

  private var isOfCgroup: Bool {
    switch (party.swarm, party.scope) {
    case (.cgroup, _), (nil, .cgroup), (nil, .unit): true
    default: false
    }
  }

  private var cgroupKey: UInt64? {
    if case .cgroup(let key) = party.whole { return key }
    guard let leader = party.leader else { return nil }
    let own = table.rows[Int(leader.row)].cgroupKey
    if party.swarm == nil, party.scope == .unit { return own.flatMap { table.cgroups.unit(of: $0) } }
    return own
  }

  /// Reads the path of the cgroup that the party is of. False, and no path, where it cannot be told.
  mutating func readCgroup(ofLeader: Void) -> Bool {
    partyPath.clear()
    guard let leader = party.leader, let key = cgroupKey, let membership = membership(of: leader.identity.pid),
      let path = membership.path(of: key, in: cgroupBuffer.bytes)
    else { return false }
    // Byte by byte: a span of one buffer cannot be put into another of the same owner's.
    partyPath.count = min(path.count, partyPath.storage.count)
    for index in 0..<partyPath.count { partyPath.storage[index] = cgroupBuffer.storage[path.lowerBound + index] }
    return partyPath.count == path.count
  }

  private mutating func liesInCgroup(_ member: Party.Member) -> Bool {
    guard let membership = membership(of: member.identity.pid),
      membership.memoryKey ?? 0 == table.rows[Int(member.row)].memoryKey
    else { return false }
    let path = cgroupBuffer.bytes.extracting(membership.path)
    guard path.count >= partyPath.count else { return false }
    for index in 0..<partyPath.count where partyPath.storage[index] != path[index] { return false }
    return path.count == partyPath.count || path[partyPath.count] == .slash
  }

  private mutating func membership(of pid: Int32) -> CgroupMembership? {
    do throws(ReadFailure) {
      try source.read(.cgroup, of: pid, into: &cgroupBuffer)
    } catch {
      return nil
    }
    return try? CgroupMembership(parsing: cgroupBuffer.bytes)
  }

  /// Gives the hand the cgroup itself, where it is one of the unified hierarchy.
  private mutating func takeCgroup(_ number: Int) {
    let path = partyPath
    // Of a root everybody is a part.
    guard path.count > 1, source.place(ofCgroup: path.bytes, into: &cgroupBuffer) else { return }
    let place = cgroupBuffer
    do throws(Errno) {
      cgroupPath.set("", place.bytes, "")
      let directory = try OwnedDescriptor.open(cgroupPath, [.read, .directory])
      hands[number].hand.take(CgroupDirectory(directory))
    } catch {
      // Its members are held one by one all the same.
    }
  }
}

extension ProcessFacts {
  /// Whether it could have the same memory as another: both are read one after the other, and may be growing.
  fileprivate func isOfTheSizeOf(_ other: ProcessFacts) -> Bool {
    ProcessFacts.isNear(virtual, other.virtual) && ProcessFacts.isNear(anonymous + swap, other.anonymous + other.swap)
  }

  private static func isNear(_ one: KiB, _ other: KiB) -> Bool {
    (one - other).count <= other.count / 8 && (other - one).count <= other.count / 8
  }
}
