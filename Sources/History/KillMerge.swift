/// Makes one kill of what several sources tell of it.
package enum KillMerge {
  /// How far apart two sources may have one kill, in milliseconds: syslog has whole seconds, a busy machine writes
  /// late, and one killer sends two signals.
  private static let patience: Int64 = 60_000

  /// - Returns: Each kill once, the newest last. Those without a time come first.
  package static func merged(_ kills: [PastKill]) -> [PastKill] {
    var merged: [PastKill] = []
    merged.reserveCapacity(kills.count)
    for kill in kills.sorted(by: isBefore) {
      if let index = match(of: kill, in: merged) {
        merged[index] = merged[index].joined(with: kill)
      } else {
        merged.append(kill)
      }
    }
    return withoutEchoes(merged).sorted(by: isBefore)
  }

  private static func isBefore(_ one: PastKill, _ other: PastKill) -> Bool {
    switch (one.time.wall, other.time.wall) {
    case (let one?, let other?): one < other
    case (nil, _?): true
    default: false
    }
  }

  private static func match(of kill: PastKill, in merged: [PastKill]) -> Int? {
    var index = merged.count - 1
    while index >= 0 {
      let candidate = merged[index]
      if isSame(candidate, kill) { return index }
      // They are sorted: what is further away in time is no match, unless its time was reckoned.
      if let then = candidate.time.wall, let now = kill.time.wall, now.since(then) > patience * 2,
        !candidate.time.isReckoned, !kill.time.isReckoned
      {
        return nil
      }
      index -= 1
    }
    return nil
  }

  private static func isSame(_ one: PastKill, _ other: PastKill) -> Bool {
    guard one.killer == other.killer, one.isEcho == other.isEcho else { return false }
    // Each process of a kill set has its own line in the kernel's log, with the same incident.
    if let incident = one.decision?.incident, let other = other.decision?.incident, incident == other {
      return true
    }
    guard one.deed == other.deed else { return false }
    guard areNear(one.time, other.time) else { return false }
    if one.victim.pid != nil || other.victim.pid != nil { return one.victim.pid == other.victim.pid }
    if let unit = one.victim.unit, let otherUnit = other.victim.unit { return unit == otherUnit }
    return one.victim == other.victim && one.reason == other.reason
  }

  static func areNear(_ one: PastTime, _ other: PastTime) -> Bool {
    if let boot = one.boot, let otherBoot = other.boot, boot != otherBoot { return false }
    if let stamp = one.sinceBoot, let otherStamp = other.sinceBoot {
      let apart = stamp > otherStamp ? stamp - otherStamp : otherStamp - stamp
      guard apart <= UInt64(patience) * 1000 else { return false }
      // Another boot may have the same stamp.
      if one.boot != nil, other.boot != nil { return true }
      return areNear(one.wall, other.wall, within: one.isReckoned || other.isReckoned ? 86_400_000 * 7 : patience)
    }
    return areNear(one.wall, other.wall, within: patience)
  }

  private static func areNear(_ one: WallTime?, _ other: WallTime?, within limit: Int64) -> Bool {
    guard let one, let other else { return one == nil && other == nil }
    return one.since(other).magnitude <= limit
  }

  // MARK: What only a service manager says

  /// Leaves out the service manager's word of a kill that its killer tells of, and completes the other by it.
  private static func withoutEchoes(_ kills: [PastKill]) -> [PastKill] {
    var told = kills.filter { !isHearsay($0) }
    for echo in kills where isHearsay(echo) {
      if let index = told.lastIndex(where: { echoes(echo, $0) }) {
        told[index].victim.unit = told[index].victim.unit ?? echo.victim.unit
        told[index].origins.formUnion(echo.origins)
      } else {
        told.append(echo)
      }
    }
    return told
  }

  private static func isHearsay(_ kill: PastKill) -> Bool {
    if case .signalled = kill.deed { return true }
    return kill.isEcho
  }

  /// Whether a service manager's word is of a kill that another line tells of.
  private static func echoes(_ echo: PastKill, _ kill: PastKill) -> Bool {
    guard kill.deed == .killed || isHearsay(kill), !isSameKindOfWord(echo, kill), areNear(echo.time, kill.time) else {
      return false
    }
    if echo.isEcho, kill.killer != .kernel, kill.killer != .systemdOomd { return false }
    if let unit = kill.victim.unit { return unit == echo.victim.unit }
    // Before Linux 4.19 the kernel names no cgroup: the manager's word comes at once.
    guard kill.killer == .kernel, let then = kill.time.wall, let now = echo.time.wall else { return false }
    return (0...5000).contains(now.since(then))
  }

  private static func isSameKindOfWord(_ one: PastKill, _ other: PastKill) -> Bool {
    one.deed == other.deed && one.isEcho == other.isEcho
  }
}

extension PastKill {
  /// What both tell. Where both have something, this one's stays, unless only the other is proven or has its own
  /// record.
  func joined(with other: PastKill) -> PastKill {
    let prefersOther =
      (!isProven && other.isProven)
      || (isProven == other.isProven && !origins.contains(.record) && other.origins.contains(.record))
    var (kept, added) = prefersOther ? (other, self) : (self, other)
    if kept.time.wall == nil || (kept.time.isReckoned && !added.time.isReckoned && added.time.wall != nil) {
      kept.time.wall = added.time.wall
      kept.time.isReckoned = added.time.isReckoned
    }
    kept.time.sinceBoot = kept.time.sinceBoot ?? added.time.sinceBoot
    kept.time.boot = kept.time.boot ?? added.time.boot
    kept.victim.fill(from: added.victim)
    kept.memory.fill(from: added.memory)
    if kept.shortage.constraint == nil { kept.shortage.constraint = added.shortage.constraint }
    kept.shortage.limited = kept.shortage.limited ?? added.shortage.limited
    kept.shortage.invoker = kept.shortage.invoker ?? added.shortage.invoker
    kept.shortage.isWholeGroup = kept.shortage.isWholeGroup || added.shortage.isWholeGroup
    if kept.reason.isEmpty { kept.reason = added.reason }
    if let decision = added.decision {
      if kept.decision == nil { kept.decision = decision } else { kept.decision?.fill(from: decision) }
    }
    if case .spared = added.deed, kept.deed == .killed { kept.deed = added.deed }
    kept.origins.formUnion(added.origins)
    kept.isProven = isProven || other.isProven
    return kept
  }
}

extension PastDecision {
  mutating func fill(from other: PastDecision) {
    if domain.isEmpty { domain = other.domain }
    if trigger.isEmpty { trigger = other.trigger }
    if action.isEmpty { action = other.action }
    rule = rule ?? other.rule
    outcome = outcome ?? other.outcome
    escalation = escalation ?? other.escalation
    after = after ?? other.after
    freed = freed ?? other.freed
    available = available ?? other.available
    floor = floor ?? other.floor
  }
}

extension PastVictim {
  mutating func fill(from other: PastVictim) {
    // The kernel's log has a line for each process that is killed in an incident.
    if let own = pid, let added = other.pid, own != added, !companions.contains(added), companions.count < 64 {
      companions.append(added)
      count = max(count, UInt64(companions.count) + 1)
    }
    pid = pid ?? other.pid
    if name?.isEmpty ?? true { name = other.name ?? name }
    uid = uid ?? other.uid
    unit = unit ?? other.unit
    cgroup = cgroup ?? other.cgroup
    executable = executable ?? other.executable
    count = max(count, other.count)
    for companion in other.companions where companion != pid && !companions.contains(companion) {
      companions.append(companion)
    }
  }
}

extension VictimMemory {
  mutating func fill(from other: VictimMemory) {
    virtual = virtual ?? other.virtual
    anonymous = anonymous ?? other.anonymous
    file = file ?? other.file
    shared = shared ?? other.shared
    pageTables = pageTables ?? other.pageTables
    swap = swap ?? other.swap
    footprint = footprint ?? other.footprint
  }
}
