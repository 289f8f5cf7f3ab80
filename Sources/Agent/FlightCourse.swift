import Flight
import LinuxSystem
import ProcModel
import Record

/// Saves the flight of each incident as a file, and keeps the newest of them. No decision waits for a disk: a thread
/// saves one at a time, and what it comes to later has more in it. A flight that is asked for (SIGUSR1) is a file beside
/// those, each in the place of the one before it: asking often costs no flight of an incident.
package struct FlightCourse: ~Copyable {
  /// The number of files that are kept.
  static let keptFiles = 16
  static let suffix = ".flight"
  /// The file of the flight that was asked for last.
  package static let askedName = "asked.flight"

  private let saver: FileSaver
  /// The names of the files that are there, in a ring with a place more than there are files: in it the one that is
  /// removed is next to the newest.
  private var names: [ByteBuffer] = []
  private var newest = 0
  private var count = 0
  /// The incident whose file was named last, and that which is to be saved; 0 is none.
  private var named: UInt32 = 0
  private var wanted: UInt32 = 0
  /// Whether a flight was asked for that is not being saved yet.
  private(set) var isAsked = false
  private let askedName: ByteBuffer
  /// What is being saved. Kept, since the saver reads its memory.
  private var saving: FlightSnapshot?
  private var isFailureSaid = false
  private var text: [UInt8] = []

  /// - Parameters:
  ///   - folder: Only its owner may read what is saved there: names of programs, users and units are in it.
  ///   - names: The flights that are there, the oldest first.
  /// - Throws: Why no thread can be made.
  init(in folder: consuming OwnedDescriptor, holding names: [[UInt8]]) throws(Errno) {
    saver = try FileSaver(in: folder)
    var askedName = ByteBuffer(capacity: FlightCourse.askedName.utf8.count)
    askedName.fill(from: Array(FlightCourse.askedName.utf8).span)
    self.askedName = askedName
    for _ in 0...FlightCourse.keptFiles { self.names.append(ByteBuffer(capacity: FileSaver.longestName)) }
    for name in names.suffix(FlightCourse.keptFiles) { push(name.span) }
    text.reserveCapacity(FileSaver.longestName)
  }

  /// Adds the name of a file. Takes no memory from the heap.
  private mutating func push(_ name: Span<UInt8>) {
    newest = (newest + 1) % names.count
    names[newest].fill(from: name)
    count = min(count + 1, names.count)
  }

  /// Whether a file of this name is the flight of an incident.
  static func isFlight(_ name: Span<UInt8>) -> Bool {
    guard name.count > suffix.utf8.count else { return false }
    var whole = ByteScanner(name)
    if whole.take(askedName), whole.offset == name.count { return false }
    var scanner = ByteScanner(name, from: name.count - suffix.utf8.count)
    return scanner.take(suffix)
  }

  /// The flight is to be saved as it is, once the saver is free.
  ///
  /// - Returns: True.
  mutating func ask() -> Bool {
    isAsked = true
    return true
  }

  /// Saves what a decision or an outcome was told of since the last time, or what was asked for, as far as the saver is
  /// free.
  mutating func advance(_ reporter: inout Reporter) {
    guard let flight = reporter.flight else { return }
    if reporter.hasToldOfIncident {
      reporter.hasToldOfIncident = false
      wanted = reporter.decisions
    }
    guard !saver.isBusy else { return }
    if saving != nil { finish(&reporter) }
    if wanted != 0 {
      save(wanted, flight, &reporter)
    } else if isAsked {
      saveAsked(flight, &reporter)
    }
  }

  /// Saves what there is, for an agent that stops, and waits for it a little.
  mutating func end(_ reporter: inout Reporter, within patience: Nanoseconds) {
    guard let flight = reporter.flight else { return }
    saver.wait(milliseconds: Int32(clamping: patience.milliseconds))
    guard !saver.isBusy else { return }
    save(max(reporter.decisions, 1), flight, &reporter)
    saver.wait(milliseconds: Int32(clamping: patience.milliseconds))
    finish(&reporter)
  }

  /// Waits for what is being saved. For tests.
  func wait(milliseconds: Int32) { saver.wait(milliseconds: milliseconds) }

  private mutating func save(_ incident: UInt32, _ flight: SharedFlight, _ reporter: inout Reporter) {
    wanted = 0
    if incident != named { name(incident, &reporter) }
    named = incident
    let (name, oldest) = (names[newest], names[(newest + 1) % names.count])
    do throws(Errno) {
      if count > FlightCourse.keptFiles {
        try saver.name(name.bytes, removing: oldest.bytes)
        count = FlightCourse.keptFiles
      } else {
        try saver.name(name.bytes, removing: Span())
      }
      try handOver(flight)
    } catch {
      say(error, &reporter)
    }
  }

  private mutating func saveAsked(_ flight: SharedFlight, _ reporter: inout Reporter) {
    isAsked = false
    do throws(Errno) {
      try saver.name(askedName.bytes, removing: Span())
      try handOver(flight)
    } catch {
      say(error, &reporter)
    }
  }

  private mutating func handOver(_ flight: SharedFlight) throws(Errno) {
    saving = try flight.recorder.give(to: saver)
    saver.save()
  }

  /// Such as `20261201T041500Z-ab12cd34-7-3.flight`: their order is that of time.
  private mutating func name(_ incident: UInt32, _ reporter: inout Reporter) {
    text.removeAll(keepingCapacity: true)
    text.append(compact: reporter.recorder.moment)
    text.append("-")
    text.append(incident: incident, of: reporter.recorder.run)
    text.append(FlightCourse.suffix)
    let name = text
    push(name.span)
  }

  private mutating func finish(_ reporter: inout Reporter) {
    saving = nil
    if let reason = saver.failure { say(reason, &reporter) }
  }

  private mutating func say(_ reason: Errno, _ reporter: inout Reporter) {
    guard !isFailureSaid else { return }
    isFailureSaid = true
    reporter.messages.say(.warning, "a flight cannot be saved; kills do not depend on it", reason)
  }
}

extension FlightRecorder {
  /// Gives all its bytes to a saver. They stay where they are as long as the snapshot is kept; what is overwritten while
  /// they are saved is a segment that the reader finds damaged.
  fileprivate mutating func give(to saver: borrowing FileSaver) throws(Errno) -> FlightSnapshot {
    let snapshot = beginSnapshot()
    for number in 0..<snapshot.pieces { try saver.add(piece(number, of: snapshot)) }
    return snapshot
  }
}
