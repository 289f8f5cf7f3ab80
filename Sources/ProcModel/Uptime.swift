/// `/proc/uptime` (proc(5)): the time since boot, suspension included, and so the clock that start times are on.
package struct Uptime: Equatable, Sendable {
  /// In hundredths of a second, all the file gives.
  package var hundredths: UInt64

  package init(hundredths: UInt64) {
    self.hundredths = hundredths
  }

  /// Reads the first number; the second, idle time, is not looked at.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    scanner.skipBlanks()
    hundredths = try scanner.hundredths()
    if let byte = scanner.next, byte != .space, byte != .newline { throw .malformed(offset: scanner.offset) }
  }

  /// The same as `CLOCK_BOOTTIME`, to the hundredth; at most what 64 bits hold.
  package var nanoseconds: Nanoseconds {
    Nanoseconds(hundredths, times: 10_000_000)
  }

  /// In the ticks of start times, rounded down; at most what 64 bits hold.
  package func ticks(_ units: KernelUnits) -> Ticks {
    let product = hundredths.multipliedFullWidth(by: units.ticksPerSecond)
    guard product.high < 100 else { return Ticks(.max) }
    return Ticks(UInt64(100).dividingFullWidth(product).quotient)
  }
}
