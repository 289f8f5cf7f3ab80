import Fixtures
import Policy
import ProcModel
import Testing

/// How fast processes grow, and the roster compared with a dictionary.
@Suite struct RosterModelTests {
  /// Times in milliseconds and footprints of surveys, then of a decision, and the growth in KiB per second.
  @Test(
    arguments: [
      // Since the last survey.
      ([(0, 1000)], (10_000, 2000), 100), ([(0, 1000), (10_000, 5000)], (12_000, 9000), 2000),
      ([(0, 1000)], (500, 1500), 1000),
      // It shrank.
      ([(0, 5000)], (10_000, 1000), 0), ([(0, 1000), (10_000, 5000)], (20_000, 5000), 0),
      // The last survey was just now: the growth between it and the one before counts.
      ([(0, 1000), (10_000, 5000)], (10_001, 5000), 400), ([(0, 1000), (10_000, 5000)], (10_499, 9000), 400),
      ([(0, 1000), (10_000, 5000), (10_100, 9999)], (10_600, 5600), 1000),
      // It was seen once, just now: the growth is over its life of 100 s.
      ([(0, 1000)], (499, 5000), 50), ([], (0, 5000), 50),
      // The clock jumps back.
      ([(10_000, 1000)], (0, 5000), 50),
    ] as [([(UInt64, UInt64)], (UInt64, UInt64), UInt64)])
  func growthIsMeasuredSinceTheLastSample(surveys: [(UInt64, UInt64)], decision: (UInt64, UInt64), expected: UInt64) {
    var roster = Roster(capacity: 4)
    var source = MemorySource()
    func facts(_ footprint: UInt64) -> ProcessFacts {
      Neighbour { $0.footprint = footprint }.facts.with { $0.age = Ticks(10_000) }
    }
    func time(_ milliseconds: UInt64) -> Nanoseconds { .milliseconds(1_000_000 + milliseconds) }
    for (at, footprint) in surveys {
      var table = ProcessTable(capacity: 1)
      table.append(facts(footprint))
      roster.refresh(table, now: time(at), policy: .blank, needs: [], budget: 8, from: &source)
    }
    let growth = roster.growthPerSecond(of: facts(decision.1), now: time(decision.0), units: .common)
    #expect(growth == KiB(expected))
  }

  /// By age in ticks, at a decision 10 s after a survey that saw the process or did not.
  @Test(
    arguments: [
      (1000, 50_000, 4000, 3000), (5000, 50_000, 4000, 0), (nil, 900, 4000, 4000), (nil, 1000, 4000, 4000),
      (nil, 1001, 4000, nil),
      // The age is not known.
      (nil, nil, 4000, nil), (1000, nil, 4000, 3000),
    ] as [(UInt64?, UInt64?, UInt64, UInt64?)])
  func aProcessHasGrownSinceTheSurveyByTheDifferenceOrByAllThatItHolds(
    seen: UInt64?, age: UInt64?, footprint: UInt64, expected: UInt64?
  ) {
    var roster = Roster(capacity: 4)
    var source = MemorySource()
    var table = ProcessTable(capacity: 1)
    if let seen { table.append(Neighbour { $0.footprint = seen }.facts) }
    roster.refresh(table, now: .milliseconds(1000), policy: .blank, needs: [], budget: 8, from: &source)
    let facts = Neighbour { $0.footprint = footprint }.facts.with { $0.age = age.map { Ticks($0) } }
    #expect(roster.grown(facts, since: Ticks(1000)) == expected.map { KiB($0) })
  }

  @Test(
    arguments: [(0, 5000, 5000), (99, 5000, 5000), (100, 5000, 5000), (1000, 5000, 500), (nil, 5000, 0)]
      as [(UInt64?, UInt64, UInt64)])
  func anAgeUnderASecondCountsAsOne(ticks: UInt64?, footprint: UInt64, expected: UInt64) {
    let facts = Neighbour { $0.footprint = footprint }.facts.with { $0.age = ticks.map { Ticks($0) } }
    #expect(facts.lifelongGrowthPerSecond(units: .common) == KiB(expected))
  }

  /// Thousands of processes are started, exit, change, and have their numbers used again. After each survey the roster
  /// has the processes that a dictionary has.
  @Test(arguments: 1...4 as ClosedRange<UInt64>) func theRosterAgreesWithADictionary(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var policy = CompiledPolicy.blank
    policy.addTextRule("kept", protects: true, [(.exe, ["/kept"])])
    var source = MemorySource()
    var roster = Roster(capacity: Int.random(in: 0...64, using: &numbers))
    var alive: [Int32: Neighbour] = [:]
    var clock: UInt64 = 1
    for survey in 0..<150 {
      let changes = Int.random(in: 0...60, using: &numbers)
      for _ in 0..<changes {
        // Some numbers collide in a table of any power of two.
        let pid = Int32.random(in: 1...600, using: &numbers) << Int32.random(in: 0...12, using: &numbers)
        clock += 1
        if Int.random(in: 0..<3, using: &numbers) == 0 {
          alive[pid] = nil
        } else {
          let neighbour = Neighbour {
            ($0.pid, $0.startTime, $0.exe) = (pid, clock, Bool.random(using: &numbers) ? "/kept" : "/other")
          }
          alive[pid] = neighbour
          neighbour.enter(&source)
        }
      }
      if survey % 40 == 39 { alive = alive.filter { _ in Bool.random(using: &numbers) } }
      var table = ProcessTable(capacity: 16)
      for neighbour in alive.values.shuffled(using: &numbers) { table.append(neighbour.facts) }
      roster.refresh(
        table, now: .milliseconds(clock), policy: policy, needs: policy.needs, budget: .max, from: &source)

      #expect(roster.count == alive.count)
      let before = source.reads.count
      for neighbour in alive.values {
        let ruleOutcome = roster.ruleOutcome(
          of: neighbour.facts, policy: policy, needs: policy.needs, machine: .sample, from: &source)
        #expect(ruleOutcome.protection.protects == (neighbour.exe == "/kept"), "process \(neighbour.pid)")
      }
      #expect(source.reads.count == before, "all were known")
      var gone = Neighbour { $0.pid = 3 }
      gone.startTime = clock + 1
      _ = roster.ruleOutcome(of: gone.facts, policy: policy, needs: policy.needs, machine: .sample, from: &source)
      #expect(source.reads.count == before + 1, "one that never was is not known")
    }
    #expect(roster.count > 100)
  }
}
