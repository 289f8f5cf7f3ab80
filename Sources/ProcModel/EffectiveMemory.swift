/// ZFS's cache, `/proc/spl/kstat/zfs/arcstats`: memory that ZFS gives back when asked, and that `MemAvailable` does not
/// count.
package struct ArcStats: Equatable, Sendable {
  package var size: KiB
  /// It does not shrink below this (`c_min`).
  package var minimum: KiB

  /// - Throws: ``ProcParseError/missing(_:)`` without `size`; else what is wrong with a line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var size: UInt64?
    var minimum: UInt64 = 0
    var scanner = ByteScanner(bytes)
    // Lines are `name type data`, with bytes for data.
    while !scanner.isAtEnd {
      if scanner.take("size ") {
        size = try ArcStats.data(&scanner)
      } else if scanner.take("c_min ") {
        minimum = try ArcStats.data(&scanner)
      }
      scanner.skipLine()
    }
    guard let size else { throw .missing(.arcSize) }
    self.size = KiB(bytes: size)
    self.minimum = KiB(bytes: minimum)
  }

  /// What ZFS would give back.
  package var reclaimable: KiB { size - minimum }

  /// What ZFS would give back of the memory that a machine has in use; nil where the cache cannot be this machine's: it is
  /// larger than all that is in use there.
  ///
  /// - Parameter pool: Of huge pages.
  package func reclaimable(on machine: Meminfo, besides pool: KiB) -> KiB? {
    guard size <= machine.total - (pool + machine.free) else { return nil }
    return min(reclaimable, machine.unnamedUse(besides: pool))
  }

  private static func data(_ scanner: inout ByteScanner) throws(ProcParseError) -> UInt64 {
    scanner.skipBlanks()
    _ = try scanner.decimal()
    scanner.skipBlanks()
    return try scanner.decimal()
  }
}

/// What a compressed swap device holds, `/sys/block/zramN/mm_stat` (Documentation/admin-guide/blockdev/zram.rst).
package struct ZramStat: Equatable, Sendable {
  /// Before compression.
  package var stored: KiB
  /// The memory that takes, all told.
  package var used: KiB

  package init(stored: KiB, used: KiB) {
    self.stored = stored
    self.used = used
  }

  /// - Throws: What is wrong with one of the first three numbers, which are bytes.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    var numbers = InlineArray<3, UInt64>(repeating: 0)
    for index in 0..<3 {
      scanner.skipBlanks()
      numbers[index] = try scanner.decimal()
    }
    stored = KiB(bytes: numbers[0])
    used = KiB(bytes: numbers[2])
  }

  package static func + (left: ZramStat, right: ZramStat) -> ZramStat {
    ZramStat(stored: left.stored + right.stored, used: left.used + right.used)
  }

  /// Of `free` unused swap on such devices, what it would really relieve: storing a page there takes memory too. Below
  /// 4 MiB stored nothing can be said of how well the pages compress, and 2:1 is assumed.
  package func relief(of free: KiB) -> KiB {
    guard stored >= KiB(4096), used > .zero else { return KiB(free.count / 2) }
    guard used < stored else { return .zero }
    let product = (stored - used).count.multipliedFullWidth(by: free.count)
    // Less than `free`, since less than all of it is spared.
    return KiB(stored.count.dividingFullWidth(product).quotient)
  }

  /// Whether a device can hold so much.
  ///
  /// - Parameters:
  ///   - size: Of all such devices.
  ///   - machine: Its memory.
  package func isPossible(size: KiB, machine: KiB) -> Bool { stored <= size && used <= machine }
}
