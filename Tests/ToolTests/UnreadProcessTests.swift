import Fixtures
import Foundation
import Testing

/// The tool's notes about a machine whose files are missing, or make no sense.
@Suite struct UnreadProcessTests {
  /// A copy of a captured machine, changed.
  private static func tool(_ change: (URL) throws -> Void) throws -> Tool {
    let tool = try Tool()
    let root = tool.folder.appending(path: "proc")
    try FileManager.default.copyItem(at: URL(filePath: Fixture.path("5.10")), to: root)
    try change(root)
    return tool
  }

  private static func replace(_ file: String, _ text: String, below root: URL) throws {
    try Data(text.utf8).write(to: root.appending(path: file))
  }

  private static let commands: [[String]] = [
    ["rank"], ["rank", "--json"], ["explain", "1"], ["explain", "1", "--json"], ["diff", "server", "desktop"],
    ["diff", "server", "desktop", "--json"], ["check", "--live", "policy.toml"],
  ]

  @Test func aMissingFileIsNamed() throws {
    let tool = try Self.tool { try FileManager.default.removeItem(at: $0.appending(path: "uptime")) }
    try tool.write("version = 1\n", to: "policy.toml")
    for words in Self.commands {
      let result = try tool.run(words + ["--proc-root", "proc"])
      #expect(result.status != 0 && result.output.isEmpty, "\(words)")
      #expect(result.errors.contains("proc/uptime cannot be read: no such file"), "\(words): \(result.errors)")
    }
  }

  @Test func aFileThatMakesNoSenseIsNamed() throws {
    let tool = try Self.tool { try Self.replace("uptime", "soon\n", below: $0) }
    let result = try tool.run("rank", "--proc-root", "proc")
    #expect(result.status == 0 && result.output.contains("uptime makes no sense: the ages of processes are unknown"))
  }

  @Test(arguments: [
    "950 (node) S -", "950 (node", "",
    "950 (node) S 1 950 950 0 -1 0 0 0 0 0 99999999999999999999 0 0 0 20 0 1 0 5 1 1 0\n",
  ]) func aProcessWhoseFilesMakeNoSenseIsNamed(stat: String) throws {
    let tool = try Self.tool {
      try Self.replace("950/stat", stat, below: $0)
      try Self.replace("977/status", "Uid:\tnone\n", below: $0)
    }
    try tool.write("version = 1\n", to: "policy.toml")
    for words in Self.commands {
      let result = try tool.run(words + ["--proc-root", "proc"])
      let text = result.output + result.errors
      #expect(text.contains("processes left out because their stat makes no sense: 950"), "\(words): \(text)")
      #expect(text.contains("1 file of processes made no sense"), "\(words): \(text)")
    }
    let explained = try tool.run("explain", "950", "--proc-root", "proc")
    #expect(explained.status == 64 && explained.errors.contains("the stat of 950 makes no sense"))
  }

  @Test func manyUnreadProcessesAreCounted() throws {
    let tool = try Self.tool { root in
      for pid in 2000..<2030 {
        try FileManager.default.createDirectory(
          at: root.appending(path: "\(pid)"), withIntermediateDirectories: false)
        try Self.replace("\(pid)/stat", "?\n", below: root)
      }
    }
    let result = try tool.run("rank", "--proc-root", "proc")
    #expect(result.output.contains("no sense: 2000, 2001, 2002, 2003, 2004, 2005, 2006, 2007 and 22 more\n"))
  }

  @Test func aMachineWhoseFilesCanBeReadHasNoNotes() throws {
    let tool = try Self.tool { _ in }
    let result = try tool.run("rank", "--proc-root", "proc")
    #expect(!result.output.contains("no sense") && result.errors.isEmpty)
  }
}
