import Flight
import Policy
import ProcModel
import Replay
import Testing

@testable import Agent

/// Flights whose ring has gone round, so that the agent's start is overwritten.
@Suite struct LaterReplayTests {
  /// Looks so often while nothing happens that a ring of 32 KiB goes round.
  private static func rest(_ run: borrowing RecordedRun) {
    run.agent.machine.base.available = [800]
    run.look(3000, apart: 700)
  }

  @Test(arguments: [true, false])
  func comesToTheSameDecisions(isDryRun: Bool) throws {
    let run = try RecordedRun(available: [800], isDryRun: isDryRun, ring: 32 * 1024)
    Self.rest(run)
    run.agent.machine.base.available = [500, 300, 80]
    run.look(20)
    let replay = try Replay(run.bytes())
    guard case .state = try #require(replay.items.first).item else {
      Issue.record("the flight begins with the agent's start")
      return
    }
    let outcome = try replay.run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    #expect(try #require(outcome.from) > .milliseconds(10_000))
    #expect(try ReplayTests.events(outcome.computed).first == "decision 100 \(isDryRun ? "rehearsed" : "-")")
  }

  /// Numbers of incidents and episodes go on from before, and are compared by their distance.
  @Test func troubleBeforeIsForgotten() throws {
    let run = try RecordedRun(available: [800, 800, 80], isDryRun: true, ring: 32 * 1024)
    run.look(10, apart: 700)
    Self.rest(run)
    for _ in 0..<2 {
      run.agent.machine.base.available = [80]
      run.look(5)
      run.agent.machine.base.available = [800]
      run.look(40, apart: 700)
    }
    let outcome = try Replay(run.bytes()).run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    #expect(outcome.recorded.count == 2 && outcome.computed.count == 2)
  }

  /// A ring that begins in trouble is replayed from where it is over.
  @Test func aFlightThatBeginsInTroubleIsReplayedBehindIt() throws {
    let run = try RecordedRun(available: [800, 80], isDryRun: true, ring: 32 * 1024)
    run.look(3000, apart: 700)
    run.agent.machine.base.available = [800]
    run.look(200, apart: 700)
    run.agent.machine.base.available = [70]
    run.look(5)
    let outcome = try Replay(run.bytes()).run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    #expect(outcome.computed.count == 1)
  }

  /// A changed reading changes what is decided, also behind a quiet stretch.
  @Test func isComputedAnew() throws {
    let run = try RecordedRun(available: [800], isDryRun: true, ring: 32 * 1024)
    Self.rest(run)
    run.agent.machine.base.available = [500, 300, 80]
    run.look(20)
    let flight = try Replay(run.bytes())
    var entries = flight.items
    for index in entries.indices {
      guard case .memory(var told) = entries[index].item, case .reading(var reading) = told.outcome,
        reading.available < KiB(100 * 1024)
      else { continue }
      reading.available = KiB(700 * 1024)
      told.outcome = .reading(reading)
      entries[index].item = .memory(told)
    }
    let outcome = try Replay(header: flight.header, policies: flight.policies, entries: entries).run()
    #expect(outcome.difference != nil)
    #expect(outcome.computed.isEmpty)
  }

  @Test func aFlightThatIsNeverQuietIsRefused() throws {
    let run = try RecordedRun(available: [800, 80], ring: 32 * 1024)
    run.look(6000)
    let replay = try Replay(run.bytes())
    #expect(throws: Replay.Failure.neverQuiet) { _ = try replay.run() }
  }
}
