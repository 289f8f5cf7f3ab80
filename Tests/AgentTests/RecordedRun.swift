import Fixtures
import Flight
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

@testable import Agent

/// An agent whose machine is kept in a flight.
final class RecordedRun {
  let log = Log()
  let flight: SharedFlight
  var agent: Agent<RecordingMachine<ScriptedMachine>>

  init(
    available: [UInt64?], isDryRun: Bool = false, ring: Int = 256 * 1024,
    policy change: (inout CompiledPolicy) -> Void = { _ in },
    machine alter: (inout ScriptedMachine) -> Void = { _ in }
  ) throws {
    var source = ScriptedMachine(available: available, log: log, loop: try EventLoop.taking([]))
    source.isDryRun = isDryRun
    AgentHarness.addProcesses(to: &source)
    alter(&source)
    var policy = AgentHarness.policy(grace: .milliseconds(200))
    change(&policy)
    flight = SharedFlight(
      FlightRecorder(
        FlightHeader(
          agentVersion: Array("test".utf8), bootID: nil, started: source.now, units: .common, ownPID: 0,
          fill: LookAhead.usualFill, isRehearsal: isDryRun),
        policy: ImageWriter.image(of: policy), named: Array("p.toml".utf8), capacity: FlightCapacity(ring: ring)))
    var reporter = Reporter(
      recorder: Recorder(
        sink: nil, isDryRun: isDryRun, run: RunID(boot: nil, startedAt: source.now)), messages: Messages(),
      kernelLog: nil)
    reporter.flight = flight
    agent = Agent(
      machine: RecordingMachine(source, in: flight), reporter: reporter, policy: policy,
      constants: AgentConstants(units: .common, ownPID: 0),
      reload: ReloadCourse(Reloader(compiler: nil, config: nil)))
    agent.reportStart(version: "", Privileges(), nil)
    agent.begin()
  }

  func look(_ times: Int = 1, apart milliseconds: UInt64 = 1) {
    for _ in 0..<times {
      agent.machine.base.pass(milliseconds)
      for number in agent.domains.indices { agent.domains[number].dueAt = .zero }
      _ = agent.tick()
    }
  }

  /// The flight as a file would have it.
  func bytes() -> [UInt8] { flight.recorder.file() }
}
