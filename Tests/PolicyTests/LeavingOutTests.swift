import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// A survey for a decision leaves most processes out after one file. The choice is that of a full survey.
@Suite struct LeavingOutTests {
  private static func context(_ formula: Formula) -> ScoringContext {
    let settings = Settings(
      thresholds: Thresholds(
        floor: Floor(available: .share(.percent(8)), swapFree: nil), release: .share(.percent(12))),
      formula: formula, adjustment: .respect, grace: .zero, minimumFootprint: .amount(.size(KiB(10 * 1024))))
    return ScoringContext(
      policy: CompiledPolicy(settings: settings),
      machine: MachineFacts(ram: KiB(2 << 20), swap: KiB(1 << 20), units: .common), agent: 0)
  }

  /// A machine of processes about the least footprint. Some have shared memory, some are dead, some are kernel threads,
  /// and some have files that are cut, missing, or without the parts of `VmRSS`.
  private static func machine(_ random: inout SystemRandomNumberGenerator) -> MemorySource {
    var source = MemorySource()
    source.set(.uptime, "10000.00 1.00\n")
    for pid in Int32(1)...Int32.random(in: 2...14, using: &random) {
      let parts = (0..<5).map { _ in
        Int.random(in: 0...3, using: &random) == 0 ? UInt64.random(in: 0...30_000, using: &random) : 1000
      }
      let shared = Bool.random(using: &random) ? 0 : parts[2]
      let kind = Int.random(in: 0..<20, using: &random)
      let resident = parts[0] + parts[1] + shared
      let threads = kind == 1 ? 3 : 1
      let state = kind <= 1 ? "Z" : "S"
      let flags = kind == 2 ? 0x20_0000 : 0
      source.set(
        .stat, of: pid,
        "\(pid) (p\(pid)) \(state) \(pid / 2) 1 1 0 -1 \(flags) 0 0 0 0 \(pid * 37 % 11_000) 0 0 0 20 0 \(threads) 0 "
          + "\(pid * 90) \(kind <= 2 ? 0 : resident * 4096) \(kind <= 2 ? 0 : resident / 4) 0\n")
      var memory =
        "VmSize:\t\(resident * 4) kB\nVmRSS:\t\(resident) kB\nRssAnon:\t\(parts[0]) kB\nRssFile:\t\(parts[1]) kB\n"
        + "RssShmem:\t\(shared) kB\nVmPTE:\t\(parts[3] / 4) kB\nVmSwap:\t\(parts[4]) kB\n"
      if kind <= 2 { memory = "" }
      if kind == 3 { memory = "VmSize:\t\(resident * 4) kB\nVmRSS:\t\(resident) kB\n" }
      source.set(
        .status, of: pid,
        "Name:\tp\nUid:\t0\t\(pid)\t0\t0\n\(memory)\(kind == 4 ? "" : "Threads:\t\(threads)\nCapEff:\t0\n")")
      source.set(.statm, of: pid, "\(resident) \(resident / 4) \((parts[1] + shared) / 4) 1 0 1 0\n")
      source.set(.oomScoreAdj, of: pid, "\([0, 0, 0, 300, -300, -999][Int.random(in: 0..<6, using: &random)])\n")
      source.set(.oomScore, of: pid, "\(600 + resident / 1000)\n")
      source.set(.cgroup, of: pid, "0::\(["/", "/a", "/b"][Int.random(in: 0..<3, using: &random)])\n")
      if kind == 5 { source.vanish(pid, at: .status) }
      if kind == 6 { source.failures[.init(.status, of: pid)] = .denied }
    }
    return source
  }

  private static func shortlist(_ context: ScoringContext, leavingOut: Bool, _ source: MemorySource) throws -> (
    Shortlist, Int
  ) {
    var source = source
    var survey = Survey(capacity: 16)
    var table = ProcessTable(capacity: 16)
    let tally = try survey.take(
      from: &source, units: .common, leavingOutBelow: leavingOut ? context.leavesOutBelow : .zero, into: &table)
    var list = Shortlist()
    list.countLeftOut(tally.leftOut)
    var noTerms = NoTerms()
    for process in table.rows {
      let candidate = context.candidate(process, ruleOutcome: RuleOutcome(), terms: &noTerms)
      list.offer(candidate, isWorthKilling: context.isWorthKilling(process), isPassedOver: false)
    }
    return (list, Int(tally.leftOut))
  }

  @Test(arguments: Formula.allCases) func theChoiceIsThatOfTheFullReading(formula: Formula) throws {
    var random = SystemRandomNumberGenerator()
    let context = Self.context(formula)
    var leftOut = 0
    for _ in 0..<1000 {
      let source = Self.machine(&random)
      let (full, _) = try Self.shortlist(context, leavingOut: false, source)
      let (short, few) = try Self.shortlist(context, leavingOut: true, source)
      leftOut += few
      let same =
        full.considered == short.considered && full.count == short.count
        && (0..<full.count).allSatisfy { place in
          full[place].process.identity == short[place].process.identity && full[place].score == short[place].score
            && full[place].process.sharedElsewhere == short[place].process.sharedElsewhere
        }
      if !same { Issue.record("\(formula.name): \(source.files.mapValues { String(decoding: $0, as: UTF8.self) })") }
      try #require(same)
    }
    // It leaves out some, except where the formula counts in other processes' memory.
    #expect(formula == .linux26 ? leftOut == 0 : leftOut > 500)
  }

  @Test func ofASmallProcessOnlyStatusIsRead() throws {
    var source = MemorySource()
    source.set(.uptime, "100.00 1.00\n")
    source.set(.status, of: 7, "Uid:\t0\t0\t0\t0\nVmRSS:\t9 kB\nRssAnon:\t9 kB\nThreads:\t1\n")
    var survey = Survey(capacity: 4)
    var table = ProcessTable(capacity: 4)
    let tally = try survey.take(from: &source, units: .common, leavingOutBelow: KiB(10), into: &table)
    #expect(tally.leftOut == 1 && table.count == 0)
    #expect(source.reads.map(\.file) == [.status])
  }
}
