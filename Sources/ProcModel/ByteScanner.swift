/// Reads forward through the bytes of a kernel file. Allocates nothing, and never reads past the end.
package struct ByteScanner: ~Escapable {
  package let bytes: Span<UInt8>
  package private(set) var offset: Int

  @_lifetime(copy bytes)
  package init(_ bytes: Span<UInt8>, from offset: Int = 0) {
    self.bytes = bytes
    self.offset = offset
  }

  package var isAtEnd: Bool { offset >= bytes.count }

  /// The next byte, or nil at the end.
  package var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  /// The byte so far behind the next one, or nil behind the end.
  package func byte(_ distance: Int) -> UInt8? {
    offset + distance < bytes.count ? bytes[offset + distance] : nil
  }

  package mutating func advance(by count: Int = 1) {
    offset = min(offset + count, bytes.count)
  }

  /// Skips blanks and tabs, but no newline.
  package mutating func skipBlanks() {
    while offset < bytes.count, bytes[offset] == .space || bytes[offset] == .tab {
      offset += 1
    }
  }

  /// Skips the rest of the line and its newline.
  package mutating func skipLine() {
    var position = offset
    while position < bytes.count, bytes[position] != .newline {
      position += 1
    }
    offset = position < bytes.count ? position + 1 : bytes.count
  }

  /// Consumes `byte`, which must be next.
  ///
  /// - Throws: ``ProcParseError/truncated(offset:)`` at the end, ``ProcParseError/malformed(offset:)`` where another
  ///   byte is next.
  package mutating func expect(_ byte: UInt8) throws(ProcParseError) {
    guard let found = next else { throw .truncated(offset: offset) }
    guard found == byte else { throw .malformed(offset: offset) }
    offset += 1
  }

  /// Consumes `text` if it is next, and returns whether it was.
  ///
  /// `text` has to be a literal: its UTF-8 view is walked in place, and nothing is allocated.
  package mutating func take(_ text: String) -> Bool {
    let wanted = text.utf8Span.span
    guard bytes.count - offset >= wanted.count else { return false }
    for index in wanted.indices where bytes[offset + index] != wanted[index] { return false }
    offset += wanted.count
    return true
  }

  /// Consumes a run of decimal digits.
  ///
  /// - Throws: ``ProcParseError/malformed(offset:)`` without a digit, ``ProcParseError/truncated(offset:)`` at the end,
  ///   ``ProcParseError/overflow(offset:)`` beyond 64 bits.
  package mutating func decimal() throws(ProcParseError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    while offset < bytes.count, let digit = bytes[offset].decimalDigit {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
      guard !overflow, !carry else { throw .overflow(offset: start) }
      value = sum
      offset += 1
    }
    guard offset > start else {
      throw isAtEnd ? .truncated(offset: offset) : .malformed(offset: offset)
    }
    return value
  }

  /// Consumes a run of decimal digits, with or without a minus sign before it.
  ///
  /// - Throws: As ``decimal()``; ``ProcParseError/overflow(offset:)`` beyond a signed 64-bit integer.
  package mutating func signedDecimal() throws(ProcParseError) -> Int64 {
    let start = offset
    let isNegative = next == .minus
    if isNegative { advance() }
    let magnitude = try decimal()
    guard magnitude <= UInt64(Int64.max) + (isNegative ? 1 : 0) else {
      throw .overflow(offset: start)
    }
    return isNegative ? Int64(truncatingIfNeeded: 0 &- magnitude) : Int64(magnitude)
  }
}

extension UInt8 {
  package static let space = UInt8(ascii: " ")
  package static let tab = UInt8(ascii: "\t")
  package static let newline = UInt8(ascii: "\n")
  package static let minus = UInt8(ascii: "-")
  package static let colon = UInt8(ascii: ":")
  package static let slash = UInt8(ascii: "/")

  /// The value of an ASCII decimal digit; nil for any other byte.
  package var decimalDigit: UInt8? {
    self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") ? self - UInt8(ascii: "0") : nil
  }

  /// The value of an ASCII hexadecimal digit of either case; nil for any other byte.
  package var hexadecimalDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
