import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

/// When which hook is started. The hooks are real programs: shells that write down what they are given.
@Suite(.serialized) struct HookTests {
  /// A folder for what hooks write. It is removed with this object.
  private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "spillway-hooks-\(UUID().uuidString)").path()

    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func text(_ name: String) -> String? { try? String(contentsOfFile: path + "/" + name, encoding: .utf8) }

    /// Makes a pipe at which each reader waits. It is open at both ends, so that opening it does not wait.
    func makeGate() throws {
      #expect(unsafe mkfifo(path + "/gate", 0o600) == 0)
      gate = FileHandle(forUpdatingAtPath: path + "/gate")
    }

    /// Lets one reader go on.
    func open() throws { try gate?.write(contentsOf: Data("go\n".utf8)) }

    private var gate: FileHandle?
  }

  private let folder: Folder

  init() throws {
    folder = try Folder()
  }

  private static let minute = Nanoseconds.milliseconds(60_000)

  /// A script that writes down its variables and its input, and prints a line.
  private var noting: String { "env | grep SPILLWAY_ | sort >NAME.env; cat >NAME.json; echo heard of NAME" }
  /// A script that waits until the test lets it go on.
  private var waiting: String { "echo begun >NAME.begun; read line <gate" }

  private func command(_ policy: inout CompiledPolicy, _ name: String, _ script: String, limit: Nanoseconds) -> UInt16 {
    let words = ["/bin/sh", "-c", "cd '\(folder.path)'; " + script.replacingOccurrences(of: "NAME", with: name)]
    let start = policy.text.count
    for word in words { policy.text += Array(word.utf8) + [0] }
    policy.commands.append(
      Command(
        words: Slice(start: UInt32(start), count: UInt32(policy.text.count - start)), uid: geteuid(), gid: getegid(),
        limit: limit))
    return UInt16(policy.commands.count - 1)
  }

  private func stage(
    _ available: [UInt64?], _ scripts: [String: String], takesOver: Bool = false, limit: Nanoseconds = minute,
    grace: Nanoseconds = minute, change: (inout CompiledPolicy) -> Void = { _ in }
  ) throws -> AgentHarness {
    let stage = try AgentHarness(available: available, grace: grace) { policy in
      for (name, script) in scripts {
        let index = command(&policy, name, script, limit: limit)
        switch name {
        case "warn": policy.measures.hooks.warn = index
        case "before": policy.measures.hooks.before = index
        case "after": policy.measures.hooks.after = index
        case "no_candidate": policy.measures.hooks.noCandidate = index
        default: policy.rules[1].hook = .command(index)
        }
      }
      policy.measures.hooks.beforeTakesOver = takesOver
      change(&policy)
    }
    // Programs really run, so time is the real one.
    stage.agent.machine.time = nil
    return stage
  }

  /// Advances the hooks until all have exited.
  private func settle(_ stage: AgentHarness) {
    for _ in 0..<20_000 {
      stage.agent.advanceHooks()
      let isBusy = stage.agent.machine.queue.isBusy
      if !isBusy { return }
      stage.wait()
    }
    Issue.record("hooks that do not exit")
  }

  /// Looks again and again until `isSo`, for 20 s at most.
  private func until(_ isSo: () throws -> Bool, _ look: () -> Void = {}) rethrows {
    for _ in 0..<20_000 {
      if try isSo() { return }
      look()
      usleep(1000)
    }
    Issue.record("what never comes")
  }

  private func untilBegun(_ name: String, _ look: () -> Void = {}) {
    until({ folder.text(name + ".begun") == "begun\n" }, look)
  }

  private func hooks(_ stage: AgentHarness) throws -> [String] {
    try stage.records("hook").map { "\($0["occasion"] ?? "") \($0["outcome"] ?? "")" }
  }

  private func variables(_ name: String) -> [String: String] {
    var all: [String: String] = [:]
    for line in (folder.text(name + ".env") ?? "").split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      all[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
    }
    return all
  }

  private func line(_ name: String) throws -> [String: Any] {
    let text = try #require(folder.text(name + ".json"))
    #expect(text.hasSuffix("}\n"))
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func eachHookIsGivenItsOccasion() throws {
    let stage = try stage([500, 80], ["warn": noting, "before": noting, "after": noting, "no_candidate": noting])
    #expect(stage.tick() == ["meminfo"])
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    settle(stage)
    // The line that a hook is given before the signal is recorded after it, with another time.
    #expect(variables("warn")["SPILLWAY_EVENT"] == "warn" && variables("warn")["SPILLWAY_PID"] == nil)
    let warning = try line("warn")
    #expect(warning["event"] as? String == "warning" && warning["episode"] as? Int == 1)
    #expect((warning["reading"] as? [String: Any])?["available_kib"] as? Int == 80 * 1024)
    #expect(
      variables("before") == [
        "SPILLWAY_EVENT": "before", "SPILLWAY_DOMAIN": "system", "SPILLWAY_EPISODE": "1",
        "SPILLWAY_INCIDENT": "00000000-0-1",
        "SPILLWAY_LEVEL": "terminate",
        "SPILLWAY_TRIGGER": "floor", "SPILLWAY_REASON": "floor: available 80 MiB, at or below 100 MiB",
        "SPILLWAY_TOTAL_KIB": "1024000", "SPILLWAY_AVAILABLE_KIB": "81920", "SPILLWAY_PID": "100",
        "SPILLWAY_COMM": "hog", "SPILLWAY_UID": "1000", "SPILLWAY_FOOTPRINT_KIB": "307200",
        "SPILLWAY_SIGNAL": "SIGTERM", "SPILLWAY_CGROUP": "/system.slice/hog.service", "SPILLWAY_UNIT": "hog.service",
      ])
    #expect(victim(try line("before")) == 100)
    #expect(try hooks(stage).sorted() == ["before exited", "warn exited"])

    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    stage.log.ended = [100]
    _ = stage.finish()
    settle(stage)
    #expect(variables("after")["SPILLWAY_OUTCOME"] == "exited" && variables("after")["SPILLWAY_SIGNAL"] == "SIGTERM")
    let outcome = try #require(stage.records("outcome").first)
    let told = try line("after")
    #expect(NSDictionary(dictionary: told) == NSDictionary(dictionary: outcome), "the very line")
    #expect(
      variables("after")["SPILLWAY_REASON"] == told["reason"] as? String,
      "why it was killed, and not the present reading")
    #expect(variables("after")["SPILLWAY_AVAILABLE_KIB"] == (told["available_kib"] as? Int).map(String.init))
    // No candidate is left, and memory goes on falling.
    stage.agent.machine.available = [73]
    for _ in 0..<3 { _ = stage.tick() }
    settle(stage)
    #expect(try line("no_candidate")["reason"] as? String == "no_candidate")
    #expect(variables("no_candidate")["SPILLWAY_EVENT"] == "no_candidate")
    #expect(try hooks(stage).count == 4)
    let record = try #require(stage.records("hook").last)
    #expect(record["program"] as? String == "/bin/sh" && record["status"] as? Int == 0)
    #expect(record["output"] as? String == "heard of no_candidate\n" && record["output_bytes"] as? Int == 22)
    #expect(try stage.messages().contains("hook after: /bin/sh exited with status 0 after "))
  }

  @Test func theFirstSignalDoesNotWaitForAHook() throws {
    try folder.makeGate()
    let stage = try stage([80], ["warn": waiting, "before": waiting])
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    #expect(try stage.records("decision").count == 1)
    // The second hook waits only until the first was started.
    for name in ["warn", "before"] { untilBegun(name) { stage.agent.advanceHooks() } }
    let isBusy = stage.agent.machine.queue.isBusy
    #expect(isBusy)
    for _ in 0..<2 { try folder.open() }
  }

  @Test func theHookWarnIsStartedOncePerEpisode() throws {
    let stage = try stage([80], ["warn": noting])
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    for _ in 0..<5 { #expect(stage.tick() == ["meminfo"]) }
    settle(stage)
    #expect(try hooks(stage) == ["warn exited"])
    // Between floor and release line the episode goes on; over both lines it ends.
    stage.agent.machine.available = [120, 80, 200, 80]
    for _ in 0..<2 { _ = stage.tick() }
    settle(stage)
    #expect(try hooks(stage).count == 1)
    for _ in 0..<2 { _ = stage.tick() }
    settle(stage)
    #expect(try stage.records("hook").map { $0["episode"] as? Int } == [1, 2])
  }

  /// It is enough that a trigger is true and waits for its confirmation.
  @Test func theHookWarnDoesNotWaitForTheConfirmation() throws {
    let stage = try stage([80], ["warn": noting]) { policy in
      policy.settings.thresholds.confirmation = .classic(ClassicConstants())
    }
    for _ in 0..<3 { #expect(stage.tick() == ["meminfo"]) }
    settle(stage)
    #expect(try stage.records("hook").map { $0["episode"] as? Int } == [1])
    #expect(try line("warn")["level"] as? String == "watch")
  }

  @Test func aRulesHookIsStartedInPlaceOfTheHookAfter() throws {
    let stage = try stage([80], ["after": noting, "rule": noting])
    _ = stage.tick()
    stage.log.ended = [100]
    stage.agent.machine.files.remove(100)
    _ = stage.finish()
    settle(stage)
    #expect(variables("rule")["SPILLWAY_PID"] == "100" && folder.text("after.env") == nil)
    stage.agent.machine.available = [73]
    #expect(stage.tick() == ["meminfo", "hold 101", "meminfo", "SIGTERM 101"])
    stage.log.ended = [101]
    _ = stage.finish()
    settle(stage)
    #expect(variables("after")["SPILLWAY_PID"] == "101")
  }

  // Hooks that take over.

  @Test func whileAHookTakesOverNoProcessIsSignalled() throws {
    try folder.makeGate()
    let stage = try stage([80], ["before": waiting], takesOver: true)
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo"])
    untilBegun("before")
    for _ in 0..<5 { #expect(stage.tick() == ["meminfo"]) }
    // The hook exits, and memory is back.
    stage.agent.machine.available = [300]
    try folder.open()
    settle(stage)
    try until({ try !stage.records("outcome").isEmpty }, { #expect(stage.tick() == ["meminfo"]) })
    #expect(try outcomes(stage) == ["100 relieved none"])
    #expect(try stage.records("decision").count == 1 && hooks(stage) == ["before exited"])
    #expect(try stage.messages().contains("waits up to 60000 ms for the hook before"))
    #expect(try stage.messages().hasSuffix("memory is back: available 300 MiB\n"))
  }

  @Test func afterAHookThatTookOverInVainTheVictimIsSignalled() throws {
    let stage = try stage([80], ["before": noting], takesOver: true)
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo"])
    settle(stage)
    var done: [String] = []
    until({ stage.isPursuing }, { done = stage.tick() })
    #expect(done == ["meminfo", "hold 100", "meminfo", "SIGTERM 100"])
    #expect(try stage.records("decision").count == 2 && hooks(stage) == ["before exited"])
    // The hook is asked again for the next victim.
    stage.log.ended = [100]
    stage.agent.machine.files.remove(100)
    _ = stage.finish()
    stage.agent.machine.available = [73]
    #expect(stage.tick() == ["meminfo", "hold 101", "meminfo"])
    settle(stage)
  }

  @Test func aHookThatTakesOverIsKilledAtItsLimitAndTheLimitCountsAsGrace() throws {
    let stage = try stage(
      [80], ["before": "sleep 60"], takesOver: true, limit: .milliseconds(300), grace: .milliseconds(300))
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo"])
    until({ stage.isPursuing }, { _ = stage.tick() })
    // The victim's grace is over with the hook's limit.
    #expect(stage.tick() == ["meminfo", "SIGKILL 100"])
    settle(stage)
    #expect(try hooks(stage) == ["before timed_out"])
  }

  @Test func aHookThatCannotBeStartedDelaysNothing() throws {
    let stage = try stage([80], ["before": noting], takesOver: true) { policy in
      let start = UInt32(policy.text.count)
      policy.text += Array("/nonexistent/hook".utf8) + [0]
      policy.commands[0].words = Slice(start: start, count: 18)
    }
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo"])
    settle(stage)
    until({ stage.isPursuing }, { _ = stage.tick() })
    let record = try #require(stage.records("hook").first)
    #expect(record["outcome"] as? String == "not_started")
    #expect(record["error"] as? String == "it could not be executed: no such file or directory")
    #expect(try stage.messages().contains("hook before: /nonexistent/hook was not started: it could not be executed"))
  }

  // A full queue, a dry run, and another policy.

  /// At most eight hooks wait, beside the one that runs.
  @Test func aHookForWhichTheQueueHasNoRoomIsTold() throws {
    try folder.makeGate()
    let stage = try stage([80], ["after": waiting]) { policy in
      // With floor and release line at one value there is no cool-down, however little a kill gives back.
      policy.settings.thresholds.release = .share(.percent(10))
    }
    for pid: Int32 in 200..<212 { stage.agent.machine.files.add(pid, "worker", mib: 400) }
    for _ in 200..<212 {
      _ = stage.tick()
      let pid = stage.agent.domains[0].pursuit?.incident.victim.process.identity.pid ?? 0
      stage.log.ended.insert(pid)
      stage.agent.machine.files.remove(pid)
      _ = stage.finish()
    }
    #expect(try stage.records("outcome").count == 12)
    let skipped = try stage.records("hook").count { $0["outcome"] as? String == "skipped" }
    #expect(skipped == 3 || skipped == 4, "\(skipped)")
    #expect(try stage.messages().contains("was not started: its turn did not come in time"))
  }

  @Test func aDryRunStartsNoHookAndTellsWhich() throws {
    let stage = try AgentHarness(available: [80], isDryRun: true) { policy in
      policy.measures.hooks.warn = command(&policy, "warn", noting, limit: Self.minute)
      policy.measures.hooks.before = command(&policy, "before", noting, limit: Self.minute)
      policy.measures.hooks.after = command(&policy, "after", noting, limit: Self.minute)
      policy.measures.hooks.beforeTakesOver = true
    }
    for _ in 0..<5 { _ = stage.tick() }
    #expect(try hooks(stage) == ["warn rehearsed", "before rehearsed", "after rehearsed"])
    #expect(try stage.records("hook").map { $0["victim_pid"] as? Int } == [nil, 100, 100])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    #expect(try stage.messages().contains("hook before: /bin/sh would have been started"))
    let isBusy = stage.agent.machine.queue.isBusy
    #expect(!isBusy)
  }

  @Test func aHookThatRunsOutlivesAReload() throws {
    try folder.makeGate()
    let stage = try stage([80], ["before": waiting])
    _ = stage.tick()
    untilBegun("before")
    var other = stage.agent.policy
    other.measures = Measures()
    other.commands = []
    stage.agent.putInForce(other)
    try folder.open()
    settle(stage)
    #expect(try hooks(stage) == ["before exited"])
  }

  @Test func aReloadTakesUpTheHooksOfTheNewPolicy() throws {
    let stage = try stage([80], [:])
    var other = stage.agent.policy
    other.measures.hooks.before = command(&other, "before", noting, limit: Self.minute)
    stage.agent.putInForce(other)
    _ = stage.tick()
    settle(stage)
    #expect(try hooks(stage) == ["before exited"])
  }
}
