import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

/// When which relief is given and undone. The cgroups are ordinary files.
@Suite struct ReliefTests {
  private static let minute = Nanoseconds.milliseconds(60_000)

  /// A tree with the cgroups /batch and /other, and those of two processes of ``AgentHarness``.
  private final class Tree {
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-relief-\(UUID().uuidString)")

    init() throws {
      try FileManager.default.createDirectory(at: folder.appending(path: "run"), withIntermediateDirectories: true)
      for name in ["batch", "other", "system.slice/hog.service", "system.slice/second.service"] {
        try FileManager.default.createDirectory(
          at: folder.appending(path: "cgroup/\(name)"), withIntermediateDirectories: true)
        for (file, text) in [("memory.high", "max\n"), ("memory.reclaim", ""), ("cgroup.freeze", "0\n")] {
          try Data(text.utf8).write(to: folder.appending(path: "cgroup/\(name)/\(file)"))
        }
      }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func open(_ name: String) throws -> OwnedDescriptor {
      try OwnedDescriptor.open(CPath(folder.path() + name), .read, .directory)
    }

    func relief() throws -> CgroupRelief {
      let folder = try open("/run")
      return try CgroupRelief(root: try open("/cgroup"), folder: folder)
    }

    func remove(_ name: String) throws {
      try FileManager.default.removeItem(at: folder.appending(path: "cgroup/\(name)"))
    }

    /// Whether its limit is put back. An ordinary file keeps the end of a longer text.
    func isUnlimited(_ name: String) -> Bool { word("\(name)/memory.high")?.hasPrefix("max") == true }

    /// The first word of a file.
    func word(_ name: String) -> String? {
      (try? String(contentsOf: folder.appending(path: "cgroup/\(name)"), encoding: .utf8))?
        .split(separator: "\n").first.map(String.init)
    }
  }

  private let tree: Tree

  init() throws {
    tree = try Tree()
  }

  private func stage(
    _ available: [UInt64?], ownPID: Int32 = 0, reclaim: [String] = [], high: (to: Amount, duration: Nanoseconds)? = nil,
    freeze: Nanoseconds? = nil, grace: Nanoseconds = minute, change: (inout CompiledPolicy) -> Void = { _ in }
  ) throws -> AgentHarness {
    let log = Log()
    let stage = try AgentHarness(
      available: available, log: log, grace: grace, ownPID: ownPID,
      policy: { policy in
        Self.set(&policy, reclaim: reclaim, high: high, freeze: freeze)
        change(&policy)
      }, relief: try tree.relief())
    stage.agent.machine.files.cgroupVersion = .v2
    stage.agent.machine.files.limit("/batch", mib: 1000, used: 200)
    // A helper thread really runs, so time is the real one.
    stage.agent.machine.time = nil
    return stage
  }

  private static func set(
    _ policy: inout CompiledPolicy, reclaim: [String] = [], high: (to: Amount, duration: Nanoseconds)? = nil,
    freeze: Nanoseconds? = nil
  ) {
    for cgroup in reclaim { policy.cgroups.append(policy.add(cgroup)) }
    policy.measures.relief.reclaim = UInt16(reclaim.count)
    if let high {
      policy.measures.relief.high = Relief.High(
        cgroup: UInt16(policy.cgroups.count), to: high.to, duration: high.duration)
      policy.cgroups.append(policy.add("/batch"))
    }
    policy.measures.relief.freeze = freeze
  }

  /// The records of relief, as `action cgroup outcome`.
  private func steps(_ stage: AgentHarness) throws -> [String] {
    try stage.records("relief").map { record in
      "\(record["action"] ?? "") \(record["cgroup"] as? String ?? "-") \(record["outcome"] ?? "")"
    }
  }

  /// Looks until `isSo`, for 20 s at most. Returns what was done to processes until then.
  private func until(
    _ stage: AgentHarness, _ isSo: () throws -> Bool
  ) rethrows -> [String] {
    for _ in 0..<20_000 {
      if try isSo() { return stage.log.take().filter { $0 != "meminfo" } }
      stage.look()
      stage.wait()
    }
    Issue.record("what never comes")
    return []
  }

  /// The floor is at 100 MiB, and the release line at 150.
  @Test func memoryIsReclaimedFromOneCgroupAfterTheOtherBeforeAnyProcessIsKilled() throws {
    let stage = try stage([160, 140], reclaim: ["/batch", "/other", "/none"])
    stage.look()
    #expect(try steps(stage) == [])
    let done = try until(stage) { try steps(stage).count == 3 }
    #expect(done == [])
    #expect(try steps(stage) == ["reclaim /batch done", "reclaim /other done", "reclaim /none failed"])
    let records = try stage.records("relief")
    #expect(records.map { $0["value_kib"] as? Int } == [10 * 1024, 10 * 1024, 10 * 1024])
    #expect(records.map { $0["episode"] as? Int } == [1, 1, 1] && records[0]["domain"] as? String == "system")
    #expect(records[0]["took_ms"] is Int && records[2]["error"] as? String == "no such file or directory")
    #expect(tree.word("batch/memory.reclaim") == "10240K" && tree.word("other/memory.reclaim") == "10240K")
    #expect(try stage.messages().contains("relief: reclaim of /batch is done after "))
  }

  @Test func reliefIsGivenOncePerShortage() throws {
    let stage = try stage([140], reclaim: ["/batch"])
    _ = try until(stage) { try steps(stage).count == 1 }
    for available: UInt64 in [130, 140, 101, 150] {
      stage.agent.machine.available = [available]
      for _ in 0..<3 { stage.look() }
    }
    #expect(try steps(stage).count == 1)
    stage.agent.machine.available = [151, 140]
    _ = try until(stage) { try steps(stage).count == 2 }
  }

  @Test func onceMemoryIsBackNoMoreIsReclaimed() throws {
    let stage = try stage([140], reclaim: ["/batch", "/other"])
    stage.look()
    stage.agent.machine.available = [200]
    _ = try until(stage) { try steps(stage).count == 1 }
    for _ in 0..<5 { stage.look() }
    #expect(try steps(stage) == ["reclaim /batch done"] && tree.word("other/memory.reclaim") == nil)
  }

  @Test func memoryIsNotShortWhileSwapIsFree() throws {
    let stage = try stage([140], reclaim: ["/batch"]) {
      $0.settings.thresholds.floor.swapFree = .share(.percent(10))
    }
    for swap: UInt64 in [200, 100] {
      var verdict = try #require(stage.agent.domains[0].verdict ?? firstVerdict(stage))
      verdict.reading.swapTotal = KiB(1000)
      verdict.reading.swapFree = KiB(swap)
      verdict.lines.floorSwapFree = KiB(100)
      #expect(verdict.isShort == (swap == 100))
    }
  }

  private func firstVerdict(_ stage: AgentHarness) -> Verdict? {
    stage.look()
    return stage.agent.domains[0].verdict
  }

  @Test func aLimitIsLoweredForTheSetTime() throws {
    let stage = try stage([140], high: (.share(.percent(80)), .milliseconds(50)))
    stage.look()
    #expect(try steps(stage) == ["high /batch began"])
    #expect(try stage.records("relief").first?["value_kib"] as? Int == 160 * 1024)
    _ = try until(stage) { try steps(stage).count == 2 }
    #expect(try steps(stage) == ["high /batch began", "high /batch undone"] && tree.isUnlimited("batch"))
  }

  /// A limit that would take back less than 10 MiB, or 2 % of memory if that is less, is not lowered.
  @Test(arguments: [(200, 190, "began"), (200, 191, "skipped"), (5, 1, "skipped")] as [(UInt64, UInt64, String)])
  func theLimitOfACgroupThatHoldsNextToNothingIsNotLowered(used: UInt64, to: UInt64, outcome: String) throws {
    let stage = try stage([140], high: (.size(KiB(to * 1024)), Self.minute))
    stage.agent.machine.files.limit("/batch", mib: 1000, used: used)
    stage.look()
    #expect(try steps(stage) == ["high /batch \(outcome)"])
  }

  @Test func theCgroupOfTheForemostCandidateIsFrozenBeforeAnyKill() throws {
    let stage = try stage([140], freeze: Self.minute)
    stage.look()
    #expect(try steps(stage) == ["freeze /system.slice/hog.service began"])
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == "1")
    // It is thawed before its process is signalled: a frozen process acts on no signal but SIGKILL.
    stage.agent.machine.available = [80]
    _ = stage.log.take()
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == "0")
    #expect(
      try steps(stage) == ["freeze /system.slice/hog.service began", "freeze /system.slice/hog.service undone"])
  }

  @Test func aFrozenCgroupIsThawedAfterTheSetTime() throws {
    let stage = try stage([140], freeze: .milliseconds(30))
    _ = try until(stage) { try steps(stage).count == 2 }
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == "0")
  }

  /// Memory fell so fast that no look saw the shortage before. The victim is not frozen first.
  @Test func noCgroupIsFrozenOnceAProcessHasToBeKilled() throws {
    let stage = try stage([80], high: (.size(KiB(4096)), Self.minute), freeze: Self.minute)
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    #expect(try steps(stage) == ["high /batch began"])
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == "0")
  }

  @Test(arguments: ["protected", "root", "init", "agent", "frozen", "none"])
  func aCgroupThatMayNotBeFrozenIsSkipped(reason: String) throws {
    let stage = try stage([140], ownPID: reason == "agent" ? 103 : 0, freeze: Self.minute)
    switch reason {
    // The protected process lies in a cgroup below.
    case "protected": stage.agent.machine.files.set(.cgroup, of: 102, "0::/system.slice/hog.service/inner\n")
    case "root": stage.agent.machine.files.set(.cgroup, of: 100, "0::/\n")
    case "init": stage.agent.machine.files.set(.cgroup, of: 1, "0::/system.slice/hog.service\n")
    case "agent":
      stage.agent.machine.files.set(.cgroup, of: 103, "0::/system.slice/hog.service\n")
    case "none": for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    default:
      let file = tree.folder.appending(path: "cgroup/system.slice/hog.service/cgroup.freeze")
      try Data("1\n".utf8).write(to: file)
    }
    stage.look()
    #expect(try steps(stage).map { $0.hasPrefix("freeze") && $0.hasSuffix("skipped") } == [true])
    stage.agent.finishRelief()
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == (reason == "frozen" ? "1" : "0"))
  }

  @Test func reliefIsUndoneWhenTheAgentStops() throws {
    let stage = try stage([140], high: (.size(KiB(4096)), Self.minute), freeze: Self.minute)
    stage.look()
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == "1")
    stage.agent.finishRelief()
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == "0" && tree.isUnlimited("batch"))
    #expect(try steps(stage).suffix(2) == ["freeze /system.slice/hog.service undone", "high /batch undone"])
  }

  @Test func aPolicyWithoutReliefUndoesIt() throws {
    let stage = try stage([140], high: (.size(KiB(4096)), Self.minute), freeze: Self.minute)
    stage.look()
    var other = stage.agent.policy
    other.measures.relief = Relief()
    stage.agent.putInForce(other)
    _ = try until(stage) { try steps(stage).count == 4 }
    #expect(tree.word("system.slice/hog.service/cgroup.freeze") == "0" && tree.isUnlimited("batch"))
  }

  @Test func aRemovedCgroupNeedsNoUndoing() throws {
    let stage = try stage([140], freeze: .milliseconds(20))
    stage.look()
    try tree.remove("system.slice/hog.service")
    _ = try until(stage) { try steps(stage).count == 2 }
    #expect(try steps(stage).last == "freeze /system.slice/hog.service undone")
  }

  @Test func aDryRunChangesNothingAndTellsOfEachStep() throws {
    let log = Log()
    let stage = try AgentHarness(
      available: [140], log: log, isDryRun: true,
      policy: { policy in
        Self.set(&policy, reclaim: ["/other"], high: (.share(.percent(50)), Self.minute), freeze: Self.minute)
      })
    stage.agent.machine.files.cgroupVersion = .v2
    stage.agent.machine.files.limit("/batch", mib: 1000, used: 200)
    for _ in 0..<5 { stage.look() }
    #expect(
      try steps(stage) == [
        "freeze /system.slice/hog.service rehearsed", "high /batch rehearsed", "reclaim /other rehearsed",
      ])
    #expect(try stage.records("relief").map { $0["value_kib"] as? Int } == [nil, 100 * 1024, 10 * 1024])
  }

  @Test func withCgroupsOfVersion1ThereIsNoRelief() throws {
    let stage = try AgentHarness(
      available: [140], isDryRun: true,
      policy: { Self.set(&$0, reclaim: ["/other"]) })
    stage.agent.machine.files.cgroupVersion = .v1
    for _ in 0..<3 { stage.look() }
    #expect(try steps(stage) == [])
  }

  @Test(arguments: [
    (CgroupVersion.v2, "relief cannot be given: the policy at the start had none"),
    (.v1, "relief cannot be given: it needs cgroups of version 2"),
  ])
  func aReloadWithReliefTellsWhyItCannotBeGiven(version: CgroupVersion, lack: String) throws {
    let stage = try AgentHarness(available: [500])
    stage.agent.machine.files.cgroupVersion = version
    var other = stage.agent.policy
    Self.set(&other, freeze: Self.minute)
    stage.agent.putInForce(other)
    #expect(try stage.messages().contains(lack))
    stage.agent.machine.available = [140]
    for _ in 0..<3 { stage.look() }
    #expect(try steps(stage) == [])
  }
}
