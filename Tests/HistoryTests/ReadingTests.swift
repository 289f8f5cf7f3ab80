import Fixtures
import Foundation
import History
import LinuxSystem
import ProcModel
import Testing

/// Files as streams of lines: torn, packed, damaged, foreign, rotated.
@Suite struct ReadingTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func path(_ name: String) -> String { folder.url.appending(path: name).path() }

  private func lines(_ name: String) throws -> [String] {
    var lines: [String] = []
    _ = try OpenedLog(path(name)).read(progress: { _ in }) { line, number in
      #expect(number == UInt64(lines.count + 1))
      var bytes: [UInt8] = []
      for index in line.indices { bytes.append(line[index]) }
      lines.append(String(decoding: bytes, as: UTF8.self))
      return true
    }
    return lines
  }

  private func gzip(_ name: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/gzip")
    process.arguments = [path(name)]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  /// Lines that end in, at and behind the end of what one read takes.
  @Test func linesAreWholeWhereverReadsEnd() throws {
    var random = SplitMix64(seed: 3)
    for length in [0, 1, 65_534, 65_535, 65_536, 65_537, 131_072, 200_000] {
      let written = [String(repeating: "a", count: length), "", "b", String(repeating: "c", count: length), "end"]
      try folder.write("lines", written.joined(separator: "\n") + "\n")
      #expect(try lines("lines") == written)
    }
    let written = (0..<3000).map { _ in String(repeating: "x", count: Int.random(in: 0..<400, using: &random)) }
    try folder.write("lines", written.joined(separator: "\n"))
    #expect(try lines("lines") == written)
  }

  @Test func aLineThatIsTooLongIsPassedOver() throws {
    let huge = String(repeating: "x", count: LineReader.longest + 1)
    try folder.write("lines", "a\n\(huge)\nb\n")
    var found: [UInt64] = []
    let ending = try OpenedLog(path("lines")).read(progress: { _ in }) { _, number in
      found.append(number)
      return true
    }
    #expect(found == [1, 3] && ending.passedOver == 1 && !ending.isUnfinished)
  }

  @Test func aPackedFileIsReadByWhatItBeginsWith() throws {
    let written = (0..<5000).map { "line \($0)" }
    try folder.write("log.1", written.joined(separator: "\n") + "\n")
    try gzip("log.1")
    try FileManager.default.moveItem(atPath: path("log.1.gz"), toPath: path("log.old"))
    #expect(try lines("log.old") == written)
  }

  @Test func aDamagedPackedFileIsToldAndReadAsFarAsItGoes() throws {
    try folder.write("log", (0..<50_000).map { "line \($0 &* 7919 % 10_007)" }.joined(separator: "\n") + "\n")
    try gzip("log")
    var bytes = try Data(contentsOf: URL(filePath: path("log.gz")))
    bytes.removeLast(bytes.count / 2)
    try bytes.write(to: URL(filePath: path("log.gz")))
    var count = 0
    let ending = try OpenedLog(path("log.gz")).read(progress: { _ in }) { _, _ in
      count += 1
      return true
    }
    #expect(ending.problem?.contains("gzip(1) finds it damaged") == true && count > 0 && count < 50_000)
  }

  @Test func whatIsNoFileIsRefused() throws {
    #expect(throws: Errno.noSuchFile) { _ = try OpenedLog(path("missing")) }
    #expect(throws: Errno.isDirectory) { _ = try OpenedLog(folder.path) }
    #expect(throws: Errno.invalidArgument) { _ = try OpenedLog("/dev/null") }
  }

  // MARK: Rotated files

  @Test func rotatedFilesComeOldestFirst() throws {
    for name in [
      "syslog", "syslog.1", "syslog.2.gz", "syslog.10.gz", "syslog-20261129", "syslog-20261128.gz", "syslog.conf",
      "syslogd", "syslog.1.old", "syslog.", "other", "syslog~",
    ] {
      try folder.write(name, "x")
    }
    let names = RotatedFiles.of(path("syslog")).map { URL(filePath: $0).lastPathComponent }
    #expect(
      names == ["syslog-20261128.gz", "syslog-20261129", "syslog.10.gz", "syslog.2.gz", "syslog.1", "syslog"])
    #expect(RotatedFiles.of("/nowhere/at/all") == ["/nowhere/at/all"])
  }

  // MARK: Notes

  private func notes(_ text: String) throws -> (events: Int, notes: [String]) {
    try folder.write("record", text)
    var reader = PastReader(Period(), zone: .utc)
    var events = 0
    reader.readRecord(path("record"), wanted: [.stop]) { _ in events += 1 }
    return (events, reader.notes.notes.map { $0.sentence.replacing(path("record"), with: "F") })
  }

  private static let stop =
    "{\"schema\":1,\"time\":\"2026-11-30T00:00:00.000Z\",\"event\":\"stop\",\"boot_id\":null,\"reason\":\"SIGTERM\"}"

  @Test func tornForeignAndNewerLinesAreToldOnceAndNeverFatal() throws {
    let torn = String(Self.stop.dropLast(9))
    #expect(try notes(Self.stop + "\n" + Self.stop + "\n") == (2, []))
    #expect(try notes(Self.stop + "\n\n" + Self.stop) == (2, []))
    #expect(
      try notes(Self.stop + "\n" + torn) == (1, ["F:2: the line is cut off or damaged, and left out"]))
    #expect(
      try notes("hello\n" + Self.stop + "\nhello\nhello\n")
        == (1, ["F:1: this is no line of a Spillway record, and left out (and 2 more)"]))
    let newer = Self.stop.replacing("\"schema\":1", with: "\"schema\":7")
    #expect(
      try notes(newer + "\n" + newer + "\n")
        == (
          2,
          ["F:1: schema 7 is newer than this program, which knows 1: what it adds is not shown (and 1 more)"]
        ))
    let older = Self.stop.replacing("\"schema\":1", with: "\"schema\":0")
    #expect(try notes(older).notes == ["F:1: schema 0 is older than this program's, 1: what it lacks is not shown"])
  }

  @Test func aMissingPermissionIsToldWithItsCure() throws {
    var reader = PastReader(Period(), zone: .utc)
    reader.readRecord(path("missing"), wanted: [.stop]) { _ in }
    #expect(reader.notes.notes.map(\.text) == ["no such file or directory"] && !reader.notes.hasDenials)
    #expect(reader.notes.sourcesRead == 0)
    let note = ReadingNote("F", failure: .accessDenied, reader: .file)
    #expect(note.isDenial && note.text.contains("sudo") && note.text.contains("group adm"))
  }

  /// This machine's own sources: each is read, or is not there, or is named with what helps.
  @Test func theSourcesOfThisMachineAreReadOrNamed() {
    var reader = PastReader(Period(), zone: .utc)
    var kills: [PastKill] = []
    reader.readKernelRing { kills.append($0) }
    reader.readJournal { kills.append($0) }
    for note in reader.notes.notes { #expect(note.isDenial && note.text.contains("sudo"), "\(note.sentence)") }
    for kill in kills { #expect(kill.isProven || kill.origins == .journal) }
    #expect(KillMerge.merged(kills).count <= kills.count)
  }

  @Test func aPeriodLeavesOutWhatIsOutside() throws {
    var reader = PastReader(
      Period(since: WallTime(seconds: 1_795_582_000), until: WallTime(seconds: 1_795_700_000)), zone: .utc)
    var times: [WallTime?] = []
    reader.readRecord(Fixture.logPath("audit.jsonl"), wanted: [.decision]) { times.append($0.time) }
    #expect(times == [WallTime(milliseconds: 1_795_665_600_100)])
  }
}
