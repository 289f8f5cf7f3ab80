import Fixtures
import Foundation
import LinuxSystem
import Testing

@Suite struct LineWriterTests {
  /// `F_SETPIPE_SZ` of linux/fcntl.h, which Glibc's Swift module does not have.
  private static let setPipeSize: Int32 = 1031

  /// - Parameter ring: The size of the ring in bytes, with the entries' headers.
  private static func writer(to descriptor: Int32, ring: Int) throws(Errno) -> LineWriter {
    try LineWriter(to: descriptor, size: LineWriter.overhead + ring, name: CPath("spillway-test"))
  }

  /// A line whose bytes tell its number.
  ///
  /// - Parameter bytes: Its length, with the newline.
  private static func line(_ number: Int, bytes: Int) -> [UInt8] {
    let body = (0..<max(bytes - 1, 0)).map { UInt8(ascii: "a") + UInt8(truncatingIfNeeded: (number + $0) % 26) }
    return body + [10]
  }

  /// Reads until this number of bytes has come.
  private static func read(_ count: Int, from pipe: borrowing PipeEnds) throws -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while all.count < count {
      var request = pollfd(fd: pipe.reading.raw, events: Int16(POLLIN), revents: 0)
      let isReady = unsafe poll(&request, 1, 10_000) == 1
      try #require(isReady, "\(all.count) of \(count) bytes came")
      let length = try pipe.reading.readNext(into: &buffer)
      if length == 0 { break }
      all += buffer[..<length]
    }
    return all
  }

  private static func status(_ field: String, of process: Int32) -> String? {
    let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    return text?.split(separator: "\n").first { $0.hasPrefix(field + ":") }
      .map { $0.dropFirst(field.count + 1).trimmingCharacters(in: .whitespaces) }
  }

  private static func wait(_ isDone: () -> Bool) -> Bool {
    for _ in 0..<2000 {
      if isDone() { return true }
      usleep(5000)
    }
    return false
  }

  /// With these sizes the end of a line, and of its header, comes to each place of the ring.
  @Test(arguments: [61, 64, 97, 128, 4099]) func linesAreWholeAndInOrderWhereTheRingGoesRound(ring: Int) throws {
    let file = try MemoryFile.create(CPath("lines"))
    let writer = try Self.writer(to: file.raw, ring: ring)
    var expected: [UInt8] = []
    for number in 0..<600 {
      let line = Self.line(number, bytes: 1 + number * 7 % (ring - LineWriter.lineOverhead))
      if writer.put(line.span, owed: 1) != nil {
        writer.wait(milliseconds: 10_000)
        let reason = writer.put(line.span, owed: 1)
        #expect(reason == nil)
      }
      expected += line
    }
    writer.wait(milliseconds: 10_000)
    let (isEmpty, failures) = (writer.isEmpty, writer.failures)
    #expect(isEmpty && failures == 0)
    var written = [UInt8](repeating: 0, count: expected.count + 1)
    let count = try file.readWhole(into: &written)
    #expect(Array(written[..<count]) == expected)
  }

  @Test func aLineThatFitsExactlyIsWrittenAndALargerOneIsRefused() throws {
    let file = try MemoryFile.create(CPath("exact"))
    let writer = try Self.writer(to: file.raw, ring: 256)
    let exact = Self.line(0, bytes: 256 - LineWriter.lineOverhead)
    for _ in 0..<3 {
      let reason = writer.put(exact.span, owed: 1)
      #expect(reason == nil)
      writer.wait(milliseconds: 10_000)
    }
    for bytes in [exact.count + 1, 256, 257, 100_000] {
      let reason = writer.put(Self.line(0, bytes: bytes).span, owed: 1)
      #expect(reason == .tooLong)
    }
    var written = [UInt8](repeating: 0, count: 1024)
    let count = try file.readWhole(into: &written)
    #expect(Array(written[..<count]) == exact + exact + exact)
  }

  /// The pipe is not read. A line for which there is no room is refused at once, and no part of it is written later.
  @Test func whileTheFileIsStuckLinesAreLostAndTheOthersAreWhole() throws {
    let pipe = try PipeEnds()
    _ = fcntl(pipe.writing.raw, Self.setPipeSize, 4096)
    let writer = try Self.writer(to: pipe.writing.raw, ring: 8192)
    var expected: [UInt8] = []
    var lost = 0
    for number in 0..<64 {
      let line = Self.line(number, bytes: 1000)
      switch writer.put(line.span, owed: 1) {
      case nil: expected += line
      case .wouldBlock?: lost += 1
      case let reason?: Issue.record("\(reason)")
      }
    }
    #expect(lost > 40)
    let isStuck = !writer.isEmpty
    #expect(isStuck)
    writer.wait(milliseconds: 1)
    #expect(try Self.read(expected.count, from: pipe) == expected)
    writer.wait(milliseconds: 10_000)
    let failures = writer.failures
    #expect(failures == 0)
    // The pipe takes lines again.
    let reason = writer.put(Self.line(1, bytes: 10).span, owed: 1)
    #expect(reason == nil)
    #expect(try Self.read(10, from: pipe) == Self.line(1, bytes: 10))
  }

  /// A pipe that is asked not to wait takes a part of a long line: the writer goes on where it stopped.
  @Test func aLineThatIsTakenInPartsIsWhole() throws {
    let pipe = try PipeEnds()
    _ = fcntl(pipe.writing.raw, F_SETFL, O_NONBLOCK)
    _ = fcntl(pipe.writing.raw, Self.setPipeSize, 8192)
    let writer = try Self.writer(to: pipe.writing.raw, ring: 65_536)
    let line = Self.line(3, bytes: 60_001)
    for _ in 0..<3 {
      let reason = writer.put(line.span, owed: 1)
      #expect(reason == nil)
      #expect(try Self.read(line.count, from: pipe) == line)
      writer.wait(milliseconds: 10_000)
    }
  }

  @Test func aLineThatTheFileRefusesCountsAsOwed() throws {
    let full = try OwnedDescriptor.open(CPath("/dev/full"), .write)
    let writer = try Self.writer(to: full.raw, ring: 1024)
    for owed in [1, 1, 40] as [UInt64] {
      let reason = writer.put(Self.line(0, bytes: 100).span, owed: owed)
      #expect(reason == nil)
    }
    writer.wait(milliseconds: 10_000)
    let (isEmpty, failures, reason) = (writer.isEmpty, writer.failures, writer.lastReason)
    #expect(isEmpty && failures == 42 && reason == Errno(ENOSPC))

    let pipe = try PipeEnds()
    let other = try Self.writer(to: pipe.writing.raw, ring: 1024)
    let reading = pipe.reading.raw
    // The descriptor was closed under its owner. It is put back, so that the owner closes no other file.
    let keeper = try OwnedDescriptor.duplicate(full.raw)
    _ = dup2(keeper.raw, reading)
    let put = other.put(Self.line(0, bytes: 100).span, owed: 1)
    other.wait(milliseconds: 10_000)
    let (failed, why) = (other.failures, other.lastReason)
    #expect(put == nil && failed == 1 && why == Errno(EPIPE))
  }

  /// The writer's own limit for files stands for a disk that is full in the middle of a line.
  @Test func theLineAfterOneThatWasCutBeginsOnALineOfItsOwn() throws {
    let folder = try TemporaryFolder()
    let file = try OwnedDescriptor.open(CPath(folder.path + "/cut"), .write, [.create, .append])
    let writer = try Self.writer(to: file.raw, ring: 4096)
    let number = writer.process
    func limit(_ bytes: Int) throws {
      let program = try Process.run(
        URL(filePath: "/usr/bin/prlimit"), arguments: ["--pid", "\(number)", "--fsize=\(bytes):"])
      program.waitUntilExit()
      try #require(program.terminationStatus == 0)
    }
    func put(_ number: Int) -> UInt64 {
      let reason = writer.put(Self.line(number, bytes: 100).span, owed: 1)
      #expect(reason == nil)
      writer.wait(milliseconds: 10_000)
      return writer.failures
    }
    try limit(250)
    let counts = [put(0), put(1), put(2), put(3)]
    #expect(counts == [0, 0, 1, 2])
    try limit(10_000)
    let later = [put(4), put(5)]
    #expect(later == [2, 2])
    let text = try [UInt8](Data(contentsOf: folder.url.appending(path: "cut")))
    let lines = (0..<6).map { Self.line($0, bytes: 100) }
    #expect(text == lines[0] + lines[1] + lines[2].prefix(50) + [10] + lines[4] + lines[5])
  }

  @Test func theLinesOfAKilledWriterCountAsLost() throws {
    let file = try MemoryFile.create(CPath("killed"))
    let writer = try Self.writer(to: file.raw, ring: 1024)
    kill(writer.process, SIGKILL)
    let isCounted = Self.wait {
      _ = writer.put(Self.line(0, bytes: 10).span, owed: 1)
      return writer.failures > 0
    }
    let reason = writer.lastReason
    #expect(isCounted && reason == Errno(EPIPE))
    writer.wait(milliseconds: 10_000)
    let isEmpty = writer.isEmpty
    #expect(isEmpty)
  }

  /// It holds only its own files open, blocks every signal but SIGKILL, and is this process's child.
  @Test func theWriterHasItsOwnDescriptorsAndBlocksAllSignals() throws {
    let file = try MemoryFile.create(CPath("own"))
    let writer = try Self.writer(to: file.raw, ring: 1024)
    let process = writer.process
    let named = Self.wait { Self.status("Name", of: process) == "spillway-test" }
    #expect(named)
    let own = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")
    #expect(own.count == 3, "\(own)")
    #expect(Self.status("PPid", of: process) == "\(getpid())")
    #expect(Self.status("SigBlk", of: process) == "fffffffe7ffbfeff")
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1] { kill(process, signal) }
    let reason = writer.put(Self.line(0, bytes: 10).span, owed: 1)
    writer.wait(milliseconds: 10_000)
    let isEmpty = writer.isEmpty
    #expect(reason == nil && isEmpty)
  }

  /// Its owner does not wait for the file. The lines are written, and then the writer exits.
  @Test func aStuckWriterIsLetGoAndWritesItsLinesLater() throws {
    let pipe = try PipeEnds()
    _ = fcntl(pipe.writing.raw, Self.setPipeSize, 4096)
    let process: Int32
    var expected: [UInt8] = []
    do {
      let writer = try Self.writer(to: pipe.writing.raw, ring: 32_768)
      process = writer.process
      for number in 0..<20 {
        let reason = writer.put(Self.line(number, bytes: 1000).span, owed: 1)
        #expect(reason == nil)
        expected += Self.line(number, bytes: 1000)
      }
    }
    #expect(Self.status("State", of: process)?.hasPrefix("Z") == false)
    #expect(try Self.read(expected.count, from: pipe) == expected)
    let isGone = Self.wait { Self.status("State", of: process) == nil }
    #expect(isGone)
  }

  @Test func aWriterWithoutLinesExitsWithItsOwner() throws {
    let file = try MemoryFile.create(CPath("gone"))
    let process = try Self.writer(to: file.raw, ring: 1024).process
    let isGone = Self.wait { Self.status("State", of: process) == nil }
    #expect(isGone)
    #expect(throws: Errno.invalidArgument) { _ = try LineWriter(to: file.raw, size: 10, name: CPath("small")) }
  }
}

@Suite struct JournalStreamTests {
  /// The name of a descriptor's file, in the form of systemd.exec(5).
  private static func name(_ descriptor: Int32) throws -> String {
    var status = stat()
    // One struct, on the stack, for the call.
    try #require(unsafe fstat(descriptor, &status) == 0)
    return "\(status.st_dev):\(status.st_ino)"
  }

  @Test func theJournalsStreamIsKnownByItsName() throws {
    let file = try MemoryFile.create(CPath("journal"))
    let pipe = try PipeEnds()
    var ends: [Int32] = [-1, -1]
    let made = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    try #require(made == 0)
    let (one, other) = (ends[0], ends[1])
    defer { for end in ends { close(end) } }
    for descriptor in [file.raw, pipe.writing.raw, one, other] {
      let name = try Self.name(descriptor)
      #expect(JournalStream.names(descriptor, CPath(name)))
    }
    let (first, second) = try (Self.name(one), Self.name(other))
    #expect(!JournalStream.names(one, CPath(second)) && !JournalStream.names(file.raw, CPath(first)))
  }

  @Test(arguments: [
    "", ":", "1", "1:", ":1", "DEV:", ":INO", "DEV:INO ", " DEV:INO", "DEV:INO:1", "DEV:INOx", "+DEV:INO", "-DEV:INO",
    "DEV;INO", "DEV:-INO", "DEV :INO", "18446744073709551616:INO", "DEV:18446744073709551616", "INO:DEV",
    "99999999999999999999999999999:1", "DEV:INO\n",
  ]) func aMalformedJournalStreamNamesNoFile(form: String) throws {
    let file = try MemoryFile.create(CPath("journal"))
    let parts = try Self.name(file.raw).split(separator: ":")
    let text = form.replacingOccurrences(of: "DEV", with: parts[0]).replacingOccurrences(of: "INO", with: parts[1])
    #expect(!JournalStream.names(file.raw, CPath(text)))
    #expect(!JournalStream.names(-1, CPath("0:0")))
  }
}
