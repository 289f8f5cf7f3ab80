import Foundation
import LinuxSystem
import Testing

@Suite struct HelperThreadTests {
  /// `F_SETPIPE_SZ` of linux/fcntl.h, which Glibc's Swift module does not have.
  private static let setPipeSize: Int32 = 1031

  /// Waits for the end of a job by what an event loop would wait for.
  private func finish(_ helper: borrowing HelperThread) throws -> HelperResult {
    var request = pollfd(fd: helper.doneDescriptor, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&request, 1, 10_000) == 1)
    helper.acknowledge()
    #expect(unsafe poll(&request, 1, 0) == 0, "taken note of")
    let result = helper.result
    return try #require(result)
  }

  /// Of x86-64, and of arm64 with each of its page sizes; glibc's minimum on arm64 is 131072 bytes.
  @Test(arguments: [
    (page: 4096, minimum: 16384), (4096, 131_072), (16384, 131_072), (65536, 131_072), (65536, 140_000),
  ])
  func aStackHasTheLibrarysMinimumAndAWholePageForItsGuard(page: Int, minimum: Int) {
    let layout = HelperThread.layout(pageSize: page, minimum: minimum)
    #expect(layout.guard >= page && layout.guard.isMultiple(of: page))
    // The library takes its part of the minimum: what the helper's code needs comes on top.
    #expect(layout.stack >= minimum + 32768 && layout.stack.isMultiple(of: page))
  }

  @Test(.enabled(if: HelperThread.canReleaseMemory, "process_mrelease needs Linux 5.15"))
  func itReleasesTheDyingAndNobodyElse() throws {
    let helper = try HelperThread()
    let file = try MemoryFile.create(CPath("unused"))
    let child = try Child.start(CPath("/bin/sleep"), [CPath("sleep"), CPath("60")], inheriting: file)
    try helper.stage(child.handle.descriptor.raw)
    try helper.release()
    // It has got no SIGKILL: the kernel says so, and takes nothing from it.
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
  func aDescriptorThatIsNoProcessIsAFailureOfItsOwn() throws {
    let helper = try HelperThread()
    let file = try MemoryFile.create(CPath("no process"))
    try helper.stage(file.raw)
    try helper.release()
    let result = try finish(helper)
    #expect(result.failed == 1 && result.error == .badDescriptor)
    // The duplicate is closed: the file's own descriptor is what is left.
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter { name in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)"))?.contains("no process")
        == true
    }
    #expect(descriptors.count == 1)
  }

  @Test func itWritesOnceAndSaysWhyNot() throws {
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

  @Test func theLoopGoesOnWhileItWaits() throws {
    let helper = try HelperThread()
    // A pipe that is full lets nobody write.
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

  @Test func itTakesNoSignalAndHasItsName() throws {
    let helper = try HelperThread()
    try helper.sync()
    _ = try finish(helper)
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
    let blocked = threads.compactMap { thread -> String? in
      guard let status = try? String(contentsOfFile: "/proc/self/task/\(thread)/status", encoding: .utf8),
        status.hasPrefix("Name:\tspillway-hand\n")
      else { return nil }
      return status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }.map(String.init)
    }
    // All but SIGKILL, SIGSTOP, and the two that are glibc's own.
    #expect(blocked.contains("SigBlk:\tfffffffe7ffbfeff"), "\(blocked)")
  }
}
