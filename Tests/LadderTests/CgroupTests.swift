import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

/// A cgroup that may be killed whole. It is a folder of plain files, which keep what is written to them.
@Suite struct CgroupTests {
  private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)").path()

    /// - Parameter files: The files beside `cgroup.procs`, by name.
    init(_ pids: [Int32], _ files: [String: String] = ["cgroup.kill": "0", "cgroup.freeze": "0"]) throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      for (name, text) in files { try write(name, text) }
      if files["cgroup.events"] == nil { try write("cgroup.events", "populated 1\nfrozen 1\n") }
      try put(pids)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func put(_ pids: [Int32]) throws { try write("cgroup.procs", pids.map { "\($0)\n" }.joined()) }
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
    }
    func text(_ name: String) -> String? { try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }

    func directory(freezer: Folder? = nil) throws -> CgroupDirectory {
      let directory = try OwnedDescriptor.open(CPath(path), .read, .directory)
      guard let freezer else { return CgroupDirectory(directory) }
      return CgroupDirectory(directory, freezer: try OwnedDescriptor.open(CPath(freezer.path), .read, .directory))
    }
  }

  private static func script() -> CallScript {
    let script = CallScript()
    for pid: Int32 in 7...12 { script.processes[pid] = UInt64(pid) * 10 }
    return script
  }

  private static func killer(_ script: CallScript, _ folder: Folder, freezer: Folder? = nil) throws -> ScriptedKiller {
    let killer = ScriptedKiller(script)
    #expect(killer.hold(ProcessIdentity(pid: 7, startTime: Ticks(70))) == .held)
    killer.take(try folder.directory(freezer: freezer))
    _ = script.take()
    return killer
  }

  private static func kills(_ script: CallScript) -> Set<String> {
    Set(script.take().filter { $0.hasSuffix("SIGKILL") })
  }

  @Test func aCgroupWithoutProtectedProcessesIsFrozenAskedAboutKilledInOneStepAndThawed() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 9])
    let killer = try Self.killer(script, folder)
    killer.whenAsked = { _ in
      #expect(folder.text("cgroup.freeze") == "1" && folder.text("cgroup.kill") == "0", "asked while it stands still")
    }
    #expect(killer.send(.kill) == .sent && killer.reach.isWhole && killer.reach.oneByOne == nil)
    #expect(killer.asked == [8, 9])
    #expect(folder.text("cgroup.kill") == "1" && folder.text("cgroup.freeze") == "0")
    #expect(Self.kills(script) == ["send 7 SIGKILL"])
  }

  @Test func besideAProcessThatStaysTheOthersAreKilledOneByOneAndTheCgroupIsThawed() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 9])
    let killer = try Self.killer(script, folder)
    killer.clearances = [8: .stays]
    #expect(killer.send(.kill) == .sent && !killer.reach.isWhole && killer.reach.oneByOne == .protected)
    #expect(folder.text("cgroup.kill") == "0" && folder.text("cgroup.freeze") == "0")
    #expect(Self.kills(script) == ["send 7 SIGKILL", "send 9 SIGKILL"])
    // The kill set has exited when only the process that stays is left.
    script.exited = [7, 9]
    try folder.put([8])
    #expect(killer.hasExited)
    try folder.put([8, 11])
    #expect(!killer.hasExited, "11 has come since, and is killed")
    killer.reap()
    #expect(Self.kills(script) == ["send 11 SIGKILL"] && folder.text("cgroup.freeze") == "0")
  }

  /// A process that only the second listing shows was started before all were frozen.
  @Test func processesThatAreStartedMeanwhileAreAskedAboutToo() throws {
    let script = Self.script()
    let folder = try Folder([7, 8], ["cgroup.kill": "0", "cgroup.freeze": "0", "cgroup.events": "frozen 0\n"])
    let killer = try Self.killer(script, folder)
    killer.whenAsked = { _ in try? folder.put([7, 8, 9]) }
    killer.clearances = [9: .stays]
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .protected)
    #expect(folder.text("cgroup.kill") == "0" && Self.kills(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
    #expect(folder.text("cgroup.freeze") == "0")
  }

  @Test func theFirstSignalAsksAboutEachProcessAndFreezesNone() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 9])
    let killer = try Self.killer(script, folder)
    killer.clearances = [8: .stays]
    killer.whenAsked = { _ in #expect(folder.text("cgroup.freeze") == "0") }
    #expect(killer.send(.terminate) == .sent)
    #expect(Set(script.take().filter { $0.hasSuffix("SIGTERM") }) == ["send 7 SIGTERM", "send 9 SIGTERM"])
    script.exited = [7, 9]
    try folder.put([8])
    #expect(killer.hasExited)
  }

  /// `cgroup.kill` is there since Linux 5.14, and neither file can be written where the hierarchy is mounted read-only.
  @Test(arguments: [
    ["cgroup.freeze": "0"], [:], ["cgroup.kill/here": "", "cgroup.freeze": "0"],
  ])
  func whereTheKernelRefusesProcessesAreKilledOneByOneAndTheReasonIsTold(files: [String: String]) throws {
    let script = Self.script()
    let folder = try Folder([7, 8], [:])
    for (name, text) in files where !name.contains("/") { try folder.write(name, text) }
    if files["cgroup.kill/here"] != nil {
      try FileManager.default.createDirectory(atPath: folder.path + "/cgroup.kill", withIntermediateDirectories: false)
    }
    let killer = try Self.killer(script, folder)
    killer.clearances = [9: .stays]
    let reason: Errno = files["cgroup.kill/here"] == nil ? .noSuchFile : .isDirectory
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .refused(reason) && !killer.reach.isWhole)
    #expect(Self.kills(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
    // The protected one is asked about on this way as well.
    try folder.put([7, 8, 9])
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .protected)
    #expect(Self.kills(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
    #expect(files["cgroup.freeze"] == nil || folder.text("cgroup.freeze") == "0")
  }

  @Test func aCgroupThatWasFrozenBeforeStaysFrozen() throws {
    let script = Self.script()
    let folder = try Folder([7, 8], ["cgroup.kill": "0", "cgroup.freeze": "1"])
    let killer = try Self.killer(script, folder)
    for stays: [Int32: Clearance] in [[:], [8: .stays]] {
      killer.clearances = stays
      #expect(killer.send(.kill) == .sent && folder.text("cgroup.freeze") == "1")
    }
  }

  @Test func theFreezerOfVersionOneIsThawedInEachOutcome() throws {
    for (before, stays) in [("THAWED\n", true), ("THAWED\n", false), ("FROZEN\n", true), ("FROZEN\n", false)] {
      let script = Self.script()
      let folder = try Folder([7, 8], [:])
      let freezer = try Folder([], ["freezer.state": before])
      let killer = try Self.killer(script, folder, freezer: freezer)
      killer.clearances = stays ? [8: .stays] : [:]
      killer.whenAsked = { _ in #expect(freezer.text("freezer.state")?.hasPrefix("FROZEN") == true) }
      #expect(killer.send(.kill) == .sent && !killer.reach.isWhole)
      #expect(killer.reach.oneByOne == (stays ? .protected : .refused(.noSuchFile)))
      // That freezer keeps SIGKILL back until the cgroup is thawed.
      #expect(freezer.text("freezer.state")?.hasPrefix("THAWED") == true)
      #expect(Self.kills(script) == (stays ? ["send 7 SIGKILL"] : ["send 7 SIGKILL", "send 8 SIGKILL"]))
    }
  }

  /// If the agent or process 1 were frozen, nothing would thaw the cgroup.
  @Test(arguments: [1, OwnProcess.pid]) func aCgroupWithTheAgentOrProcessOneIsNotFrozen(pid: Int32) throws {
    let script = Self.script()
    let folder = try Folder([7, 8, pid])
    let killer = try Self.killer(script, folder)
    killer.clearances = [pid: .stays]
    killer.whenAsked = { _ in #expect(folder.text("cgroup.freeze") == "0") }
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .protected)
    #expect(folder.text("cgroup.kill") == "0" && folder.text("cgroup.freeze") == "0")
    // Only the members are killed, and no other process is waited for.
    #expect(Self.kills(script) == ["send 7 SIGKILL"])
    script.exited = [7]
    #expect(killer.hasExited)
  }

  @Test(arguments: [1, OwnProcess.pid]) func inACgroupWithTheAgentOrProcessOneOnlyMembersAreSignalled(pid: Int32) throws
  {
    let script = Self.script()
    let folder = try Folder([7, 8, pid])
    let killer = try Self.killer(script, folder)
    #expect(killer.send(.terminate) == .sent && killer.asked.isEmpty)
    #expect(script.take().filter { $0.hasSuffix("SIGTERM") } == ["send 7 SIGTERM"])
  }

  /// A process of a pid namespace that cannot be seen from here is listed as 0. What it is cannot be asked.
  @Test func aCgroupWithAProcessThatCannotBeSeenIsNotKilledWhole() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 0])
    let killer = try Self.killer(script, folder)
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .protected && folder.text("cgroup.kill") == "0")
    #expect(folder.text("cgroup.freeze") == "0")
  }

  /// `cgroup.kill` reaches more levels than are listed.
  @Test func aCgroupWithTooManyLevelsBelowIsNotKilledWhole() throws {
    for (depth, isWhole) in [(8, true), (9, false)] {
      let script = Self.script()
      let folder = try Folder([7])
      var below = folder.path
      for _ in 0..<depth {
        below += "/b"
        try FileManager.default.createDirectory(atPath: below, withIntermediateDirectories: false)
        try Data().write(to: URL(filePath: below + "/cgroup.procs"))
      }
      try Data("9\n".utf8).write(to: URL(filePath: below + "/cgroup.procs"))
      let killer = try Self.killer(script, folder)
      #expect(killer.send(.kill) == .sent && killer.reach.isWhole == isWhole)
    }
  }

  @Test func aProcessWithTheNumberOfAMemberThatExitedIsAskedAbout() throws {
    let script = Self.script()
    let folder = try Folder([7, 8])
    let killer = try Self.killer(script, folder)
    #expect(killer.join(ProcessIdentity(pid: 8, startTime: Ticks(80))) == .held)
    // 7 lives. The number 8 is now that of a process which is not held.
    script.exited = [8]
    killer.clearances = [8: .stays]
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .protected && folder.text("cgroup.kill") == "0")
  }

  @Test func moreProcessesThanFitInTheListAreAllAskedAbout() throws {
    let script = CallScript()
    for pid: Int32 in 7...40 { script.processes[pid] = UInt64(pid) * 10 }
    let folder = try Folder(Array(7...40))
    for stays in [false, true] {
      let killer = ScriptedKiller(script, capacity: 8)
      #expect(killer.hold(ProcessIdentity(pid: 7, startTime: Ticks(70))) == .held)
      killer.take(try folder.directory())
      killer.clearances = stays ? [40: .stays] : [:]
      _ = script.take()
      #expect(killer.send(.kill) == .sent && killer.reach.isWhole == !stays && Set(killer.asked) == Set(8...40))
      #expect(Self.kills(script) == Set((7...(stays ? 39 : 7)).map { "send \($0) SIGKILL" }))
      killer.release()
    }
  }
}
