import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record
import Testing

/// What is posted to the journal and to a syslog.
@Suite struct SystemLogTests {
  /// A reporter that posts to a socket of this test, and what it says and records.
  private final class Desk {
    let folder: TemporaryFolder
    var end: DatagramEnd?
    private let spoken: OwnedDescriptor
    private let record: OwnedDescriptor
    var reporter: Reporter

    init(_ form: SystemLog.Form, isDryRun: Bool = false, isReadByJournal: Bool = false) throws {
      folder = try TemporaryFolder()
      end = try DatagramEnd(folder.path + "/log")
      spoken = try MemoryFile.create(CPath("messages"))
      record = try MemoryFile.create(CPath("record"))
      // `$JOURNAL_STREAM` has a file's device and inode.
      var status = stat()
      try #require(unsafe fstat(spoken.raw, &status) == 0)
      let stream = isReadByJournal ? CPath("\(status.st_dev):\(status.st_ino)") : CPath("0:0")
      reporter = Reporter(
        recorder: Recorder(
          sink: try OwnedDescriptor.duplicate(record.raw), isDryRun: isDryRun,
          run: RunID(startedAt: .milliseconds(8_412_000))),
        messages: Messages(to: spoken.raw, stream: stream), kernelLog: nil)
      reporter.systemLog = SystemLog(form, to: try DatagramSocket(to: CPath(folder.path + "/log")), ownPID: 700)
    }

    func entries() -> [[UInt8]] { end?.take() ?? [] }

    /// The entries' fields: the last value of each.
    func fields() throws -> [[String: String]] {
      try entries().map { entry in
        var fields: [String: String] = [:]
        for (name, value) in try #require(DatagramEnd.fields(entry)) {
          #expect(fields[name] == nil, "\(name) comes twice")
          fields[name] = String(decoding: value, as: UTF8.self)
        }
        return fields
      }
    }

    func said() throws -> String {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      let count = try spoken.readWhole(into: &buffer)
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
  }

  private static func scene() -> (Scene, ProcessOrigin) {
    var scene = Scene()
    scene.offerAll()
    return (scene, origin("/system.slice/cron.service", "/usr/bin/hog"))
  }

  static func origin(_ cgroup: String, _ executable: String, isOfMachine: Bool = true) -> ProcessOrigin {
    var origin = ProcessOrigin()
    origin.set(cgroup: Array(cgroup.utf8).span, isOfMachine: isOfMachine)
    origin.set(executable: Array(executable.utf8).span)
    return origin
  }

  @Test(arguments: [(Act.signalled, false), (.rehearsed, true)])
  func theJournalHasAKillUnderItsVictimsUnit(act: Act, isDryRun: Bool) throws {
    let desk = try Desk(.journal, isDryRun: isDryRun, isReadByJournal: true)
    let (scene, origin) = Self.scene()
    var decision = scene.decision()
    decision.origin = origin
    desk.reporter.tell(decision, act)
    let fields = try desk.fields()
    try #require(fields.count == 1)
    let expected = [
      "MESSAGE_ID": (isDryRun ? EntryKind.wouldBeKill : .kill).messageID, "PRIORITY": isDryRun ? "5" : "4",
      "SYSLOG_IDENTIFIER": "spillway", "SYSLOG_FACILITY": "3", "OBJECT_PID": "4711",
      "OBJECT_SYSTEMD_UNIT": "cron.service",
      "SPILLWAY_EVENT": "decision", "SPILLWAY_INCIDENT": "00000000-8412-7", "SPILLWAY_DOMAIN": "system",
      "SPILLWAY_EPISODE": "1", "SPILLWAY_LEVEL": "terminate", "SPILLWAY_TRIGGER": "floor",
      "SPILLWAY_REASON": "floor: available 50 MiB, at or below 80 MiB; no swap", "SPILLWAY_AVAILABLE_KIB": "51200",
      "SPILLWAY_DRY_RUN": isDryRun ? "1" : "0", "SPILLWAY_CONSIDERED": "9", "SPILLWAY_PROTECTED": "4",
      "SPILLWAY_TOO_SMALL": "1", "SPILLWAY_PASSED_OVER": "2", "SPILLWAY_PID": "4711", "SPILLWAY_START_TIME": "812345",
      "SPILLWAY_COMM": "hog", "SPILLWAY_UID": "1000", "SPILLWAY_UNIT": "cron.service",
      "SPILLWAY_CGROUP": "/system.slice/cron.service", "SPILLWAY_EXE": "/usr/bin/hog", "SPILLWAY_ORDER": "first",
      "SPILLWAY_RULE": "large", "SPILLWAY_SCORE": "1403264", "SPILLWAY_CHOICE": "ranking", "SPILLWAY_SCOPE": "process",
      "SPILLWAY_MEMBERS": "1", "SPILLWAY_SIGNAL": "SIGTERM", "SPILLWAY_FOOTPRINT_KIB": "701632",
    ]
    for (name, value) in expected { #expect(fields[0][name] == value, "\(name)") }
    #expect(Set(fields[0].keys) == Set(expected.keys).union(["MESSAGE"]))
    let sentence =
      "4711 (hog), footprint 685 MiB, score 1403264; uid 1000, unit cron.service, executable /usr/bin/hog; floor"
    let start =
      isDryRun
      ? "would have been killed by spillway, which runs in dry run: would send SIGTERM to "
      : "killed by spillway: sent SIGTERM to "
    #expect(fields[0]["MESSAGE"]?.hasPrefix(start + sentence) == true)
    #expect(fields[0]["MESSAGE"]?.hasSuffix("; incident 00000000-8412-7") == true)
    // Never twice in one journal.
    #expect(try desk.said().isEmpty)
  }

  /// The process has exited, and its number may be another's.
  @Test(
    arguments: [
      (.killed, true, false), (.exited, true, false), (.stuck, true, true), (.refused, true, true),
      (.vanished, false, false), (.changed, false, false), (.relieved, false, false),
    ] as [(OutcomeKind, Bool, Bool)])
  func anOutcomeIsOfAUnitOnlyWhereItsProcessWasKilled(ending: OutcomeKind, hasUnit: Bool, hasNumber: Bool) throws {
    let desk = try Desk(.journal)
    let (scene, origin) = Self.scene()
    var outcome = scene.outcome(ending, signal: hasUnit ? .kill : nil)
    outcome.incident.origin = origin
    outcome.refusal = ending == .refused ? .notPermitted : nil
    desk.reporter.report(outcome)
    let fields = try desk.fields()
    try #require(fields.count == 1)
    #expect(fields[0]["MESSAGE_ID"] == EntryKind.outcome.messageID && fields[0]["SPILLWAY_OUTCOME"] == ending.name)
    #expect(fields[0]["OBJECT_SYSTEMD_UNIT"] == (hasUnit ? "cron.service" : nil))
    #expect(fields[0]["OBJECT_PID"] == (hasNumber ? "4711" : nil) && fields[0]["SPILLWAY_PID"] == "4711")
    #expect(fields[0]["SPILLWAY_ERROR"] == (ending == .refused ? "operation not permitted" : nil))
    #expect(fields[0]["SPILLWAY_INCIDENT"] == "00000000-8412-7")
    // The messages do not go to the journal.
    #expect(try desk.said().contains("4711 (hog)"))
  }

  @Test func thatNoProcessCanBeKilledIsAnErrorOfNoUnit() throws {
    let desk = try Desk(.journal)
    var scene = Scene(available: 1)
    scene.shortlist.offer(scene.hog, isWorthKilling: false, isPassedOver: false)
    desk.reporter.tell(scene.decision(), .none)
    let fields = try desk.fields()
    try #require(fields.count == 1)
    #expect(fields[0]["MESSAGE_ID"] == EntryKind.noCandidate.messageID && fields[0]["PRIORITY"] == "3")
    #expect(["OBJECT_PID", "OBJECT_SYSTEMD_UNIT", "SPILLWAY_PID"].allSatisfy { fields[0][$0] == nil })
    #expect(fields[0]["MESSAGE"]?.hasPrefix("NO PROCESS CAN BE KILLED: of 1 processes") == true)
  }

  @Test func aSyslogHasALineWithoutFields() throws {
    let desk = try Desk(.syslog)
    let (scene, _) = Self.scene()
    desk.reporter.tell(scene.decision(), .signalled)
    let lines = desk.entries().map { String(decoding: $0, as: UTF8.self) }
    try #require(lines.count == 1)
    #expect(lines[0].hasPrefix("<28>spillway[700]: killed by spillway: sent SIGTERM to 4711 (hog), footprint 685 MiB"))
    #expect(lines[0].hasSuffix("; incident 00000000-8412-7"))
    #expect(try desk.said().contains("spillwayd: sent SIGTERM to 4711 (hog)"))
  }

  /// A hostile name begins no field and steers no terminal.
  @Test(arguments: [
    "a\nOBJECT_PID=1", "\u{1b}[2J", "\0", "b\nMESSAGE\n\u{5}\0\0\0\0\0\0\0hello\n", "\u{202e}x", "x\r\n\u{85}",
  ])
  func aValueBeginsNoFieldWhateverItHasInIt(text: String) throws {
    let desk = try Desk(.journal)
    var scene = Scene(comm: Array(text.utf8))
    scene.offerAll()
    var decision = scene.decision()
    decision.origin = Self.origin("/a.slice/\(text)", "/bin/\(text)")
    desk.reporter.tell(decision, .signalled)
    let entries = desk.entries()
    try #require(entries.count == 1)
    let fields = try #require(DatagramEnd.fields(entries[0]))
    #expect(fields.filter { $0.name == "MESSAGE" }.count == 1)
    #expect(fields.filter { $0.name == "OBJECT_PID" }.map { String(decoding: $0.value, as: UTF8.self) } == ["4711"])
    for (name, value) in fields {
      let steers = String(decoding: value, as: UTF8.self).unicodeScalars.contains {
        $0.value < 0x20 || (0x7f...0x9f).contains($0.value) || $0.value == 0x202e
      }
      #expect(!steers, "\(name)")
    }
  }

  /// At the start, a decision is composed and not told.
  @Test(arguments: [SystemLog.Form.journal, .syslog]) func aRehearsalPostsNothing(form: SystemLog.Form) throws {
    let desk = try Desk(form)
    let (scene, _) = Self.scene()
    desk.reporter.rehearse(DecisionEvent(scene.decision(), .signalled))
    #expect(try desk.entries().isEmpty && desk.said().isEmpty)
    desk.reporter.report(DecisionEvent(scene.decision(), .signalled))
    #expect(desk.entries().count == 1)
  }

  /// The agent goes on, the message goes to standard error, and the next entry tells of the loss.
  @Test func aLogThatIsNotReadLosesEntriesAndIsNotWaitedFor() throws {
    let desk = try Desk(.journal, isReadByJournal: true)
    let (scene, _) = Self.scene()
    desk.end = nil
    desk.reporter.tell(scene.decision(), .signalled)
    #expect(try desk.said().contains("sent SIGTERM to 4711"))
    desk.reporter.tellLostLines()
    #expect(try desk.said().contains("entries for the system's log are lost"))
    // Started anew, it has another socket of the same path.
    desk.end = try DatagramEnd(desk.folder.path + "/log")
    desk.reporter.tell(scene.decision(), .signalled)
    desk.reporter.tell(scene.decision(), .signalled)
    let fields = try desk.fields()
    try #require(fields.count == 2)
    #expect(fields[0]["SPILLWAY_LOST"] == "1" && fields[1]["SPILLWAY_LOST"] == nil)
    #expect(fields[0]["MESSAGE"]?.hasSuffix("; entries that were lost before this one: 1") == true)
  }

  @Test func theJournalComesFirstAndASyslogOnlyWhereNoJournalReadsTheMessages() throws {
    let folder = try TemporaryFolder()
    let (journal, syslog) = (CPath(folder.path + "/journal"), CPath(folder.path + "/syslog"))
    func isOpen(isRead: Bool) -> Bool {
      let log = SystemLog.opening(journal: journal, syslog: syslog, isReadByJournal: isRead, ownPID: 1)
      return log.isOpen
    }
    #expect(!isOpen(isRead: false) && !isOpen(isRead: true))
    let second = try DatagramEnd(folder.path + "/syslog")
    #expect(isOpen(isRead: false) && !isOpen(isRead: true))
    let first = try DatagramEnd(folder.path + "/journal")
    #expect(isOpen(isRead: false) && isOpen(isRead: true))
    withExtendedLifetime((first, second)) {}
  }

  /// The catalog explains each kind, and no other.
  @Test func theCatalogExplainsEachKind() throws {
    let file = Fixture.repository.appending(path: "packaging/catalog/spillway.catalog")
    let catalog = try String(contentsOf: file, encoding: .utf8)
    let ids = catalog.split(separator: "\n").filter { $0.hasPrefix("-- ") }.map { String($0.dropFirst(3)) }
    #expect(ids.sorted() == EntryKind.allCases.map(\.messageID).sorted())
    // Each @FIELD@ that it shows is a field of such entries.
    let posted = try Self.postedFields()
    for match in catalog.matches(of: try Regex("@([A-Z_]+)@")) {
      let field = String(try #require(match.output[1].substring))
      #expect(posted.contains(field), "\(field)")
    }
  }

  /// docs/record.md lists the fields of entries, and no other.
  @Test func theDocumentHasTheFieldsOfEntries() throws {
    let text = try String(contentsOf: Fixture.repository.appending(path: "docs/record.md"), encoding: .utf8)
    let named = text.matches(of: try Regex("`(SPILLWAY_[A-Z_]+|OBJECT_[A-Z_]+|MESSAGE_ID)`")).compactMap {
      $0.output[1].substring.map(String.init)
    }
    let own = try Self.postedFields().filter { $0.contains(try Regex("^(SPILLWAY_|OBJECT_|MESSAGE_ID)")) }
    #expect(Set(named) == own.union(["SPILLWAY_LOST"]))
  }

  /// All fields that entries can have.
  private static func postedFields() throws -> Set<String> {
    let desk = try Desk(.journal)
    let (scene, origin) = Self.scene()
    var decision = scene.decision()
    decision.origin = origin
    desk.reporter.tell(decision, .signalled)
    var outcome = scene.outcome(.refused, signal: .kill)
    outcome.incident.origin = origin
    (outcome.escalation, outcome.standstill, outcome.refusal) = (.graceEnded, .frozen, .notPermitted)
    outcome.counted = KiB(1)
    desk.reporter.report(outcome)
    return Set(try desk.fields().flatMap(\.keys))
  }
}
