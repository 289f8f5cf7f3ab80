import Badness
import Testing

@Suite struct IntegerRootTests {
  @Test func exactRootIsTheFloorOfTheRoot() {
    for number in UInt64(0)...10_000 {
      let root = floorRoot(number)
      #expect(root * root <= number)
      #expect((root + 1) * (root + 1) > number)
    }
  }

  @Test(
    arguments: [
      // 4 294 967 295² = 2⁶⁴ − 2³³ + 1 is the greatest square that fits.
      (UInt64.max, 4_294_967_295), (18_446_744_065_119_617_025, 4_294_967_295),
      (18_446_744_065_119_617_024, 4_294_967_294), (1 << 62, 1 << 31), ((1 << 62) - 1, (1 << 31) - 1),
    ] as [(UInt64, UInt64)]) func exactRootHoldsToTheEndOfTheRange(number: UInt64, root: UInt64)
  {
    #expect(floorRoot(number) == root)
  }

  @Test(
    arguments: [
      (0, 1), (1, 1), (2, 1), (3, 1), (4, 2), (7, 3), (15, 3), (16, 3), (64, 6), (100, 9), (UInt64.max, 1 << 32 - 1),
    ] as [(UInt64, UInt64)]) func coarseRootIsThatOf24(number: UInt64, root: UInt64)
  {
    #expect(linux24Root(number) == root)
  }

  /// Another way to the same result: the loop of the kernel halves the result once for every two bits of the number,
  /// and takes a quarter off where a single bit was left over.
  @Test func coarseRootFollowsFromTheLengthOfTheNumber() {
    for number in UInt64(0)...10_000 {
      let bits = UInt64.bitWidth - number.leadingZeroBitCount
      let halved = number >> UInt64(bits / 2)
      let expected = bits.isMultiple(of: 2) ? halved : halved - halved / 4
      #expect(linux24Root(number) == max(expected, 1))
      #expect(linux24Root(number) >= 1)
    }
  }

  @Test func coarseRootOfAPowerOfFourIsThreeQuartersOfTheTrueOne() {
    for exponent in UInt64(2)...31 {
      #expect(linux24Root(1 << (2 * exponent)) == (1 << exponent) / 4 * 3)
    }
  }

  /// This is why "older never scores higher" does not hold for `linux-2.4`.
  @Test func coarseRootIsNotMonotonic() {
    #expect(linux24Root(31) == 6)
    #expect(linux24Root(32) == 4)
  }
}
