/// `/proc/swaps` (proc(5), mm/swapfile.c): the swap areas in use.
///
///     Filename    Type       Size     Used  Priority
///     /dev/zram0  partition  1048572  0     100
package struct SwapTable: Sendable {
  package enum Kind: UInt8, Equatable, Sendable {
    case partition
    case file
    /// Compressed memory that looks like a disk. Unused space on it is no memory gained.
    case zram
  }

  /// One swap area.
  package struct Area: Equatable, Sendable {
    /// The size of the area; the file has KiB.
    package var size: KiB
    /// The part of it that is in use.
    package var used: KiB
    /// The priority. The kernel uses the area with the highest first, and gives −2, −3, … to areas without one.
    package var priority: Int32
    package var kind: Kind

    package init(size: KiB = .zero, used: KiB = .zero, priority: Int32 = 0, kind: Kind = .partition) {
      self.size = size
      self.used = used
      self.priority = priority
      self.kind = kind
    }
  }

  /// The number of areas that are kept one by one. The kernel allows about 29; the sums count every one.
  package static let capacity = 16

  private var storage: InlineArray<16, Area>
  /// The number of areas in the file.
  package private(set) var count = 0
  /// The size of all areas.
  package private(set) var size = KiB.zero
  /// The part of ``size`` that is in use.
  package private(set) var used = KiB.zero
  /// The part of ``size`` that is on zram devices.
  package private(set) var zramSize = KiB.zero

  /// The number of areas that are counted and summed, but not kept.
  package var overflow: Int { max(0, count - SwapTable.capacity) }
  /// The number of areas that ``subscript(_:)`` gives.
  package var kept: Int { min(count, SwapTable.capacity) }

  /// - Parameter index: A number below ``kept``, in the order of the file.
  package subscript(index: Int) -> Area { storage[index] }

  /// - Throws: ``ProcParseError/truncated(offset:)`` for an empty file, ``ProcParseError/malformed(offset:)`` without
  ///   the header line; otherwise what is wrong with a line.
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
      if area.kind == .zram { zramSize += area.size }
      if count < SwapTable.capacity { storage[count] = area }
      count += 1
    }
  }

  /// Consumes one line: name, kind, size and used in KiB, priority.
  ///
  /// Blanks in a name are printed as `\040` and the like (`seq_file_path`), so a name is one word.
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
