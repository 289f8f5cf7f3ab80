/// A set of the numbers 0...255 in 32 bytes.
package struct Bits256: Equatable, Sendable {
  package var words: InlineArray<4, UInt64>

  package init() {
    words = InlineArray(repeating: 0)
  }

  package static func == (left: Bits256, right: Bits256) -> Bool {
    for index in 0..<4 where left.words[index] != right.words[index] {
      return false
    }
    return true
  }

  package var isEmpty: Bool {
    words[0] | words[1] | words[2] | words[3] == 0
  }

  package var count: Int {
    words[0].nonzeroBitCount + words[1].nonzeroBitCount + words[2].nonzeroBitCount + words[3].nonzeroBitCount
  }

  package func contains(_ number: UInt8) -> Bool {
    words[Int(number >> 6)] & (1 << UInt64(number & 63)) != 0
  }

  package mutating func insert(_ number: UInt8) {
    words[Int(number >> 6)] |= 1 << UInt64(number & 63)
  }

  package mutating func remove(_ number: UInt8) {
    words[Int(number >> 6)] &= ~(1 << UInt64(number & 63))
  }

  package mutating func formUnion(_ other: Bits256) {
    for index in 0..<4 {
      words[index] |= other.words[index]
    }
  }

  package mutating func formIntersection(_ other: Bits256) {
    for index in 0..<4 {
      words[index] &= other.words[index]
    }
  }

  /// Calls `body` with each member, the smallest first.
  package func forEach(_ body: (UInt8) -> Void) {
    for index in 0..<4 {
      var left = words[index]
      while left != 0 {
        body(UInt8(truncatingIfNeeded: 64 * index + left.trailingZeroBitCount))
        left &= left - 1
      }
    }
  }
}
