import Badness
package import ProcModel

/// Finds kin that are killed together where no process is worth killing alone: memory that is divided among many small
/// processes is memory all the same, and no age protects them.
///
/// Kin are processes of one effective user, one cgroup and one tier with a ``Bond``. Those of the first tier are ranked by the policy's own formula, taken as one
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
      guard KinFinder.mayGo(process, places[row]), let key = bond.key(of: process, places[row].tier)
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
    guard let kinship = found.bond.kinship(of: table.rows[found.leader]) else { return }
    party.begin(kin: kinship)
    party.takeKin(of: found.leader, by: found.bond, from: table, places: places, isComplete: isComplete) { row in
      mayGo(table.rows[row], places[row]) && places[row].tier == found.tier
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
