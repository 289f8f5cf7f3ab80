import Fixtures
import Foundation
import LinuxSystem
import ProcModel
import Testing

@testable import ProcReader

/// Files that stay open, and files for which another program answers.
@Suite struct SystemFilesTests {
  private static func root(_ tree: TemporaryFolder) throws -> OwnedDescriptor {
    try OwnedDescriptor.open(CPath(tree.path), .read, .directory)
  }

  /// /proc/self/mem cannot be read at its beginning (EIO), as a lost descriptor cannot.
  private static func lost() throws -> OwnedDescriptor { try OwnedDescriptor.open(CPath("/proc/self/mem"), .read) }

  private static func read(_ file: inout KeptFile, below root: borrowing OwnedDescriptor) -> String {
    var reader: FileReader?
    var buffer = [UInt8](repeating: 0, count: 256)
    do throws(Errno) {
      let count = try file.read(below: root, with: &reader, into: &buffer)
      return String(decoding: buffer[..<count], as: UTF8.self)
    } catch {
      return error.text
    }
  }

  @Test func aLostDescriptorIsReplacedAtOnceOrAsSoonAsThereIsAFile() throws {
    let tree = try TemporaryFolder()
    let root = try Self.root(tree)
    var file = KeptFile(.meminfo, kept: try Self.lost())
    for _ in 0..<3 { #expect(Self.read(&file, below: root) == Errno.noSuchFile.text) }
    try tree.write("meminfo", "again")
    #expect(Self.read(&file, below: root) == "again")
    var second = KeptFile(.meminfo, kept: try Self.lost())
    #expect(Self.read(&second, below: root) == "again")
  }

  @Test func aFileThatWasNeverThereIsNotLookedForAgain() throws {
    let tree = try TemporaryFolder()
    let root = try Self.root(tree)
    var file = KeptFile(.arcstats, below: root, isReplaced: false)
    #expect(Self.read(&file, below: root) == Errno.noSuchFile.text)
    try tree.makeFolder("spl/kstat/zfs")
    try tree.write("spl/kstat/zfs/arcstats", "late")
    #expect(Self.read(&file, below: root) == Errno.noSuchFile.text)
  }

  /// A link to another file system serves as a mount.
  @Test func aFileInPlaceOfTheKernelsIsToldAndRead() throws {
    let tree = try TemporaryFolder()
    try tree.write("swaps", "Filename\n")
    try FileManager.default.createSymbolicLink(
      atPath: tree.path + "/meminfo", withDestinationPath: "/proc/meminfo")
    var source = try LiveSource.open(root: CPath(tree.path))
    let answers = SystemFile.allCases.map { source.isReplaced($0) }
    #expect(answers == SystemFile.allCases.map { $0 == .meminfo })
    var buffer = ByteBuffer(capacity: 8192)
    try source.read(.meminfo, into: &buffer)
    #expect(try Meminfo(parsing: buffer.bytes).total > .zero)
  }

  @Test func aFileThatDoesNotAnswerIsUnreadableUntilItAnswers() throws {
    let (tree, elsewhere) = (try TemporaryFolder(), "/dev/shm/spillway-\(UUID().uuidString)")
    #expect(unsafe mkfifo(elsewhere, 0o600) == 0)
    defer { unsafe unlink(elsewhere) }
    try tree.write("uptime", "5.00 1.00\n")
    try FileManager.default.createSymbolicLink(atPath: tree.path + "/meminfo", withDestinationPath: elsewhere)
    var source = try LiveSource.open(root: CPath(tree.path))
    var buffer = ByteBuffer(capacity: 8192)
    for _ in 0..<3 {
      #expect(throws: ReadFailure.failed(errno: ETIMEDOUT)) { try source.read(.meminfo, into: &buffer) }
    }
    // Files of the kernel's own are read without the thread.
    try source.read(.uptime, into: &buffer)
    #expect(buffer.count == 10)
    // The program is back, and gives a file.
    let writer = unsafe open(elsewhere, O_RDWR | O_NONBLOCK)
    #expect(writer >= 0)
    defer { close(writer) }
    unsafe unlink(elsewhere)
    try Data("MemTotal: 1 kB\n".utf8).write(to: URL(filePath: elsewhere))
    var text = ""
    for _ in 0..<2000 where text.isEmpty {
      if (try? source.read(.meminfo, into: &buffer)) != nil {
        text = String(decoding: buffer.storage[..<buffer.count], as: UTF8.self)
      } else {
        usleep(5000)
      }
    }
    #expect(text == "MemTotal: 1 kB\n")
  }

  @Test func theLiveClockIsThatOfStartTimes() throws {
    let live = try LiveSource.open(root: CPath("/proc"))
    let before = Clock.sinceBoot()
    let clock = live.clock?.count ?? 0
    #expect(clock >= before && clock <= Clock.sinceBoot())
    let captured = try LiveSource.open(root: CPath(Fixture.path("5.10")))
    let none = captured.clock
    #expect(none == nil)
  }
}
