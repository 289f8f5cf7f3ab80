package import ProcModel

/// A machine's memory as it was recorded, from `Tests/Fixtures/sequences`.
package struct RecordedSequence: Sendable {
  package var readings: [MemoryReading] = []
  /// All refaults since boot at each reading, in pages, of pages that had been in use and of others.
  package var allRefaults: [UInt64] = []
  /// The time of the first reading after the kernel's own killer had killed a process, in milliseconds since the
  /// recording began.
  package var oomKilledAt: UInt64?

  /// The recording begins some time after boot, so that no time is near zero.
  private static let start: UInt64 = 1_000_000

  /// A line that is no reading is a mistake in the tests, and stops them.
  package init(_ name: String) {
    let text = String(decoding: Fixture.bytes(of: Fixture.sequencePath(name + ".txt")), as: UTF8.self)
    let rows = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { row in
        row.split(separator: " ").map { field in
          guard let number = UInt64(field) else { fatalError("\(name): \(row)") }
          return number
        }
      }
    guard let sizes = rows.first, sizes.count == 2, rows.dropFirst().allSatisfy({ $0.count == 10 }) else {
      fatalError("\(name) is no recorded sequence")
    }
    let killsBefore = rows.dropFirst().first?[9] ?? 0
    for row in rows.dropFirst() {
      var reading = MemoryReading(
        time: .milliseconds(RecordedSequence.start + row[0]), total: KiB(sizes[0]), available: KiB(row[1]),
        swapTotal: KiB(sizes[1]), swapFree: KiB(row[3]))
      reading.fileCache = KiB(row[2])
      reading.stall = StallTotals(some: row[4], full: row[5])
      reading.reclaim = ReclaimTotals(refaults: row[7], directScans: row[8])
      readings.append(reading)
      allRefaults.append(row[6])
      if row[9] > killsBefore, oomKilledAt == nil { oomKilledAt = row[0] }
    }
  }

  /// When a reading was taken, in milliseconds since the recording began.
  package func milliseconds(of reading: MemoryReading) -> UInt64 {
    reading.time.milliseconds - RecordedSequence.start
  }
}
