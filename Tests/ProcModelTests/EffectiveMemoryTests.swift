import ProcModel
import Testing

/// Corrections of what the kernel calls available and free.
@Suite struct EffectiveMemoryTests {
  /// Composed after OpenZFS 2.1's `arcstats`: a kstat header, then `name type data`.
  static let arcstats = """
    9 1 0x01 96 26112 5240379843 1000000000
    name                            type data
    hits                            4    80921
    c                               4    4194304000
    c_min                           4    262144000
    c_max                           4    4194304000
    size                            4    1310720000
    compressed_size                 4    1110720000

    """

  @Test func theCacheOfZFSCountsAboveItsMinimum() throws {
    let arc = try ArcStats(parsing: Array(Self.arcstats.utf8).span)
    #expect(arc.size == KiB(1_280_000))
    #expect(arc.minimum == KiB(256_000))
    #expect(arc.reclaimable == KiB(1_024_000))
  }

  @Test func arcstatsWithoutASizeAreRefused() {
    #expect(throws: ProcParseError.missing(.arcSize)) { try ArcStats(parsing: Array("c_min 4 5\n".utf8).span) }
    let bytes = Array(Self.arcstats.utf8)
    for end in bytes.indices {
      _ = try? ArcStats(parsing: bytes.span.extracting(0..<end))
    }
  }

  @Test func zramHasTheBytesStoredAndTheMemoryUsed() throws {
    // Captured form of Linux 6.1's mm_stat: orig_data_size, compr_data_size, mem_used_total, and six more.
    let stat = try ZramStat(
      parsing: Array("  104857600  26214400  31457280        0 31457280      300        0       12       12\n".utf8)
        .span)
    #expect(stat == ZramStat(stored: KiB(102_400), used: KiB(30_720)))
    #expect(throws: ProcParseError.self) { try ZramStat(parsing: Array("1 2\n".utf8).span) }
  }

  @Test(
    arguments: [
      // Stored, used, free and relief: nothing stored yet; 4:1; incompressible; larger than before; all of it.
      (0, 0, 1000, 500), (102_400, 25_600, 1000, 750), (102_400, 102_400, 1000, 0), (8192, 9000, 1000, 0),
      (102_400, 1, 102_400, 102_399),
    ] as [(UInt64, UInt64, UInt64, UInt64)])
  func freeSwapOnZramCountsForWhatItWouldRelieve(stored: UInt64, used: UInt64, free: UInt64, relief: UInt64) {
    #expect(ZramStat(stored: KiB(stored), used: KiB(used)).relief(of: KiB(free)) == KiB(relief))
  }
}
