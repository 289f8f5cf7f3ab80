/// `/proc/PID/oom_score` (proc(5)): the kernel's own badness.
package struct OomScore: Equatable, Sendable {
  /// 0…2000 or so; before 2.6.36 a number of pages.
  package var value: Int32

  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    value = try scanner.signed32()
    try scanner.expectLineEnd()
  }
}

/// `/proc/PID/oom_score_adj` (proc(5)): what the owner asks the kernel to add.
package struct OomScoreAdj: Equatable, Sendable {
  /// −1000…1000.
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
