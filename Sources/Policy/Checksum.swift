/// CRC-32 as of IEEE 802.3, zlib, gzip and PNG (reflected, polynomial EDB88320): any standard tool can check it.
///
/// It finds every change confined to 32 bits in a row, and all but one in 2³² of the others. It is no signature: who
/// may write the image may write its checksum.
///
/// - Parameters:
///   - bytes: What it is reckoned over.
///   - start: The first byte that counts.
package func crc32(_ bytes: Span<UInt8>, from start: Int = 0) -> UInt32 {
  var remainder: UInt32 = 0xFFFF_FFFF
  var index = start
  while index < bytes.count {
    remainder ^= UInt32(bytes[index])
    for _ in 0..<8 {
      remainder = (remainder >> 1) ^ (0xEDB8_8320 & (0 &- (remainder & 1)))
    }
    index += 1
  }
  return ~remainder
}
