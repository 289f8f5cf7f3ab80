import Fixtures
import Foundation
import Testing

/// The tool chooses as the agent does: many young processes of one parent are killed as one.
@Suite struct SwarmCommandTests {
  /// A captured machine, with 30 more processes that were started a few seconds ago.
  ///
  /// - Parameter parents: The number of their parents.
  private static func tool(parents: Int) throws -> Tool {
    let tool = try Tool()
    let root = tool.folder.appending(path: "proc")
    try FileManager.default.copyItem(at: URL(filePath: Fixture.path("5.10")), to: root)
    let uptime = try String(contentsOf: root.appending(path: "uptime"), encoding: .utf8)
    let seconds = try #require(uptime.split(separator: ".").first.flatMap { Int($0) })
    for index in 0..<30 {
      let pid = 5000 + index
      let folder = root.appending(path: "\(pid)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      let parent = 4000 + index % parents
      let stat =
        "\(pid) (bomb) S \(parent) \(pid) \(pid) 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \((seconds - 5) * 100) 60000000 8192 0\n"
      let status = "Name:\tbomb\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nVmRSS:\t32768 kB\n"
      let memory = "RssAnon:\t32768 kB\nRssFile:\t0 kB\nRssShmem:\t0 kB\nThreads:\t1\nCapEff:\t0000000000000000\n"
      for (name, text) in [
        ("stat", stat), ("status", status + memory), ("oom_score", "700\n"), ("oom_score_adj", "0\n"),
        ("cgroup", "0::/user.slice/session-\(parent).scope\n"), ("cmdline", "bomb\0"),
      ] {
        try Data(text.utf8).write(to: folder.appending(path: name))
      }
    }
    return tool
  }

  @Test func aSwarmIsShownWhereItWouldBeKilled() throws {
    let tool = try Self.tool(parents: 1)
    let rank = try tool.run("rank", "--proc-root", "proc")
    #expect(
      rank.output.contains("as one of 30 processes that are chosen as one (swarm: the same parent)"), "\(rank.output)")
    let explained = try tool.run("explain", "5007", "--proc-root", "proc")
    #expect(explained.output.contains("it would be killed now, as one of 30 processes"), "\(explained.output)")
    // This process is not part of it.
    let other = try tool.run("explain", "950", "--proc-root", "proc")
    #expect(other.status == 0 && !other.output.contains("would be killed now"))
    let diff = try tool.run("diff", "server", "classic", "--proc-root", "proc")
    #expect(diff.output.contains(" (bomb) → "), "\(diff.output)")
  }

  @Test func processesOfManyParentsAreNoSwarm() throws {
    let rank = try Self.tool(parents: 30).run("rank", "--proc-root", "proc")
    #expect(rank.status == 0 && !rank.output.contains("chosen as one"), "\(rank.output)")
  }

  /// A tmpfs holds most of the memory, and the largest process that may be killed holds little beside it.
  @Test func whatHoldsTheMemoryIsShownWhereItIsNoVictim() throws {
    let tool = try Tool()
    let root = tool.folder.appending(path: "proc")
    try FileManager.default.copyItem(at: URL(filePath: Fixture.path("5.10")), to: root)
    let calm = try tool.run("rank", "--proc-root", "proc")
    #expect(calm.status == 0 && !calm.output.contains("the most memory"), "\(calm.output)")
    let meminfo = root.appending(path: "meminfo")
    let text = try String(contentsOf: meminfo, encoding: .utf8)
    // 140220 kB were cached, 30212 of them shared, and 651012 anonymous.
    let full = text.replacing("AnonPages:        651012 kB", with: "AnonPages:         51012 kB")
      .replacing("Cached:           140220 kB", with: "Cached:           890220 kB")
      .replacing("Shmem:             30212 kB", with: "Shmem:            880212 kB")
    #expect(full != text)
    try Data(full.utf8).write(to: meminfo)
    let rank = try tool.run("rank", "--proc-root", "proc", "--limit", "1")
    #expect(
      rank.output.contains("\nthe most memory is held by shared memory and tmpfs that no process maps, 762 MiB\n"),
      "\(rank.output)")
  }
}
