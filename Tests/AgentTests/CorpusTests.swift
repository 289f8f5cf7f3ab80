import Fixtures
import Flight
import Foundation
import Replay
import Testing

/// Each scenario of the arena, replayed from the flight of one run: the agent of today comes to the decisions of that
/// run, and they are what the scenario says. `make corpus` records the flights anew after an agent decides otherwise on
/// purpose.
@Suite struct CorpusTests {
  /// A line of `Tests/Fixtures/flights/expected.tsv`.
  struct Flown: Sendable, CustomTestStringConvertible {
    var scenario: String
    var isCalm: Bool
    /// What the processes that may be killed call themselves.
    var victims: Set<String>

    var testDescription: String { scenario }

    static let all = String(decoding: Fixture.bytes(of: Fixture.flightPath("expected.tsv")), as: UTF8.self)
      .split(separator: "\n").map { line in
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count == 3, ["calm", "end"].contains(fields[1]) else { fatalError("expected.tsv: \(line)") }
        return Flown(
          scenario: String(fields[0]), isCalm: fields[1] == "calm",
          victims: Set(fields[2].split(separator: ",").map(String.init)))
      }
  }

  /// The wrong victims that the scenarios' files know of.
  private static let known: [String: Comment] = [
    "runner": "the preset server counts the inherited oom_score_adj, so the database is killed first"
  ]

  @Test(arguments: Flown.all)
  func decidesAsItDid(_ flown: Flown) throws {
    let replay = try Replay(Fixture.bytes(of: Fixture.flightPath(flown.scenario + ".flight")))
    #expect(replay.ending == .whole)
    let outcome = try replay.run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    let victims = try Self.victims(outcome.computed)
    #expect(flown.isCalm || !victims.isEmpty)
    guard let known = Self.known[flown.scenario] else {
      #expect(flown.victims.isSuperset(of: victims), "\(victims)")
      return
    }
    withKnownIssue(known) {
      #expect(flown.victims.isSuperset(of: victims), "\(victims)")
    }
  }

  /// A flight that is not listed would not be replayed.
  @Test func everyFlightIsListed() throws {
    let flights = try FileManager.default.contentsOfDirectory(atPath: Fixture.flightPath("")).filter {
      $0.hasSuffix(".flight")
    }
    #expect(!flights.isEmpty)
    #expect(flights.sorted() == Flown.all.map { $0.scenario + ".flight" }.sorted())
  }

  /// What the victims of decisions call themselves.
  private static func victims(_ lines: [[UInt8]]) throws -> [String] {
    try lines.compactMap { line in
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
      guard object["event"] as? String == "decision" else { return nil }
      return try #require((object["victim"] as? [String: Any])?["comm"] as? String)
    }
  }
}
