import Foundation
import LinuxSystem
import Testing

@Suite struct HelperThreadTests {
  /// `F_SETPIPE_SZ` of linux/fcntl.h, which Glibc's Swift module does not have.
  private static let setPipeSize: Int32 = 1031

  /// Waits for the end of a job, on the descriptor that an event loop would wait on.
  private func finish(_ helper: borrowing HelperThread) throws -> HelperResult {
    var request = pollfd(fd: helper.doneDescriptor, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&request, 1, 10_000) == 1)
    helper.acknowledge()
    #expect(unsafe poll(&request, 1, 0) == 0, "taken note of")
    let result = helper.result
    return try #require(result)
  }

  /// The sizes are those of x86-64, and of arm64 with each page size; glibc's minimum on arm64 is 131072 bytes.
  @Test(arguments: [
    (page: 4096, minimum: 16384), (4096, 131_072), (16384, 131_072), (65536, 131_072), (65536, 140_000),
  ])
  func aStackHasTheLibrarysMinimumAndAWholePageForItsGuard(page: Int, minimum: Int) {
    let layout = HelperThread.layout(pageSize: page, minimum: minimum)
    #expect(layout.guard >= page && layout.guard.isMultiple(of: page))
    // The library takes its part of the minimum, so the helper's code needs more.
    #expect(layout.stack >= minimum + 32768 && layout.stack.isMultiple(of: page))
  }

  @Test(.enabled(if: HelperThread.canReleaseMemory, "process_mrelease needs Linux 5.15"))
  func theMemoryOfDyingProcessesIsReleasedAndOfNoOthers() throws {
    let helper = try HelperThread()
    let file = try MemoryFile.create(CPath("unused"))
    let child = try Child.start(CPath("/bin/sleep"), [CPath("sleep"), CPath("60")], inheriting: file)
    try helper.stage(child.handle.descriptor.raw)
    try helper.release()
    // It was not sent SIGKILL, so the kernel refuses.
    let early = try finish(helper)
    #expect(early.entangled == 1 && early.released == 0)
    let lives = !child.handle.hasExited
    #expect(lives)

    try child.handle.send(.kill)
    let status = try child.wait()
    #expect(status == 137)
    try helper.stage(child.handle.descriptor.raw)
    try helper.release()
    let late = try finish(helper)
    #expect(late.vanished == 1)
  }

  @Test(.enabled(if: HelperThread.canReleaseMemory, "process_mrelease needs Linux 5.15"))
  func aDescriptorThatIsNoPidfdCountsAsFailed() throws {
    let helper = try HelperThread()
    let file = try MemoryFile.create(CPath("no process"))
    try helper.stage(file.raw)
    try helper.release()
    let result = try finish(helper)
    #expect(result.failed == 1 && result.error == .badDescriptor)
    // The duplicate is closed, and the file's own descriptor is left.
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter { name in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)"))?.contains("no process")
        == true
    }
    #expect(descriptors.count == 1)
  }

  @Test func theHelperWritesOnceAndTellsWhyAWriteFailed() throws {
    let helper = try HelperThread()
    let file = try MemoryFile.create(CPath("written"))
    try helper.write(Array("4096".utf8).span, to: file)
    do {
      let result = try finish(helper)
      #expect(result.error == nil)
    }
    var buffer = [UInt8](repeating: 0, count: 16)
    let length = try file.readWhole(into: &buffer)
    #expect(length == 4)
    let closed = try OwnedDescriptor.open(CPath("/proc/self/status"), .read)
    try helper.write(Array("1".utf8).span, to: closed)
    do {
      let result = try finish(helper)
      #expect(result.error == .badDescriptor)
    }
    #expect(throws: Errno.invalidArgument) { try helper.write([UInt8](repeating: 0, count: 65).span, to: file) }
  }

  @Test func theCallerGoesOnWhileTheHelperWaits() throws {
    let helper = try HelperThread()
    // A write to a full pipe waits.
    let pipe = try PipeEnds()
    _ = fcntl(pipe.writing.raw, Self.setPipeSize, 4096)
    try pipe.writing.write([UInt8](repeating: 0, count: 4096).span)
    try helper.write(Array("late".utf8).span, to: pipe.writing)
    let isBusy = helper.isBusy && helper.result == nil
    #expect(isBusy)
    #expect(throws: Errno.busy) { try helper.release() }
    #expect(throws: Errno.busy) { try helper.stage(pipe.reading.raw) }
    #expect(throws: Errno.busy) { try helper.sync() }
    var buffer = [UInt8](repeating: 1, count: 4096)
    let length = try pipe.reading.readNext(into: &buffer)
    #expect(length == 4096)
    let result = try finish(helper)
    #expect(result.error == nil && result.nanoseconds > 0)
    try helper.sync()
    do {
      let result = try finish(helper)
      #expect(result.error == nil)
    }
  }

  @Test func theHelperBlocksAllSignalsAndHasItsName() throws {
    let helper = try HelperThread()
    try helper.sync()
    _ = try finish(helper)
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
    let blocked = threads.compactMap { thread -> String? in
      guard let status = try? String(contentsOfFile: "/proc/self/task/\(thread)/status", encoding: .utf8),
        status.hasPrefix("Name:\tspillway-helper\n")
      else { return nil }
      return status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }.map(String.init)
    }
    // All signals but SIGKILL, SIGSTOP, and two of glibc's own.
    #expect(blocked.contains("SigBlk:\tfffffffe7ffbfeff"), "\(blocked)")
  }
}
