import Foundation
import Ladder
import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import ProcReader
import Record
import Testing

@testable import Agent

/// A hundred thousand looks leave nothing behind. Each runs in a process of its own, which nobody else opens files in.
@Suite struct SteadyTests {
  /// Calm all the while, and surveys when they are due.
  @Test func calmLooksKeepNoDescriptorAndNoMemory() async {
    await #expect(processExitsWith: .success) {
      try SteadyTests.staysAsItIs(ticks: 100_000, floor: "1 KiB")
    }
  }

  /// Nobody is worth ending, so that candidates are looked for at each look.
  @Test func looksForAVictimKeepNoDescriptorAndNoMemory() async {
    await #expect(processExitsWith: .success) {
      try SteadyTests.staysAsItIs(ticks: 2000, floor: "100%")
    }
  }

  private struct Holdings: Equatable {
    var descriptors: Int
    var residentPages: Int
  }

  private static func holdings() throws -> Holdings {
    let statm = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return Holdings(
      descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
      residentPages: try #require(statm.split(separator: " ").dropFirst().first.flatMap { Int($0) }))
  }

  /// Ends the process with 1 where an agent holds more after its looks than when it was warm.
  private static func staysAsItIs(ticks: Int, floor: String) throws {
    var agent = try agent(floor: floor)
    agent.rehearse()
    for _ in 0..<1000 { _ = agent.tick() }
    // Looking takes some memory of its own, the first time.
    _ = try holdings()
    let before = try holdings()
    for _ in 0..<ticks { _ = agent.tick() }
    let after = try holdings()
    // What this test itself allocates to look may cost a page or two; a leak of one byte a look would cost 24.
    let isSame = after.descriptors == before.descriptors && after.residentPages <= before.residentPages + 8
    if !isSame { FileHandle.standardError.write(Data("\(before) became \(after)\n".utf8)) }
    exit(isSame ? 0 : 1)
  }

  /// A captured tree is its world.
  private static func agent(floor: String) throws -> Agent<LiveSource, RehearsalActuator> {
    let text = """
      version = 1
      [trigger]
      floor = { available = "\(floor)" }
      [action]
      min_footprint = "1024 GiB"
      """
    let compilation = PolicyCompiler.compile(text, file: "policy.toml", accounts: AccountLookup([]))
    let policy = try #require(compilation.policy, "\(compilation.diagnostics)")
    let units = KernelUnits(pageSizeKiB: 4, ticksPerSecond: 100)
    return Agent(
      source: try LiveSource.open(root: CPath(Namespace.root.path() + "Tests/Fixtures/proc/6.18")),
      hand: RehearsalActuator(), loop: try EventLoop.taking([.hangUp]), recorder: Recorder(sink: nil, isDryRun: true),
      messages: Messages(), kernelLog: nil, reloader: Reloader(compiler: nil, config: nil),
      judge: Judge(policy: policy, machine: MachineFacts(ram: .zero, swap: .zero, units: units), agent: 0),
      isVerbose: false)
  }
}
