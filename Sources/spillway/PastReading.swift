import History
import LinuxSystem

/// Reads all sources of a command, with a bar on a terminal, and says what could not be read.
struct PastReading {
  private let options: PastOptions
  private let bar: ProgressBar
  private var reader: PastReader

  init(_ options: PastOptions) throws(Failure) {
    self.options = options
    let bar = ProgressBar()
    self.bar = bar
    reader = PastReader(try options.period.resolved(), zone: PastOptions.zone) { bar.show($0) }
  }

  /// The kills that all sources tell of, each once, the newest last.
  ///
  /// - Parameters:
  ///   - limit: The largest number of kills, of which the newest are kept.
  ///   - isWanted: Which are kept at all, as one source tells of them.
  ///   - onRecord: Receives each event of the record besides.
  mutating func kills(
    limit: Int, isWanted: @escaping @Sendable (PastKill) -> Bool = { _ in true }, also kinds: Set<RecordKind> = [],
    _ onRecord: (RecordEvent) -> Void = { _ in }
  ) throws(Failure) -> Found {
    let records = try options.recordFiles()
    let logs = try options.logFiles()
    reader.expect(records + logs)
    var store = KillStore(limit: limit, isWanted: isWanted)
    for file in records where Files.exist(file) {
      reader.readRecord(file, wanted: RecordedKills.kinds.union(kinds)) { event in
        RecordedKills.add(event, to: &store)
        if kinds.contains(event.kind) { onRecord(event) }
      }
    }
    for file in logs { reader.readLog(file) { store.add($0) } }
    if !options.isNamed {
      reader.readJournal { store.add($0) }
      reader.readKernelRing { store.add($0) }
    }
    bar.clear()
    let kills = store.take()
    return Found(kills: kills, leftOut: store.leftOut)
  }

  /// The events of the record alone.
  mutating func events(_ kinds: Set<RecordKind>, _ body: (RecordEvent) -> Void) throws(Failure) {
    let records = try options.recordFiles()
    reader.expect(records)
    for file in records where Files.exist(file) { reader.readRecord(file, wanted: kinds, body) }
    bar.clear()
  }

  struct Found {
    var kills: [PastKill]
    /// How many older ones there are.
    var leftOut: UInt64
  }

  /// Says on standard error what could not be read, or was not as it should be.
  ///
  /// - Throws: Where nothing at all could be read, for want of a permission.
  func tellNotes() throws(Failure) {
    for note in reader.notes.notes { StandardError.write("spillway: \(visible(Array(note.sentence.utf8).span))\n") }
    if reader.notes.sourcesRead == 0, reader.notes.hasDenials { throw Failure(.noPermission, "nothing could be read") }
  }

  var period: Period { reader.period }
  var hasDenials: Bool { reader.notes.hasDenials }
}

/// How far the reading is, on a terminal.
final class ProgressBar {
  private let isShown = Terminal.isTerminal(2)
  private let start = Clock.awake()
  private var last: UInt64 = 0
  private var isDrawn = false

  /// Nothing is drawn before this time, in nanoseconds, since most readings are over by then.
  private static let patience: UInt64 = 300_000_000
  private static let pause: UInt64 = 100_000_000

  func show(_ progress: ReadingProgress) {
    guard isShown else { return }
    let now = Clock.awake()
    guard now - start > ProgressBar.patience, now - last > ProgressBar.pause else { return }
    last = now
    isDrawn = true
    let megabytes = progress.bytes / 1_000_000
    let rate = progress.bytes / max((now - start) / 1_000_000, 1) / 1000
    var text = "reading \(visible(Array(progress.source.utf8).span))"
    if progress.total > 0 {
      let share = min(progress.bytes / max(progress.total / 100, 1), 100)
      let done = Int(share / 5)
      text += "  [" + String(repeating: "#", count: done) + String(repeating: ".", count: 20 - done) + "] \(share)%"
      text += "  \(megabytes) MB, \(rate) MB/s"
    }
    StandardError.write("\r\(text)\u{1b}[K")
  }

  func clear() {
    if isDrawn { StandardError.write("\r\u{1b}[K") }
    isDrawn = false
  }
}
