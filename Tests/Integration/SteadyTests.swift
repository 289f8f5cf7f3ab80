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

/// A hundred thousand looks leak nothing. Each test runs in a process of its own, in which no other test opens files.
@Suite struct SteadyTests {
  /// Memory is calm, and surveys are made when they are due.
  @Test func calmLooksLeakNoDescriptorAndNoMemory() async {
    let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      try SteadyTests.staysAsItIs(ticks: 100_000, floor: "1 KiB")
    }
    SteadyTests.show(result)
  }

  /// No process is worth killing, so that each look looks for candidates.
  @Test func looksForAVictimLeakNoDescriptorAndNoMemory() async {
    let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      try SteadyTests.staysAsItIs(ticks: 8000, floor: "100%")
    }
    SteadyTests.show(result)
  }

  /// Prints the output of the other process, where a test failed.
  private static func show(_ result: ExitTest.Result?) {
    if let said = result?.standardErrorContent, !said.isEmpty { print(String(decoding: said, as: UTF8.self)) }
  }

  private struct Holdings: Equatable {
    var descriptors: Int
    var residentKiB: Int
  }

  private static func holdings() throws -> Holdings {
    // Counted page by page: the figure of statm lacks what other processors have not added yet.
    let rollup = try String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8)
    let line = try #require(rollup.split(separator: "\n").first { $0.hasPrefix("Rss:") })
    return Holdings(
      descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
      residentKiB: try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }))
  }

  /// Exits with 1 where an agent holds more after its looks than when it was warm.
  private static func staysAsItIs(ticks: Int, floor: String) throws {
    var agent = try agent(floor: floor)
    agent.rehearse()
    for _ in 0..<1000 { look(&agent) }
    // The first count takes some memory itself.
    _ = try holdings()
    let before = try holdings()
    for _ in 0..<ticks { look(&agent) }
    let after = try holdings()
    // The test's own runtime, with its threads, takes a few pages at any time. The smallest leak of malloc(3), 32 bytes
    // a look, would cost 250 KiB and more.
    let isSame = after.descriptors == before.descriptors && after.residentKiB <= before.residentKiB + 128
    if !isSame { FileHandle.standardError.write(Data("\(before) became \(after)\n".utf8)) }
    exit(isSame ? 0 : 1)
  }

  /// One look, due or not.
  private static func look(_ agent: inout Agent<LiveMachine>) {
    for number in agent.domains.indices { agent.domains[number].dueAt = .zero }
    _ = agent.tick()
  }

  /// An agent on a captured tree.
  private static func agent(floor: String) throws -> Agent<LiveMachine> {
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
      machine: LiveMachine(
        rehearsing: try LiveSource.open(root: CPath(Namespace.root.path() + "Tests/Fixtures/proc/6.18")),
        try EventLoop.taking([.hangUp]), nil),
      reporter: Reporter(
        recorder: Recorder(sink: nil, isDryRun: true), messages: Messages(), kernelLog: nil),
      policy: policy, constants: AgentConstants(units: units, ownPID: 0),
      reload: ReloadCourse(Reloader(compiler: nil, config: nil)))
  }
}
