/// The 64-bit FNV-1a hash (Fowler, Noll, Vo; RFC 9923). It is small and gives the same value on every machine, but it
/// does not prevent collisions made on purpose.
package struct FNV1a64: Sendable {
  package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  package init() {}

  package mutating func combine(_ byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
  }

  /// Returns the hash of all of `bytes`.
  package static func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var hash = FNV1a64()
    for index in bytes.indices {
      hash.combine(bytes[index])
    }
    return hash.value
  }
}
