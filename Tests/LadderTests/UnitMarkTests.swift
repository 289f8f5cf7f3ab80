import Fixtures
import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

/// What the service manager is told of a unit that is killed whole.
@Suite struct UnitMarkTests {
  private static func script() -> CallScript {
    let script = CallScript()
    for pid: Int32 in 7...12 { script.processes[pid] = UInt64(pid) * 10 }
    return script
  }

  /// A cgroup of plain files that holds these processes.
  private static func folder(_ pids: [Int32]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["cgroup.kill", "cgroup.freeze"] { try folder.write(name, "0") }
    try folder.write("cgroup.events", "populated 1\nfrozen 1\n")
    try folder.write("cgroup.procs", pids.map { "\($0)\n" }.joined())
    return folder
  }

  private static func killer(
    _ script: CallScript, _ folder: TemporaryFolder, isUnit: Bool = true
  ) throws -> ScriptedKiller {
    let killer = ScriptedKiller(script)
    #expect(killer.hold(ProcessIdentity(pid: 7, startTime: Ticks(70))) == .held)
    #expect(killer.join(ProcessIdentity(pid: 8, startTime: Ticks(80))) == .held)
    killer.take(CgroupDirectory(try OwnedDescriptor.open(CPath(folder.path), .read, .directory)), isUnit: isUnit)
    // The folder is there for as long as the killer.
    killer.whenAsked = { _ in withExtendedLifetime(folder) {} }
    _ = script.take()
    return killer
  }

  /// The signals and counts, in their order.
  private static func told(_ script: CallScript) -> [String] {
    script.take().filter { call in
      ["ooms", "kills", "send"].contains(call.split(separator: " ")[0]) && !call.hasSuffix("SIGCONT")
    }
  }

  @Test(arguments: [Signal.terminate, .kill])
  func theFirstCountGrowsBeforeTheSignalAndTheSecondAfterIt(signal: Signal) throws {
    let script = Self.script()
    let killer = try Self.killer(script, try Self.folder([7, 8]))
    #expect(killer.send(signal) == .sent && killer.unitMark == .done)
    #expect(Self.told(script) == ["ooms 1", "send 7 \(signal.name)", "send 8 \(signal.name)", "kills 2"])
  }

  /// Once for the kill set, however many signals it takes.
  @Test func whatFollowsIsTheSameKill() throws {
    let script = Self.script()
    let killer = try Self.killer(script, try Self.folder([7, 8]))
    #expect(killer.send(.terminate) == .sent)
    _ = script.take()
    #expect(killer.send(.kill) == .sent)
    #expect(Self.told(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
    killer.release()
    #expect(killer.unitMark == .none)
  }

  /// The manager would stop what is left of the unit.
  @Test(arguments: [Signal.terminate, .kill]) func aUnitInWhichAProcessStaysIsNotTold(signal: Signal) throws {
    let script = Self.script()
    let killer = try Self.killer(script, try Self.folder([7, 8, 9]))
    killer.clearances = [9: .stays]
    #expect(killer.send(signal) == .sent && killer.unitMark == .wanted)
    #expect(Self.told(script) == ["send 7 \(signal.name)", "send 8 \(signal.name)"])
  }

  /// Nor where some in it cannot be seen, which cgroup.procs shows as 0.
  @Test func aUnitWithProcessesThatCannotBeSeenIsNotTold() throws {
    let script = Self.script()
    let killer = try Self.killer(script, try Self.folder([7, 8, 0]))
    #expect(killer.send(.terminate) == .sent && killer.unitMark == .wanted)
    #expect(!Self.told(script).contains("ooms 1"))
  }

  @Test func aCgroupThatIsNoUnitsHasNoCounts() throws {
    let script = Self.script()
    let killer = try Self.killer(script, try Self.folder([7, 8]), isUnit: false)
    #expect(killer.send(.kill) == .sent && killer.unitMark == .none)
    #expect(Self.told(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
  }

  @Test(arguments: [
    ("ooms", Errno.notSupportedHere, UnitMark.refused(.notSupportedHere)),
    ("kills", .accessDenied, .refused(.accessDenied)),
    ("kills", .noDevice, .done),
  ])
  func aCountThatCannotBeWrittenKeepsNoSignalBack(call: String, failure: Errno, expected: UnitMark) throws {
    let script = Self.script()
    script.failures[call] = failure
    let killer = try Self.killer(script, try Self.folder([7, 8]))
    #expect(killer.send(.terminate) == .sent && killer.unitMark == expected)
    #expect(Self.told(script).filter { $0.hasPrefix("send") } == ["send 7 SIGTERM", "send 8 SIGTERM"])
  }

  /// Nil, or why the count cannot grow.
  private static func add(_ number: UInt64, to count: UnitCount, of folder: TemporaryFolder) throws -> Errno? {
    let cgroup = CgroupDirectory(try OwnedDescriptor.open(CPath(folder.path), .read, .directory))
    do throws(Errno) {
      try cgroup.add(number, to: count)
      return nil
    } catch {
      return error
    }
  }

  /// By the kernel, where the file system of temporary files has such attributes. Python reads and sets them.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: Attributes.python)))
  func theCountsAreDecimalNumbersThatSaturate() throws {
    let folder = try TemporaryFolder()
    let attributes = Attributes(path: folder.path)
    guard try Self.add(1, to: .ooms, of: folder) != .notSupportedHere else { return }
    #expect(try attributes.get("user.oomd_ooms") == "1")
    #expect(try Self.add(41, to: .ooms, of: folder) == nil)
    #expect(try Self.add(512, to: .kills, of: folder) == nil)
    #expect(try attributes.get("user.oomd_ooms") == "42" && attributes.get("user.oomd_kill") == "512")
    for (before, expected) in [
      ("", "1"), ("x", "1"), ("12x", "1"), ("18446744073709551614", "18446744073709551615"),
      ("18446744073709551615", "18446744073709551615"), ("99999999999999999999", "18446744073709551615"),
      (String(repeating: "9", count: 60), "1"),
    ] {
      try attributes.set("user.oomd_ooms", before)
      #expect(try Self.add(1, to: .ooms, of: folder) == nil)
      #expect(try attributes.get("user.oomd_ooms") == expected, "\(before)")
    }
  }
}

/// The extended attributes of a file, which Swift's module of the C library has no functions for.
private struct Attributes {
  static let python = "/usr/bin/python3"
  let path: String

  private func run(_ code: String, _ words: [String]) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: Self.python)
    process.arguments = ["-c", "import os, sys; " + code, path] + words
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: output, as: UTF8.self)
  }

  func get(_ name: String) throws -> String {
    try run("sys.stdout.write(os.getxattr(sys.argv[1], sys.argv[2]).decode())", [name])
  }

  func set(_ name: String, _ value: String) throws {
    _ = try run("os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())", [name, value])
  }
}
