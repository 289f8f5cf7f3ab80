import Badness
package import ProcModel

/// Finds kin that are killed together where no process is worth killing alone: memory that is divided among many small
/// processes is memory all the same, and no age protects them.
///
/// Kin are processes of one effective user, one cgroup and one tier, with the same parent, process group or session, or
/// with nothing but the cgroup in common. Those of the first tier are ranked by the policy's own formula, taken as one
/// process: it has their memory and processor time together, the age of the oldest, and has grown as fast as that.
/// Rules' weights are not asked.
///
/// Linear in the number of processes: one pass for each kind of kinship. Allocates nothing once it has seen as many
/// processes. What it finds does not depend on the order of the table.
package struct KinFinder: Sendable {
  /// By a hash of what kin have in common: an index of `families`.
  private var index: IntegerMap
  private var families: [Family] = []

  /// - Parameter capacity: Processes that need no further memory, where each has kin of its own.
  package init(capacity: Int) {
    index = IntegerMap(capacity: capacity)
    families.reserveCapacity(capacity)
  }

  /// Takes, in calm time, what memory a table of this size may need.
  package mutating func prepare(for table: ProcessTable) {
    index.removeAll()
    for row in table.rows.indices { index.set(UInt64(row), to: 0) }
    index.removeAll()
    families.removeAll(keepingCapacity: true)
    families.reserveCapacity(table.count)
  }

  private struct Family: Sendable {
    /// The row of the largest.
    var leader: Int
    var footprint = KiB.zero
    var virtual = KiB.zero
    var cpu = Ticks.zero
    /// Of the oldest whose age is known; nil where none is.
    var age: Ticks?

    mutating func take(_ row: Int, in table: ProcessTable) {
      let process = table.rows[row]
      footprint += process.footprint
      virtual += process.virtual
      cpu = cpu + process.cpu
      if let own = process.age { age = max(age ?? .zero, own) }
      if process.leads(table.rows[leader]) { leader = row }
    }
  }

  private struct Found {
    var leader: Int
    var bond: Bond
    var tier: Tier
    var footprint: KiB
    var score: Double

    /// Whether it goes before `other` of the same kind of kinship.
    func goesBefore(_ other: Found, in table: ProcessTable) -> Bool {
      if tier != other.tier { return tier < other.tier }
      if score != other.score { return score > other.score }
      if footprint != other.footprint { return footprint > other.footprint }
      return table.rows[leader].leads(table.rows[other.leader])
    }

    /// Whether it goes in place of `closer`, whose kinship is closer: it goes sooner, or that gives too little back and it
    /// gives enough, or a quarter more.
    func replaces(_ closer: Found, shortfall: KiB) -> Bool {
      if tier != closer.tier { return tier < closer.tier }
      guard closer.footprint < shortfall, footprint > closer.footprint else { return false }
      return footprint >= shortfall || (footprint - closer.footprint).count > closer.footprint.count / 4
    }
  }

  /// What kin have in common beside user, cgroup and tier, the closest first.
  private enum Bond: UInt8 {
    case parent
    case group
    case session
    case cgroup

    var wider: Bond? { Bond(rawValue: rawValue + 1) }

    /// Nil where the process has no kin of this kind: process 1 is every orphan's parent, and its group and session are
    /// the machine's, as the root cgroup is.
    func kinship(of process: ProcessFacts) -> Kinship? {
      switch self {
      case .parent: process.parent > 1 ? .parent(process.parent) : nil
      case .group: process.processGroup > 1 ? .group(process.processGroup) : nil
      case .session: process.session > 1 ? .session(process.session) : nil
      case .cgroup: process.cgroupKey.map { .cgroup($0) }
      }
    }

    func areKin(_ one: ProcessFacts, _ other: ProcessFacts) -> Bool {
      guard one.effectiveUID == other.effectiveUID, one.cgroupKey == other.cgroupKey,
        let kinship = kinship(of: one)
      else { return false }
      return kinship == self.kinship(of: other)
    }

    func key(of process: ProcessFacts, _ tier: Tier) -> UInt64? {
      let number: Int32
      switch kinship(of: process) {
      case nil: return nil
      case .parent(let pid): number = pid
      case .group(let group): number = group
      case .session(let session): number = session
      case .cgroup: number = 0
      }
      let kin = IntegerMap.mix(UInt64(UInt32(bitPattern: number)) << 8 | UInt64(tier.rawValue))
      return IntegerMap.mix(IntegerMap.mix(kin ^ (process.cgroupKey ?? 0)) ^ UInt64(process.effectiveUID))
    }
  }

  /// Looks for kin that give back together at least what a single candidate would have to.
  ///
  /// - Parameters:
  ///   - table: A survey that left no process out as too small, with `tally`.
  ///   - places: The ranking of that table.
  ///   - shortfall: What is missing of available memory to the release line.
  /// - Returns: Whether there are any; they are in `party` then, the largest first.
  package mutating func find(
    in table: ProcessTable, places: Places, shortfall: KiB, judge: Judge, tally: SurveyTally, into party: inout Party
  ) -> Bool {
    let least = max(judge.settings.minimumFootprint.of(judge.machine.ram), KiB(1))
    var found: Found?
    var bond = Bond?.some(.parent)
    // No list of all kinds: that would be memory taken.
    while let present = bond {
      bond = present.wider
      guard let next = foremost(present, in: table, places: places, least: least, judge: judge) else { continue }
      if let closer = found, !next.replaces(closer, shortfall: shortfall) { continue }
      found = next
    }
    guard let found else { return false }
    KinFinder.fill(&party, with: found, from: table, places: places, isComplete: tally.isComplete)
    return true
  }

  /// Whether there may be kin among those that a survey left out as too small.
  package static func mayHide(besides table: ProcessTable, places: Places, judge: Judge, tally: SurveyTally) -> Bool {
    guard tally.leftOut > 0 else { return false }
    var total = tally.leftOutFootprint
    for row in table.rows.indices where mayGo(table.rows[row], places[row]) { total += table.rows[row].footprint }
    return judge.settings.minimumFootprint.of(judge.machine.ram) <= total
  }

  /// The largest single process that may be killed, whatever it gives back, of the first tier that has one.
  package static func largest(in table: ProcessTable, places: Places) -> Int? {
    var largest: Int?
    for row in table.rows.indices where mayGo(table.rows[row], places[row]) && table.rows[row].footprint > .zero {
      if let other = largest {
        if places[row].tier > places[other].tier { continue }
        if places[row].tier == places[other].tier, !table.rows[row].leads(table.rows[other]) { continue }
      }
      largest = row
    }
    return largest
  }

  private mutating func foremost(
    _ bond: Bond, in table: ProcessTable, places: Places, least: KiB, judge: Judge
  ) -> Found? {
    index.removeAll()
    families.removeAll(keepingCapacity: true)
    for row in table.rows.indices {
      let process = table.rows[row]
      guard KinFinder.mayGo(process, places[row]), !process.unread.contains(.user),
        let key = bond.key(of: process, places[row].tier)
      else { continue }
      if let known = index.value(for: key) {
        families[Int(known)].take(row, in: table)
      } else {
        index.set(key, to: UInt64(families.count))
        families.append(Family(leader: row))
        families[families.count - 1].take(row, in: table)
      }
    }
    var foremost: Found?
    for family in families where family.footprint >= least {
      let found = Found(
        leader: family.leader, bond: bond, tier: places[family.leader].tier, footprint: family.footprint,
        score: KinFinder.score(family, in: table, judge))
      if let foremost, !found.goesBefore(foremost, in: table) { continue }
      foremost = found
    }
    return foremost
  }

  private static func score(_ family: Family, in table: ProcessTable, _ judge: Judge) -> Double {
    var sum = table.rows[family.leader]
    (sum.anonymous, sum.shared, sum.swap, sum.pageTables) = (family.footprint, .zero, .zero, .zero)
    (sum.resident, sum.virtual, sum.cpu, sum.age) = (family.footprint, family.virtual, family.cpu, family.age)
    sum.growthPerSecond = sum.lifelongGrowthPerSecond(units: judge.machine.units)
    var terms = NoTerms()
    return judge.candidate(sum, standing: Standing(), terms: &terms).score
  }

  private static func mayGo(_ process: ProcessFacts, _ place: Place) -> Bool {
    place.reach == .mayEnd && !process.isKernelThread
  }

  private static func fill(
    _ party: inout Party, with found: Found, from table: ProcessTable, places: Places, isComplete: Bool
  ) {
    let leader = table.rows[found.leader]
    guard let kinship = found.bond.kinship(of: leader) else { return }
    party.begin(kin: kinship)
    party.take(found.leader, leader, places[found.leader])
    var isWhole = isComplete
    for row in table.rows.indices where row != found.leader {
      let process = table.rows[row]
      if found.bond.areKin(leader, process) {
        if mayGo(process, places[row]), places[row].tier == found.tier, !process.unread.contains(.user) {
          party.take(row, process, places[row])
          continue
        }
        party.leaveApart(places[row])
      }
      // What a single step would reach as well.
      switch kinship {
      case .group(let number): if process.processGroup == number { isWhole = false }
      case .cgroup(let key):
        if let own = process.cgroupKey, table.cgroups.isSameOrBelow(own, key) { isWhole = false }
      case .parent, .session: break
      }
    }
    guard isWhole else { return }
    switch kinship {
    case .group(let number): party.whole = .group(number)
    case .cgroup(let key): party.whole = .cgroup(key)
    case .parent, .session: break
    }
  }
}

extension ProcessFacts {
  /// Whether it is named before `other`: the larger, then the younger, then the higher number.
  fileprivate func leads(_ other: ProcessFacts) -> Bool {
    if footprint != other.footprint { return footprint > other.footprint }
    if identity.startTime != other.identity.startTime { return identity.startTime > other.identity.startTime }
    return identity.pid > other.identity.pid
  }
}
