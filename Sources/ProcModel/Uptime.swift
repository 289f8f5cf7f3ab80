/// `/proc/uptime` (proc(5)): the time since boot, suspension included. Start times are on the same clock.
package struct Uptime: Equatable, Sendable {
  /// The time in hundredths of a second, which is all the precision that the file gives.
  package var hundredths: UInt64

  package init(hundredths: UInt64) {
    self.hundredths = hundredths
  }

  /// Parses the first number of the file. The second, the time that processors were idle, is skipped.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    scanner.skipBlanks()
    hundredths = try scanner.hundredths()
    if let byte = scanner.next, byte != .space, byte != .newline { throw .malformed(offset: scanner.offset) }
  }

  /// The time on `CLOCK_BOOTTIME`, to the hundredth of a second; saturates.
  package var nanoseconds: Nanoseconds {
    Nanoseconds(hundredths, times: 10_000_000)
  }

  /// Returns the time in the ticks of start times, rounded down; saturates.
  package func ticks(_ units: KernelUnits) -> Ticks {
    let product = hundredths.multipliedFullWidth(by: units.ticksPerSecond)
    guard product.high < 100 else { return Ticks(.max) }
    return Ticks(UInt64(100).dividingFullWidth(product).quotient)
  }
}
