import Badness
package import ProcModel

/// Finds kin that are killed together where no process is worth killing alone: memory that is divided among many small
/// processes is memory all the same, and no age protects them.
///
/// Kin are processes of one effective user, one cgroup and one tier with a ``Bond``. Those of the first tier are ranked
/// by the policy's own formula, taken as one process: it has their memory and processor time together, the age of the
/// oldest, and has grown as fast as that. Rules' weights are not asked.
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

    /// Whether it goes in place of `closer`, whose kinship is closer: it goes sooner, or that gives too little back and
    /// it gives enough, or a quarter more.
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
  /// - Returns: Whether there are any; they are in `kill set` then, the largest first.
  package mutating func find(
    in table: ProcessTable, eligibility: EligibilityTable, shortfall: KiB, context: ScoringContext, tally: SurveyTally,
    into killSet: inout KillSet
  ) -> Bool {
    let least = max(context.settings.minimumFootprint.of(context.machine.ram), KiB(1))
    var found: Found?
    var bond = Bond?.some(.parent)
    // No list of all kinds: that would be memory taken.
    while let present = bond {
      bond = present.wider
      guard let next = foremost(present, in: table, eligibility: eligibility, least: least, context: context) else {
        continue
      }
      if let closer = found, !next.replaces(closer, shortfall: shortfall) { continue }
      found = next
    }
    guard let found else { return false }
    KinFinder.fill(&killSet, with: found, from: table, eligibility: eligibility, isComplete: tally.isComplete)
    return true
  }

  /// Whether there may be kin among those that a survey left out as too small.
  package static func mayHide(
    besides table: ProcessTable, eligibility: EligibilityTable, context: ScoringContext, tally: SurveyTally
  ) -> Bool {
    guard tally.isShort else { return false }
    var total = tally.leftOutFootprint + tally.remainder
    for row in table.rows.indices where mayGo(table.rows[row], eligibility[row]) { total += table.rows[row].footprint }
    return context.settings.minimumFootprint.of(context.machine.ram) <= total
  }

  /// The largest single process that may be killed, whatever it gives back, of the first tier that has one.
  package static func largest(in table: ProcessTable, eligibility: EligibilityTable) -> Int? {
    var largest: Int?
    for row in table.rows.indices where mayGo(table.rows[row], eligibility[row]) && table.rows[row].footprint > .zero {
      if let other = largest {
        if eligibility[row].tier > eligibility[other].tier { continue }
        if eligibility[row].tier == eligibility[other].tier, !table.rows[row].leads(table.rows[other]) { continue }
      }
      largest = row
    }
    return largest
  }

  private mutating func foremost(
    _ bond: Bond, in table: ProcessTable, eligibility: EligibilityTable, least: KiB, context: ScoringContext
  ) -> Found? {
    index.removeAll()
    families.removeAll(keepingCapacity: true)
    for row in table.rows.indices {
      let process = table.rows[row]
      guard KinFinder.mayGo(process, eligibility[row]), let key = bond.key(of: process, eligibility[row].tier)
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
        leader: family.leader, bond: bond, tier: eligibility[family.leader].tier, footprint: family.footprint,
        score: KinFinder.score(family, in: table, context))
      if let foremost, !found.goesBefore(foremost, in: table) { continue }
      foremost = found
    }
    return foremost
  }

  private static func score(_ family: Family, in table: ProcessTable, _ context: ScoringContext) -> Double {
    var sum = table.rows[family.leader]
    sum.holdOnly(family.footprint)
    (sum.virtual, sum.cpu, sum.age) = (family.virtual, family.cpu, family.age)
    sum.growthPerSecond = sum.lifelongGrowthPerSecond(units: context.machine.units)
    var terms = NoTerms()
    return context.candidate(sum, ruleOutcome: RuleOutcome(), terms: &terms).score
  }

  private static func mayGo(_ process: ProcessFacts, _ place: Eligibility) -> Bool {
    place.status == .eligible && !process.isKernelThread
  }

  private static func fill(
    _ killSet: inout KillSet, with found: Found, from table: ProcessTable, eligibility: EligibilityTable,
    isComplete: Bool
  ) {
    guard let kinship = found.bond.kinship(of: table.rows[found.leader]) else { return }
    killSet.begin(kin: kinship)
    killSet.takeKin(of: found.leader, by: found.bond, from: table, eligibility: eligibility, isComplete: isComplete) {
      row in
      mayGo(table.rows[row], eligibility[row]) && eligibility[row].tier == found.tier
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
