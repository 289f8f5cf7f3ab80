import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record
import Testing

/// packaging/schema/record.schema.json agrees with the code, and the documents with it. That each line is one of its lines is
/// checked where tests read records.
@Suite struct SchemaTests {
  /// A closed list of the schema with the names that the code has.
  struct ClosedList: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var names: [String]

    init(_ path: String, _ names: [String]) {
      testDescription = path
      self.names = names
    }

    /// What a decision or an outcome can say for its reasons.
    static let reasons: [ClosedList] = [
      ClosedList("level", Level.allCases.filter { $0 >= .terminate }.map(\.name)),
      ClosedList(
        "trigger",
        [
          Trigger.floor, .stall(BasisPoints(0)), .thrash(BasisPoints(0)), .forecast(.zero), .limit(0), .notReleased,
        ].map(\.name)),
      ClosedList("choice", Choice.allCases.map(\.name)), ClosedList("scope", Scope.allCases.map(\.name)),
      ClosedList(
        "swarm",
        [SharedTrait.parent(0), .group(0), .session(0), .program(0, 0), .cgroup(0)].map(\.name)),
      ClosedList("fallback", ScopeFallback.allCases.map(\.name)), ClosedList("order", Tier.allCases.map(\.name)),
      ClosedList("escalation", Escalation.allCases.map(\.name)),
      ClosedList("outcome_kind", OutcomeKind.allCases.map(\.name)),
      ClosedList("standstill", Standstill.allCases.map(\.name)),
      ClosedList("one_by_one", [OneByOne.protected, .unproven, .refused(.notPermitted)].map(\.name)),
      ClosedList("holder_kind", Holder.Kind.allCases.map(\.name)),
    ]

    static let others: [ClosedList] = [
      ClosedList("signal", VictimSignal.allCases.map(\.name)),
      ClosedList("action", VictimSignal.allCases.map(\.name) + ["none"]),
      ClosedList("impossible", (0..<Impossible.kinds).filter { $0 != Impossible.startTimeKind }.map(Impossible.name)),
      ClosedList("policy_fallback", [PolicyFallback.Kind.builtIn, .lastGood(keptAt: 0)].map(\.name)),
      ClosedList("episode_end.end", EpisodeEnd.allCases.map(\.name)),
      ClosedList("hook.occasion", HookOccasion.allCases.map(\.name)),
      ClosedList("relief.action", ReliefAction.allCases.map(\.name)),
      ClosedList(
        "relief.outcome",
        [ReliefOutcome.began, .undone, .done(.zero), .partial(.zero), .skipped, .failed(.busy), .rehearsed].map(\.name)),
      ClosedList("last_resort.action", LastResortWay.allCases.map(\.name)),
      ClosedList(
        "last_resort.outcome",
        [LastResortOutcome.begun, .told, .refused(.busy), .exhausted, .calledOff, .rehearsed].map(\.name)),
    ]
  }

  @Test(arguments: ClosedList.reasons + ClosedList.others) func aClosedListIsThatOfTheCode(_ list: ClosedList) {
    #expect(RecordSchema.shared.names(list.testDescription) == Set(list.names))
  }

  @Test func theOutcomesOfHooksAreThoseOfTheCode() {
    let ends: [HookEnd.Outcome] = [.exited(0), .timedOut, .notStarted(.execute, .busy)]
    var outcomes: [HookOutcome] = [.skipped, .rehearsed]
    for end in ends { outcomes.append(.ended(HookEnd(outcome: end, written: 0, took: .zero))) }
    #expect(RecordSchema.shared.names("hook.outcome") == Set(outcomes.map { $0.name }))
  }

  /// The document has a section for each event.
  @Test func eachEventHasASection() throws {
    let document = try Self.text("docs/record.md")
    for event in RecordSchema.shared.events { #expect(document.contains("\n## \(event)\n"), "\(event)") }
    #expect(document.contains("`packaging/schema/record.schema.json`"))
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: Fixture.repository.appending(path: path), encoding: .utf8)
  }

  /// The reasons are listed in one place in the document, and in the manual page.
  @Test(arguments: ClosedList.reasons) func theDocumentsListTheReasons(_ list: ClosedList) throws {
    let sections = try Self.text("docs/record.md").components(separatedBy: "\n## ")
    let reasons = try #require(sections.first { $0.hasPrefix("Reasons\n") })
    let page = try Self.text("packaging/man/spillwayd.8").components(separatedBy: "\n.Sh ")
    let listed = try #require(page.first { $0.hasPrefix("REASONS\n") })
    for name in list.names {
      #expect(reasons.contains("`\(name)`"), "\(name)")
      #expect(listed.contains(".It Sy \(name)\n") || listed.contains(".Sy \(name)"), "\(name)")
    }
  }

  /// The example of the document is a line, and what is wrong with a line is found.
  @Test func whatIsWrongWithALineIsFound() throws {
    let parts = try Self.text("docs/record.md").components(separatedBy: "```")
    let example = String(try #require(parts.first { $0.hasPrefix("json\n") }).dropFirst(5))
    #expect(RecordSchema.shared.problems(Data(example.utf8)).isEmpty)
    for (old, new, problem) in [
      ("\"floor\"", "\"flor\"", ".trigger is text(\"flor\"), which is not in the list"),
      ("\"uid\": 1000", "\"uid\": \"root\"", ".victim.uid is no integer"),
      ("\"members\": 1", "\"members\": 0", ".kill_set.members is 0.0, below 1.0"),
      ("\"considered\": 31,", "", "has no text(\"considered\")"),
      ("\"considered\"", "\"considerd\"", ".considerd is not in the schema"),
      ("\"schema\": 1", "\"schema\": 2", ".schema is not number(1.0)"),
      ("\"1e4b4a41-8412-1\"", "\"1\"", "which has another form"), ("\"decision\"", "\"dinner\"", ".event is text"),
    ] {
      let problems = RecordSchema.shared.problems(Data(example.replacingOccurrences(of: old, with: new).utf8))
      #expect(problems.contains { $0.contains(problem) }, "\(problems)")
    }
    #expect(RecordSchema.shared.problems(Data("{".utf8)) == ["no JSON"])
  }
}
