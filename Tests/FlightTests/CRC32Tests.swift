import Fixtures
import Policy
import Testing

@testable import Flight

@Suite struct RunningCRC32Tests {
  @Test func isThatOfThePolicyImage() {
    var random = SplitMix64(seed: 1)
    for length in 0..<64 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(RunningCRC32.of(bytes.span) == crc32(bytes.span))
      var check = RunningCRC32()
      for byte in bytes { check.add(byte) }
      #expect(check.value == crc32(bytes.span))
    }
    #expect(RunningCRC32.of([UInt8]("123456789".utf8).span) == 0xCBF4_3926)
  }
}
