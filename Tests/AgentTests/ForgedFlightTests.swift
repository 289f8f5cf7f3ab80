import Fixtures
import Flight
import ProcModel
import Replay
import Testing

/// Whatever a flight tells, and in whichever order, a replay and a trial come to an end.
@Suite struct ForgedFlightTests {
  @Test(arguments: ["leak-40", "thrash-text", "swarm"], 0..<6)
  func endsWithoutATrap(name: String, seed: Int) throws {
    let flight = try Replay(Fixture.bytes(of: Fixture.flightPath(name + ".flight")))
    var random = SplitMix64(seed: UInt64(seed) + 1)
    var entries = flight.items
    for _ in 0..<(1 << seed) {
      let (one, other) = (
        Int.random(in: entries.indices, using: &random), Int.random(in: entries.indices, using: &random)
      )
      switch Int.random(in: 0..<4, using: &random) {
      case 0: entries.remove(at: one)
      case 1: entries.insert(entries[other], at: one)
      case 2: entries.swapAt(one, other)
      default: entries[one].time = Nanoseconds(UInt64.random(in: 0...UInt64.max, using: &random))
      }
    }
    let forged = Replay(header: flight.header, policies: flight.policies, entries: entries)
    let own = try forged.firstPolicy()
    let trial = try forged.tried(own.policy, named: own.name)
    #expect(trial.decisions.count <= entries.count)
    let outcome = try forged.run()
    #expect(outcome.computed.count <= entries.count)
  }

  /// A flight that never rests is given up in a bounded number of tries.
  @Test func aLongFlightInTroubleIsGivenUp() throws {
    let flight = try Replay(Fixture.bytes(of: Fixture.flightPath("leak-40.flight")))
    let surveys = flight.items.filter { if case .survey = $0.item { true } else { false } }
    let tick = try #require(flight.items.first { if case .tick = $0.item { true } else { false } })
    let act = FlightItem.note(code: 1, value: 0)
    var entries = [
      FlightEntry(time: tick.time, awakeOffset: .zero, item: .state(FlightState(policy: 0)))
    ]
    for number in 0..<20_000 {
      var entry = number % 100 == 99 ? surveys[0] : tick
      entry.time = tick.time + .milliseconds(UInt64(number))
      entries.append(entry)
      if number % 5000 == 4999 { entries.append(FlightEntry(time: entry.time, awakeOffset: .zero, item: act)) }
    }
    let forged = Replay(header: flight.header, policies: flight.policies, entries: entries)
    // The first quiet stretch turns out to be none, and so does each that is tried after it.
    #expect(throws: Replay.Failure.neverQuiet) { _ = try forged.run() }
  }
}
