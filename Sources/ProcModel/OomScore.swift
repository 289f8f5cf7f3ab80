/// `/proc/PID/oom_score` (proc(5)): the kernel's own badness of a process.
package struct OomScore: Equatable, Sendable {
  /// The score, from 0 to about 2000. Before 2.6.36 it is a number of pages.
  package var value: Int32

  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    value = try scanner.signed32()
    try scanner.expectLineEnd()
  }
}

/// `/proc/PID/oom_score_adj` (proc(5), Linux 2.6.36): the adjustment that the process's owner asks the kernel to add.
package struct OomScoreAdj: Equatable, Sendable {
  /// The adjustment, −1000…1000, in thousandths of all memory. At −1000 the kernel never kills the process.
  package var value: Int16

  /// - Throws: ``ProcParseError/overflow(offset:)`` outside −1000…1000.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    let number = try scanner.signedDecimal()
    guard (-1000...1000).contains(number) else { throw .overflow(offset: 0) }
    value = Int16(number)
    try scanner.expectLineEnd()
  }
}
