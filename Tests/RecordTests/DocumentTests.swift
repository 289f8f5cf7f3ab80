import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record
import Testing

/// docs/record.md agrees with the code.
@Suite struct DocumentTests {
  private static func document() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "docs/record.md"), encoding: .utf8)
  }

  /// The names in the first column of the tables below a heading.
  private static func fields(_ heading: String) throws -> Set<String> {
    let sections = try document().components(separatedBy: "\n## ")
    let section = try #require(sections.first { $0.hasPrefix(heading + "\n") })
    var names: Set<String> = []
    for line in section.split(separator: "\n") where line.hasPrefix("| `") {
      let column = line.split(separator: "|")[0]
      names.formUnion(column.split(separator: "`").map(String.init).filter { !$0.contains(" ") && !$0.contains(",") })
    }
    return names
  }

  private static func names(_ value: Any?) -> Set<String> {
    switch value {
    case let object as JSONObject: object.reduce(into: Set(object.keys)) { $0.formUnion(names($1.value)) }
    case let list as [Any]: list.reduce(into: []) { $0.formUnion(names($1)) }
    default: []
    }
  }

  /// One whose victim has the fields that a process has only where they say something.
  private static var decisionWithRelatives: Decision {
    var scene = Scene()
    (scene.hog.process.isOrphan, scene.hog.process.inheritsOomScoreAdj) = (true, true)
    scene.offerAll()
    var decision = scene.decision()
    decision.origin = SystemLogTests.origin("/system.slice/cron.service", "/usr/bin/hog")
    return decision
  }

  @Test func theDocumentHasEveryFieldAndNoOther() throws {
    var scene = Scene()
    scene.offerAll()
    let records = try recorded(isDryRun: true) { recorder in
      recorder.write(
        StartEvent(
          version: "1", policyName: CPath("p"), context: scene.context, roots: nil, panic: nil, held: [], lacking: []))
      recorder.write(DecisionEvent(scene.decision(), .rehearsed))
      var capped = scene.decision()
      capped.killSet.uncapped = KiB(1)
      var tally = SurveyTally()
      tally.unread = 1
      capped.shortlist.noteUnread(tally)
      recorder.write(DecisionEvent(capped, .rehearsed))
      var decision = scene.decision()
      decision.comeback = Comeback(kills: 2, since: .milliseconds(12_000))
      recorder.write(DecisionEvent(decision, .rehearsed))
      recorder.write(DecisionEvent(scene.helpless(MemoryParts(anonymous: .zero, shared: .zero)), .none))
      recorder.write(DecisionEvent(DocumentTests.decisionWithRelatives, .rehearsed))
      var outcome = scene.outcome(.refused, signal: nil)
      outcome.refusal = .notPermitted
      outcome.oneByOne = .refused(.notPermitted)
      outcome.incident.origin = DocumentTests.decisionWithRelatives.origin
      recorder.write(outcome)
      recorder.write(LastResortEvent(.refused(.notPermitted), .reboot, totals: EpisodeTotals()))
      for outcome in [ReliefOutcome.done(.zero), .failed(.busy)] {
        recorder.write(ReliefEvent(.reclaim, outcome, cgroup: ByteBuffer([]), value: nil, episode: 1))
      }
      let policy = scene.context.policy
      recorder.write(ReloadEvent.inForce(old: policy, new: policy, PolicyChanges(from: policy, to: policy)))
      recorder.write(
        EpisodeEvent(
          domain: nil, policy: policy, account: EpisodeAccount(), end: .stopped, duration: .zero, available: .zero,
          kernelKills: nil))
      recorder.write(StopEvent(Signal.interrupt.name))
    }
    let common = try Self.fields("Every event")
    // The parts of a term are described in words. The victim of an outcome is described in the section of the decision.
    let told: Set<String> = ["name", "value", "effect"]
    let process = Self.names(records[1]["victim"]).union(["unit", "cgroup", "exe"])
    let endings = Set(
      [OutcomeKind.exited, .killed, .stuck, .vanished, .changed, .relieved, .refused, .sharesProtected].map(\.name))
    // Some records have fields that others of the same event lack.
    var found: [String: Set<String>] = [:]
    for record in records {
      let event = try #require(record["event"] as? String)
      found[event, default: []].formUnion(Self.names(record))
    }
    for (event, names) in found {
      var expected = try Self.fields(event).union(common)
      if event == "outcome" {
        #expect(expected.isSuperset(of: endings))
        expected.subtract(endings)
        expected.formUnion(process.subtracting(told).subtracting(["terms"]))
      }
      #expect(names.subtracting(told) == expected, "\(event)")
    }
  }

  @Test func theDocumentHasEveryKindOfImpossibleNumber() throws {
    let kinds = Set((0..<Impossible.kinds).map { Impossible.name($0) })
    #expect(kinds.count == Impossible.kinds && Impossible.name(Impossible.startTimeKind) == "start_time")
    #expect(try Self.fields("Impossible numbers") == kinds)
  }

  @Test func theExampleIsJSONWithTheFieldsOfADecision() throws {
    let parts = try Self.document().components(separatedBy: "```")
    let example = try #require(parts.first { $0.hasPrefix("json\n") }).dropFirst(5)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(example.utf8)) as? JSONObject)
    let expected = try Self.fields("decision").union(Self.fields("Every event")).union(["name", "value", "effect"])
    // What is told only where it is so: too much was counted, another than the victim holds the most, not every process was
    // read, or it was killed before.
    let seldom: Set<String> = [
      "uncapped_kib", "holder", "kind", "held_kib", "process", "unread", "read", "of", "remainder_kib", "bound",
      "comeback", "kills", "since_ms", "widened", "oom_score_adj_inherited", "orphan",
    ]
    #expect(Self.names(object) == expected.subtracting(seldom))
  }
}
