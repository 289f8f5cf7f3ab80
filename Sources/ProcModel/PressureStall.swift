/// A pressure file, `/proc/pressure/memory` or a cgroup's `memory.pressure` (Documentation/accounting/psi.rst).
package struct PressureStall: Equatable, Sendable {
  /// One of its two lines.
  package struct Line: Equatable, Sendable {
    /// Share of the last 10 s that was stalled, as the kernel's running average has it.
    package var avg10: BasisPoints
    package var avg60: BasisPoints
    package var avg300: BasisPoints
    /// Total stall time in microseconds; it only grows.
    package var total: UInt64

    package init(avg10: BasisPoints, avg60: BasisPoints, avg300: BasisPoints, total: UInt64) {
      self.avg10 = avg10
      self.avg60 = avg60
      self.avg300 = avg300
      self.total = total
    }
  }

  /// At least one task waited for memory.
  package var some: Line
  /// All tasks that were not idle waited for memory. Nil where the file has no such line.
  package var full: Line?

  /// - Throws: ``ProcParseError/missing(_:)`` without a `some` line; else what is wrong with a line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var some: Line?
    var full: Line?
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      if scanner.take("some") {
        some = try PressureStall.line(&scanner)
      } else if scanner.take("full") {
        full = try PressureStall.line(&scanner)
      }
      scanner.skipLine()
    }
    guard let some else { throw .missing(.pressureSome) }
    self.some = some
    self.full = full
  }

  private static func line(_ scanner: inout ByteScanner) throws(ProcParseError) -> Line {
    let avg10 = try average(" avg10=", &scanner)
    let avg60 = try average(" avg60=", &scanner)
    let avg300 = try average(" avg300=", &scanner)
    try word(" total=", &scanner)
    let total = try scanner.decimal()
    try scanner.expectLineEnd()
    return Line(avg10: avg10, avg60: avg60, avg300: avg300, total: total)
  }

  private static func average(_ name: String, _ scanner: inout ByteScanner) throws(ProcParseError) -> BasisPoints {
    try word(name, &scanner)
    let start = scanner.offset
    guard let points = UInt32(exactly: try scanner.hundredths()) else { throw .overflow(offset: start) }
    return BasisPoints(points)
  }

  private static func word(_ text: String, _ scanner: inout ByteScanner) throws(ProcParseError) {
    for byte in text.utf8 {
      try scanner.expect(byte)
    }
  }
}
