import Fixtures
import Flight
import Policy
import Pressure
import ProcModel
import Replay
import Testing

@testable import Agent

/// Another policy is tried on a flight.
@Suite struct PolicyTrialTests {
  private static func flight(_ name: String) throws -> Replay {
    try Replay(Fixture.bytes(of: Fixture.flightPath(name + ".flight")))
  }

  private static func names(_ trial: PolicyTrial) -> [String?] {
    trial.decisions.map { RecordLine($0.line)["victim.comm"] }
  }

  /// The flight's own policy, tried, decides as it did.
  @Test(arguments: CorpusTests.Flown.all)
  func itsOwnPolicyDecidesAsItDid(_ flown: CorpusTests.Flown) throws {
    let replay = try Self.flight(flown.scenario)
    let own = try replay.firstPolicy()
    let trial = try replay.tried(own.policy, named: own.name)
    let recorded = try replay.run().recorded.map { RecordLine($0) }.filter(\.isDecision)
    #expect(trial.decisions.first.flatMap { RecordLine($0.line).victim } == recorded.first.flatMap(\.victim))
    #expect(trial.decisions.isEmpty == recorded.isEmpty)
    #expect(trial.unread.isEmpty && trial.blindTriggers.isEmpty)
    for decision in trial.decisions { #expect(!decision.line.isEmpty) }
  }

  @Test func aHigherFloorActsSooner() throws {
    let replay = try Self.flight("leak-40")
    let (own, name) = try replay.firstPolicy()
    var moments: [Nanoseconds] = []
    for percent in [8, 12, 16, 20] as [UInt32] {
      var policy = own
      policy.settings.thresholds.floor.available = .share(.percent(percent))
      let trial = try replay.tried(policy, named: name)
      #expect(Self.names(trial).first == "leak")
      moments.append(try #require(trial.decisions.first).at)
    }
    #expect(moments == moments.sorted(by: >) && Set(moments).count == 4)
  }

  @Test func aFloorThatIsNotReachedKillsNothing() throws {
    let replay = try Self.flight("leak-40")
    var (policy, name) = try replay.firstPolicy()
    policy.settings.thresholds.floor.available = .share(.percent(2))
    policy.settings.thresholds.stall = nil
    policy.settings.thresholds.thrash = nil
    policy.settings.thresholds.forecast = nil
    let trial = try replay.tried(policy, named: name)
    #expect(trial.decisions.isEmpty)
    #expect(try #require(trial.least).available < KiB(40 * 1024))
  }

  /// The victim follows from the policy, and is not read from the record.
  @Test func aRuleThatProtectsTheVictimChangesIt() throws {
    let replay = try Self.flight("leak-40")
    var (policy, name) = try replay.firstPolicy()
    policy.addRule(named: "the leak stays", comm: "leak", protects: true)
    let trial = try replay.tried(policy, named: name)
    #expect(!trial.decisions.isEmpty && !Self.names(trial).contains("leak"))
  }

  /// What a rule asks for and a flight does not have protects, and is counted.
  @Test func aTextThatIsNotKeptIsCounted() throws {
    let replay = try Self.flight("leak-40")
    var (policy, name) = try replay.firstPolicy()
    policy.addRule(named: "by its command line", cmdline: "nothing", protects: true)
    let trial = try replay.tried(policy, named: name)
    #expect(try #require(trial.decisions.first).lackingText > 0)
    #expect(Self.names(trial).first == .some(nil))
  }

  @Test func aDomainWithoutReadingsIsNamed() throws {
    let replay = try Self.flight("leak-40")
    var (policy, name) = try replay.firstPolicy()
    let start = UInt32(policy.text.count)
    policy.text += Array("web/web.slice".utf8)
    policy.domains.append(
      Domain(
        name: Slice(start: start, count: 3), cgroup: Slice(start: start + 3, count: 10), settings: policy.settings))
    let trial = try replay.tried(policy, named: name)
    #expect(trial.unread == ["web"])
    #expect(Self.names(trial).first == "leak")
  }

  /// A ring that has gone round is as good as any: what is known where it begins is in its keyframe.
  @Test func aFlightThatBeginsLaterIsTried() throws {
    let run = try RecordedRun(available: [800], isDryRun: true, ring: 32 * 1024)
    run.look(3000, apart: 700)
    run.agent.machine.base.available = [500, 300, 180, 80]
    run.look(20)
    let replay = try Replay(run.bytes())
    let (own, name) = try replay.firstPolicy()
    #expect(Self.names(try replay.tried(own, named: name)) == ["hog"])
    var sooner = own
    sooner.settings.thresholds.floor.available = .share(.percent(20))
    let trial = try replay.tried(sooner, named: name)
    #expect(Self.names(trial) == ["hog"])
    #expect(RecordLine(try #require(trial.decisions.first).line)["reading.available_kib"] == "\(180 * 1024)")
  }
}

extension CompiledPolicy {
  /// Adds a rule by a process's name or its command line, which is compared literally.
  fileprivate mutating func addRule(named name: String, comm: String? = nil, cmdline: String? = nil, protects: Bool) {
    let field: MatchField = comm == nil ? .cmdline : .comm
    let pattern = Array((comm ?? cmdline ?? "").utf8)
    let (nameStart, patternStart) = (UInt32(text.count), UInt32(text.count + name.utf8.count))
    text += Array(name.utf8) + pattern
    alternatives.append(.literal(Slice(start: patternStart, count: UInt32(pattern.count))))
    tests.append(
      FieldTest(field: field, alternatives: Slice(start: UInt32(alternatives.count - 1), count: 1)))
    rules.append(
      Rule(
        name: Slice(start: nameStart, count: UInt32(name.utf8.count)),
        tests: Slice(start: UInt32(tests.count - 1), count: 1), protects: protects, order: nil, weight: 1))
  }
}
