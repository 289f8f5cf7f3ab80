import Badness
import Fixtures
import Flight
import LinuxSystem
import Policy
import ProcModel
import Record
import Replay
import Testing

@testable import Agent

/// A flight up to a moment, as a machine whose processes are ranked.
@Suite struct FlightMomentTests {
  /// A run in which hog, 300 MiB at first, grows by 10 MiB between surveys.
  private static func fly(looks: Int, ring: Int = 256 * 1024) throws -> [UInt8] {
    var source = ScriptedMachine(available: [300], log: Log(), loop: try EventLoop.taking([]))
    source.isDryRun = true
    AgentHarness.addProcesses(to: &source)
    let policy = AgentHarness.policy(grace: .zero)
    let start = source.now
    let flight = SharedFlight(
      FlightRecorder(
        FlightHeader(
          agentVersion: Array("test".utf8), bootID: nil, started: start, units: .common, ownPID: 103, fill: 1000,
          isRehearsal: true),
        policy: ImageWriter.image(of: policy), named: Array("p.toml".utf8), capacity: FlightCapacity(ring: ring)))
    var reporter = Reporter(
      recorder: Recorder(sink: nil, isDryRun: true, run: RunID(boot: nil, startedAt: start)), messages: Messages(),
      kernelLog: nil)
    reporter.flight = flight
    var agent = Agent(
      machine: RecordingMachine(source, in: flight), reporter: reporter, policy: policy,
      constants: AgentConstants(units: .common, ownPID: 103),
      reload: ReloadCourse(Reloader(compiler: nil, config: nil)))
    agent.reportStart(version: "", Privileges(), nil)
    agent.begin()
    for step in 1...UInt64(looks) {
      agent.machine.base.pass(10_000)
      agent.machine.base.files.remove(100)
      agent.machine.base.files.add(100, "hog", mib: 300 + 10 * step)
      for number in agent.domains.indices { agent.domains[number].dueAt = .zero }
      _ = agent.tick()
    }
    return flight.recorder.file()
  }

  private static func context(_ moment: FlightMoment) throws -> ScoringContext {
    let reading = try #require(moment.reading)
    return ScoringContext(
      policy: AgentHarness.policy(grace: .zero), machine: MachineFacts(reading, units: .common), agent: 103)
  }

  /// The growth of hog in KiB a second, as `rank` would have it.
  private static func growth(_ moment: FlightMoment) throws -> UInt64? {
    var moment = moment
    let context = try context(moment)
    var chooser = Chooser(capacity: 16, picking: 16)
    moment.survey(by: &chooser, in: DomainRoots())
    moment.learnPast(by: &chooser, context)
    #expect(chooser.ranking.table.rows.count == 5)
    chooser.learn(context, eldest: .zero, now: moment.rankedAt, budget: .max, mayWait: true, from: &moment)
    let row = try #require(chooser.ranking.table.rows.first { $0.identity.pid == 100 })
    return chooser.roster.measuredGrowth(of: row, now: moment.rankedAt)?.count
  }

  @Test func growthIsMeasuredBetweenSurveys() throws {
    let replay = try Replay(Self.fly(looks: 5))
    let surveys = replay.items.indices.filter { if case .survey = replay.items[$0].item { true } else { false } }
    #expect(surveys.count == 6)
    // One survey measures nothing.
    let first = FlightMoment(replay, items: surveys[0] + 1, at: replay.items[surveys[0]].time)
    #expect(try Self.growth(first) == nil)
    for index in surveys.dropFirst() {
      let moment = FlightMoment(replay, items: index + 1, at: replay.items[index].time)
      #expect(try Self.growth(moment) == 1024)
    }
    #expect(!FlightMoment(replay, items: surveys[0], at: replay.header.started).hasProcesses)
  }

  /// What was read of a process for the survey in which it is another for the first time is of that one.
  @Test(arguments: [false, true]) func aTextIsOfTheProcessThatHadItThen(isReadAgain: Bool) {
    let header = FlightHeader(
      agentVersion: [], bootID: nil, started: .zero, units: .common, ownPID: 0, fill: 0, isRehearsal: true)
    var world = FlightWorld(header)
    func take(_ item: FlightItem) { world.take(FlightEntry(time: .milliseconds(1), awakeOffset: .zero, item: item)) }
    func survey(startedAt start: UInt64, _ exe: String?) {
      take(.surveyBegan(leastFootprint: .zero, isForScores: true))
      if let exe {
        take(.text(pid: 5, .exe, .content(FlightBytes(Array(exe.utf8)))))
      }
      let row = ProcessFacts(identity: ProcessIdentity(pid: 5, startTime: Ticks(start)))
      take(.survey(FlightSurvey(FlightSurveyNote(), rows: [row])))
    }
    survey(startedAt: 1, "/bin/a")
    survey(startedAt: 1, nil)
    survey(startedAt: 2, isReadAgain ? "/bin/b" : nil)
    var exe: String?
    if case .content(let text) = world.text(.exe, of: 5) { exe = String(decoding: text.bytes, as: UTF8.self) }
    #expect(exe == (isReadAgain ? "/bin/b" : nil))
  }

  /// The beginning of the flight was overwritten: it begins with all that was known then.
  @Test func aFlightThatBeginsLaterIsAsGood() throws {
    let replay = try Replay(Self.fly(looks: 2000, ring: 32 * 1024))
    let first = try #require(replay.items.first)
    guard case .state = first.item else {
      Issue.record("the ring did not wrap around")
      return
    }
    for count in [1, replay.items.count / 2, replay.items.count] {
      let moment = FlightMoment(replay, items: count, at: replay.items[count - 1].time)
      #expect(moment.hasProcesses && moment.policy?.name == Array("p.toml".utf8))
      #expect(Set(moment.world.rows.map(\.identity.pid)) == [1, 100, 101, 102, 103])
      #expect(try Self.growth(moment) == (count == 1 ? nil : 1024))
    }
  }
}
