/// The size of ZFS's cache (ARC), from `/proc/spl/kstat/zfs/arcstats`. ZFS gives this memory back when asked, and
/// `MemAvailable` does not count it.
package struct ArcStats: Equatable, Sendable {
  /// The memory that the cache holds (`size`).
  package var size: KiB
  /// The size below which the cache does not shrink (`c_min`).
  package var minimum: KiB

  /// - Throws: ``ProcParseError/missing(_:)`` without `size`; otherwise what is wrong with a line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var size: UInt64?
    var minimum: UInt64 = 0
    var scanner = ByteScanner(bytes)
    // Lines are `name type data`; the data of both fields are bytes.
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

  /// The memory that ZFS would give back.
  package var reclaimable: KiB { size - minimum }

  /// Returns the memory that ZFS would give back of the memory in use on a machine. Nil where the cache is larger than
  /// all that is in use there, and so cannot be this machine's.
  ///
  /// - Parameter pool: The machine's pool of huge pages.
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

/// The content of a compressed swap device, from `/sys/block/zramN/mm_stat`
/// (Documentation/admin-guide/blockdev/zram.rst).
package struct ZramStat: Equatable, Sendable {
  /// The size of the stored data before compression (`orig_data_size`).
  package var stored: KiB
  /// The memory that the device takes, overhead included (`mem_used_total`).
  package var used: KiB

  package init(stored: KiB, used: KiB) {
    self.stored = stored
    self.used = used
  }

  /// - Throws: What is wrong with one of the first three numbers, which are in bytes.
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

  /// Returns how much memory `free` unused swap on such devices would relieve: storing a page there takes memory too.
  ///
  /// Below 4 MiB stored, the compression ratio says nothing yet, and 2:1 is assumed.
  package func relief(of free: KiB) -> KiB {
    guard stored >= KiB(4096), used > .zero else { return KiB(free.count / 2) }
    guard used < stored else { return .zero }
    let product = (stored - used).count.multipliedFullWidth(by: free.count)
    // The quotient fits, since it is less than `free`.
    return KiB(stored.count.dividingFullWidth(product).quotient)
  }

  /// Whether the devices can hold so much.
  ///
  /// - Parameters:
  ///   - size: The size of all such devices.
  ///   - machine: The machine's memory.
  package func isPossible(size: KiB, machine: KiB) -> Bool { stored <= size && used <= machine }
}
