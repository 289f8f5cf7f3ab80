import Badness
import Fixtures
import Flight
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record
import Replay
import Testing

@testable import Agent

/// An agent's run is recorded in a flight, and the same agent comes to the same decisions over it.
@Suite struct ReplayTests {
  static func events(_ lines: [[UInt8]]) throws -> [String] {
    try lines.map { line in
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
      return "\(object["event"] ?? "") \(victim(object) ?? 0) \(object["outcome"] ?? "-")"
    }
  }

  @Test func aDryRunComesToTheSameDecisions() throws {
    let run = try RecordedRun(available: [800, 800, 500, 300, 80], isDryRun: true)
    run.look(3, apart: 700)
    run.look(20)
    let outcome = try Replay(run.bytes()).run()
    #expect(outcome.difference == nil)
    #expect(try Self.events(outcome.computed) == ["decision 100 rehearsed"])
    #expect(outcome.divergence == nil)
  }

  @Test func anArmedRunComesToTheSameDecisionsAndOutcomes() throws {
    let run = try RecordedRun(available: [800, 800, 80])
    run.look(2, apart: 700)
    run.look(5)
    // The first victim heeds no SIGTERM and is killed; the second is gone when it is to be held.
    run.look(300)
    run.log.ended = [100]
    run.agent.machine.base.files.remove(100)
    run.log.holds[101] = .vanished
    // It falls on, so that no cool-down holds.
    run.agent.machine.base.available = [80, 70, 60, 55, 45, 40, 35, 30]
    run.look(100)
    run.agent.machine.base.available = [900]
    run.look(100)
    let outcome = try Replay(run.bytes()).run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    let events = try Self.events(outcome.computed)
    #expect(events.prefix(4) == ["decision 100 -", "outcome 100 killed", "decision 101 -", "outcome 101 vanished"])
    #expect(events.count == outcome.recorded.count)
  }

  /// A replay computes: it does not read the answer back.
  @Test func aChangedReadingChangesTheDecision() throws {
    let run = try RecordedRun(available: [800, 80], isDryRun: true)
    run.look(3, apart: 700)
    let flight = try Replay(run.bytes())
    var entries = flight.items
    for index in entries.indices {
      guard case .memory(var reading) = entries[index].item, case .reading(var memory) = reading.outcome else {
        continue
      }
      memory.available = KiB(900 * 1024)
      reading.outcome = .reading(memory)
      entries[index].item = .memory(reading)
    }
    let outcome = try Replay(header: flight.header, policies: flight.policies, entries: entries).run()
    #expect(outcome.computed.isEmpty && outcome.recorded.count == 1)
    #expect(outcome.difference != nil)
  }

  @Test func aChangedProcessChangesTheVictim() throws {
    let run = try RecordedRun(available: [800, 80], isDryRun: true)
    run.look(3, apart: 700)
    let flight = try Replay(run.bytes())
    var entries = flight.items
    for index in entries.indices {
      guard case .survey(var survey) = entries[index].item else { continue }
      for row in survey.rows.indices where survey.rows[row].identity.pid == 101 {
        survey.rows[row].anonymous = KiB(350 * 1024)
      }
      entries[index].item = .survey(survey)
    }
    let outcome = try Replay(header: flight.header, policies: flight.policies, entries: entries).run()
    #expect(try Self.events(outcome.computed) == ["decision 101 rehearsed"])
    #expect(outcome.difference?.contains("candidates[0]") == true, "\(outcome.difference ?? "")")
  }

  /// A policy that came into force meanwhile decides from there on.
  @Test func aReloadIsReplayed() throws {
    let run = try RecordedRun(available: [800, 800, 120], isDryRun: true)
    run.look(2, apart: 700)
    run.look(3)
    // The first policy's floor is at 100 MiB.
    var other = run.agent.policy
    other.settings.thresholds.floor.available = .share(.percent(13))
    run.flight.recorder.wake(by: WakeTag.compiler, at: run.agent.machine.now)
    run.agent.putInForce(other)
    run.look(3)
    let outcome = try Replay(run.bytes()).run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    #expect(try Self.events(outcome.computed) == ["decision 100 rehearsed"])
    // The policy of the start is not in the flight after another one.
    run.agent.putInForce(other)
    #expect(throws: Replay.Failure.neverQuiet) { _ = try Replay(run.bytes()).run() }
  }

  /// A reading within a survey that no domain asks for, as only a forged flight has it, does not keep the replay waiting.
  @Test func aForgedFlightEnds() throws {
    let run = try RecordedRun(available: [800, 800], isDryRun: true)
    run.look(2, apart: 700)
    let flight = try Replay(run.bytes())
    var entries = flight.items
    let began = try #require(entries.firstIndex { if case .surveyBegan = $0.item { true } else { false } })
    var forged = entries[began]
    forged.item = .memory(FlightReading(domain: 7, outcome: .blind(.unreadable), missing: 0))
    entries.insert(forged, at: began + 1)
    let outcome = try Replay(header: flight.header, policies: flight.policies, entries: entries).run()
    #expect(outcome.divergence?.asked == "the end of a survey" && outcome.difference != nil)
  }

  /// Its calls are told one by one, and the processes that are found in it.
  @Test(arguments: ["100\n103\n", "100\n103\n102\n"])
  func theKillOfAWholeCgroupIsReplayed(processes: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, text) in [
      "cgroup.procs": processes, "cgroup.kill": "0", "cgroup.freeze": "0", "cgroup.events": "populated 1\nfrozen 1\n",
    ] {
      try Data(text.utf8).write(to: folder.appending(path: name))
    }
    let run = try RecordedRun(available: [800, 40]) { policy in
      policy.rules[1].scope = .cgroup
    } machine: { machine in
      machine.cgroupFolder = folder.path()
    }
    run.look(3, apart: 700)
    run.log.ended = [100]
    run.agent.machine.base.files.remove(100)
    try Data().write(to: folder.appending(path: "cgroup.procs"))
    run.look(300)
    let replay = try Replay(run.bytes())
    let codes = replay.items.compactMap { entry in if case .call(let code, _, _, _) = entry.item { code } else { nil } }
    #expect(codes.contains(FlightCode.listCgroup) && codes.contains(FlightCode.setCgroupFrozen))
    // One that is protected is in the second.
    #expect(codes.contains(FlightCode.killCgroup) == !processes.contains("102"))
    let outcome = try replay.run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    #expect(try Self.events(outcome.computed).prefix(2) == ["decision 100 -", "outcome 100 killed"])
  }
}
