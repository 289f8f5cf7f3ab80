/// `/proc/PID/smaps_rollup` (proc(5), `show_smaps_rollup` in fs/proc/task_mmu.c, Linux 4.14): what a process holds, counted
/// page by page. Reading it takes the process's memory lock, and time by what the process holds.
package struct SmapsRollup: Equatable, Sendable {
  /// `Private_Clean` and `Private_Dirty`: pages that no other process maps.
  package var unshared: KiB
  /// `Anonymous`: pages that belong to no file.
  package var anonymous: KiB
  /// `Pss_Anon` (5.4): of ``anonymous`` a page's share for each process that maps it.
  package var proportionalAnonymous: KiB?
  /// `SwapPss` (4.3): likewise of its swap.
  package var proportionalSwap: KiB

  /// - Throws: ``ProcParseError/missing(_:)`` without `Private_Dirty` or `Anonymous`; otherwise what is wrong with a known
  ///   line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var clean = KiB.zero
    var dirty: KiB?
    var anonymous: KiB?
    proportionalSwap = .zero
    var scanner = ByteScanner(bytes)
    while let first = scanner.next {
      switch first {
      case UInt8(ascii: "P"):
        if scanner.take("Private_Clean:") {
          clean = try scanner.kibibytes()
        } else if scanner.take("Private_Dirty:") {
          dirty = try scanner.kibibytes()
        } else if scanner.take("Pss_Anon:") {
          proportionalAnonymous = try scanner.kibibytes()
        }
      case UInt8(ascii: "A"):
        if scanner.take("Anonymous:") { anonymous = try scanner.kibibytes() }
      case UInt8(ascii: "S"):
        if scanner.take("SwapPss:") { proportionalSwap = try scanner.kibibytes() }
      default:
        break
      }
      scanner.skipLine()
    }
    guard let dirty, let anonymous else { throw .missing(.smapsPrivate) }
    unshared = clean + dirty
    self.anonymous = anonymous
  }

  /// The anonymous memory and swap that the process holds alone. Swap that it shares counts by its share of it.
  package var ownAnonymous: KiB {
    min(anonymous, unshared, proportionalAnonymous ?? anonymous) + proportionalSwap
  }
}

extension ByteBuffer {
  /// Leaves of a `smaps_rollup` the lines that ``SmapsRollup`` reads, a tenth of it.
  package mutating func keepRollupLines() {
    var kept = 0
    var start = 0
    while start < count {
      var end = start
      while end < count, storage[end] != .newline { end += 1 }
      end = min(end + 1, count)
      var scanner = ByteScanner(storage.span.extracting(start..<end))
      if scanner.takeRollupKey() {
        for index in start..<end {
          storage[kept] = storage[index]
          kept += 1
        }
      }
      start = end
    }
    count = kept
  }
}

extension ByteScanner {
  fileprivate mutating func takeRollupKey() -> Bool {
    take("Private_") || take("Anonymous:") || take("Pss_Anon:") || take("SwapPss:")
  }
}
