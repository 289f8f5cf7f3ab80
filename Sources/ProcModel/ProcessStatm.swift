/// `/proc/PID/statm` (proc(5)): sizes in pages. All zero for a kernel thread or a zombie.
package struct ProcessStatm: Equatable, Sendable {
  /// The address space.
  package var size: UInt64
  package var resident: UInt64
  /// Of ``resident``, file pages and shared memory together.
  package var shared: UInt64

  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    size = try scanner.decimal()
    try scanner.expect(.space)
    resident = try scanner.decimal()
    try scanner.expect(.space)
    shared = try scanner.decimal()
    // Four more fields follow; without a blank one cannot tell a whole number from the front of one.
    try scanner.expect(.space)
  }
}
