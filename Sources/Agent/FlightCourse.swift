import Flight
import LinuxSystem
import Policy
import ProcModel
import Record

/// Saves the flight of each incident as a file, and keeps the newest of them. No decision waits for a disk: a thread
/// saves one at a time, and what it comes to later has more in it. A flight that is asked for (SIGUSR1), and that of a
/// stop, are files beside those, each in the place of the one before it: neither costs a flight of an incident.
package struct FlightCourse: ~Copyable {
  private let saver: FileSaver
  private var folder: FlightFolder
  /// Those of the policy at the start: the ring is not made anew by a reload, since what was recorded would be lost.
  private let atStart: FlightSettings
  /// The incident whose file is the newest, and that which is to be saved; 0 is none.
  private var named: UInt32 = 0
  private var wanted: UInt32 = 0
  /// Whether a flight was asked for that is not being saved yet: it is saved once the saver is free.
  var isAsked = false
  private let askedName: ByteBuffer
  private let stoppedName: ByteBuffer
  /// What is being saved. Kept, since the saver reads its memory.
  private var saving: FlightSnapshot?
  private var isFailureSaid = false
  private var text: [UInt8] = []

  /// - Parameter folder: Only its owner may read what is saved there: names of programs, users and units are in it.
  /// - Throws: Why the folder cannot be read, or no thread can be made.
  init(_ settings: FlightSettings, in folder: consuming OwnedDescriptor) throws(Errno) {
    let files = try FlightFolder(settings, in: folder)
    saver = try FileSaver(in: folder)
    self.folder = files
    atStart = settings
    askedName = ByteBuffer(Array(FlightName.asked.utf8))
    stoppedName = ByteBuffer(Array(FlightName.stopped.utf8))
    text.reserveCapacity(FileSaver.longestName)
  }

  /// Takes the bounds of another policy, and says what of it counts from the next start only. Allocates.
  mutating func takeUp(_ settings: FlightSettings, _ reporter: inout Reporter) {
    folder.setBounds(settings)
    if settings.ring != atStart.ring || settings.keepsCommandLines != atStart.keepsCommandLines {
      FlightCourse.sayLater(&reporter)
    }
  }

  static func sayLater(_ reporter: inout Reporter) {
    reporter.messages.say(
      .notice, "flight.ring and flight.command_lines of the new policy count when the agent is started again")
  }

  /// Saves what a decision or an outcome was told of since the last time, or what was asked for, as far as the saver is
  /// free, and makes memory ready for what will be recorded next. To be called when no decision is waiting.
  ///
  /// - Parameter isCalm: Whether memory is easily had.
  mutating func advance(_ reporter: inout Reporter, isCalm: Bool) {
    guard let flight = reporter.flight else { return }
    flight.recorder.makeReady(isCalm: isCalm)
    if reporter.hasToldOfIncident {
      reporter.hasToldOfIncident = false
      wanted = reporter.decisions
    }
    guard !saver.isBusy else { return }
    if saving != nil { finish(&reporter) }
    if wanted != 0 {
      save(wanted, flight, &reporter)
    } else if isAsked {
      isAsked = false
      save(as: askedName, flight, &reporter)
    } else if folder.isOver {
      // A removal that fails is none that matters.
      try? beginJob()
    }
  }

  /// Saves what there is, for an agent that stops, and waits for it a little.
  mutating func end(_ reporter: inout Reporter, within patience: Nanoseconds) {
    guard let flight = reporter.flight else { return }
    saver.wait(milliseconds: Int32(clamping: patience.milliseconds))
    guard !saver.isBusy else { return }
    if reporter.hasToldOfIncident || wanted != 0 {
      save(reporter.decisions, flight, &reporter)
      saver.wait(milliseconds: Int32(clamping: patience.milliseconds))
    }
    // A service that is started again and again would otherwise put the flights of incidents out.
    if !saver.isBusy { save(as: stoppedName, flight, &reporter) }
    saver.wait(milliseconds: Int32(clamping: patience.milliseconds))
    finish(&reporter)
  }

  /// Waits for what is being saved. For tests.
  func wait(milliseconds: Int32) { saver.wait(milliseconds: milliseconds) }

  private mutating func save(_ incident: UInt32, _ flight: SharedFlight, _ reporter: inout Reporter) {
    wanted = 0
    if incident != named { name(incident, &reporter) }
    named = incident
    let snapshot = flight.recorder.beginSnapshot()
    folder.setNewest(flight.recorder.length(of: snapshot))
    do throws(Errno) {
      try beginJob(saving: snapshot, of: flight, as: folder.newestName)
    } catch {
      say(error, &reporter)
    }
  }

  /// Saves a flight beside those of incidents, in the place of the one before it.
  private mutating func save(as name: ByteBuffer, _ flight: SharedFlight, _ reporter: inout Reporter) {
    do throws(Errno) {
      try beginJob(saving: flight.recorder.beginSnapshot(), of: flight, as: name)
    } catch {
      say(error, &reporter)
    }
  }

  /// Has the saver remove what is too much and, where there is one, save a snapshot under a name.
  private mutating func beginJob(
    saving snapshot: FlightSnapshot? = nil, of flight: SharedFlight? = nil, as name: ByteBuffer? = nil
  ) throws(Errno) {
    try saver.begin()
    var removals = 0
    while folder.isOver, removals < FileSaver.removals {
      try saver.remove(folder.oldestName.bytes)
      folder.dropOldest()
      removals += 1
    }
    if let snapshot, let flight, let name {
      try saver.name(name.bytes)
      try flight.recorder.give(snapshot, to: saver)
      saving = snapshot
    }
    saver.save()
  }

  /// Such as `20261201T041500Z-ab12cd34-7-3.flight`: their order is that of time.
  private mutating func name(_ incident: UInt32, _ reporter: inout Reporter) {
    text.removeAll(keepingCapacity: true)
    text.append(compact: reporter.recorder.moment)
    text.append("-")
    text.append(incident: incident, of: reporter.recorder.run)
    text.append(FlightName.suffix)
    let name = text
    folder.push(name.span)
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
  /// Gives all bytes of a snapshot to a saver. They stay where they are as long as the snapshot is kept; what is
  /// overwritten while they are saved is a segment that the reader finds damaged.
  fileprivate func give(_ snapshot: FlightSnapshot, to saver: borrowing FileSaver) throws(Errno) {
    for number in 0..<snapshot.pieces { try saver.add(piece(number, of: snapshot)) }
  }
}
