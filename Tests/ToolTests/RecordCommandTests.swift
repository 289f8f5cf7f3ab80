import Foundation
import Testing

/// `spillway record` without a running agent.
@Suite struct RecordCommandTests {
  private static func mode(_ tool: borrowing Tool, _ name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: tool.folder.appending(path: name).path())
    return try #require(attributes[.posixPermissions] as? Int)
  }

  private static func files(_ tool: borrowing Tool) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: tool.folder.path()).filter {
      ![".output", ".errors"].contains($0)
    }.sorted()
  }

  @Test func aRecordingOfItsOwnIsReplayed() throws {
    let tool = try Tool()
    let recorded = try tool.run("record", "own.flight", "--alone", "--seconds", "2", "--policy", "web")
    #expect(recorded.status == 0, "\(recorded.errors)")
    #expect(recorded.output.hasPrefix("own.flight: ") && recorded.output.contains("policy built-in: web, 0 decisions"))
    #expect(try Self.files(tool) == ["own.flight"])
    #expect(try Self.mode(tool, "own.flight") == 0o600)
    let replayed = try tool.run("replay", "own.flight")
    #expect(replayed.status == 0, "\(replayed.output)\(replayed.errors)")
  }

  /// This test's own command line is on the machine.
  @Test(arguments: [[], ["--command-lines"]]) func commandLinesAreKeptOnRequest(words: [String]) throws {
    let tool = try Tool()
    let secret = "secret-\(UUID().uuidString)"
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    // Not by `exec`, so that the shell keeps its words.
    process.arguments = ["-c", "sleep 60; true", secret]
    try process.run()
    defer {
      process.terminate()
      process.waitUntilExit()
    }
    let recorded = try tool.run(["record", "a.flight", "--alone", "--seconds", "1"] + words)
    #expect(recorded.status == 0, "\(recorded.errors)")
    let bytes = try Data(contentsOf: tool.folder.appending(path: "a.flight"))
    #expect((bytes.range(of: Data(secret.utf8)) != nil) == !words.isEmpty)
    #expect(bytes.range(of: Data("/bin/".utf8)) != nil)
    let replayed = try tool.run("replay", "a.flight")
    #expect(replayed.status == 0, "\(replayed.output)\(replayed.errors)")
  }

  @Test(arguments: [
    ["missing/a.flight"], ["existing", "--alone"], ["folder", "--force"], ["folder/"], [""], ["."],
    ["link", "--force"],
    ["a", "--seconds", "0"], ["a", "--seconds", "-1"], ["a", "--seconds=-1"], ["a", "--seconds", "3601"],
    ["a", "--seconds", "99999999999999999999999"], ["a", "--seconds", "1.5"], ["a", "--pid", "1", "--alone"],
    ["a", "--pid", "1", "--command-lines"], ["a", "--pid", "1"], ["a", "b"], [],
  ])
  func whatMakesNoSenseIsRefused(words: [String]) throws {
    let tool = try Tool()
    try tool.write("old", to: "existing")
    try FileManager.default.createDirectory(
      at: tool.folder.appending(path: "folder"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: tool.folder.appending(path: "link").path(), withDestinationPath: "existing")
    let result = try tool.run(["record"] + words)
    #expect(result.status == 64 && !result.errors.isEmpty, "\(result.output)\(result.errors)")
    #expect(try Self.files(tool) == ["existing", "folder", "link"])
    #expect(try tool.read("existing") == "old")
  }

  @Test func aFileIsReplacedOnRequest() throws {
    let tool = try Tool()
    try tool.write("old", to: "a")
    let result = try tool.run("record", "a", "--alone", "--seconds", "1", "--force")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try Self.mode(tool, "a") == 0o600)
    #expect(try tool.run("replay", "a").status == 0)
  }

  @Test func aPolicyWithAMistakeIsNamed() throws {
    let tool = try Tool()
    try tool.write("version = 2\n", to: "p.toml")
    let result = try tool.run("record", "a", "--policy", "p.toml")
    #expect(result.status == 78 && result.errors.contains("p.toml:1:"), "\(result.errors)")
    #expect(try Self.files(tool) == ["p.toml"])
  }

  @Test func withoutTheAgentsProgramNothingIsRecorded() throws {
    let tool = try Tool(copied: true)
    let result = try tool.run("record", "a", "--alone")
    #expect(result.status == 69 && result.errors.contains("spillwayd is neither beside"), "\(result.errors)")
    #expect(try Self.files(tool).contains("a") == false)
  }

  /// A folder that cannot be written is found before anything is recorded.
  @Test func theDirectoryOfTheRecordingIsMadeFirst() throws {
    let tool = try Tool()
    let result = try tool.run(
      ["record", "a", "--alone"], environment: ["TMPDIR": tool.folder.appending(path: "none").path()])
    #expect(result.status == 69 && result.errors.contains("no directory for the flight"), "\(result.errors)")
    #expect(try Self.files(tool) == [])
  }
}
