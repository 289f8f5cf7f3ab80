import Fixtures
import Ladder
import LinuxSystem
import Pressure
import ProcModel
import Testing

@Suite struct LadderTests {
  /// The input of a step, and the answer that is expected. Times are in milliseconds from the start, memory in KiB.
  struct Look: Sendable {
    var at: Int64
    var available: UInt64 = 1000
    var level = Level.terminate
    var exited = false
    /// The answer to `.examine`.
    var found: Standstill?
    var rung: NextStep

    init(
      at: Int64, available: UInt64 = 1000, level: Level = .terminate, exited: Bool = false, found: Standstill? = nil,
      _ rung: NextStep
    ) {
      (self.at, self.available, self.level, self.exited, self.rung) = (at, available, level, exited, rung)
      self.found = found
    }
  }

  struct Descent: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var signal = Signal.terminate
    var looks: [Look]

    init(_ name: String, signal: Signal = .terminate, _ looks: [Look]) {
      (testDescription, self.signal, self.looks) = (name, signal, looks)
    }
  }

  /// The time of the first signal. It is late enough for a clock to jump back an hour.
  private static let start: Int64 = 10_000_000

  private static func time(_ milliseconds: Int64) -> Nanoseconds { .milliseconds(UInt64(start + milliseconds)) }
  private static func until(_ milliseconds: Int64) -> NextStep { .wait(until: time(milliseconds)) }
  private static func reap(_ milliseconds: Int64) -> NextStep { .reap(until: time(milliseconds)) }
  private static let running = Look(at: 100, found: .running, .examine)

  /// 1000 KiB are available at the start, and the grace is 2 s.
  static let descents = [
    Descent(
      "it looks every 10 ms, and never past the end of the grace",
      [
        Look(at: 0, until(10)), running, Look(at: 100, until(110)), Look(at: 1095, until(1105)),
        Look(at: 1100, found: .running, .examine), Look(at: 1995, until(2000)), Look(at: 1999, until(2000)),
      ]),
    Descent(
      "the grace ends",
      [
        running, Look(at: 1000, until(1010)), Look(at: 1999, found: .running, .examine),
        Look(at: 2000, .escalate(.graceEnded)), Look(at: 2010, reap(2020)),
      ]),
    Descent(
      "memory worsens by more than a quarter",
      [Look(at: 10, available: 750, until(20)), Look(at: 20, available: 749, .escalate(.memoryWorsened))]),
    Descent(
      "half of the floor is reached", [Look(at: 10, available: 990, level: .kill, .escalate(.memoryWorsened))]),
    Descent(
      "both at once: memory is the reason",
      [running, Look(at: 1090, until(1100)), Look(at: 2000, available: 1, .escalate(.memoryWorsened))]),
    Descent(
      "it exits within its grace, and its memory settles",
      [
        Look(at: 100, exited: true, until(150)), Look(at: 149, exited: true, until(150)),
        Look(at: 150, exited: true, .done(.exited)),
      ]),
    Descent(
      "its exit counts, and neither the grace nor memory that worsens meanwhile",
      [
        running, Look(at: 1090, until(1100)), Look(at: 1990, exited: true, until(2040)),
        Look(at: 2000, available: 1, level: .kill, exited: true, until(2040)),
        Look(at: 2040, available: 1, exited: true, .done(.exited)),
      ]),
    Descent(
      "it exits after SIGKILL",
      [
        running, Look(at: 1090, until(1100)), Look(at: 2000, .escalate(.graceEnded)), Look(at: 2010, reap(2020)),
        Look(at: 2020, exited: true, until(2070)), Look(at: 2070, exited: true, .done(.killed)),
      ]),
    Descent(
      "it is stuck 5 s after SIGKILL, however memory is", signal: .kill,
      [
        Look(at: 990, available: 1, level: .kill, reap(1000)), Look(at: 1000, found: .running, .examine),
        Look(at: 1000, reap(1010)), Look(at: 2000, found: .running, .examine),
        Look(at: 3000, found: .running, .examine),
        Look(at: 4000, found: .running, .examine), Look(at: 4995, reap(5000)), Look(at: 5000, .done(.stuck)),
      ]),
    Descent(
      "SIGKILL first: there is nothing above it", signal: .kill, [Look(at: 0, available: 1, level: .kill, reap(10))]),
    Descent(
      "SIGKILL is first, and it exits", signal: .kill,
      [Look(at: 5, exited: true, until(55)), Look(at: 55, exited: true, .done(.killed))]),
    Descent(
      "one that a tracer holds is given no grace: it cannot heed SIGTERM",
      [
        Look(at: 100, found: .traced, .examine), Look(at: 100, .escalate(.cannotHeed)), Look(at: 110, reap(120)),
      ]),
    Descent(
      "one that is stopped was sent SIGCONT as well, and has its grace",
      [Look(at: 100, found: .stopped, .examine), Look(at: 100, until(110))]),
    Descent(
      "a frozen one is killed at once, and thawed once if it is frozen still",
      [
        Look(at: 100, found: .frozen, .examine), Look(at: 100, .escalate(.cannotHeed)), Look(at: 105, reap(115)),
        Look(at: 110, found: .frozen, .examine), Look(at: 110, .thaw(until: time(120))), Look(at: 120, reap(130)),
        Look(at: 1109, reap(1119)), Look(at: 1110, found: .frozen, .examine), Look(at: 1110, reap(1120)),
      ]),
    Descent(
      "uninterruptible twice, a second apart, is stuck: its memory was reaped, and waiting brings no more",
      signal: .kill,
      [
        Look(at: 1000, found: .uninterruptible, .examine), Look(at: 1000, reap(1010)),
        Look(at: 2000, found: .uninterruptible, .examine), Look(at: 2000, .done(.stuck)),
      ]),
    Descent(
      "uninterruptible now and then is only slow", signal: .kill,
      [
        Look(at: 1000, found: .uninterruptible, .examine), Look(at: 2000, found: .running, .examine),
        Look(at: 3000, found: .uninterruptible, .examine), Look(at: 3000, reap(3010)),
      ]),
    Descent(
      "a core dump has the whole time", signal: .kill,
      [
        Look(at: 1000, found: .dumpsCore, .examine), Look(at: 2000, found: .dumpsCore, .examine),
        Look(at: 3000, found: .dumpsCore, .examine), Look(at: 3000, reap(3010)),
      ]),
    Descent(
      "an hour's sleep of the machine does not cost the victim its grace",
      [
        Look(at: 10, until(20)), Look(at: 3_600_010, found: .running, .examine), Look(at: 3_600_010, until(3_600_020)),
        Look(at: 3_600_999, until(3_601_000)), Look(at: 3_601_000, .escalate(.graceEnded)),
      ]),
    Descent(
      "an hour's sleep does not make a dying victim stuck", signal: .kill,
      [
        Look(at: 10, reap(20)), Look(at: 3_600_010, found: .running, .examine), Look(at: 3_600_010, reap(3_600_020)),
        Look(at: 3_600_020, exited: true, until(3_600_070)), Look(at: 3_600_070, exited: true, .done(.killed)),
      ]),
    Descent("an hour passes unseen, and it has exited", [Look(at: 3_600_000, exited: true, until(3_600_050))]),
    Descent(
      "the agent is stopped for 10 s: memory that worsened meanwhile is seen first",
      [Look(at: 10, until(20)), Look(at: 10_010, available: 1, .escalate(.memoryWorsened))]),
    Descent(
      "the agent is stopped for 10 s after SIGKILL: it looks before it gives up", signal: .kill,
      [Look(at: 10, reap(20)), Look(at: 10_010, found: .uninterruptible, .examine), Look(at: 10_010, reap(10_020))]),
    Descent(
      "a clock that goes back an hour stands still, and the grace ends all the same",
      [
        running, Look(at: 1090, until(1100)), Look(at: -3_600_000, until(-3_599_990)),
        Look(at: -3_599_500, found: .running, .examine), Look(at: -3_599_091, until(-3_599_090)),
        Look(at: -3_599_090, .escalate(.graceEnded)),
      ]),
  ]

  @Test(arguments: descents) func everyStepIsAsExpected(descent: Descent) {
    var ladder = Ladder(
      startedAt: Self.time(0), availableAtStart: KiB(1000), grace: .milliseconds(2000), signal: descent.signal)
    for look in descent.looks {
      let now = Self.time(look.at)
      let rung = ladder.step(now: now, verdict: verdict(look.level, look.available), hasExited: look.exited)
      #expect(rung == look.rung, "at \(look.at) ms")
      if case .escalate(let reason) = rung { ladder.escalated(reason, at: now) }
      if let found = look.found { ladder.examined(found) }
      if let found = look.found { #expect(ladder.standstill == found) }
    }
  }

  /// For random inputs in any order there is one escalation at most, none after SIGKILL, and an outcome in bounded
  /// time.
  @Test func theLadderEndsAndEscalatesAtMostOnce() {
    var numbers = SplitMix64(seed: 3)
    for _ in 0..<2000 {
      let signal = Bool.random(using: &numbers) ? Signal.terminate : .kill
      let start = Self.time(0)
      var ladder = Ladder(
        startedAt: start, availableAtStart: KiB(1000),
        grace: .milliseconds(UInt64.random(in: 0...5000, using: &numbers)),
        signal: signal)
      let end: UInt64? = Bool.random(using: &numbers) ? UInt64.random(in: 0...12_000, using: &numbers) : nil
      var now = start
      var escalations = 0
      var ending: OutcomeKind?
      while ending == nil {
        let isWorse = Int.random(in: 0..<200, using: &numbers) == 0
        switch ladder.step(
          now: now, verdict: verdict(.terminate, isWorse ? 1 : 1000),
          hasExited: end.map { now >= start + .milliseconds($0) } ?? false)
        {
        case .wait(let until), .reap(let until), .thaw(let until):
          #expect(until > now)
          now = until
        case .examine: ladder.examined(Standstill.allCases.randomElement(using: &numbers) ?? .running)
        case .escalate(let reason):
          #expect(ladder.signal == .terminate)
          escalations += 1
          ladder.escalated(reason, at: now)
          #expect(ladder.signal == .kill && ladder.escalation == reason)
        case .done(let reached): ending = reached
        }
      }
      #expect(escalations <= (signal == .kill ? 0 : 1))
      #expect(now - start <= .milliseconds(5000 + 5000 + 50 + 10))
      #expect(ending == (ladder.signal == .kill ? (ending == .stuck ? .stuck : .killed) : .exited))
      if end == nil { #expect(ending == .stuck) }
    }
  }
}

/// A verdict of a level, with a floor that gives it.
private func verdict(_ level: Level, _ available: UInt64) -> Verdict {
  let floor = Floor(available: .size(KiB(level == .kill ? available * 2 : available)), swapFree: nil)
  var detector = Detector(thresholds: Thresholds(floor: floor, release: .size(.zero)), units: .common)
  let verdict = detector.judge(
    MemoryReading(time: .zero, total: KiB(10_000), available: KiB(available), swapTotal: .zero, swapFree: .zero))
  #expect(verdict.level == level)
  return verdict
}
