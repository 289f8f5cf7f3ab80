import Flight
import LinuxSystem
import ProcModel
import Record

/// Saves the flight of each incident as a file, and keeps the newest of them. No decision waits for a disk: a thread
/// saves one at a time, and what it comes to later has more in it.
package struct FlightCourse: ~Copyable {
  /// The files that are kept.
  static let files = 16
  static let suffix = ".flight"

  private let saver: FileSaver
  /// The names of the files that are there, the oldest first.
  private var names: [ByteBuffer] = []
  /// The incident whose file was named last, and that which is to be saved; 0 is none.
  private var named: UInt32 = 0
  private var wanted: UInt32 = 0
  private var isSaving = false
  private var isFailureSaid = false
  private var text: [UInt8] = []

  /// - Parameters:
  ///   - folder: Only its owner may read what is saved there: names of programs, users and units are in it.
  ///   - names: The flights that are there, the oldest first.
  /// - Throws: Why no thread can be made.
  init(in folder: consuming OwnedDescriptor, holding names: [[UInt8]]) throws(Errno) {
    saver = try FileSaver(in: folder)
    self.names.reserveCapacity(FlightCourse.files + 1)
    for name in names.suffix(FlightCourse.files) {
      var buffer = ByteBuffer(capacity: FileSaver.longestName)
      buffer.fill(from: name.span)
      self.names.append(buffer)
    }
    text.reserveCapacity(FileSaver.longestName)
  }

  /// Whether a file of this name is one of its own.
  static func isFlight(_ name: Span<UInt8>) -> Bool {
    guard name.count > suffix.utf8.count else { return false }
    var scanner = ByteScanner(name, from: name.count - suffix.utf8.count)
    return scanner.take(suffix)
  }

  /// Saves what a decision or an outcome was told of since the last time, as far as the saver is free.
  mutating func advance(_ reporter: inout Reporter) {
    guard let flight = reporter.flight else { return }
    if reporter.hasToldOfIncident {
      reporter.hasToldOfIncident = false
      wanted = reporter.decisions
    }
    guard !saver.isBusy else { return }
    if isSaving { finish(&reporter) }
    if wanted != 0 { save(wanted, flight, &reporter) }
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

  private mutating func save(_ incident: UInt32, _ flight: SharedFlight, _ reporter: inout Reporter) {
    wanted = 0
    if incident != named { name(incident, &reporter) }
    named = incident
    guard let name = names.last else { return }
    let old = names.count > FlightCourse.files ? names.removeFirst() : ByteBuffer(capacity: 0)
    do throws(Errno) {
      try saver.name(name.bytes, removing: old.bytes)
      try flight.recorder.hand(to: saver)
      saver.save()
      isSaving = true
    } catch {
      say(error, &reporter)
    }
  }

  /// Such as `20261201T041500Z-ab12cd34-7-3.flight`: their order is that of time.
  private mutating func name(_ incident: UInt32, _ reporter: inout Reporter) {
    text.removeAll(keepingCapacity: true)
    text.append(compact: reporter.recorder.moment)
    text.append("-")
    text.append(incident: incident, of: reporter.recorder.run)
    text.append(FlightCourse.suffix)
    var name = ByteBuffer(capacity: FileSaver.longestName)
    name.fill(from: text.span)
    names.append(name)
  }

  private mutating func finish(_ reporter: inout Reporter) {
    isSaving = false
    if let reason = saver.failure { say(reason, &reporter) }
  }

  private mutating func say(_ reason: Errno, _ reporter: inout Reporter) {
    guard !isFailureSaid else { return }
    isFailureSaid = true
    reporter.messages.say(.warning, "a flight cannot be saved; kills do not depend on it", reason)
  }
}

extension FlightRecorder {
  /// Gives all its bytes to a saver. They stay where they are; what is overwritten while they are saved is a segment
  /// that the reader finds damaged.
  fileprivate mutating func hand(to saver: borrowing FileSaver) throws(Errno) {
    let snapshot = beginSnapshot()
    for number in 0..<snapshot.pieces { try saver.add(piece(number, of: snapshot)) }
  }
}
