import Fixtures
import Foundation
import LinuxSystem
import Testing

/// A file that its writer bounds.
@Suite struct FileBoundTests {
  private static func open(_ path: String, mode: Int16 = 0o640) throws -> OwnedDescriptor {
    let file = try OwnedDescriptor.open(CPath(path), .write, [.create, .append])
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    return file
  }

  /// Puts lines of ten bytes, each of which tells its number.
  private static func put(_ numbers: Range<Int>, to writer: borrowing LineWriter) {
    for number in numbers {
      let line = Array(String(format: "%09d\n", number).utf8)
      while writer.put(line.span, owed: 1) != nil { writer.wait(milliseconds: 10_000) }
    }
    writer.wait(milliseconds: 10_000)
  }

  private static func numbers(_ path: String) throws -> [Int] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { try #require(Int($0)) }
  }

  private static func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber).intValue
  }

  @Test(arguments: [1, 2, 4]) func theOldestFileGoesAndTheOthersMoveOn(files: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/record"
    let file = try Self.open(path)
    let writer = try LineWriter(
      to: file.raw, size: 8192, name: CPath("spillway-test"),
      bound: FileBound(path: CPath(path), limit: 50, files: files))
    Self.put(0..<38, to: writer)
    // Seven files of five lines, and three lines in the one that is written.
    let names = (0..<files).map { $0 == 0 ? "record" : "record.\($0)" }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == names)
    var expected = Array(35..<38)
    for name in names {
      #expect(try Self.numbers("\(folder.path)/\(name)") == expected)
      #expect(try Self.mode("\(folder.path)/\(name)") == 0o640)
      expected = Array(expected[0] - 5..<expected[0])
    }
    #expect(writer.failures == 0 && writer.rotationFailure == nil)
  }

  /// The group may read each file, as it may the first.
  @Test(.enabled(if: geteuid() == 0)) func aNewFileHasTheGroupOfTheOneBefore() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/record"
    let file = try Self.open(path)
    try FileManager.default.setAttributes([.groupOwnerAccountID: 4], ofItemAtPath: path)
    let writer = try LineWriter(
      to: file.raw, size: 8192, name: CPath("spillway-test"), bound: FileBound(path: CPath(path), limit: 50, files: 2))
    Self.put(0..<12, to: writer)
    for name in ["record", "record.1"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
      #expect((attributes[.groupOwnerAccountID] as? NSNumber)?.intValue == 4, "\(name)")
    }
  }

  /// The file that a start finds counts with what is in it, and a line that is longer than the limit has a file of its own.
  @Test func whatIsThereCountsAndALongLineIsWrittenWhole() throws {
    let folder = try TemporaryFolder()
    try folder.write("record", String(repeating: "x", count: 45) + "\n")
    let path = folder.path + "/record"
    let file = try Self.open(path)
    let writer = try LineWriter(
      to: file.raw, size: 8192, name: CPath("spillway-test"), bound: FileBound(path: CPath(path), limit: 50, files: 3))
    let long = Array((String(repeating: "y", count: 99) + "\n").utf8)
    #expect(writer.put(long.span, owed: 1) == nil)
    Self.put(1..<2, to: writer)
    #expect(try String(contentsOfFile: path + ".2", encoding: .utf8).hasPrefix("xxx"))
    #expect(try Array(String(contentsOfFile: path + ".1", encoding: .utf8).utf8) == long)
    #expect(try Self.numbers(path) == [1])
  }

  /// logrotate(8) of an older package cuts the file, or a person moves it away.
  @Test func aFileThatAnotherProgramMovedOrReplacedIsNotMovedAgain() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/record"
    let file = try Self.open(path)
    let writer = try LineWriter(
      to: file.raw, size: 8192, name: CPath("spillway-test"), bound: FileBound(path: CPath(path), limit: 50, files: 3))
    Self.put(0..<5, to: writer)
    try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
    Self.put(5..<6, to: writer)
    #expect(try Self.numbers(path + ".old") == Array(0..<5) && Self.numbers(path) == [5])
    try folder.write("other", "9\n")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: folder.path + "/other", toPath: path)
    Self.put(6..<11, to: writer)
    // The file that is gone was filled first; then the one in its place was taken up as it is.
    #expect(try Self.numbers(path) == [9, 10])
    #expect(!FileManager.default.fileExists(atPath: path + ".1") && writer.failures == 0)
  }

  /// The lines go on into the file that is there, and its writer tries again with each.
  @Test func aFolderThatCannotBeChangedLosesNoLine() throws {
    let folder = try TemporaryFolder()
    try folder.makeFolder("record.1")
    try folder.write("record.1/full", "")
    let path = folder.path + "/record"
    let file = try Self.open(path)
    let writer = try LineWriter(
      to: file.raw, size: 8192, name: CPath("spillway-test"), bound: FileBound(path: CPath(path), limit: 50, files: 2))
    Self.put(0..<9, to: writer)
    #expect(writer.rotationFailure == Errno(EISDIR) && writer.failures == 0)
    #expect(try Self.numbers(path) == Array(0..<9))
    try FileManager.default.removeItem(atPath: path + ".1")
    Self.put(9..<10, to: writer)
    #expect(writer.rotationFailure == nil)
    #expect(try Self.numbers(path) == [9] && Self.numbers(path + ".1") == Array(0..<9))
  }

  /// A link would have the writer make files elsewhere.
  @Test func aLinkInThePlaceOfTheFileIsNotFollowed() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/record"
    let file = try Self.open(path)
    let writer = try LineWriter(
      to: file.raw, size: 8192, name: CPath("spillway-test"), bound: FileBound(path: CPath(path), limit: 50, files: 2))
    Self.put(0..<5, to: writer)
    try FileManager.default.moveItem(atPath: path, toPath: path + ".own")
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: folder.path + "/target")
    try folder.write("target", "")
    Self.put(5..<7, to: writer)
    #expect(writer.rotationFailure == .tooManyLinks && writer.failures == 0)
    #expect(try Self.numbers(path + ".own") == Array(0..<7))
    #expect(try String(contentsOfFile: folder.path + "/target", encoding: .utf8).isEmpty)
  }

  @Test func aPipeIsNotBounded() throws {
    let pipe = try PipeEnds()
    let writer = try LineWriter(
      to: pipe.writing.raw, size: 8192, name: CPath("spillway-test"),
      bound: FileBound(path: CPath("/nonexistent/record"), limit: 50, files: 2))
    Self.put(0..<20, to: writer)
    #expect(writer.failures == 0 && writer.rotationFailure == nil)
  }
}
