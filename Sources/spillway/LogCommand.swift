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

  @Option(
    help: ArgumentHelp(
      "Leave out what was before this time, such as \"2 days ago\", yesterday or \"2026-11-30 10:00\".",
      valueName: "time"))
  var since: String?

  @Option(help: ArgumentHelp("Leave out what was after this time.", valueName: "time"))
  var until: String?

  @Option(
    help: ArgumentHelp(
      "Read this record, with those rotated away from it. Default: /var/log/spillway/decisions.jsonl.",
      valueName: "file"))
  var record: String?

  private static let kinds: Set<RecordKind> = [
    .start, .decision, .outcome, .episode, .hook, .relief, .lastResort, .reload, .stop, .other,
  ]

  /// Events that --follow prints before it waits.
  private static let before = 10

  func validate() throws {
    if follow, until != nil { throw ValidationError("--follow has no end: leave --until out") }
  }

  func run() throws {
    try reportingFailures { () throws(Failure) in
      var options = PastOptions()
      (options.since, options.until, options.record, options.log) = (since, until, record.map { [$0] } ?? [], [])
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
      let keepsLast = follow && since == nil
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
  private var position = 0

  /// How long it waits between two looks.
  private static let pause: Int32 = 250

  /// - Parameter path: The record. What it has by now is not followed.
  init(_ path: String) {
    self.path = path
    if let file = try? OwnedDescriptor.open(CPath(path), .path), let facts = try? file.facts() {
      position = Int(clamping: facts.size)
    }
  }

  /// Never returns, unless the reader of the output has exited.
  func follow(_ body: (RecordEvent) -> Void) {
    while true {
      if let file = try? OwnedDescriptor.open(CPath(path), .read, .nonBlocking), let facts = try? file.facts() {
        follow(file, facts, body)
        position = 0
      }
      Clock.pause(milliseconds: RecordFollower.pause)
    }
  }

  /// Follows a file until another has its name.
  private func follow(_ file: borrowing OwnedDescriptor, _ facts: FileFacts, _ body: (RecordEvent) -> Void) {
    var reader = LineReader()
    if Int(clamping: facts.size) >= position { try? file.seek(to: position) }
    while true {
      try? reader.readAppended(file) { line, _ in
        if let event = try? RecordParser.event(line) { body(event) }
        return true
      }
      Clock.pause(milliseconds: RecordFollower.pause)
      guard let named = try? OwnedDescriptor.open(CPath(path), .path), let now = try? named.facts() else { continue }
      if !now.isSameFile(as: facts) {
        // What was written to the old one since is read first.
        try? reader.readAppended(file) { line, _ in
          if let event = try? RecordParser.event(line) { body(event) }
          return true
        }
        return
      }
      if let current = try? file.position(), now.size < current { try? file.seek(to: 0) }
    }
  }
}
