/// The forms in which kernel files print their fields.
extension ByteScanner {
  /// Skips the bytes up to the next blank, tab or newline.
  package mutating func skipWord() {
    while let byte = next, byte != .space, byte != .tab, byte != .newline {
      advance()
    }
  }

  /// Requires that the next byte is a newline, or that the file ends here. Consumes nothing.
  ///
  /// - Throws: ``ProcParseError/malformed(offset:)`` where another byte follows.
  package func expectLineEnd() throws(ProcParseError) {
    if let byte = next, byte != .newline { throw .malformed(offset: offset) }
  }

  /// Consumes an amount of memory as `/proc/meminfo` and `/proc/PID/status` print it: blanks, digits, ` kB`.
  ///
  /// The unit is required. Without it, a number that the end of the buffer cut in two would pass for a small one.
  package mutating func kibibytes() throws(ProcParseError) -> KiB {
    skipBlanks()
    let count = try decimal()
    skipBlanks()
    try expect(UInt8(ascii: "k"))
    try expect(UInt8(ascii: "B"))
    return KiB(count)
  }

  /// Consumes a number with a fraction (`12.34`) as hundredths. Digits after the second are dropped.
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

  /// Consumes hexadecimal digits of either case, without a prefix.
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

  /// Consumes a decimal number, with or without a minus sign, that fits a signed 32-bit integer, such as a process
  /// number.
  package mutating func signed32() throws(ProcParseError) -> Int32 {
    let start = offset
    guard let value = Int32(exactly: try signedDecimal()) else { throw .overflow(offset: start) }
    return value
  }

  /// Consumes a decimal number that fits an unsigned 32-bit integer, such as a user ID or a number of threads.
  package mutating func unsigned32() throws(ProcParseError) -> UInt32 {
    let start = offset
    guard let value = UInt32(exactly: try decimal()) else { throw .overflow(offset: start) }
    return value
  }
}
