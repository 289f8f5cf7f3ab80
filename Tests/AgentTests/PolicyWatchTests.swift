import Foundation
import LinuxSystem
import ProcModel
import Testing

@testable import Agent

/// When the files of a policy are read again.
@Suite struct PolicyWatchTests {
  private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)").path()

    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      try write("p.toml")
    }

    deinit {
      try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ name: String) throws { try Data("x".utf8).write(to: URL(filePath: path + "/" + name)) }
    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }

    func makeFolder(_ name: String) throws {
      try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: false)
    }

    func move(_ name: String, to new: String) throws {
      let result = unsafe rename(path + "/" + name, path + "/" + new)
      #expect(result == 0)
    }
  }

  /// Events are there as soon as a change is made (inotify(7)), so this waits for nothing.
  private static func due(after change: (Folder) throws -> Void) throws -> Nanoseconds? {
    let folder = try Folder()
    try folder.makeFolder("policy.d")
    var watch = try PolicyWatch(CPath(folder.path + "/p.toml"))
    try change(folder)
    watch.take(at: .milliseconds(1000))
    return watch.due
  }

  @Test func aChangeOfThePolicysFilesIsSeen() throws {
    let changes: [(Folder) throws -> Void] = [
      { try $0.write("p.toml") }, { try $0.remove("p.toml") }, { try $0.move("p.toml", to: "p.toml~") },
      {
        try $0.write("p.toml.new")
        try $0.move("p.toml.new", to: "p.toml")
      },
      { try $0.write("policy.d/a.toml") }, { try $0.remove("policy.d") }, { try $0.move("policy.d", to: "old") },
      { try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: $0.path + "/p.toml") },
      { try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: $0.path + "/policy.d") },
      { try FileManager.default.removeItem(atPath: $0.path) },
    ]
    for (number, change) in changes.enumerated() {
      #expect(try Self.due(after: change) == .milliseconds(1500), "\(number)")
    }
  }

  @Test func aChangeOfOtherFilesIsNotSeen() throws {
    let changes: [(Folder) throws -> Void] = [
      { try $0.write("other.toml") }, { try $0.write(".p.toml.swp") }, { try $0.write("p.toml~") },
      { try $0.write("policy.d/.a.toml") }, { try $0.write("policy.d/a.toml~") }, { try $0.write("policy.d/toml") },
      { _ = try String(contentsOfFile: $0.path + "/p.toml", encoding: .utf8) },
      { _ = try FileManager.default.contentsOfDirectory(atPath: $0.path + "/policy.d") },
    ]
    for (number, change) in changes.enumerated() {
      #expect(try Self.due(after: change) == nil, "\(number)")
    }
  }

  @Test func aDropInFolderThatIsMadeLaterIsWatchedToo() throws {
    let folder = try Folder()
    var watch = try PolicyWatch(CPath(folder.path + "/p.toml"))
    try folder.makeFolder("policy.d")
    watch.take(at: .milliseconds(1000))
    #expect(watch.due == .milliseconds(1500))
    watch.settle()
    #expect(watch.due == nil)
    try folder.write("policy.d/a.toml")
    watch.take(at: .milliseconds(2000))
    #expect(watch.due == .milliseconds(2500))
  }

  @Test func filesAreReadOnceTheyAreLeftAloneAndAtTheLatestAfterFiveSeconds() throws {
    let folder = try Folder()
    var watch = try PolicyWatch(CPath(folder.path + "/p.toml"))
    var dues: [UInt64] = []
    for time in stride(from: 1000, through: 7000, by: 400) as StrideThrough<UInt64> {
      try folder.write("p.toml")
      watch.take(at: .milliseconds(time))
      dues.append(watch.due?.milliseconds ?? 0)
    }
    #expect(dues.prefix(3) == [1500, 1900, 2300] && dues.max() == 6000)
    watch.take(at: .milliseconds(8000))
    #expect(watch.due == .milliseconds(6000), "nothing new")
  }

  @Test func moreEventsThanFitInTheBufferAreAllTaken() throws {
    let folder = try Folder()
    try folder.makeFolder("policy.d")
    var watch = try PolicyWatch(CPath(folder.path + "/p.toml"))
    for number in 0..<300 { try folder.write("policy.d/a rather long name, to fill the buffer \(number).conf") }
    watch.take(at: .milliseconds(1000))
    #expect(watch.due == nil)
    try folder.write("policy.d/a.toml")
    watch.take(at: .milliseconds(2000))
    #expect(watch.due == .milliseconds(2500))
  }

  @Test func aPolicyInAFolderThatIsNotThereCannotBeWatched() {
    #expect(throws: Errno.noSuchFile) { _ = try PolicyWatch(CPath("/no/such/folder/p.toml")) }
  }

  /// A compiler takes memory.
  @Test func changedFilesAreNotReadWhileMemoryIsShort() throws {
    let folder = try Folder()
    let stage = try AgentHarness(available: [80])
    stage.agent.machine.time = nil
    stage.agent.reload.reloader = Reloader(compiler: CPath("/bin/false"), config: CPath(folder.path + "/p.toml"))
    stage.agent.watchFiles()
    stage.look()
    #expect(stage.isPursuing)
    try folder.write("p.toml")
    stage.agent.reload.reloader.takeChanges(at: Nanoseconds(Clock.sinceBoot()) - .milliseconds(1000))
    stage.look()
    var (isBusy, isDue) = (stage.agent.reload.reloader.isBusy, stage.agent.reload.reloader.due != nil)
    #expect(!isBusy && isDue)
    // The loop looks again later.
    let now = Nanoseconds(Clock.sinceBoot())
    let later = stage.agent.reload.due(after: now)
    #expect(try #require(later) > now)

    stage.log.ended = [100]
    stage.agent.machine.available = [800]
    _ = stage.finish()
    stage.look()
    stage.look()
    (isBusy, isDue) = (stage.agent.reload.reloader.isBusy, stage.agent.reload.reloader.due != nil)
    #expect(isBusy && !isDue)
    // Collects the compiler.
    #expect(throws: Reloader.Refusal.self) { _ = try stage.agent.reload.reloader.finish() }
  }

  @Test func thatFilesCannotBeWatchedIsToldOnce() throws {
    let stage = try AgentHarness(available: [800])
    stage.agent.reload.reloader = Reloader(compiler: CPath("/bin/false"), config: CPath("/no/such/folder/p.toml"))
    stage.agent.watchFiles()
    stage.look()
    let expected =
      "spillwayd: the policy's files are not watched: a change counts after SIGHUP: no such file or directory\n"
    #expect(try stage.messages() == expected)
    let due = stage.agent.reload.due(after: .zero)
    #expect(due == nil)
  }

  @Test func withoutAFileThereIsNothingToWatch() throws {
    let stage = try AgentHarness(available: [800])
    stage.agent.watchFiles()
    let isDue = stage.agent.reload.reloader.due != nil
    #expect(try stage.messages() == "" && !isDue)
  }
}
