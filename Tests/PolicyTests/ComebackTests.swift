import Policy
import ProcModel
import Testing

/// What was killed and is there again.
@Suite struct ComebackTests {
  private static func process(
    _ name: String, at seconds: UInt64 = 100, mib: UInt64 = 100, uid: UInt32 = 1000
  ) -> ProcessFacts {
    var facts = ProcessFacts(identity: ProcessIdentity(pid: 7, startTime: Ticks(seconds * 100)))
    facts.comm = Comm(name)
    facts.effectiveUID = uid
    facts.anonymous = KiB(mib << 10)
    return facts
  }

  private static func kind(_ process: ProcessFacts, in place: UInt64 = 0) -> ProcessKind {
    var kind = ProcessKind(process, in: CgroupTree(capacity: 4))
    kind.place = place
    return kind
  }

  private static func seconds(_ count: UInt64) -> Nanoseconds { .milliseconds(count * 1000) }

  /// A process of 100 MiB was killed at 90 s, as the second in a row.
  @Test(
    arguments: [
      (process("worker"), 0, 110, true), (process("worker", at: 90), 0, 110, true),
      // It was there when the other was killed.
      (process("worker", at: 89), 0, 110, false),
      (process("worker", mib: 50), 0, 110, true), (process("worker", mib: 49), 0, 110, false),
      (process("other"), 0, 110, false), (process("worker", uid: 0), 0, 110, false),
      (process("worker"), 5, 110, false), (process("worker"), 0, 390, true), (process("worker"), 0, 391, false),
      // The clock went back.
      (process("worker"), 0, 80, false),
    ] as [(ProcessFacts, UInt64, UInt64, Bool)])
  func whatIsStartedAfterTheKillAndGrowsAgainIsBack(
    process: ProcessFacts, place: UInt64, now: UInt64, isBack: Bool
  ) {
    var comebacks = Comebacks()
    comebacks.note(
      Self.kind(Self.process("worker")), footprint: KiB(100 << 10), kills: 2, at: Self.seconds(90))
    let comeback = comebacks.comeback(
      of: process, Self.kind(process, in: place), units: .common, now: Self.seconds(now))
    #expect((comeback != nil) == isBack)
    if let comeback {
      #expect(comeback.kills == 2 && comeback.isInVain && comeback.since == Self.seconds(now - 90))
    }
  }

  @Test func oneKillIsNotInVainYet() {
    #expect(!Comeback(kills: 1, since: .zero).isInVain && Comeback(kills: 2, since: .zero).isInVain)
  }

  @Test func theOldestIsForgottenForTheSeventeenth() {
    var comebacks = Comebacks()
    func isKnown(_ number: UInt64) -> Bool {
      let process = Self.process("w\(number)", at: 200)
      return comebacks.comeback(of: process, Self.kind(process), units: .common, now: Self.seconds(210)) != nil
    }
    for number: UInt64 in 1...16 {
      comebacks.note(Self.kind(Self.process("w\(number)")), footprint: .zero, kills: 1, at: Self.seconds(100 + number))
    }
    // A later kill of the same takes its own place.
    comebacks.note(Self.kind(Self.process("w1")), footprint: .zero, kills: 2, at: Self.seconds(150))
    for number: UInt64 in 1...16 { #expect(isKnown(number)) }
    comebacks.note(Self.kind(Self.process("w17")), footprint: .zero, kills: 1, at: Self.seconds(160))
    for number: UInt64 in 1...17 { #expect(isKnown(number) == (number != 2)) }
  }
}
