import Fixtures
import Flight
import Foundation
import LinuxSystem
import Policy
import ProcModel
import Record
import Replay
import Testing

@testable import Agent

/// A flight that is asked for, and one that has all that another policy may ask for.
@Suite struct AskedFlightTests {
  private static let names = ["20261201T041500Z-ab12cd34-7-3.flight", "asked.flight", "asked.flight2", ".flight", "a"]

  @Test func onlyFlightsOfIncidentsAreCounted() {
    #expect(Self.names.map { FlightFolder.isFlight(Array($0.utf8).span) } == [true, false, false, false, false])
  }

  private static func recorder(
    at start: Nanoseconds, _ policy: CompiledPolicy, commandLines: Bool = false
  ) -> SharedFlight {
    SharedFlight(
      FlightRecorder(
        FlightHeader(
          agentVersion: Array("test".utf8), bootID: nil, started: start, units: .common, ownPID: 0, fill: 1000,
          isRehearsal: true, keepsCommandLines: commandLines),
        policy: ImageWriter.image(of: policy), named: Array("p.toml".utf8)))
  }

  private static func reporter(at start: Nanoseconds, _ flight: SharedFlight?) -> Reporter {
    var reporter = Reporter(
      recorder: Recorder(sink: nil, isDryRun: true, run: RunID(boot: nil, startedAt: start)), messages: Messages(),
      kernelLog: nil)
    reporter.flight = flight
    return reporter
  }

  private static func machine(_ policy: CompiledPolicy) throws -> ScriptedMachine {
    var source = ScriptedMachine(available: [800], log: Log(), loop: try EventLoop.taking([]))
    source.isDryRun = true
    AgentHarness.addProcesses(to: &source)
    return source
  }

  private static func items(_ bytes: [UInt8]) throws -> [FlightEntry] {
    var reader = try FlightReader(bytes)
    var entries: [FlightEntry] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }

  /// The signal has the processes surveyed anew, and all that was recorded saved.
  @Test func theSignalSavesTheFlight() throws {
    let folder = try TemporaryFolder()
    let policy = AgentHarness.policy(grace: .zero)
    let source = try Self.machine(policy)
    let start = source.now
    let flight = Self.recorder(at: start, policy)
    let course = try FlightCourse(
      FlightSettings(), in: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    var agent = Agent(
      machine: RecordingMachine(source, in: flight), reporter: Self.reporter(at: start, flight), policy: policy,
      constants: AgentConstants(units: .common, ownPID: 0),
      reload: ReloadCourse(Reloader(compiler: nil, config: nil)), flights: course)
    agent.reportStart(version: "", Privileges(), nil)
    agent.begin()
    for _ in 0..<3 {
      agent.machine.base.pass(700)
      _ = agent.tick()
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])

    flight.recorder.wake(bySignal: Signal.user1.rawValue, at: agent.machine.now)
    let asked = agent.machine.now
    #expect(agent.take(.signal(.user1)) == nil)
    _ = agent.tick()
    agent.flights?.wait(milliseconds: 10_000)
    let bytes = try [UInt8](Data(contentsOf: folder.url.appending(path: FlightName.asked)))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [FlightName.asked])
    let surveys = try Self.items(bytes).filter { if case .survey = $0.item { true } else { false } }
    #expect(try #require(surveys.last).time >= asked)
    #expect(try Replay(bytes).run().difference == nil)
  }

  @Test func anAgentWithoutFlightsGoesOn() throws {
    let stage = try AgentHarness(available: [800], isDryRun: true)
    stage.look()
    #expect(stage.agent.take(.signal(.user1)) == nil)
    stage.look()
    #expect(try stage.messages() == "")
  }

  /// What the agent's own policy does not ask for is there, and the agent comes to the same decisions all the same.
  @Test(arguments: [false, true]) func aFullFlightHasWhatAnyPolicyAsksFor(commandLines: Bool) throws {
    let policy = AgentHarness.policy(grace: .zero)
    var source = try Self.machine(policy)
    source.available = [UInt64](repeating: 800, count: 40) + [500, 300, 80]
    let start = source.now
    let flight = Self.recorder(at: start, policy, commandLines: commandLines)
    var agent = Agent(
      machine: RecordingMachine(source, in: flight, inFull: true), reporter: Self.reporter(at: start, flight),
      policy: policy, constants: AgentConstants(units: .common, ownPID: 0),
      reload: ReloadCourse(Reloader(compiler: nil, config: nil)))
    agent.reportStart(version: "", Privileges(), nil)
    agent.begin()
    for _ in 0..<60 {
      agent.machine.base.pass(100)
      for number in agent.domains.indices { agent.domains[number].dueAt = .zero }
      _ = agent.tick()
    }
    let bytes = flight.recorder.file()
    var texts: [FlightTextFile: Set<Int32>] = [:]
    var surveys = 0
    for entry in try Self.items(bytes) {
      switch entry.item {
      case .text(let pid, let file, .content(let text)):
        texts[file, default: []].insert(pid)
        if pid == 100, file == .cmdline { #expect(text.bytes == Array("hog\0".utf8)) }
      case .surveyBegan(_, let isForScores): #expect(isForScores)
      case .survey(let survey):
        surveys += 1
        #expect(survey.rows.allSatisfy { $0.oomScore == 100 && !$0.unread.contains(.oomScoreAdj) })
      default: break
      }
    }
    let all: Set<Int32> = [1, 100, 101, 102, 103]
    #expect(texts[.exe] == all && texts[.cgroup]?.isSuperset(of: all) == true)
    #expect(texts[.cmdline] == (commandLines ? all : nil))
    // One at the start, one each second, and those of decisions.
    #expect(surveys >= 3)
    let outcome = try Replay(bytes).run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    #expect(outcome.computed.count == 1)
  }
}
