import Fixtures
import ProcModel
import Testing

@Suite struct CRC32Tests {
  @Test(
    arguments: [
      ("123456789", 0xCBF4_3926), ("", 0), ("a", 0xE8B7_BE43),
      ("The quick brown fox jumps over the lazy dog", 0x414F_A339),
    ] as [(String, UInt32)])
  func isThatOfZlib(text: String, checksum: UInt32) {
    #expect(CRC32.of([UInt8](text.utf8).span) == checksum)
    #expect(CRC32.of([UInt8](("skipped" + text).utf8).span, from: 7) == checksum)
  }

  @Test func isTheSameByteByByteAndAtOnce() {
    var random = SplitMix64(seed: 1)
    for length in 0..<64 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      var check = CRC32()
      for byte in bytes { check.add(byte) }
      #expect(check.value == CRC32.of(bytes.span))
    }
  }
}
