package import LinuxSystem

/// The system's own log, to which kills are posted so that whoever lost something finds them where they look: the journal,
/// in its native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>), or a syslog (RFC 3164).
///
/// An entry goes out at once, as one datagram, or is lost and counted. Nothing waits.
package struct SystemLog: ~Copyable {
  package enum Form: Sendable {
    case journal
    case syslog
  }

  /// Nowhere, where there is neither.
  package var sink: LineSink
  private let form: Form?
  private let ownPID: Int32
  private var entry: [UInt8] = []

  /// What entries are found by: `journalctl -t`.
  static let identifier = "spillway"
  /// The facility "daemon" of syslog(3).
  private static let facility: UInt64 = 3
  /// Bytes that are kept for an entry: of a decision whose paths and rule are as long as they are shown.
  private static let capacity = 8 * 1024
  /// Whether entries are composed and not sent.
  private var isRehearsing = false

  /// No log.
  package init() {
    sink = LineSink(nil)
    form = nil
    ownPID = 0
  }

  /// - Parameter ownPID: The agent's process number, which a syslog's lines have.
  package init(_ form: Form, to socket: consuming DatagramSocket, ownPID: Int32) {
    sink = LineSink(datagrams: socket)
    self.form = form
    self.ownPID = ownPID
    // Written, so that no page of it is new when an entry is.
    entry = [UInt8](repeating: 0, count: SystemLog.capacity)
  }

  /// Opens the journal where there is one; else a syslog, unless the messages go to a journal already.
  ///
  /// - Parameter isReadByJournal: Whether the journal reads the agent's messages.
  package static func opening(
    journal: CPath = CPath("/run/systemd/journal/socket"), syslog: CPath = CPath("/dev/log"), isReadByJournal: Bool,
    ownPID: Int32
  ) -> SystemLog {
    do throws(Errno) {
      return SystemLog(.journal, to: try DatagramSocket(to: journal), ownPID: ownPID)
    } catch {
      guard !isReadByJournal else { return SystemLog() }
    }
    do throws(Errno) {
      return SystemLog(.syslog, to: try DatagramSocket(to: syslog), ownPID: ownPID)
    } catch {
      return SystemLog()
    }
  }

  package var isOpen: Bool { form != nil }

  /// Posts an entry.
  ///
  /// - Parameters:
  ///   - kind: What it is about, which the journal's catalog explains.
  ///   - message: Text for people, of one line.
  ///   - fields: What the entry has beside that; for the journal alone.
  /// - Returns: Whether it is out.
  mutating func post(
    _ kind: EntryKind, _ level: MessageLevel, message: (inout [UInt8]) -> Void,
    fields: (inout JournalFields) -> Void
  ) -> Bool {
    guard let form else { return false }
    let lost = sink.untoldLines()
    entry.removeAll(keepingCapacity: true)
    switch form {
    case .journal: compose(kind, level, lost, message, fields)
    case .syslog:
      entry.append("<")
      entry.append(decimal: SystemLog.facility * 8 + UInt64(level.rawValue))
      entry.append(">")
      entry.append(SystemLog.identifier)
      entry.append("[")
      entry.append(decimal: Int64(ownPID))
      entry.append("]: ")
      SystemLog.append(message, lost, to: &entry)
    }
    return isRehearsing || sink.put(entry, telling: lost)
  }

  /// Composes entries from here on and sends none, or sends them again.
  mutating func rehearse(_ isRehearsing: Bool) {
    self.isRehearsing = isRehearsing
  }

  private static func append(_ message: (inout [UInt8]) -> Void, _ lost: UInt64, to text: inout [UInt8]) {
    message(&text)
    guard lost > 0 else { return }
    text.append("; entries that were lost before this one: ")
    text.append(decimal: lost)
  }

  private mutating func compose(
    _ kind: EntryKind, _ level: MessageLevel, _ lost: UInt64, _ message: (inout [UInt8]) -> Void,
    _ write: (inout JournalFields) -> Void
  ) {
    var fields = JournalFields(taking: &entry)
    fields.add("MESSAGE") { text in SystemLog.append(message, lost, to: &text) }
    fields.add("PRIORITY", UInt64(level.rawValue))
    fields.add("MESSAGE_ID", kind.messageID)
    fields.add("SYSLOG_IDENTIFIER", SystemLog.identifier)
    fields.add("SYSLOG_FACILITY", SystemLog.facility)
    if lost > 0 { fields.add("SPILLWAY_LOST", lost) }
    write(&fields)
    entry = fields.bytes
  }
}

/// What an entry in the journal is about. Each has an id, which never changes: `journalctl MESSAGE_ID=…` finds all of a
/// kind, and packaging/catalog/spillway.catalog explains it (`journalctl -x`).
package enum EntryKind: CaseIterable, Sendable {
  /// A victim was sent its first signal.
  case kill
  /// In a dry run: it would have been.
  case wouldBeKill
  /// What became of a victim.
  case outcome
  /// No process may be killed.
  case noCandidate

  package var messageID: String {
    switch self {
    case .kill: "ef9ef263368246f6afef3c2ec71d3dbd"
    case .wouldBeKill: "1f99a767461f4dcfa033748fa922846d"
    case .outcome: "8aaa5743ff7f407daddd3b1c6cf7caa1"
    case .noCandidate: "1e825fe100c14829ad991601aab3240a"
    }
  }
}

/// The fields of an entry in the journal. Each is written with the length of its value before it, so that no value, whatever
/// it has in it, can be taken for a field.
package struct JournalFields {
  package private(set) var bytes: [UInt8]

  /// Takes the storage of an array, which is empty from then on.
  init(taking storage: inout [UInt8]) {
    bytes = []
    swap(&bytes, &storage)
  }

  /// - Parameter name: Of capital letters, digits and underscores; not one of the journal's own, which begin with `_`.
  mutating func add(_ name: String, _ write: (inout [UInt8]) -> Void) {
    let start = begin(name)
    write(&bytes)
    finish(from: start)
  }

  mutating func add(_ name: String, _ number: UInt64) {
    add(name) { text in text.append(decimal: number) }
  }

  mutating func add(_ name: String, _ text: String) {
    add(name) { bytes in bytes.append(text) }
  }

  /// The most bytes of a value that a process can choose.
  private static let longest = 1024

  /// Text that a process can choose: what steers terminals is escaped.
  mutating func add(_ name: String, visible text: Span<UInt8>) {
    let start = begin(name)
    bytes.append(visible: text, atMost: JournalFields.longest)
    finish(from: start)
  }

  /// - Returns: Where the value begins.
  private mutating func begin(_ name: String) -> Int {
    bytes.append(name)
    bytes.append("\n")
    for _ in 0..<8 { bytes.append(0) }
    return bytes.count
  }

  /// Writes the length of the value, of 64 bits, the lowest byte first.
  private mutating func finish(from start: Int) {
    let length = UInt64(bytes.count - start)
    for index in 0..<8 { bytes[start - 8 + index] = UInt8(truncatingIfNeeded: length >> UInt64(8 * index)) }
    bytes.append("\n")
  }
}
