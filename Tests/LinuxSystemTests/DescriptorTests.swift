import Fixtures
import Foundation
import LinuxSystem
import Testing

@Suite struct DescriptorTests {
  private static func closesOnExec(_ raw: Int32) -> Bool { fcntl(raw, F_GETFD) & FD_CLOEXEC != 0 }

  @Test func everyDescriptorClosesOnExecUnlessToldOtherwise() throws {
    let file = try OwnedDescriptor.open(CPath("/proc"), .read, .directory)
    let below = try file.open(CPath("meminfo"), .read)
    let copy = try OwnedDescriptor.duplicate(below.raw)
    let memory = try MemoryFile.create(CPath("test"))
    let held = try ProcessHandle(pid: getpid())
    let numbers = [file.raw, below.raw, copy.raw, memory.raw, held.descriptor.raw]
    #expect(numbers.allSatisfy(Self.closesOnExec))
    #expect(copy.raw > 2)
    try copy.setCloseOnExec(false)
    #expect(!Self.closesOnExec(numbers[2]) && Self.closesOnExec(numbers[1]))
    try copy.setCloseOnExec(true)
    #expect(Self.closesOnExec(numbers[2]))
  }

  @Test func aDescriptorIsClosedWithItsOwner() throws {
    let folder = try TemporaryFolder()
    func opened() throws -> Int32 {
      let file = try OwnedDescriptor.open(CPath(folder.path), .read, .directory)
      return file.raw
    }
    // Another test's file may have the number by now, but not this name.
    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(try opened())")
    #expect(target.map { folder.path.hasPrefix($0) } != true)
  }

  @Test(
    arguments: [
      ("/nonexistent/file", .read, [], .noSuchFile), ("/proc/self/exe", .read, .noFollow, Errno(40)),
      ("/proc/meminfo", .read, .directory, Errno(20)), ("/proc", .write, [], Errno(21)), ("", .read, [], .noSuchFile),
    ] as [(String, OwnedDescriptor.AccessMode, OwnedDescriptor.OpenOptions, Errno)])
  func anOpenThatFailsThrowsItsReason(
    path: String, access: OwnedDescriptor.AccessMode, options: OwnedDescriptor.OpenOptions, reason: Errno
  ) {
    #expect(throws: reason) { _ = try OwnedDescriptor.open(CPath(path), access, options) }
  }

  @Test(
    arguments: [
      (.read, O_RDONLY), (.write, O_WRONLY), (.readWrite, O_RDWR), (.path, 0o10000000),
    ] as [(OwnedDescriptor.AccessMode, Int32)])
  func theOptionsDoNotChangeTheAccessMode(access: OwnedDescriptor.AccessMode, flag: Int32) throws {
    let folder = try TemporaryFolder()
    try folder.write("file", "")
    for options in [[], .append, .noFollow, [.create, .append, .nonBlocking]] as [OwnedDescriptor.OpenOptions] {
      let file = try OwnedDescriptor.open(CPath(folder.path + "/file"), access, options)
      // F_GETFL gives the access mode of open(2); `O_PATH` is a bit beside it (fcntl(2)).
      #expect(fcntl(file.raw, F_GETFL) & (O_ACCMODE | 0o10000000) == flag)
    }
  }

  @Test func aFileIsReadInPiecesAndWhole() throws {
    let folder = try TemporaryFolder()
    try folder.write("file", "0123456789")
    let file = try OwnedDescriptor.open(CPath(folder.path + "/file"), .read)
    var buffer = [UInt8](repeating: 0, count: 4)
    #expect(try file.read(into: &buffer, at: 3) == 4 && buffer == Array("3456".utf8))
    #expect(try file.read(into: &buffer, from: 2, at: 0) == 2 && buffer == Array("3401".utf8))
    #expect(try file.read(into: &buffer, from: 4, at: 0) == 0)
    #expect(try file.read(into: &buffer, at: 10) == 0)
    #expect(try file.readWhole(into: &buffer) == 4 && buffer == Array("0123".utf8))
    var larger = [UInt8](repeating: 0, count: 64)
    #expect(try file.readWhole(into: &larger) == 10)
    var empty: [UInt8] = []
    #expect(try file.readWhole(into: &empty) == 0)
  }

  @Test func aWriteWritesAllBytes() throws {
    let folder = try TemporaryFolder()
    let path = CPath(folder.path + "/file")
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
    try OwnedDescriptor.open(path, .write, .create).write(bytes.span)
    try OwnedDescriptor.open(path, .write, .append).write([1, 2, 3].span)
    #expect(try [UInt8](Data(contentsOf: URL(filePath: folder.path + "/file"))) == bytes + [1, 2, 3])
    #expect(try FileManager.default.attributesOfItem(atPath: folder.path + "/file")[.posixPermissions] as? Int == 0o640)
  }

  @Test func aLinkIsReadAndCut() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: "/somewhere/else")
    let root = try OwnedDescriptor.open(CPath(folder.path), .read, .directory)
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = try root.readLink(CPath("link"), into: &buffer)
    #expect(String(decoding: buffer[..<count], as: UTF8.self) == "/somewhere/else")
    var short = [UInt8](repeating: 0, count: 4)
    #expect(try root.readLink(CPath("link"), into: &short) == 4 && short == Array("/som".utf8))
  }

  @Test func onlyThisProcsRootNamesThisProcess() throws {
    let proc = try OwnedDescriptor.open(CPath("/proc"), .read, .directory)
    let isOurs = proc.namesThisProcess()
    #expect(isOurs)
    #expect(try proc.fileSystemType() == OwnedDescriptor.procFileSystem)
    let folder = try TemporaryFolder()
    let root = try OwnedDescriptor.open(CPath(folder.path), .read, .directory)
    for (name, expected) in [("", false), ("\(getpid() + 1)", false), ("\(getpid())", true), ("\(getpid())x", false)] {
      try? FileManager.default.removeItem(atPath: folder.path + "/self")
      if !name.isEmpty {
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/self", withDestinationPath: name)
      }
      let isOurs = root.namesThisProcess()
      #expect(isOurs == expected)
    }
    #expect(try root.fileSystemType() != OwnedDescriptor.procFileSystem)
  }

  @Test func aPipeIsWritableUntilItIsFull() throws {
    let pipe = try PipeEnds()
    // A pipe with room for one page is ready for PIPE_BUF bytes. It begins with 16 pages.
    var written = 0
    while pipe.writing.becomesWritable(milliseconds: 0), written < 10_000_000 {
      try pipe.writing.write([UInt8](repeating: 0, count: 4096).span)
      written += 4096
    }
    #expect(written == 16 * 4096)
    var buffer = [UInt8](repeating: 0, count: 4096)
    #expect(try pipe.reading.readNext(into: &buffer) == 4096)
    let isWritable = pipe.writing.becomesWritable(milliseconds: 0)
    #expect(isWritable)
  }

  @Test func aSealedMemoryFileNeverChanges() throws {
    let file = try MemoryFile.create(CPath("policy"))
    try file.write([1, 2, 3].span)
    try MemoryFile.seal(file)
    #expect(throws: Errno.notPermitted) { try file.write([4].span) }
    let raw = file.raw
    #expect(ftruncate(raw, 1) == -1 && ftruncate(raw, 9) == -1)
    // It can neither be opened again for writing nor be unsealed.
    let again = try OwnedDescriptor.open(CPath(descriptor: raw), .readWrite)
    #expect(throws: Errno.notPermitted) { try again.write([4].span) }
    #expect(throws: Errno.notPermitted) { try MemoryFile.seal(file) }
    var buffer = [UInt8](repeating: 0, count: 8)
    #expect(try file.readWhole(into: &buffer) == 3 && buffer[..<3] == [1, 2, 3])
  }
}
