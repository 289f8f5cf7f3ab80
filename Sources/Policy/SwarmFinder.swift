import Badness
package import ProcModel

/// Recognises a swarm: many young processes of one kind, none of them large, that outweigh every single candidate
/// together. Ended one at a time they would win, since others take the places of those who go.
///
/// A swarm that does not outweigh it by so much is still chosen before a candidate that is no part of it, where it is
/// the worse of both by the policy's own formula, taken as one process: it has their memory and processor time
/// together, the age of the eldest, and has grown as fast as that.
///
/// What is no swarm, however many they are: processes of which one kill would make up for what is missing
/// (`shortfall`), old ones but for orphans of one program (``Bond``), ones that are worth more than the best single candidate, and ones that were put into
/// different cgroups by the program that started them all, as a service manager does. Old and protected kin stay when the young
/// go.
///
/// What is no swarm either: workers of a service that forks (``Families``). Only one user's processes are kin. What
/// processes share copy-on-write counts for none of them (``ForkFamilies``), and no swarm counts for more than is in use.
///
/// Linear in the number of processes: three passes for each kind of kinship. Allocates nothing once it has seen as many
/// processes.
package struct SwarmFinder: Sendable {
  /// By kin and tier: how many, in the low 20 bits, and their footprint, in KiB, above those.
  private var groups: IntegerMap
  private var families: Families

  /// - Parameter capacity: Processes that need no further memory, where each has kin of its own.
  package init(capacity: Int) {
    groups = IntegerMap(capacity: capacity)
    families = Families(capacity: capacity)
  }

  /// Takes, in calm time, what memory a table of this size may need.
  package mutating func prepare(for table: ProcessTable) {
    groups.removeAll()
    for row in table.rows.indices { groups.set(UInt64(row), to: 0) }
    groups.removeAll()
    families.prepare(for: table)
  }

  /// Counts, in calm time, the orphans of each program.
  mutating func countOrphans(in table: ProcessTable) {
    groups.removeAll()
    for row in table.rows.indices {
      if let key = Bond.program.key(of: table.rows[row], .normal) { groups.add(1, to: key) }
    }
  }

  /// Whether a process is one of several orphans of a program, as the last ``countOrphans(in:)`` found: then its age
  /// does not keep it out of a swarm.
  func hasFellowOrphans(_ process: ProcessFacts) -> Bool {
    guard let key = Bond.program.key(of: process, .normal) else { return false }
    return groups.value(for: key) ?? 0 > 1
  }

  /// What a swarm has to be, at one decision.
  private struct Bar {
    let swarm: Swarm
    /// Nothing counts for more.
    let inUse: KiB
    let young: Ticks
    /// A process with less is not worth killing by itself.
    let least: KiB
    let best: (tier: Tier, process: ProcessFacts, score: Double)?
    /// Whether killing the best single candidate is enough.
    let bestSuffices: Bool
    let context: ScoringContext

    init?(_ context: ScoringContext, best: Candidate?, shortfall: KiB, inUse: KiB) {
      guard let swarm = context.settings.swarm else { return nil }
      self.swarm = swarm
      self.inUse = inUse
      young = context.machine.units.ticks(swarm.age)
      least = context.settings.minimumFootprint.of(context.machine.ram)
      self.best = best.map { ($0.ruleOutcome.tier, $0.process, $0.score) }
      self.context = context
      bestSuffices = best.map { $0.process.footprint >= shortfall } ?? false
    }

    /// The most that a member may give back; nil where none of that tier may go. An earlier tier than that of the best
    /// candidate has no process that is worth killing alone.
    func largest(in tier: Tier) -> KiB? {
      guard let best, tier >= best.tier else { return least }
      return tier > best.tier ? nil : max(best.process.footprint, least)
    }

    /// - Parameter isOfAnyAge: Whether a member may be old.
    func largest(_ process: ProcessFacts, _ place: Eligibility, isOfAnyAge: Bool = false) -> KiB? {
      guard place.status == .eligible, isOfAnyAge || isYoung(process), !process.isKernelThread,
        let largest = largest(in: place.tier), process.footprint <= largest
      else { return nil }
      return largest
    }

    /// Who is of unknown age is not taken for young.
    private func isYoung(_ process: ProcessFacts) -> Bool { process.age.map { $0 < young } ?? false }

    /// Whether so many, that hold so much, are worth a thought: they could yet be worse than they are heavy.
    func isWorthALook(_ count: UInt64, _ total: KiB) -> Bool {
      count >= UInt64(swarm.members) && total >= max(least, KiB(1))
    }

    /// Whether so much could yet be worse than a best single candidate that is enough alone: growth makes four times as
    /// much of it at most, by the formulas that count in KiB, and `oom_score_adj` is taken to be 0.
    func mayBeWorse(_ total: KiB, isOrderKnown: Bool) -> Bool {
      guard let best, bestSuffices else { return true }
      if !isOrderKnown, context.policy.hasOrder(before: best.tier) { return true }
      return switch context.settings.formula {
      case .spillway, .footprint: Double(total.count) * 4 > best.score
      case .classic, .linux24, .linux26, .linux, .oomScore: true
      }
    }

    /// Whether a swarm goes in place of the best single candidate.
    func isWorse(_ found: Found, _ sum: ProcessFacts, isOfBest: Bool) -> Bool {
      guard let largest = largest(in: found.tier) else { return false }
      let (enough, overflow) = largest.count.multipliedReportingOverflow(by: UInt64(swarm.times))
      let isHeavy = !overflow && found.total.count >= max(enough, 1)
      guard let best, found.tier == best.tier else { return isHeavy }
      // Age has to count for old ones: they go where they are the worse of both, whatever they weigh.
      if isHeavy, !bestSuffices, !found.bond.isOfAnyAge || isOfBest { return true }
      guard !isOfBest else { return false }
      var terms = NoTerms()
      return context.candidate(sum, ruleOutcome: RuleOutcome(), terms: &terms).score > best.score
    }
  }

  /// A swarm of which one row is known.
  private struct Found {
    var row: Int
    var bond: Bond
    var tier: Tier
    var total: KiB

    /// Whether it is to be killed in place of `other`, whose kinship is closer: it goes sooner, or holds a quarter
    /// more.
    func replaces(_ other: Found) -> Bool {
      if tier != other.tier { return tier < other.tier }
      return total.count > other.total.count && total.count - other.total.count > other.total.count / 4
    }
  }

  /// Looks for a swarm that is to be killed in place of the best single candidate.
  ///
  /// - Parameters:
  ///   - table: A survey, with `tally`. What it left out is part of no swarm: see
  ///     ``mayHide(besides:places:best:shortfall:judge:tally:)``.
  ///   - places: The ranking of that table.
  ///   - best: The foremost of the shortlist.
  ///   - shortfall: What is missing of available memory to the release line.
  ///   - inUse: The memory and swap that are in use, on the machine or in the domain.
  /// - Returns: Whether there is one; it is in `kill set` then, the largest first.
  package mutating func find(
    in table: ProcessTable, eligibility: EligibilityTable, best: Candidate?, shortfall: KiB, inUse: KiB,
    context: ScoringContext,
    tally: SurveyTally, into killSet: inout KillSet
  ) -> Bool {
    // Without the uptime everybody would seem just born.
    guard tally.uptimeError == nil, let bar = Bar(context, best: best, shortfall: shortfall, inUse: inUse) else {
      return false
    }
    families.learn(table, young: bar.young)
    var found: Found?
    var bond = Bond?.some(.parent)
    // No list of all kinds: that would be memory taken.
    while let present = bond {
      bond = present.wider
      guard let next = foremost(of: present, in: table, eligibility: eligibility, bar: bar) else { continue }
      if let closer = found, !next.replaces(closer) { continue }
      found = next
    }
    guard let found else { return false }
    fill(&killSet, with: found, from: table, eligibility: eligibility, bar: bar, isComplete: tally.isComplete)
    return true
  }

  /// Whether a swarm may be among those that a survey left out as too small: then all have to be read, which among
  /// thousands takes the time that there is not. Those that are known to be old are part of none.
  package func mayHide(
    besides table: ProcessTable, eligibility: EligibilityTable, best: Candidate?, shortfall: KiB,
    context: ScoringContext, tally: SurveyTally
  ) -> Bool {
    guard tally.leftOut > tally.leftOutOld || tally.unreadYoung > 0,
      let bar = Bar(context, best: best, shortfall: shortfall, inUse: KiB(.max))
    else { return false }
    var count = UInt64(tally.leftOut - tally.leftOutOld) + UInt64(tally.unreadYoung)
    var total = tally.leftOutFootprint - tally.leftOutOldFootprint
    if tally.unreadYoung > 0 { total += tally.remainder }
    for row in table.rows.indices where bar.largest(table.rows[row], eligibility[row]) != nil {
      // Where the best is enough, a swarm that it is part of does not go in its place.
      if bar.bestSuffices, table.rows[row].identity == bar.best?.process.identity { continue }
      count += 1
      total += table.rows[row].footprint
    }
    // Of those that were not read it is known that none has an earlier `order`.
    return bar.isWorthALook(count, total) && bar.mayBeWorse(total, isOrderKnown: tally.leftOut == tally.leftOutOld)
  }

  /// The largest of its kind in the first tier in which that goes as a swarm.
  private mutating func foremost(of bond: Bond, in table: ProcessTable, eligibility: EligibilityTable, bar: Bar)
    -> Found?
  {
    groups.removeAll()
    for row in table.rows.indices {
      let process = table.rows[row]
      guard isMember(row, of: table, eligibility, by: bond, bar),
        let key = bond.key(of: process, eligibility[row].tier)
      else { continue }
      // More than 2³³ KiB of one process, or 2²⁰ processes, are a torn reading: nonsense, and no trap.
      groups.add(min(process.footprint.count, 1 << 33) << 20 | 1, to: key)
    }
    // No list of all tiers: that would be memory taken.
    for tier in Tier.first.rawValue...Tier.last.rawValue {
      guard let tier = Tier(rawValue: tier),
        var largest = largest(of: bond, in: tier, of: table, eligibility: eligibility, bar: bar),
        isWorse(&largest, in: table, eligibility: eligibility, bar: bar)
      else { continue }
      return largest
    }
    return nil
  }

  private func largest(
    of bond: Bond, in tier: Tier, of table: ProcessTable, eligibility: EligibilityTable, bar: Bar
  ) -> Found? {
    var foremost: Found?
    for row in table.rows.indices where eligibility[row].tier == tier {
      let process = table.rows[row]
      guard isMember(row, of: table, eligibility, by: bond, bar), let key = bond.key(of: process, tier),
        let packed = groups.value(for: key)
      else { continue }
      let total = KiB(packed >> 20)
      guard bar.isWorthALook(packed & 0xF_FFFF, total) else { continue }
      if let foremost, total <= foremost.total { continue }
      foremost = Found(row: row, bond: bond, tier: tier, total: total)
    }
    return foremost
  }

  /// Whether a row may be part of a swarm.
  private func isMember(
    _ row: Int, of table: ProcessTable, _ eligibility: EligibilityTable, by bond: Bond, _ bar: Bar
  ) -> Bool {
    bar.largest(table.rows[row], eligibility[row], isOfAnyAge: bond.isOfAnyAge) != nil && !families.isWorker(row)
  }

  /// Weighs a swarm, as one process, against the best single candidate. What it weighs is cut to what is in use.
  private func isWorse(_ found: inout Found, in table: ProcessTable, eligibility: EligibilityTable, bar: Bar) -> Bool {
    let one = table.rows[found.row]
    var sum = one
    (sum.virtual, sum.cpu) = (.zero, .zero)
    var eldest = Ticks.zero
    var isOfBest = false
    for row in table.rows.indices {
      let process = table.rows[row]
      if process.identity == bar.best?.process.identity { isOfBest = found.bond.areKin(one, process) }
      guard eligibility[row].tier == found.tier, isMember(row, of: table, eligibility, by: found.bond, bar),
        found.bond.areKin(one, process)
      else { continue }
      sum.virtual += process.virtual
      sum.cpu = sum.cpu + process.cpu
      eldest = max(eldest, process.age ?? eldest)
    }
    found.total = min(found.total, bar.inUse)
    guard found.total >= max(bar.least, KiB(1)) else { return false }
    sum.holdOnly(found.total)
    sum.age = eldest
    sum.growthPerSecond = sum.lifelongGrowthPerSecond(units: bar.context.machine.units)
    return bar.isWorse(found, sum, isOfBest: isOfBest)
  }

  private func fill(
    _ killSet: inout KillSet, with found: Found, from table: ProcessTable, eligibility: EligibilityTable, bar: Bar,
    isComplete: Bool
  ) {
    let one = table.rows[found.row]
    guard let kinship = found.bond.kinship(of: one) else { return }
    killSet.begin(swarm: kinship)
    var leader = found.row
    for row in table.rows.indices where found.bond.areKin(one, table.rows[row]) {
      guard eligibility[row].tier == found.tier, isMember(row, of: table, eligibility, by: found.bond, bar)
      else { continue }
      if table.rows[row].footprint > table.rows[leader].footprint { leader = row }
    }
    killSet.takeKin(of: leader, by: found.bond, from: table, eligibility: eligibility, isComplete: isComplete) { row in
      eligibility[row].tier == found.tier && isMember(row, of: table, eligibility, by: found.bond, bar)
    }
  }
}
