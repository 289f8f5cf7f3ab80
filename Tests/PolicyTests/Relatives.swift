import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// A process with its relatives, for tests.
struct Relative: Sendable {
  var pid: Int32
  var parent: Int32 = 1
  var group: Int32
  var session: Int32
  var start: UInt64
  var image: UInt64
  var adjustment: Int16 = 0
  var cgroup = "/runner"
  /// In KiB.
  var footprint: UInt64 = 20_000
  var state = "S"

  init(_ pid: Int32, _ change: (inout Relative) -> Void = { _ in }) {
    self.pid = pid
    (group, session, start, image) = (pid, pid, UInt64(pid), UInt64(pid) + 1_000_000)
    change(&self)
  }

  func enter(_ source: inout MemorySource) {
    source.processes.append(pid)
    source.set(
      .stat, of: pid,
      "\(pid) (p) \(state) \(parent) \(group) \(session) 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(start) \(footprint * 1024) 7 0 0 0 \(image) 0\n"
    )
    let memory =
      state == "Z"
      ? "" : "VmSize:\t\(footprint) kB\nVmRSS:\t\(footprint) kB\nRssAnon:\t\(footprint) kB\nRssFile:\t0 kB\n"
    source.set(.status, of: pid, "Name:\tp\nUid:\t0\t0\t0\t0\n\(memory)Threads:\t1\nCapEff:\t0\n")
    source.set(.oomScoreAdj, of: pid, "\(adjustment)\n")
    source.set(.oomScore, of: pid, "700\n")
    source.set(.cgroup, of: pid, "0::\(cgroup)\n")
  }
}

/// What a survey of processes tells of the relations between them.
struct Relatives {
  var chooser = Chooser(capacity: 64, picking: 64)
  var source = MemorySource()
  var context: ScoringContext

  init(_ relatives: [Relative], _ change: (inout CompiledPolicy) -> Void = { _ in }) {
    var policy = CompiledPolicy.blank
    policy.settings.minimumFootprint = .amount(.size(KiB(10_000)))
    change(&policy)
    context = ScoringContext(policy: policy, machine: .sample, agent: 0)
    source.set(.uptime, "100000.00 1.00\n")
    for relative in relatives { relative.enter(&source) }
  }

  /// Surveys as a decision would.
  mutating func gather(_ plan: ReadingPlan) throws {
    try chooser.beginSurvey(plan, units: .common, now: .zero, from: &source)
    while try !chooser.stepSurvey(.max, units: .common, from: &source) {}
    chooser.classify(in: 0, by: context, now: .zero, from: &source)
    chooser.ranking.rank(in: 0, by: context) { _ in false }
  }

  func process(_ pid: Int32) -> ProcessFacts? {
    chooser.ranking.table.row(ofPID: pid).map { chooser.ranking.table.rows[$0] }
  }

  func candidate(_ pid: Int32) -> Candidate? {
    chooser.ranking.table.row(ofPID: pid).map { chooser.ranking.candidate($0, by: context) }
  }
}

/// Both ways in which a decision reads processes: what it makes of them is the same.
let plansOfRelatives = [ReadingPlan.everyone, .worthKilling(from: KiB(10_000))]
