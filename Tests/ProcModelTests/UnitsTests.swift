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

  private func saturates<Count: SaturatingCount>(_: Count.Type) -> Bool {
    var sum = Count(.max)
    sum += Count(1)
    return Count(3) - Count(4) == .zero && Count(4) - Count(3) == Count(1)
      && Count(.max) + Count(1) == Count(.max) && sum == Count(.max) && Count(2) + Count(3) == Count(5)
      && Count(6, times: 7) == Count(42) && Count(1 << 63, times: 2) == Count(.max) && Count(.max, times: 0) == .zero
  }

  @Test func differencesSaturateAtZeroAndSumsAndProductsAtTheTop() {
    #expect(saturates(KiB.self))
    #expect(saturates(Ticks.self))
    #expect(saturates(Nanoseconds.self))
    #expect(Nanoseconds.milliseconds(.max) == Nanoseconds(.max))
    #expect(KiB.perSecond(KiB(3), over: 0) == KiB(3000) && KiB.perSecond(KiB(.max), over: 1000) == KiB(.max / 1000))
  }

  @Test func aCommIsCutAtFifteenBytes() {
    let comm = Comm("a name of more than fifteen")
    #expect(comm == Comm("a name of more "))
    #expect(comm != Comm("a name of more"))
  }
}
