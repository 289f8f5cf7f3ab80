package import LinuxSystem
import ProcModel

/// The part of the past that is asked for. Nil is no limit on that side.
package struct Period: Equatable, Sendable {
  package var since: WallTime?
  package var until: WallTime?

  package init(since: WallTime? = nil, until: WallTime? = nil) {
    self.since = since
    self.until = until
  }

  package func contains(_ time: WallTime?) -> Bool {
    guard let time else { return since == nil && until == nil }
    if let since, time < since { return false }
    if let until, time > until { return false }
    return true
  }
}

/// How far the reading is, for a bar.
package struct ReadingProgress: Sendable {
  package var source: String
  package var bytes: UInt64
  package var total: UInt64
}

/// Reads sources one after the other, each as a stream.
package struct PastReader {
  package var period: Period
  package var notes = ReadingNotes()
  private let zone: LocalZone
  private var progress: ReadingProgress
  private let onProgress: (ReadingProgress) -> Void

  package init(
    _ period: Period, zone: LocalZone, onProgress: @escaping (ReadingProgress) -> Void = { _ in }
  ) {
    self.period = period
    self.zone = zone
    self.onProgress = onProgress
    progress = ReadingProgress(source: "", bytes: 0, total: 0)
  }

  /// Tells how many bytes these files have, for the bar.
  package mutating func expect(_ paths: [String]) {
    for path in paths {
      guard let file = try? OwnedDescriptor.open(CPath(path), .path), let facts = try? file.facts() else { continue }
      progress.total += facts.size
    }
  }

  // MARK: The record

  /// Reads the events of a file of the record.
  ///
  /// - Parameters:
  ///   - wanted: Kinds of events that are given.
  ///   - body: Receives each that is in the period.
  package mutating func readRecord(_ path: String, wanted: Set<RecordKind>, _ body: (RecordEvent) -> Void) {
    let period = self.period
    var problems = RecordProblems(path)
    read(path) { line, number in
      guard line.count > 0 else { return }
      do throws(RecordProblem) {
        let event = try RecordParser.event(line, wanted: wanted, since: period.since)
        problems.note(schema: event.schema, number)
        if wanted.contains(event.kind), period.contains(event.time) { body(event) }
      } catch {
        problems.note(error, number)
      }
    }
    for note in problems.notes { notes.add(note) }
  }

  // MARK: Logs

  /// Finds kills in a text log, or in what `journalctl -o json` or a copy of `/dev/kmsg` has.
  package mutating func readLog(_ path: String, _ body: (PastKill) -> Void) {
    let period = self.period
    var latest = WallTime(milliseconds: Int64(clamping: Clock.sinceEpoch() / 1_000_000))
    if let file = try? OwnedDescriptor.open(CPath(path), .path), let facts = try? file.facts() {
      let modified = WallTime(milliseconds: Int64(clamping: facts.modified / 1_000_000))
      // The last line was written before the file's last change.
      if let since = period.since, modified < since.advanced(milliseconds: -3_600_000) { return }
      latest = min(latest, modified)
    }
    var scan = LogScan(LogContext(zone: zone, latest: latest), from: .logFile)
    read(path) { line, _ in
      let isJSON = line.count > 1 && line[0] == UInt8(ascii: "{")
      guard let kill = isJSON ? scan.take(journal: line) : scan.take(line), period.contains(kill.time.wall) else {
        return
      }
      body(kill)
    }
  }

  /// Finds kills in the kernel's own buffer.
  package mutating func readKernelRing(_ path: String = "/dev/kmsg", _ body: (PastKill) -> Void) {
    let now = WallTime(milliseconds: Int64(clamping: Clock.sinceEpoch() / 1_000_000))
    var scan = LogScan(
      LogContext(zone: zone, latest: now, bootedAt: ThisBoot.began), from: .kernelRing, boot: ThisBoot.id)
    let period = self.period
    do throws(Errno) {
      var ring = try KernelRing(path)
      try ring.read { record in
        if let kill = scan.take(record), period.contains(kill.time.wall) { body(kill) }
      }
      notes.sourcesRead += 1
    } catch {
      if error != .noSuchFile { notes.add(ReadingNote(path, failure: error, reader: .kernelRing)) }
    }
  }

  /// Finds kills in the journal. Does nothing where there is no journalctl(1).
  package mutating func readJournal(_ body: (PastKill) -> Void) {
    guard let program = Program.path("journalctl") else { return }
    let now = WallTime(milliseconds: Int64(clamping: Clock.sinceEpoch() / 1_000_000))
    var scan = LogScan(LogContext(zone: zone, latest: now), from: .journal)
    let period = self.period
    onProgress(ReadingProgress(source: "the journal", bytes: progress.bytes, total: 0))
    do throws(Errno) {
      let status = try JournalProgram.read(program, since: period.since, until: period.until) { line in
        if let kill = scan.take(journal: line), period.contains(kill.time.wall) { body(kill) }
      }
      switch (JournalProgram.isReadable, status) {
      case (false, _): notes.add(ReadingNote("the journal", failure: .accessDenied, reader: .journal))
      case (true, 0): notes.sourcesRead += 1
      case (nil, _): break
      case (true, _): notes.add(ReadingNote("the journal", "journalctl(1) failed with exit code \(status)"))
      }
    } catch {
      notes.add(ReadingNote("the journal", "journalctl(1) cannot be used: \(error.text)"))
    }
  }

  // MARK: -

  /// Reads a file, and notes why it cannot be read.
  private mutating func read(_ path: String, _ body: (Span<UInt8>, UInt64) -> Void) {
    progress.source = path
    var progress = self.progress
    let onProgress = self.onProgress
    defer { self.progress = progress }
    do throws(Errno) {
      let file = try OpenedLog(path)
      onProgress(progress)
      let ending = try file.read(progress: { count in
        progress.bytes += count
        onProgress(progress)
      }) { line, number in
        body(line, number)
        return true
      }
      notes.sourcesRead += 1
      if let problem = ending.problem { notes.add(ReadingNote(path, problem)) }
      if ending.passedOver > 0 {
        notes.add(ReadingNote(path, "\(ending.passedOver) lines are longer than 1 MiB, and left out"))
      }
    } catch {
      notes.add(ReadingNote(path, failure: error, reader: .file))
    }
  }
}

extension ReadingNote {
  package enum Reader: Sendable {
    case file, kernelRing, journal
  }

  /// Why a source cannot be read, with what helps.
  package init(_ source: String, failure: Errno, reader: Reader) {
    guard failure == .accessDenied || failure == .notPermitted else {
      self.init(source, failure.text)
      return
    }
    let cure =
      switch reader {
      case .file: "permission denied: use sudo, or become a member of group adm (sudo usermod -aG adm USER)"
      case .kernelRing: "only root may read it here (kernel.dmesg_restrict): use sudo"
      case .journal:
        "only your own entries can be read: use sudo, or become a member of group adm (sudo usermod -aG adm USER)"
      }
    self.init(source, cure, isDenial: true)
  }
}

/// Lines of a record's file that were not as they should be.
private struct RecordProblems {
  private let path: String
  private var foreign: ReadingNote?
  private var torn: ReadingNote?
  private var newer: ReadingNote?

  init(_ path: String) {
    self.path = path
  }

  mutating func note(schema: UInt64?, _ line: UInt64) {
    guard let schema, schema != RecordParser.schema else { return }
    let text =
      schema > RecordParser.schema
      ? "schema \(schema) is newer than this program, which knows \(RecordParser.schema): what it adds is not shown"
      : "schema \(schema) is older than this program's, \(RecordParser.schema): what it lacks is not shown"
    RecordProblems.count(&newer, ReadingNote(path, line: line, text))
  }

  mutating func note(_ problem: RecordProblem, _ line: UInt64) {
    switch problem {
    case .foreign:
      RecordProblems.count(
        &foreign, ReadingNote(path, line: line, "this is no line of a Spillway record, and left out"))
    case .torn:
      RecordProblems.count(&torn, ReadingNote(path, line: line, "the line is cut off or damaged, and left out"))
    }
  }

  private static func count(_ note: inout ReadingNote?, _ new: ReadingNote) {
    if note == nil { note = new } else { note?.others += 1 }
  }

  var notes: [ReadingNote] { [foreign, torn, newer].compactMap { $0 } }
}
