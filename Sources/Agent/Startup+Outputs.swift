import Badness
import Flight
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// Where records go.
struct OpenedRecord: ~Copyable {
  var sink: OwnedDescriptor?
  var opening: RecordOpening?
  var isMissing = false
  var isTorn = false

  init() {
    sink = nil
    opening = nil
  }
}

/// Where a start has records, messages and the kernel's log written.
extension SetUp {
  /// Milliseconds that are waited for a file system that does not answer, before the agent watches without a record.
  private static var recordPatience: Int32 { 2000 }

  /// Opens the record's file. Where that fails, or takes long, the agent watches without it and goes on trying.
  func openRecord(_ messages: inout Messages) throws(StartFailure) -> OpenedRecord {
    guard let path = options.record else { return OpenedRecord() }
    var opened = OpenedRecord()
    do throws(Errno) {
      if path.bytes.equals(CPath("-").bytes) {
        opened.sink = try OwnedDescriptor.duplicate(1)
        return opened
      }
      var opening = try RecordOpening(path, creating: false)
      do throws(Errno) {
        opened.sink = try opening.first(within: SetUp.recordPatience)
      } catch .noSuchFile {
        opening = try RecordOpening(path, creating: true)
        do throws(Errno) {
          opened.sink = try opening.first(within: SetUp.recordPatience)
        } catch {
          opened.opening = .some(opening)
          throw error
        }
      } catch {
        opened.opening = .some(opening)
        throw error
      }
      opened.isTorn = OwnedDescriptor.endsInALine(path) == false
    } catch {
      let problem =
        error == .noReader
        ? "the record is a FIFO, and its reader has to be there first" : "the record file cannot be opened"
      if options.isStrict { throw StartFailure(opening: problem, error, otherwise: .usage) }
      opened.isMissing = true
      messages.say(.error, "THERE IS NO RECORD, and what happens is told here alone: its file cannot be opened", error)
    }
    return opened
  }

  /// What the record's files may hold; nil where they may grow. Standard output is its owner's to bound, also where it is a
  /// file.
  var recordBound: FileBound? {
    guard let path = options.record, options.recordLimit > 0, !path.bytes.equals(CPath("-").bytes) else { return nil }
    return FileBound(path: path, limit: options.recordLimit << 20, files: Int(options.recordFiles))
  }

  /// Opens the system's log, for kills of this machine's processes.
  func openSystemLog(of source: borrowing LiveSource) -> SystemLog {
    guard source.isLive else { return SystemLog() }
    return SystemLog.opening(isReadByJournal: JournalStream.isRead(2), ownPID: OwnProcess.pid)
  }

  func openKernelLog(_ messages: inout Messages) -> OwnedDescriptor? {
    do throws(Errno) {
      return try OwnedDescriptor.open(CPath("/dev/kmsg"), .write)
    } catch {
      messages.say(.warning, "/dev/kmsg cannot be written: the kernel's log will not name our victims", error)
      return nil
    }
  }

  /// Has all that is written written by others, so that the loop waits for no device. Their processes have the
  /// privileges of the one that makes them, so this comes after those are reduced; and before memory is locked.
  func detach(
    _ recorder: inout Recorder, _ spoken: inout Messages, _ kernelLog: inout KernelLog, _ messages: inout Messages
  ) {
    attempt(&messages, "the agent writes the record itself, and waits where the file does") { () throws(Errno) in
      try recorder.detach()
    }
    attempt(&messages, "the agent writes messages itself, and waits where standard error does") { () throws(Errno) in
      try spoken.detach()
    }
    attempt(&messages, "the agent writes the kernel's log itself, and waits for its console") { () throws(Errno) in
      try kernelLog.detach()
    }
  }

  /// Where flights are saved. Nil where none are, or the folder cannot be used, which is said.
  func openFlights(_ messages: inout Messages) -> FlightCourse? {
    guard policy.measures.flight.ring != nil, let path = flightFolder else { return nil }
    do throws(Errno) {
      return try FlightCourse(policy.measures.flight, in: try openFolder(path))
    } catch {
      messages.say(.warning, "flights cannot be saved: their folder cannot be used", error)
      return nil
    }
  }

  /// The folder that was named, or else `flights` in the state directory, where there is one.
  private var flightFolder: CPath? {
    if let folder = options.flights { return folder }
    guard let state = options.stateDirectory else { return nil }
    var path: [UInt8] = []
    for index in state.bytes.indices { path.append(state.bytes[index]) }
    path.append("/flights")
    return CPath(path)
  }

  /// Opens a folder, which is made where it is missing. A file system that does not answer is waited for as for the
  /// record.
  private func openFolder(_ path: CPath) throws(Errno) -> OwnedDescriptor {
    let opener = try FileOpener(path, .read, [.directory, .noFollow])
    do throws(Errno) {
      return try SetUp.open(opener)
    } catch .noSuchFile {
      try OwnedDescriptor.makeFolder(path)
      return try SetUp.open(opener)
    }
  }

  private static func open(_ opener: borrowing FileOpener) throws(Errno) -> OwnedDescriptor {
    try opener.begin()
    opener.wait(milliseconds: recordPatience)
    guard let folder = try opener.take() else { throw .timedOut }
    return folder
  }

  /// Begins a flight; nil where the policy wants none.
  func recordFlight(_ constants: AgentConstants, _ run: RunID) -> SharedFlight? {
    guard let ring = policy.measures.flight.ring else { return nil }
    var version: [UInt8] = []
    version.append(spillwayVersion)
    var name: [UInt8] = []
    name.append(visible: policyName.bytes)
    return SharedFlight(
      FlightRecorder(
        FlightHeader(
          agentVersion: version, bootID: run.boot, started: run.startedAt, units: constants.units,
          ownPID: constants.ownPID, fill: constants.fill, isRehearsal: isDryRun,
          keepsCommandLines: options.keepsCommandLines || policy.measures.flight.keepsCommandLines),
        policy: ImageWriter.image(of: policy), named: name,
        capacity: FlightCapacity(ring: Int(clamping: ring.count) * 1024)))
  }

  func introduce(_ messages: inout Messages) {
    messages.say(.info) { line in
      line.append(spillwayVersion)
      line.append(isDryRun ? ", dry run: no signal is sent" : ", armed")
      line.append("; policy ")
      line.append(visible: policyName.bytes)
      line.append(", ")
      line.append(decimal: UInt64(policy.rules.count))
      line.append(" rules, formula ")
      line.append(policy.settings.formula.name)
    }
  }

  func askManager(_ messages: inout Messages) -> ServiceManager? {
    do throws(Errno) {
      return try ServiceManager.asking()
    } catch {
      messages.say(.warning, SetUp.notTold, error)
      return nil
    }
  }
}
