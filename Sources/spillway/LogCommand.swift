import ArgumentParser
import History
import LinuxSystem

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Show Spillway's record in words.",
    discussion: """
      Prints a line for each event of the record and of those rotated away from it, the newest last: starts, decisions, \
      outcomes, ends of episodes, hooks, relief, reloads and stops. With --follow it prints the last ten, and goes on as \
      they are written, until Ctrl-C.

      Lines that are no events are named on standard error. Exits with 77 where the record may not be read; members of \
      group adm may.
      """)

  @Flag(name: .shortAndLong, help: "Go on, and print events as they are written.")
  var follow = false

  @Option(
    help: ArgumentHelp("Show only what belongs to this incident, such as 1e4b4a41-8412-3.", valueName: "incident"))
  var incident: String?

  @OptionGroup var period: PeriodOptions

  @Option(
    help: ArgumentHelp(
      "Read this record, with those rotated away from it. Default: /var/log/spillway/decisions.jsonl.",
      valueName: "file"))
  var record: String?

  private static let kinds: Set<RecordKind> = [
    .start, .decision, .outcome, .episode, .hook, .relief, .lastResort, .reload, .lost, .stop, .other,
  ]

  /// Events that --follow prints before it waits.
  private static let before = 10

  func validate() throws {
    if follow, period.until != nil { throw ValidationError("--follow has no end: leave --until out") }
  }

  func run() throws {
    try reportingFailures { () throws(Failure) in
      var options = PastOptions()
      (options.period, options.record, options.log) = (period, record.map { [$0] } ?? [], [])
      let path = record ?? PastOptions.serviceRecord
      guard Files.exist(path) || follow || RotatedFiles.of(path) != [path] else {
        throw Failure(
          .usage, "\(visible(Array(path.utf8).span)): there is no record; the service writes one, and run --record FILE"
        )
      }
      // What is written while the past is read is not lost.
      let follower = follow ? RecordFollower(path) : nil
      var reading = try PastReading(options)
      let output = Output()
      var last: [String] = []
      let keepsLast = follow && period.since == nil
      try reading.events(LogCommand.kinds) { event in
        guard isWanted(event) else { return }
        if keepsLast {
          last.append(RecordWords.line(event))
          if last.count > LogCommand.before { last.removeFirst() }
        } else {
          output.write(RecordWords.line(event))
        }
      }
      output.write(last.joined())
      try reading.tellNotes()
      follower?.follow { event in
        if isWanted(event) { output.write(RecordWords.line(event)) }
      }
    }
  }

  private func isWanted(_ event: RecordEvent) -> Bool {
    guard let incident else { return true }
    return event.incident.map { $0.elementsEqual(incident.utf8) } ?? false
  }
}

/// Waits for lines that are appended to a record, and goes on with the next file when it is rotated.
final class RecordFollower {
  private let path: String
  /// Where the first file is followed from.
  private var position: Int
  private var followed: FollowedFile?

  /// How long it waits between two looks.
  private static let pause: Int32 = 250

  /// - Parameter path: The record. What it has by now is not followed.
  init(_ path: String) {
    self.path = path
    let facts = RecordFollower.facts(path)
    position = facts.map { Int(clamping: $0.size) } ?? 0
  }

  private static func facts(_ path: String) -> FileFacts? {
    guard let file = try? OwnedDescriptor.open(CPath(path), .path) else { return nil }
    return try? file.facts()
  }

  /// Never returns. The program stops by a signal, or when what reads its output has exited.
  func follow(_ body: (RecordEvent) -> Void) {
    while true {
      look(body)
      Clock.pause(milliseconds: RecordFollower.pause)
    }
  }

  /// One look. It stays a function of its own: inlined into the loop, it kept the optimizer of Swift 6.3 busy for good.
  @inline(never)
  private func look(_ body: (RecordEvent) -> Void) {
    guard let followed else {
      followed = FollowedFile(path, from: position)
      position = 0
      followed?.read(body)
      return
    }
    // The name is looked at first, so that what was written to the old file before the new one came is read.
    let named = RecordFollower.facts(path)
    followed.read(body)
    guard let named else { return }
    if named.isSameFile(as: followed.facts) { followed.rewindIfShorter() } else { self.followed = nil }
  }
}

/// A file of a record that is being followed.
private final class FollowedFile {
  let facts: FileFacts
  private let file: OwnedDescriptor
  private var reader = LineReader()

  /// - Returns: Nil where it cannot be opened.
  init?(_ path: String, from position: Int) {
    guard let file = try? OwnedDescriptor.open(CPath(path), .read, .nonBlocking), let facts = try? file.facts() else {
      return nil
    }
    if Int(clamping: facts.size) >= position { try? file.seek(to: position) }
    self.facts = facts
    self.file = file
  }

  /// Gives the events that were appended. A line that is none is left out.
  func read(_ body: (RecordEvent) -> Void) {
    try? reader.readAppended(file) { line, _ in
      if let event = try? RecordParser.event(line) { body(event) }
      return true
    }
  }

  /// Goes back to the beginning where the file was emptied, as logrotate's `copytruncate` does. Its size is asked for after
  /// what was read of it: a file that grew meanwhile is not shorter.
  func rewindIfShorter() {
    guard let position = try? file.position(), let size = try? file.facts().size else { return }
    if size < position { try? file.seek(to: 0) }
  }
}
