import Badness
import Foundation
import Policy
import Pressure
import ProcModel
import Record
import Testing

/// The agent as a process of its own, in its ordinary form, in dry run on this machine: its signals, and the
/// capabilities that it keeps.
@Suite(.serialized) struct ProgramTests {
  private static let program = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: ".build/debug/spillwayd")

  /// A running agent whose floor is never reached, and the folder of its record.
  private final class Running {
    let process = Process()
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)")

    init() throws {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let policy = CompiledPolicy(
        settings: Settings(
          thresholds: Thresholds(floor: Floor(available: .size(KiB(1)), swapFree: nil), release: .size(KiB(1))),
          formula: .footprint, adjustment: .respect, grace: .zero, minimumFootprint: .automatic))
      try Data(ImageWriter.image(of: policy)).write(to: folder.appending(path: "image"))
      process.executableURL = URL(filePath: "/usr/bin/env")
      // A test runner may block signals, and children inherit that.
      process.arguments = [
        "--default-signal", "--block-signal=", ProgramTests.program.path(), "--dry-run", "--image", "image", "--record",
        "record",
      ]
      process.currentDirectoryURL = folder
      process.standardError = FileHandle.nullDevice
      try process.run()
      try wait { try !self.records("start").isEmpty }
      // Its loop has begun once it sleeps in epoll_wait.
      try wait { try self.status("State").hasPrefix("S") }
    }

    deinit {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      try? FileManager.default.removeItem(at: folder)
    }

    func wait(_ isDone: () throws -> Bool) throws {
      for _ in 0..<2000 {
        if try isDone() { return }
        usleep(5000)
      }
      Issue.record("it never came")
    }

    func records(_ event: String) throws -> [[String: Any]] {
      let text = (try? String(contentsOf: folder.appending(path: "record"), encoding: .utf8)) ?? ""
      return try text.split(separator: "\n").map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      }.filter { $0["event"] as? String == event }
    }

    func status(_ field: String) throws -> String {
      let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(field + ":") })
      return String(try #require(line.split(separator: "\t").last))
    }

    func mask(_ field: String) throws -> UInt64 { try #require(UInt64(status(field), radix: 16)) }
  }

  @Test(arguments: [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")]) func theAgentStopsAtSIGTERMAndSIGINT(
    signal: Int32, name: String
  ) throws {
    let agent = try Running()
    kill(agent.process.processIdentifier, signal)
    agent.process.waitUntilExit()
    #expect(agent.process.terminationReason == .exit && agent.process.terminationStatus == 0)
    #expect(try agent.records("stop").map { $0["reason"] as? String } == [name])
  }

  @Test func aReloadWithoutAConfigIsRefusedAndTheAgentRunsOn() throws {
    let agent = try Running()
    for count in 1...2 {
      kill(agent.process.processIdentifier, SIGHUP)
      try agent.wait { try agent.records("reload").count == count }
    }
    #expect(try agent.records("reload").allSatisfy { $0["outcome"] as? String == "refused" })
    #expect(agent.process.isRunning)
  }

  @Test func theAgentKeepsTheCapabilitiesThatItNeeds() throws {
    let agent = try Running()
    let held = try Self.effective("/proc/self/status")
    let kept = CapabilityNeed.lasting(for: []).rawValue
    #expect(try agent.mask("CapEff") == held & kept)
    #expect(try agent.mask("CapPrm") == held & kept)
    #expect(try agent.mask("CapInh") == 0 && agent.mask("CapAmb") == 0)
    #expect(try agent.status("NoNewPrivs") == "1")
    // CAP_SETPCAP, 8, gives the right to change the bounding set.
    if held & 1 << 8 != 0 { #expect(try agent.mask("CapBnd") & ~kept == 0) }
  }

  private static func effective(_ path: String) throws -> UInt64 {
    let line = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").first {
      $0.hasPrefix("CapEff:")
    }
    return try #require(UInt64(line?.split(separator: "\t").last ?? "", radix: 16))
  }
}
