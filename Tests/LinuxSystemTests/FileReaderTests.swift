import Fixtures
import Foundation
import LinuxSystem
import Testing

/// Files for which another program answers. A FIFO without a writer stands for a program that does not answer: open(2)
/// waits for it as for a FUSE file system whose program is stopped.
@Suite struct FileReaderTests {
  private static func read(_ reader: inout FileReader, _ file: Int, _ path: String) -> String {
    var buffer = [UInt8](repeating: 0, count: 64)
    do throws(Errno) {
      return String(decoding: buffer[..<(try reader.read(file, CPath(path), into: &buffer))], as: UTF8.self)
    } catch {
      return error.text
    }
  }

  /// Reads until an answer is no longer due, for ten seconds at most.
  private static func readOnceAnswered(_ reader: inout FileReader, _ file: Int, _ path: String) -> String {
    for _ in 0..<2000 {
      let text = read(&reader, file, path)
      if text != Errno.timedOut.text { return text }
      usleep(5000)
    }
    return Errno.timedOut.text
  }

  /// Polls, 10 s at most: the owner is not told when a reading that was given up is over.
  private static func finish(_ reader: borrowing FileReader) -> Bool {
    for _ in 0..<2000 {
      if !reader.isWaiting { return true }
      usleep(5000)
    }
    return false
  }

  @Test func aFileIsReadAnewEachTime() throws {
    let folder = try TemporaryFolder()
    try folder.write("a", "one")
    try folder.write("b", String(repeating: "x", count: 100))
    var reader = try FileReader(below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    #expect(Self.read(&reader, 0, "a") == "one")
    let file = try FileHandle(forWritingTo: folder.url.appending(path: "a"))
    try file.write(contentsOf: Data("two more".utf8))
    #expect(Self.read(&reader, 0, "a") == "two more")
    // The file is cut at the buffer's size.
    #expect(Self.read(&reader, 1, "b") == String(repeating: "x", count: 64))
    #expect(Self.read(&reader, 0, "a") == "two more")
  }

  @Test func aFileThatCannotBeReadThrowsTheReason() throws {
    let folder = try TemporaryFolder()
    try folder.makeFolder("folder")
    var reader = try FileReader(below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    #expect(Self.read(&reader, 0, "missing") == Errno.noSuchFile.text)
    #expect(Self.read(&reader, 1, "folder") == Errno.isDirectory.text)
    #expect(Self.read(&reader, FileReader.capacity, "x") == Errno.invalidArgument.text)
    #expect(Self.read(&reader, -1, "x") == Errno.invalidArgument.text)
    #expect(Self.read(&reader, 2, String(repeating: "x", count: 64)) == Errno.invalidArgument.text)
    // It is looked for again.
    try folder.write("missing", "there")
    #expect(Self.read(&reader, 0, "missing") == "there")
  }

  @Test func aFileThatDoesNotAnswerIsWaitedForShortlyAndOnce() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appending(path: "hangs").path()
    #expect(unsafe mkfifo(path, 0o600) == 0)
    try folder.write("other", "other")
    var reader = try FileReader(below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    #expect(Self.read(&reader, 0, "hangs") == Errno.timedOut.text)
    for _ in 0..<100 { #expect(Self.read(&reader, 1, "other") == Errno.timedOut.text) }
    // An answer comes, and that reading is dropped. The next one fails: a FIFO refuses pread(2).
    let writer = unsafe open(path, O_RDWR | O_NONBLOCK)
    #expect(writer >= 0)
    defer { close(writer) }
    #expect(Self.readOnceAnswered(&reader, 1, "other") == "other")
    #expect(Self.read(&reader, 0, "hangs") == Errno(ESPIPE).text)
  }

  private static func readOnce(_ reader: inout FileReader, _ path: String) -> String {
    var buffer = [UInt8](repeating: 0, count: 64)
    do throws(Errno) {
      return String(decoding: buffer[..<(try reader.readOnce(CPath(path), into: &buffer))], as: UTF8.self)
    } catch {
      return error.text
    }
  }

  @Test func aFileThatIsReadOnceIsOpenedAnewEachTime() throws {
    let folder = try TemporaryFolder()
    try folder.write("a", "one")
    try folder.makeFolder("folder")
    try folder.write("long", String(repeating: "x", count: 100))
    var reader = try FileReader(
      below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory), of: .processes)
    #expect(Self.readOnce(&reader, "a") == "one")
    // Another file of that name: a descriptor that was kept would show the old one.
    try FileManager.default.removeItem(atPath: folder.url.appending(path: "a").path())
    #expect(Self.readOnce(&reader, "a") == Errno.noSuchFile.text)
    try folder.write("a", "two")
    #expect(Self.readOnce(&reader, "a") == "two")
    #expect(Self.readOnce(&reader, "long") == String(repeating: "x", count: 64))
    #expect(Self.readOnce(&reader, "folder") == Errno.isDirectory.text)
    #expect(Self.readOnce(&reader, String(repeating: "x", count: 64)) == Errno.invalidArgument.text)
    // No file is left open; the folder is, twice.
    let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?
        .hasPrefix(folder.path + "/") == true
    }
    #expect(open == [])
  }

  @Test func aReadingThatHangsIsGivenUpAndTheNextFailsAtOnceUntilItIsOver() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appending(path: "hangs").path()
    #expect(unsafe mkfifo(path, 0o600) == 0)
    try folder.write("other", "other")
    var reader = try FileReader(
      below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory), of: .processes)
    #expect(Self.readOnce(&reader, "hangs") == Errno.timedOut.text)
    for _ in 0..<100 { #expect(Self.readOnce(&reader, "other") == Errno.timedOut.text) }
    let isWaiting = reader.isWaiting
    #expect(isWaiting)
    let writer = unsafe open(path, O_RDWR | O_NONBLOCK)
    #expect(writer >= 0)
    defer { close(writer) }
    #expect(unsafe write(writer, "late", 4) == 4)
    let isOver = Self.finish(reader)
    #expect(isOver)
    #expect(Self.readOnce(&reader, "other") == "other")
  }

  @Test func aReaderThatWaitsIsLeftByItsOwner() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appending(path: "hangs").path()
    #expect(unsafe mkfifo(path, 0o600) == 0)
    do {
      var reader = try FileReader(below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
      #expect(Self.read(&reader, 0, "hangs") == Errno.timedOut.text)
    }
    // Lets the reading come to its end.
    let writer = unsafe open(path, O_RDWR | O_NONBLOCK)
    close(writer)
  }

  /// /proc/self/mem cannot be read at its beginning (EIO), as a file whose program is gone.
  @Test func aFileThatFailedIsOpenedAnew() throws {
    let folder = try TemporaryFolder()
    let link = folder.url.appending(path: "file").path()
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/proc/self/mem")
    var reader = try FileReader(below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    #expect(Self.read(&reader, 0, "file") == Errno(EIO).text)
    try FileManager.default.removeItem(atPath: link)
    try folder.write("file", "back")
    #expect(Self.read(&reader, 0, "file") == "back")
  }

  /// A hierarchy in which a cgroup can be made.
  private static let hierarchy: String? = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/memory"].first {
    FileManager.default.isWritableFile(atPath: $0 + "/cgroup.procs")
  }

  /// The file of a cgroup that was removed has no device any more (ENODEV).
  @Test(.enabled(if: hierarchy != nil, "no cgroup can be made here"))
  func aDescriptorThatIsLostMeanwhileIsReplacedWithinOneReading() throws {
    let cgroup = try #require(Self.hierarchy) + "/spillway-\(UUID().uuidString)"
    #expect(unsafe mkdir(cgroup, 0o700) == 0)
    defer { unsafe rmdir(cgroup) }
    let folder = try TemporaryFolder()
    let link = folder.url.appending(path: "file").path()
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: cgroup + "/cgroup.procs")
    var reader = try FileReader(below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    #expect(Self.read(&reader, 0, "file") == "")
    unsafe rmdir(cgroup)
    try FileManager.default.removeItem(atPath: link)
    try folder.write("file", "back")
    #expect(Self.read(&reader, 0, "file") == "back")
  }

  @Test(arguments: [
    (ENOTCONN, true), (ECONNABORTED, true), (ESTALE, true), (EIO, true), (ENODEV, true), (EINVAL, false),
    (EACCES, false), (ENOMEM, false), (EAGAIN, false), (EOPNOTSUPP, false),
  ])
  func theErrorsOfALostDescriptorAreKnown(number: Int32, isLost: Bool) {
    #expect(Errno(number).isLost == isLost)
  }

  /// The status of each thread of this process that has this name.
  private static func threads(_ name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").map { "/proc/self/task/\($0)" }
      .filter { (try? String(contentsOfFile: $0 + "/comm", encoding: .utf8)) == name + "\n" }
      .map { try String(contentsOfFile: $0 + "/status", encoding: .utf8) }
  }

  @Test func theThreadHasNoCapabilities() throws {
    let folder = try TemporaryFolder()
    try folder.write("a", "one")
    var reader = try FileReader(below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    #expect(Self.read(&reader, 0, "a") == "one")
    let own = try Self.threads("spillway-read")
    #expect(!own.isEmpty)
    for status in own {
      #expect(status.contains("CapEff:\t0000000000000000\n") && status.contains("CapPrm:\t0000000000000000\n"))
    }
  }

  /// Reading other users' processes under `hidepid` takes CAP_SYS_PTRACE (proc(5)), where this process has it.
  @Test func theThreadThatReadsProcessesHasNoCapabilityButSysPtrace() throws {
    let folder = try TemporaryFolder()
    try folder.write("a", "one")
    var reader = try FileReader(
      below: try OwnedDescriptor.open(CPath(folder.path), .read, .directory), of: .processes)
    #expect(Self.readOnce(&reader, "a") == "one")
    let held = try OwnCapabilities.effective() & 1 << 19
    let digits = String(held, radix: 16)
    let mask = String(repeating: "0", count: 16 - digits.count) + digits
    let own = try Self.threads("spillway-ask")
    #expect(!own.isEmpty)
    for status in own { #expect(status.contains("CapEff:\t\(mask)\n") && status.contains("CapPrm:\t\(mask)\n")) }
  }

  @Test func aFileOfAnotherFileSystemCountsAsReplaced() throws {
    let proc = try OwnedDescriptor.open(CPath("/proc"), .read, .directory)
    let folder = try TemporaryFolder()
    let own = try OwnedDescriptor.open(CPath(folder.path), .read, .directory)
    try folder.write("file", "")
    try FileManager.default.createSymbolicLink(
      atPath: folder.url.appending(path: "link").path(), withDestinationPath: "/proc/meminfo")
    let answers = [
      proc.isReplaced(CPath("meminfo")), proc.isReplaced(CPath("pressure/memory")), proc.isReplaced(CPath("missing")),
      own.isReplaced(CPath("file")), own.isReplaced(CPath("link")),
    ]
    #expect(answers == [false, false, false, false, true])
  }
}
