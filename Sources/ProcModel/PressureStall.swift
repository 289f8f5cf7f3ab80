/// A pressure file: `/proc/pressure/memory` (Linux 4.20) or a cgroup's `memory.pressure`
/// (Documentation/accounting/psi.rst).
///
///     some avg10=2.10 avg60=0.30 avg300=0.05 total=1234567
///     full avg10=1.80 avg60=0.25 avg300=0.04 total=1034567
package struct PressureStall: Equatable, Sendable {
  /// One line of the file.
  package struct Line: Equatable, Sendable {
    /// `avg10`: the share of the last 10 s that was lost, as the kernel's running average has it. The file gives
    /// percent with two digits.
    package var avg10: BasisPoints
    /// `avg60`: the same over 60 s.
    package var avg60: BasisPoints
    /// `avg300`: the same over 300 s.
    package var avg300: BasisPoints
    /// `total`: all time lost since boot, in microseconds. It only grows.
    package var total: UInt64

    package init(avg10: BasisPoints, avg60: BasisPoints, avg300: BasisPoints, total: UInt64) {
      self.avg10 = avg10
      self.avg60 = avg60
      self.avg300 = avg300
      self.total = total
    }
  }

  /// The time in which at least one task waited for memory.
  package var some: Line
  /// The time in which all tasks that were not idle waited for memory. Nil where the file has no such line.
  package var full: Line?

  /// - Throws: ``ProcParseError/missing(_:)`` without a `some` line; otherwise what is wrong with a line.
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
