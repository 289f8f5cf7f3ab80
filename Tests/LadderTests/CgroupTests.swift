import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

/// A cgroup that may go whole, as a folder of plain files: what is written to them stays there to be looked at.
@Suite struct CgroupTests {
  private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)").path()

    /// - Parameter files: Beside `cgroup.procs`; by their names.
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

  private static func hand(_ script: CallScript, _ folder: Folder, freezer: Folder? = nil) throws -> ScriptedHand {
    let hand = ScriptedHand(script)
    #expect(hand.hold(ProcessIdentity(pid: 7, startTime: Ticks(70))) == .held)
    hand.take(try folder.directory(freezer: freezer))
    _ = script.take()
    return hand
  }

  private static func kills(_ script: CallScript) -> Set<String> {
    Set(script.take().filter { $0.hasSuffix("SIGKILL") })
  }

  @Test func whereAllMayGoItIsFrozenAskedKilledInOneStepAndThawed() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 9])
    let hand = try Self.hand(script, folder)
    hand.whenAsked = { _ in
      #expect(folder.text("cgroup.freeze") == "1" && folder.text("cgroup.kill") == "0", "asked while it stands still")
    }
    #expect(hand.send(.kill) == .sent && hand.reach.isWhole && hand.reach.oneByOne == nil)
    #expect(hand.asked == [8, 9])
    #expect(folder.text("cgroup.kill") == "1" && folder.text("cgroup.freeze") == "0")
    #expect(Self.kills(script) == ["send 7 SIGKILL"])
  }

  @Test func whereOneStaysTheOthersGoOneByOneAndItIsThawed() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 9])
    let hand = try Self.hand(script, folder)
    hand.clearances = [8: .stays]
    #expect(hand.send(.kill) == .sent && !hand.reach.isWhole && hand.reach.oneByOne == .protected)
    #expect(folder.text("cgroup.kill") == "0" && folder.text("cgroup.freeze") == "0")
    #expect(Self.kills(script) == ["send 7 SIGKILL", "send 9 SIGKILL"])
    // It is over with the kill set when only the one that stays is left.
    script.exited = [7, 9]
    try folder.put([8])
    #expect(hand.hasExited)
    try folder.put([8, 11])
    #expect(!hand.hasExited, "that one has come since, and goes")
    hand.reap()
    #expect(Self.kills(script) == ["send 11 SIGKILL"] && folder.text("cgroup.freeze") == "0")
  }

  /// What is found at the second listing only was born before all stood still.
  @Test func thoseBornMeanwhileAreAskedAboutToo() throws {
    let script = Self.script()
    let folder = try Folder([7, 8], ["cgroup.kill": "0", "cgroup.freeze": "0", "cgroup.events": "frozen 0\n"])
    let hand = try Self.hand(script, folder)
    hand.whenAsked = { _ in try? folder.put([7, 8, 9]) }
    hand.clearances = [9: .stays]
    #expect(hand.send(.kill) == .sent && hand.reach.oneByOne == .protected)
    #expect(folder.text("cgroup.kill") == "0" && Self.kills(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
    #expect(folder.text("cgroup.freeze") == "0")
  }

  @Test func theFirstSignalAsksAboutEachAndFreezesNobody() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 9])
    let hand = try Self.hand(script, folder)
    hand.clearances = [8: .stays]
    hand.whenAsked = { _ in #expect(folder.text("cgroup.freeze") == "0") }
    #expect(hand.send(.terminate) == .sent)
    #expect(Set(script.take().filter { $0.hasSuffix("SIGTERM") }) == ["send 7 SIGTERM", "send 9 SIGTERM"])
    script.exited = [7, 9]
    try folder.put([8])
    #expect(hand.hasExited)
  }

  /// `cgroup.kill` is of Linux 5.14, and neither file can be written where the hierarchy is mounted read-only.
  @Test(arguments: [
    ["cgroup.freeze": "0"], [:], ["cgroup.kill/here": "", "cgroup.freeze": "0"],
  ])
  func whereTheKernelRefusesEachGoesByItselfAndTheReasonIsTold(files: [String: String]) throws {
    let script = Self.script()
    let folder = try Folder([7, 8], [:])
    for (name, text) in files where !name.contains("/") { try folder.write(name, text) }
    if files["cgroup.kill/here"] != nil {
      try FileManager.default.createDirectory(atPath: folder.path + "/cgroup.kill", withIntermediateDirectories: false)
    }
    let hand = try Self.hand(script, folder)
    hand.clearances = [9: .stays]
    let reason: Errno = files["cgroup.kill/here"] == nil ? .noSuchFile : .isDirectory
    #expect(hand.send(.kill) == .sent && hand.reach.oneByOne == .refused(reason) && !hand.reach.isWhole)
    #expect(Self.kills(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
    // The protected one is asked about on this way as well.
    try folder.put([7, 8, 9])
    #expect(hand.send(.kill) == .sent && hand.reach.oneByOne == .protected)
    #expect(Self.kills(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
    #expect(files["cgroup.freeze"] == nil || folder.text("cgroup.freeze") == "0")
  }

  @Test func whatSomebodyElseHasFrozenStaysFrozen() throws {
    let script = Self.script()
    let folder = try Folder([7, 8], ["cgroup.kill": "0", "cgroup.freeze": "1"])
    let hand = try Self.hand(script, folder)
    for stays: [Int32: Clearance] in [[:], [8: .stays]] {
      hand.clearances = stays
      #expect(hand.send(.kill) == .sent && folder.text("cgroup.freeze") == "1")
    }
  }

  @Test func theFreezerOfVersionOneIsThawedInEachOutcome() throws {
    for (before, stays) in [("THAWED\n", true), ("THAWED\n", false), ("FROZEN\n", true), ("FROZEN\n", false)] {
      let script = Self.script()
      let folder = try Folder([7, 8], [:])
      let freezer = try Folder([], ["freezer.state": before])
      let hand = try Self.hand(script, folder, freezer: freezer)
      hand.clearances = stays ? [8: .stays] : [:]
      hand.whenAsked = { _ in #expect(freezer.text("freezer.state")?.hasPrefix("FROZEN") == true) }
      #expect(hand.send(.kill) == .sent && !hand.reach.isWhole)
      #expect(hand.reach.oneByOne == (stays ? .protected : .refused(.noSuchFile)))
      // SIGKILL is kept back there until it thaws, whoever froze it.
      #expect(freezer.text("freezer.state")?.hasPrefix("THAWED") == true)
      #expect(Self.kills(script) == (stays ? ["send 7 SIGKILL"] : ["send 7 SIGKILL", "send 8 SIGKILL"]))
    }
  }

  /// Process 1 and the agent itself: frozen, nothing would thaw it again.
  @Test(arguments: [1, OwnProcess.pid]) func whereTheAgentOrProcessOneIsNothingIsFrozen(pid: Int32) throws {
    let script = Self.script()
    let folder = try Folder([7, 8, pid])
    let hand = try Self.hand(script, folder)
    hand.clearances = [pid: .stays]
    hand.whenAsked = { _ in #expect(folder.text("cgroup.freeze") == "0") }
    #expect(hand.send(.kill) == .sent && hand.reach.oneByOne == .protected)
    #expect(folder.text("cgroup.kill") == "0" && folder.text("cgroup.freeze") == "0")
    // It is not what was chosen: nobody in it goes but the members, and nobody else is waited for.
    #expect(Self.kills(script) == ["send 7 SIGKILL"])
    script.exited = [7]
    #expect(hand.hasExited)
  }

  @Test(arguments: [1, OwnProcess.pid]) func noFirstSignalGoesToOthersThere(pid: Int32) throws {
    let script = Self.script()
    let folder = try Folder([7, 8, pid])
    let hand = try Self.hand(script, folder)
    #expect(hand.send(.terminate) == .sent && hand.asked.isEmpty)
    #expect(script.take().filter { $0.hasSuffix("SIGTERM") } == ["send 7 SIGTERM"])
  }

  /// A process of a pid namespace that cannot be seen from here is listed as 0, and nobody can be asked what it is.
  @Test func whereOneCannotBeToldTheCgroupDoesNotGoWhole() throws {
    let script = Self.script()
    let folder = try Folder([7, 8, 0])
    let hand = try Self.hand(script, folder)
    #expect(hand.send(.kill) == .sent && hand.reach.oneByOne == .protected && folder.text("cgroup.kill") == "0")
    #expect(folder.text("cgroup.freeze") == "0")
  }

  /// What is looked into is not all that `cgroup.kill` reaches.
  @Test func cgroupsTooDeepToLookIntoKeepTheWhole() throws {
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
      let hand = try Self.hand(script, folder)
      #expect(hand.send(.kill) == .sent && hand.reach.isWhole == isWhole)
    }
  }

  @Test func theNumberOfAMemberThatHasEndedIsAskedAbout() throws {
    let script = Self.script()
    let folder = try Folder([7, 8])
    let hand = try Self.hand(script, folder)
    #expect(hand.join(ProcessIdentity(pid: 8, startTime: Ticks(80))) == .held)
    // 7 lives. The number of 8 is that of one which nobody held.
    script.exited = [8]
    hand.clearances = [8: .stays]
    #expect(hand.send(.kill) == .sent && hand.reach.oneByOne == .protected && folder.text("cgroup.kill") == "0")
  }

  @Test func ofManyMoreThanFitEachIsAskedAbout() throws {
    let script = CallScript()
    for pid: Int32 in 7...40 { script.processes[pid] = UInt64(pid) * 10 }
    let folder = try Folder(Array(7...40))
    for stays in [false, true] {
      let hand = ScriptedHand(script, capacity: 8)
      #expect(hand.hold(ProcessIdentity(pid: 7, startTime: Ticks(70))) == .held)
      hand.take(try folder.directory())
      hand.clearances = stays ? [40: .stays] : [:]
      _ = script.take()
      #expect(hand.send(.kill) == .sent && hand.reach.isWhole == !stays && Set(hand.asked) == Set(8...40))
      #expect(Self.kills(script) == Set((7...(stays ? 39 : 7)).map { "send \($0) SIGKILL" }))
      hand.release()
    }
  }
}
