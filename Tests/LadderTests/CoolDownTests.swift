import Ladder
import Pressure
import ProcModel
import Testing

@Suite struct CoolDownTests {
  /// Of 1000 MiB the floor is at 80 and the release line at 120, so that the gap is 40 MiB and the slack 5 MiB.
  private static let thresholds = Thresholds(
    floor: Floor(available: .share(.percent(8)), swapFree: nil), release: .share(.percent(12)))

  private static func verdict(_ mib: UInt64, _ trigger: Trigger = .floor, _ level: Level = .terminate) -> Verdict {
    let total = KiB(1000 * 1024)
    return Verdict(
      level: level, trigger: trigger,
      reading: MemoryReading(
        time: .zero, total: total, available: KiB(mib * 1024), swapTotal: .zero, swapFree: .zero),
      lines: Lines(thresholds, total: total, swapTotal: .zero), episode: 1)
  }

  @Test func aKillThatGaveLittleBackIsFollowedByNone() throws {
    let coolDown = try #require(CoolDown(freed: KiB(4 * 1024), verdict: Self.verdict(70)))
    let cases: [(Verdict, Bool)] = [
      (Self.verdict(70), true), (Self.verdict(65), true), (Self.verdict(64), false), (Self.verdict(79), true),
      (Self.verdict(90, .notReleased), true),
      // These tell of more than a low level.
      (Self.verdict(70, .floor, .kill), false), (Self.verdict(70, .stall(.percent(50))), false),
      (Self.verdict(70, .thrash(.percent(2))), false), (Self.verdict(70, .forecast(.milliseconds(100))), false),
      (Self.verdict(70, .limit(3)), false),
    ]
    for (verdict, expected) in cases {
      #expect(coolDown.holds(verdict) == expected, "\(verdict.trigger) at \(verdict.reading.available.count) KiB")
    }
  }

  @Test func aKillThatHelpedIsFollowedByTheNext() {
    #expect(CoolDown(freed: KiB(20 * 1024), verdict: Self.verdict(70)) == nil)
    #expect(CoolDown(freed: KiB(20 * 1024 - 1), verdict: Self.verdict(70)) != nil)
  }
}
