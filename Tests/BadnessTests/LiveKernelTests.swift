import Badness
import Foundation
import ProcModel
import Testing

/// The formula `linux` agrees with the kernel on this machine's processes.
@Suite struct LiveKernelTests {
  private func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: "/proc/" + path).map { String(decoding: $0, as: UTF8.self) }
  }

  private func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// The first word after `name:` in a file of such lines.
  private func field(_ name: String, of text: String) -> Substring? {
    for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
      return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).first
    }
    return nil
  }

  private func kib(_ name: String, of text: String) -> KiB? {
    field(name, of: text).flatMap { UInt64($0) }.map { KiB($0) }
  }

  /// Ours and the kernel's `oom_score`, or nil for a process that is gone, changing, or that the kernel never chooses.
  private func scores(of pid: Int32, on machine: MachineFacts) -> (ours: Int, kernel: Int)? {
    guard let before = number("\(pid)/oom_score"), let status = text("\(pid)/status"),
      let adjustment = number("\(pid)/oom_score_adj"), let after = number("\(pid)/oom_score"),
      before == after, adjustment != -1000, field("State", of: status) != "Z",
      let resident = kib("VmRSS", of: status), let swap = kib("VmSwap", of: status),
      let pageTables = kib("VmPTE", of: status)
    else { return nil }
    var process = ProcessFacts(identity: ProcessIdentity(pid: pid, startTime: .zero))
    process.resident = resident
    process.swap = swap
    process.pageTables = pageTables
    process.oomScoreAdj = Int16(clamping: adjustment)
    let points = Formula.linux.plainScore(process, on: machine)
    return (Int(kernelOomScore(points: points, totalPages: machine.totalPages)), after)
  }

  /// A process of ours that sleeps, with an `oom_score_adj` if the kernel lets us give it.
  private func sleeper(adjustment: Int) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sleep")
    process.arguments = ["60"]
    try process.run()
    try? Data("\(adjustment)".utf8).write(
      to: URL(filePath: "/proc/\(process.processIdentifier)/oom_score_adj"))
    return process
  }

  @Test func linuxAgreesWithTheKernelWithinOneStepForEveryProcess() throws {
    let meminfo = try #require(text("meminfo"))
    let machine = MachineFacts(
      ram: try #require(kib("MemTotal", of: meminfo)),
      swap: try #require(kib("SwapTotal", of: meminfo)),
      units: KernelUnits(pageSizeKiB: UInt64(getpagesize()) / 1024, ticksPerSecond: 100))

    // So that other adjustments than the usual 0 are compared. Lowering one needs CAP_SYS_RESOURCE; without it it stays
    // 0.
    let sleepers = try [-999, -500, 0, 1, 300, 1000].map { try sleeper(adjustment: $0) }
    // Not by `terminate()`: they inherit this thread's signal mask, in which SIGTERM is blocked.
    defer {
      for process in sleepers where process.isRunning {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
    }

    var checked = 0
    var adjusted = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
      // The kernel never chooses the machine's init, and shows 0 for it.
      guard let pid = Int32(name), pid > 1 else { continue }
      // A process that grew between the reads, or was in vfork(2), agrees when it is read again.
      var last: (ours: Int, kernel: Int)?
      for _ in 0..<3 {
        last = scores(of: pid, on: machine)
        if let last, abs(last.ours - last.kernel) <= 1 { break }
      }
      guard let last else { continue }
      #expect(abs(last.ours - last.kernel) <= 1, "pid \(pid): \(last.ours), the kernel says \(last.kernel)")
      checked += 1
      if sleepers.contains(where: { $0.processIdentifier == pid }), last.kernel != 666 { adjusted += 1 }
    }
    #expect(checked >= 3)
    #expect(adjusted >= 2, "the kernel's own numbers did not move with oom_score_adj")
  }
}
