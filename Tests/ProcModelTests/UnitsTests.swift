import ProcModel
import Testing

@Suite struct UnitsTests {
  @Test(
    arguments: [
      (10_000, 1000, 1000), (800, 1000, 80), (1, 9999, 0), (0, 5, 0),
      (10_000, UInt64.max, UInt64.max), (20_000, UInt64.max, UInt64.max),
    ] as [(UInt32, UInt64, UInt64)]) func shareOfAnAmountRoundsDownAndSaturates(
      points: UInt32, whole: UInt64, share: UInt64
    )
  {
    #expect(BasisPoints(points).of(KiB(whole)) == KiB(share))
  }

  @Test func differencesStopAtZeroAndSumsAtTheTop() {
    #expect(KiB(3) - KiB(4) == .zero)
    #expect(KiB(.max) + KiB(1) == KiB(.max))
    #expect(Ticks(3) - Ticks(4) == .zero)
    #expect(Nanoseconds(3) - Nanoseconds(4) == .zero)
    #expect(Nanoseconds.milliseconds(.max) == Nanoseconds(.max))
  }

  @Test func aCommIsCutAtFifteenBytes() {
    let comm = Comm("a name of more than fifteen")
    #expect(comm == Comm("a name of more "))
    #expect(comm != Comm("a name of more"))
  }
}
