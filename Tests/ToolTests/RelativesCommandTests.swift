import Fixtures
import Foundation
import Testing

/// What the tool says of a process's relatives.
@Suite struct RelativesCommandTests {
  /// A captured machine with a runner, its task, and what an earlier task left behind.
  private static func tool() throws -> Tool {
    let tool = try Tool()
    let root = tool.folder.appending(path: "proc")
    try FileManager.default.copyItem(at: URL(filePath: Fixture.path("5.10")), to: root)
    try tool.write("version = 1\nbadness.inherited_oom_score_adj = \"ignore\"\n", to: "policy.toml")
    for (pid, parent, session, adjustment) in [(5000, 1, 5000, -900), (5001, 5000, 5000, -900), (5002, 1, 4999, 0)] {
      let folder = root.appending(path: "\(pid)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      for (name, text) in [
        (
          "stat",
          "\(pid) (p\(pid)) S \(parent) \(session) \(session) 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(pid) 60000000 8192 0 0 0 \(pid) 0\n"
        ),
        (
          "status",
          "Name:\tp\nUid:\t1000\t1000\t1000\t1000\nVmRSS:\t32768 kB\nRssAnon:\t32768 kB\nRssFile:\t0 kB\n"
            + "RssShmem:\t0 kB\nThreads:\t1\nCapEff:\t0000000000000000\n"
        ), ("oom_score", "700\n"), ("oom_score_adj", "\(adjustment)\n"), ("cgroup", "0::/runner\n"),
      ] {
        try Data(text.utf8).write(to: folder.appending(path: name))
      }
    }
    return tool
  }

  private static func line(of name: String, _ output: String) -> String? {
    output.split(separator: "\n").map(String.init).first { $0.contains(" \(name) ") }
  }

  @Test func rankMarksOrphansAndInheritedValues() throws {
    let rank = try Self.tool().run("rank", "--policy", "policy.toml", "--proc-root", "proc").output
    #expect(rank.split(separator: "\n").first?.contains("NOTE") == true, "\(rank)")
    #expect(Self.line(of: "p5001", rank)?.contains("inherited -900") == true, "\(rank)")
    #expect(Self.line(of: "p5002", rank)?.contains(" orphan ") == true, "\(rank)")
    #expect(Self.line(of: "p5000", rank)?.contains("inherited") == false, "\(rank)")
    let json = try Self.tool().run("rank", "--json", "--policy", "policy.toml", "--proc-root", "proc").output
    #expect(json.components(separatedBy: "\"oom_score_adj_inherited\":true").count == 2, "\(json)")
    #expect(json.components(separatedBy: "\"orphan\":true").count >= 2, "\(json)")
  }

  @Test func explainSaysWhyAnOrphanIsOneAndWhichValueDoesNotCount() throws {
    let tool = try Self.tool()
    let task = try tool.run("explain", "5001", "--policy", "policy.toml", "--proc-root", "proc").output
    #expect(
      task.contains("oom_score_adj -900, which it inherits from its parent and which does not count\n"), "\(task)")
    let left = try tool.run("explain", "5002", "--policy", "policy.toml", "--proc-root", "proc").output
    #expect(left.contains("  orphan: process 1 adopted it, and the leader of its session 4999 is gone\n"), "\(left)")
    let runner = try tool.run("explain", "5000", "--policy", "policy.toml", "--proc-root", "proc").output
    #expect(!runner.contains("inherits") && !runner.contains("orphan"), "\(runner)")
    // By default it counts.
    let counted = try tool.run("explain", "5001", "--policy", "server", "--proc-root", "proc").output
    #expect(counted.contains("oom_score_adj -900\n"), "\(counted)")
  }
}
