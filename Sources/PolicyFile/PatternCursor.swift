/// The position of a parser in a pattern.
struct PatternCursor {
  let bytes: [UInt8]
  private(set) var offset: Int
  /// The end of the pattern: before the closing slash of a regular expression.
  let end: Int

  init(_ bytes: [UInt8], from offset: Int = 0, to end: Int? = nil) {
    self.bytes = bytes
    self.offset = offset
    self.end = end ?? bytes.count
  }

  var isAtEnd: Bool { offset >= end }

  var peek: UInt8? { peek(0) }

  func peek(_ ahead: Int) -> UInt8? {
    offset + ahead < end ? bytes[offset + ahead] : nil
  }

  mutating func advance(_ count: Int = 1) {
    offset = min(offset + count, end)
  }

  mutating func next() -> UInt8? {
    guard let byte = peek else { return nil }
    offset += 1
    return byte
  }

  /// The byte that was read last, with the rest of its character, so that a repetition applies to the whole character.
  mutating func character(beginningWith first: UInt8) -> PatternNode {
    guard first >= 0xC0 else { return .byte(first) }
    var parts = [PatternNode.byte(first)]
    while let byte = peek, byte & 0xC0 == 0x80 {
      parts.append(.byte(byte))
      offset += 1
    }
    return .sequence(parts)
  }
}
