/// `/proc/PID/statm` (proc(5)): sizes in pages. All are zero for a kernel thread and for a zombie.
package struct ProcessStatm: Equatable, Sendable {
  /// The size of the address space.
  package var size: UInt64
  /// The resident memory.
  package var resident: UInt64
  /// The part of ``resident`` that is file pages and shared memory together.
  package var shared: UInt64

  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    size = try scanner.decimal()
    try scanner.expect(.space)
    resident = try scanner.decimal()
    try scanner.expect(.space)
    shared = try scanner.decimal()
    // Four more fields follow. Without the blank before them, a whole number cannot be told from the first digits of
    // one.
    try scanner.expect(.space)
  }
}
