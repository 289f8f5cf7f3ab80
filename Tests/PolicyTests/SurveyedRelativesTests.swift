import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// What is known of relatives does not depend on which processes a survey reads.
@Suite struct SurveyedRelativesTests {
  /// A machine of a few processes, related at random.
  private static func machine(_ random: inout SystemRandomNumberGenerator) -> [Relative] {
    let count = Int32.random(in: 2...14, using: &random)
    return (1...count).map { pid in
      Relative(pid) { relative in
        relative.parent = Int32.random(in: 0..<pid, using: &random)
        if Bool.random(using: &random) {
          relative.session = Int32.random(in: 0...count + 2, using: &random)
          relative.group = Int32.random(in: 0...count + 2, using: &random)
        }
        relative.start = UInt64(pid) + UInt64.random(in: 0...1, using: &random)
        relative.image = UInt64.random(in: 0...3, using: &random)
        relative.adjustment = [0, 300, -900, -1000][Int.random(in: 0..<4, using: &random)]
        relative.cgroup = ["/", "/a"][Int.random(in: 0..<2, using: &random)]
        relative.footprint = [500, 20_000][Int.random(in: 0..<2, using: &random)]
        if Int.random(in: 0..<8, using: &random) == 0 { relative.state = "Z" }
      }
    }
  }

  @Test func theRelationsAreThoseOfTheFullReading() throws {
    var random = SystemRandomNumberGenerator()
    var met = (orphans: 0, inherited: 0)
    for _ in 0..<1000 {
      let machine = Self.machine(&random)
      var found: [[Int32: ProcessFacts]] = []
      for (plan, order) in [
        (plansOfRelatives[0], machine), (plansOfRelatives[1], machine),
        (plansOfRelatives[1], machine.shuffled(using: &random)),
      ] {
        var relatives = Relatives(order) { policy in
          policy.settings.ignoresInherited = true
          policy.addRule("orphans", order: .first, [(.orphan, [.flag(true)])])
        }
        try relatives.gather(plan)
        let rows = relatives.chooser.ranking.table.rows
        found.append(Dictionary(uniqueKeysWithValues: rows.map { ($0.identity.pid, $0) }))
      }
      for reading in found.dropFirst() {
        for (pid, process) in reading {
          let full = try #require(found[0][pid])
          met.orphans += process.isOrphan ? 1 : 0
          met.inherited += process.inheritsOomScoreAdj ? 1 : 0
          let isSame =
            full.isOrphan == process.isOrphan && full.inheritsOomScoreAdj == process.inheritsOomScoreAdj
            && full.unread == process.unread
          if !isSame { Issue.record("\(pid) of \(machine)") }
        }
      }
    }
    #expect(met.orphans > 50 && met.inherited > 50, "the machines have both: \(met)")
  }

  /// A crowd of old processes that one process forked, with process 1 too small to be killed.
  private static func orphans(of footprint: UInt64) -> [Relative] {
    [Relative(1) { ($0.parent, $0.footprint, $0.cgroup) = (0, 500, "/init") }]
      + (100..<120).map { pid in Relative(pid) { ($0.image, $0.footprint) = (77, footprint) } }
  }

  private static func learnt(_ relatives: [Relative]) throws -> Relatives {
    var machine = Relatives(relatives)
    try machine.gather(.everyone)
    machine.chooser.learn(
      machine.context, eldest: Ticks(3000), now: .zero, budget: .max, mayWait: true, from: &machine.source)
    return machine
  }

  @Test func theImageOfAParentThatIsTooSmallIsKnownFromCalmTime() throws {
    let relatives = Self.orphans(of: 20_000)
    var known = try Self.learnt(relatives)
    try known.gather(plansOfRelatives[1])
    #expect((100..<120).allSatisfy { known.process($0)?.hasAnotherImageThanItsParent == true })
    var unknown = Relatives(relatives)
    try unknown.gather(plansOfRelatives[1])
    #expect((100..<120).allSatisfy { unknown.process($0)?.hasAnotherImageThanItsParent == false })
    #expect(!unknown.source.reads.contains { $0.pid == 1 && $0.file == .stat }, "nobody is asked for it")
  }

  /// So a decision that leaves them out looks for them all the same.
  @Test func smallOrphansOfOneProgramDoNotCountAsOld() throws {
    var orphans = try Self.learnt(Self.orphans(of: 5000))
    try orphans.gather(plansOfRelatives[1])
    #expect(orphans.chooser.ranking.tally.leftOut == 21 && orphans.chooser.ranking.tally.leftOutOld == 1)
    let apart = Self.orphans(of: 5000).map { relative in
      var relative = relative
      relative.image = UInt64(relative.pid)
      return relative
    }
    var daemons = try Self.learnt(apart)
    try daemons.gather(plansOfRelatives[1])
    #expect(daemons.chooser.ranking.tally.leftOut == 21 && daemons.chooser.ranking.tally.leftOutOld == 21)
  }
}
