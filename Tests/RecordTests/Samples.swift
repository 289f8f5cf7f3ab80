import Badness
import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record
import Testing

/// A machine of 1000 MiB without swap whose policy has two rules, and a hog on it.
struct Scene {
  var context: ScoringContext
  var verdict: Verdict
  var shortlist = Shortlist()
  var hog: Candidate

  init(comm: [UInt8] = Array("hog".utf8), available: UInt64 = 51_200) {
    let thresholds = Thresholds(
      floor: Floor(available: .share(.percent(8)), swapFree: .share(.percent(10))), release: .share(.percent(12)))
    var policy = CompiledPolicy(
      settings: Settings(
        thresholds: thresholds, formula: .footprint, adjustment: .respect, grace: .milliseconds(5000),
        minimumFootprint: .automatic))
    policy.text = Array("batchlarge".utf8)
    policy.alternatives = [.range(0, .max)]
    policy.tests = [FieldTest(field: .uid, alternatives: Slice(start: 0, count: 1))]
    for (start, weight) in [(UInt32(0), 2.0), (5, 1.0)] {
      policy.rules.append(
        Rule(
          name: Slice(start: start, count: 5), tests: Slice(start: 0, count: 1), protects: false, order: .first,
          weight: weight))
    }
    let machine = MachineFacts(ram: KiB(1_024_000), swap: .zero, units: .common)
    context = ScoringContext(policy: policy, machine: machine, agent: 0)

    var detector = Detector(thresholds: thresholds, units: .common)
    verdict = detector.judge(
      MemoryReading(
        time: .zero, total: machine.ram, available: KiB(available), swapTotal: .zero, swapFree: .zero))

    var process = ProcessFacts(identity: ProcessIdentity(pid: 4711, startTime: Ticks(812_345)))
    process.comm = Comm(comm.span)
    (process.effectiveUID, process.realUID) = (1000, 1001)
    (process.anonymous, process.swap, process.pageTables) = (KiB(700_000), KiB(7), KiB(1600))
    (process.shared, process.sharedElsewhere, process.resident) = (KiB(100), KiB(75), KiB(700_200))
    (process.age, process.oomScore, process.oomScoreAdj) = (Ticks(4299), 702, -17)
    var subject = Subject()
    subject.effectiveUID = 1000
    var terms = NoTerms()
    hog = context.candidate(process, ruleOutcome: policy.classify(subject), terms: &terms)
  }

  /// The hog, and a smaller one of which little is known.
  mutating func offerAll() {
    shortlist.offer(hog, isWorthKilling: true, isPassedOver: false)
    var small = ProcessFacts(identity: ProcessIdentity(pid: 5, startTime: Ticks(5)))
    small.anonymous = KiB(20_000)
    var terms = NoTerms()
    shortlist.offer(
      context.candidate(small, ruleOutcome: RuleOutcome(), terms: &terms), isWorthKilling: true, isPassedOver: false)
    for (isWorthKilling, isPassedOver) in [(false, false), (true, true), (true, true)] {
      shortlist.offer(hog, isWorthKilling: isWorthKilling, isPassedOver: isPassedOver)
    }
    var kept = hog
    kept.ruleOutcome.protection = .oomScoreAdj
    for _ in 0..<4 { shortlist.offer(kept, isWorthKilling: true, isPassedOver: false) }
  }
}

extension Scene {
  /// A decision for the first of the shortlist, where there is one.
  func decision(took: Nanoseconds = .zero) -> Decision {
    Decision(
      incident: 7, domain: nil, verdict: verdict, victim: shortlist.victim, killSet: KillSet(), shortlist: shortlist,
      context: context,
      took: took)
  }

  /// A decision without a victim: a rule protects the hog, or what holds the memory is none of the processes.
  func helpless(_ parts: MemoryParts, protection: Protection = .rule(0)) -> Decision {
    var ranking = Ranking(capacity: 1)
    ranking.table.append(hog.process)
    ranking.beginOutcomes()
    var outcome = hog.ruleOutcome
    outcome.protection = protection
    ranking.append(outcome: outcome)
    ranking.rank(in: 0, by: context) { _ in true }
    var verdict = verdict
    verdict.reading.parts = parts
    var decision = Decision(
      incident: 7, domain: nil, verdict: verdict, victim: nil, killSet: KillSet(), shortlist: ranking.shortlist,
      context: context, took: .zero)
    decision.noteHolder(in: ranking)
    return decision
  }

  /// The outcome of the hog, which is one of three processes.
  func outcome(_ ending: OutcomeKind, signal: Signal?) -> Outcome {
    var incident = Incident(decision(), hog)
    incident.members = 3
    var outcome = Outcome(ending, abandoning: incident, available: KiB(900))
    outcome.signal = signal
    outcome.freed = KiB(800)
    return outcome
  }
}

typealias JSONObject = [String: Any]

/// Records what `body` does, and reads it again: one object a line.
func recorded(isDryRun: Bool = false, _ body: (inout Recorder) -> Void) throws -> [JSONObject] {
  let file = try MemoryFile.create(CPath("record"))
  var recorder = Recorder(sink: try OwnedDescriptor.duplicate(file.raw), isDryRun: isDryRun)
  body(&recorder)
  let lost = recorder.sink.lostLines()
  #expect(lost == 0)
  var buffer = [UInt8](repeating: 0, count: 1 << 20)
  let count = try file.readWhole(into: &buffer)
  for line in buffer[..<count].split(separator: 10) {
    let problems = RecordSchema.shared.problems(Data(line))
    #expect(problems.isEmpty, "\(problems): \(String(decoding: line, as: UTF8.self))")
  }
  return try lines(buffer[..<count])
}

/// The objects on these lines, each of which must be whole.
func lines(_ bytes: ArraySlice<UInt8>) throws -> [JSONObject] {
  try #require(bytes.isEmpty || bytes.last == 10)
  return try bytes.split(separator: 10).map { line in
    try #require(try JSONSerialization.jsonObject(with: Data(line)) as? JSONObject)
  }
}

/// As text with sorted keys, so that whole objects compare.
func canonical(_ object: Any?) throws -> String {
  let data = try JSONSerialization.data(
    withJSONObject: object ?? NSNull(), options: [.sortedKeys, .fragmentsAllowed, .withoutEscapingSlashes])
  return String(decoding: data, as: UTF8.self)
}
