import Fixtures
import ProcModel
import Testing

@Suite struct SmapsRollupTests {
  /// - Parameter own: In KiB.
  @Test(arguments: [("rollups/6.18", 8112), ("rollups/4.14", 8456)])
  func whatACopyHoldsAloneIsCounted(name: String, own: UInt64) throws {
    let rollup = try SmapsRollup(parsing: Fixture.bytes(name).span)
    #expect(rollup.ownAnonymous == KiB(own))
  }

  @Test func pagesOfFilesAreNoAnonymousMemory() throws {
    let text = "Private_Clean: 9000 kB\nPrivate_Dirty: 500 kB\nAnonymous: 400 kB\nPss_Anon: 300 kB\nSwapPss: 0 kB\n"
    #expect(try SmapsRollup(parsing: Array(text.utf8).span).ownAnonymous == KiB(300))
  }

  /// A kernel thread's is empty.
  @Test(arguments: ["", "Private_Dirty: 4 kB\n", "Anonymous: 4 kB\n", "[rollup]\nRss: 4 kB\n"])
  func withoutWhatEveryKernelPrintsThereIsNone(text: String) {
    #expect(throws: ProcParseError.missing(.smapsPrivate)) { try SmapsRollup(parsing: Array(text.utf8).span) }
  }

  @Test(arguments: ["rollups/6.18", "rollups/4.14"]) func theLinesThatAreReadAreKept(name: String) throws {
    let whole = Fixture.bytes(name)
    var buffer = ByteBuffer(whole)
    buffer.keepRollupLines()
    #expect(buffer.count < whole.count / 3)
    #expect(try SmapsRollup(parsing: buffer.bytes) == SmapsRollup(parsing: whole.span))
    for end in 0...whole.count {
      var cut = ByteBuffer(Array(whole[..<end]))
      cut.keepRollupLines()
      #expect(cut.count <= end)
    }
  }
}
