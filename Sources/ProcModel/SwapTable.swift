/// `/proc/swaps` (proc(5), mm/swapfile.c): the swap areas in use.
package struct SwapTable: Sendable {
  package enum Kind: UInt8, Equatable, Sendable {
    case partition
    case file
    /// Compressed memory that passes for a disk: what is free in it is no memory gained.
    case zram
  }

  package struct Area: Equatable, Sendable {
    package var size: KiB
    package var used: KiB
    /// Higher is used first; the kernel gives −2, −3, … to those without.
    package var priority: Int32
    package var kind: Kind

    package init(size: KiB = .zero, used: KiB = .zero, priority: Int32 = 0, kind: Kind = .partition) {
      self.size = size
      self.used = used
      self.priority = priority
      self.kind = kind
    }
  }

  /// Areas that are kept one by one. The kernel allows some 29; the sums count every one.
  package static let capacity = 16

  private var storage: InlineArray<16, Area>
  /// Areas in the file.
  package private(set) var count = 0
  package private(set) var size = KiB.zero
  package private(set) var used = KiB.zero
  /// Of ``size``, the part on zram.
  package private(set) var zramSize = KiB.zero
  /// Of ``used``, the part on zram.
  package private(set) var zramUsed = KiB.zero

  /// Areas that are counted and summed, but found no room among those kept.
  package var overflow: Int { max(0, count - SwapTable.capacity) }
  /// Areas that ``subscript(_:)`` gives.
  package var kept: Int { min(count, SwapTable.capacity) }

  /// - Parameter index: Below ``kept``, in file order.
  package subscript(index: Int) -> Area { storage[index] }

  /// - Throws: ``ProcParseError/truncated(offset:)`` of an empty file, ``ProcParseError/malformed(offset:)`` without
  ///   the header line; else what is wrong with a line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    storage = InlineArray(repeating: Area())
    var scanner = ByteScanner(bytes)
    guard scanner.take("Filename") else {
      throw scanner.isAtEnd ? .truncated(offset: 0) : .malformed(offset: 0)
    }
    scanner.skipLine()
    while !scanner.isAtEnd {
      let area = try SwapTable.area(&scanner)
      size += area.size
      used += area.used
      if area.kind == .zram {
        zramSize += area.size
        zramUsed += area.used
      }
      if count < SwapTable.capacity { storage[count] = area }
      count += 1
    }
  }

  /// Takes one line: name, kind, size and used in KiB, priority.
  ///
  /// A name's own blanks stand as `\040` and the like (`seq_file_path`), so that it is one word.
  private static func area(_ scanner: inout ByteScanner) throws(ProcParseError) -> Area {
    var area = Area()
    let isZram = scanner.take("/dev/zram")
    scanner.skipWord()
    scanner.skipBlanks()
    if scanner.take("file") { area.kind = .file }
    if isZram { area.kind = .zram }
    scanner.skipWord()
    scanner.skipBlanks()
    area.size = KiB(try scanner.decimal())
    scanner.skipBlanks()
    area.used = KiB(try scanner.decimal())
    scanner.skipBlanks()
    area.priority = try scanner.signed32()
    try scanner.expectLineEnd()
    scanner.skipLine()
    return area
  }
}
