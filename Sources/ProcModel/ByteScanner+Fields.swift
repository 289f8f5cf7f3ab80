/// The forms in which kernel files print their fields.
extension ByteScanner {
  /// Passes over the bytes up to the next blank, tab or newline.
  package mutating func skipWord() {
    while let byte = next, byte != .space, byte != .tab, byte != .newline {
      advance()
    }
  }

  /// Holds that the line ends at hand, with a newline or the file. Takes nothing.
  package func expectLineEnd() throws(ProcParseError) {
    if let byte = next, byte != .newline { throw .malformed(offset: offset) }
  }

  /// Takes an amount as `/proc/meminfo` and `/proc/PID/status` print it: blanks, digits, ` kB`.
  ///
  /// The unit is asked for, because a number that the end of a buffer cut in two would otherwise pass for a small one.
  package mutating func kibibytes() throws(ProcParseError) -> KiB {
    skipBlanks()
    let count = try decimal()
    skipBlanks()
    try expect(UInt8(ascii: "k"))
    try expect(UInt8(ascii: "B"))
    return KiB(count)
  }

  /// Takes a number with a fraction (`12.34`) as hundredths; digits after the second are dropped.
  package mutating func hundredths() throws(ProcParseError) -> UInt64 {
    let start = offset
    let whole = try decimal()
    try expect(UInt8(ascii: "."))
    guard let tenths = next?.decimalDigit else {
      throw isAtEnd ? .truncated(offset: offset) : .malformed(offset: offset)
    }
    advance()
    var fraction = UInt64(tenths) * 10
    if let digit = next?.decimalDigit {
      fraction += UInt64(digit)
      advance()
    }
    while next?.decimalDigit != nil { advance() }
    let (product, overflow) = whole.multipliedReportingOverflow(by: 100)
    let (sum, carry) = product.addingReportingOverflow(fraction)
    guard !overflow, !carry else { throw .overflow(offset: start) }
    return sum
  }

  /// Takes a run of hexadecimal digits of either case, without a prefix.
  ///
  /// - Throws: As ``decimal()``.
  package mutating func hexadecimal() throws(ProcParseError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    while let digit = next?.hexadecimalDigit {
      guard value >> 60 == 0 else { throw .overflow(offset: start) }
      value = value << 4 | UInt64(digit)
      advance()
    }
    guard offset > start else {
      throw isAtEnd ? .truncated(offset: offset) : .malformed(offset: offset)
    }
    return value
  }

  /// Takes decimal digits, with or without a minus, that fit 32 bits with sign: a pid.
  package mutating func signed32() throws(ProcParseError) -> Int32 {
    let start = offset
    guard let value = Int32(exactly: try signedDecimal()) else { throw .overflow(offset: start) }
    return value
  }

  /// Takes decimal digits that fit 32 bits: a user ID, a count of threads.
  package mutating func unsigned32() throws(ProcParseError) -> UInt32 {
    let start = offset
    guard let value = UInt32(exactly: try decimal()) else { throw .overflow(offset: start) }
    return value
  }
}
