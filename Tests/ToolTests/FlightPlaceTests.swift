import Foundation
import Testing

/// `rank`, `explain` and `diff` look at a flight.
@Suite struct FlightPlaceTests {
  private static let flights = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/flights")

  private static func path(_ name: String) -> String { flights.appending(path: "\(name).flight").path() }

  private static func ranked(_ text: String) throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
  }

  private static func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// What makes two places in a ranking the same.
  private static func place(_ process: [String: Any]) -> String { "\(process["pid"] ?? "") \(process["score"] ?? "")" }

  /// The first decision of a flight.
  private static func decision(_ tool: borrowing Tool, _ name: String) throws -> [String: Any] {
    let lines = try tool.run("replay", "--json", path(name)).output.split(separator: "\n")
    let objects = try lines.map { try object(String($0)) }
    return try #require(objects.first { $0["event"] as? String == "decision" })
  }

  /// The whole corpus of flights in which something is killed.
  @Test(arguments: [
    "burst", "fork-bomb", "idle-1000-burst", "leak-40", "old-database", "orphans", "prefork-leak", "runner",
    "saver-leak",
    "swarm", "thrash-text", "tree",
  ])
  func atItsDecisionAFlightRanksAsItDid(name: String) throws {
    let tool = try Tool()
    let candidates = try #require(try Self.decision(tool, name)["candidates"] as? [[String: Any]])
    let result = try tool.run("rank", "--json", "--flight", Self.path(name))
    #expect(result.status == 0)
    let ranked = try Self.ranked(result.output).filter { $0["protected"] as? Bool == false }
    #expect(!candidates.isEmpty)
    #expect(ranked.prefix(candidates.count).map(Self.place) == candidates.map(Self.place))
    #expect(result.errors.contains("\(name).flight at ") && result.errors.contains(" available"))
  }

  /// All ways to name the same moment, that of the first decision.
  @Test func aMomentHasManyNames() throws {
    let tool = try Tool()
    let decision = try Self.decision(tool, "leak-40")
    let incident = try #require(decision["incident"] as? String)
    let usual = try tool.run("rank", "--flight", Self.path("leak-40"))
    let note = try #require(usual.output.split(separator: "\n").last)
    let seconds = String(try #require(note.split(separator: " at ").dropFirst().first?.split(separator: " ").first))
    for time in [incident, seconds, seconds + "s", "+" + seconds, seconds + " s"] {
      #expect(try tool.run("rank", "--flight", Self.path("leak-40"), "--at", time).output == usual.output, "\(time)")
    }
    let end = try tool.run("rank", "--flight", Self.path("leak-40"), "--at", "end").output
    #expect(end != usual.output)
    #expect(try tool.run("rank", "--flight", Self.path("leak-40"), "--at=-0").output == end)
    // A calm flight has no decision: its end is meant.
    let calm = try tool.run("rank", "--flight", Self.path("calm-80")).output
    #expect(try tool.run("rank", "--flight", Self.path("calm-80"), "--at", "end").output == calm)
  }

  /// The victim is not there any more.
  @Test func laterTheVictimIsGone() throws {
    let tool = try Tool()
    let first = try Self.ranked(tool.run("rank", "--json", "--limit", "1", "--flight", Self.path("leak-40")).output)
    let pid = try #require(first.first?["pid"] as? Int)
    let explained = try tool.run("explain", "\(pid)", "--flight", Self.path("leak-40"))
    #expect(explained.status == 0 && explained.output.contains("a second, as measured"), "\(explained.output)")
    #expect(explained.output.contains("rank 1 of the "))
    let gone = try tool.run("explain", "\(pid)", "--flight", Self.path("leak-40"), "--at", "end")
    #expect(gone.status == 64 && gone.errors.contains("leak-40.flight shows no process \(pid)"), "\(gone.errors)")
  }

  @Test func anotherPolicyRanksOtherwiseAndTheDifferenceIsTold() throws {
    let tool = try Tool()
    try tool.write(
      """
      version = 1
      [[rule]]
      name = "keep the leak"
      match = { comm = "leak", cmdline = "*" }
      protect = true
      """, to: "p.toml")
    let ranked = try tool.run("rank", "--flight", Self.path("leak-40"), "--policy", "p.toml")
    #expect(ranked.status == 0 && ranked.output.contains("keep the leak"), "\(ranked.output)\(ranked.errors)")
    #expect(ranked.output.contains("the flight lacks the command line of "), "\(ranked.output)")
    let diff = try tool.run("diff", "server", "p.toml", "--flight", Self.path("leak-40"))
    #expect(diff.status == 1 && diff.output.contains("leak") && diff.output.contains("first to go: "), "\(diff.output)")
    #expect(diff.errors.contains("leak-40.flight at ") && diff.errors.contains("command line of"), "\(diff.errors)")
    let same = try tool.run("diff", "server", "server", "--flight", Self.path("leak-40"))
    #expect(same.status == 0, "\(same.output)")
  }

  /// A time of day is known beside a decision.
  @Test func aTimeOfDayIsKnownBesideADecision() throws {
    let tool = try Tool()
    let lines = String(decoding: try Data(contentsOf: URL(filePath: Self.path("leak-40"))), as: UTF8.self)
    let found = try #require(lines.firstMatch(of: try Regex("\"time\":\"([0-9T:.Z-]+)\",\"event\":\"decision\""))?[1])
    let time = String(try #require(found.substring))
    let usual = try tool.run("rank", "--flight", Self.path("leak-40")).output
    #expect(try tool.run("rank", "--flight", Self.path("leak-40"), "--at", time).output == usual)
    // The same moment, written otherwise: what was read until that millisecond.
    let other = time.replacing("Z", with: "+00:00")
    #expect(try tool.run("rank", "--flight", Self.path("leak-40"), "--at", other).status == 0)
    let early = try tool.run("rank", "--flight", Self.path("leak-40"), "--at", "2001-01-01T00:00:00Z")
    #expect(early.status == 64 && early.errors.contains("which covers "), "\(early.errors)")
    let calm = try tool.run("rank", "--flight", Self.path("calm-80"), "--at", time)
    #expect(calm.status == 64 && calm.errors.contains("has no decision"), "\(calm.errors)")
  }

  @Test(arguments: [
    "", "x", "1x", "1.", ".5", "1.2.3", "--", "1e3", "9999999999", "incident 1", "0", "1000000", "-1000000",
    "00000000-1-9",
    "2026-13-45T00:00:00Z", "１", "start",
  ])
  func whatIsNoMomentIsRefused(time: String) throws {
    let tool = try Tool()
    let result = try tool.run("rank", "--flight", Self.path("leak-40"), "--at=\(time)")
    // At the very start nothing has been read yet.
    #expect(result.status == 64 && !result.errors.isEmpty && result.output.isEmpty, "\(result.output)\(result.errors)")
  }

  @Test(arguments: [
    ["rank", "--proc-root", "/proc"], ["rank", "--cgroup-root", "/sys/fs/cgroup"],
    ["explain", "1", "--proc-root", "/proc"],
    ["diff", "server", "web", "--cgroup-root", "/"],
  ])
  func aFlightExcludesOtherMachines(words: [String]) throws {
    let tool = try Tool()
    let result = try tool.run(words + ["--flight", Self.path("leak-40")])
    #expect(result.status == 64 && result.errors.contains("--flight has its own processes"), "\(result.errors)")
    let alone = try tool.run(words + ["--at", "1"])
    #expect(alone.status == 64 && alone.errors.contains("name it with --flight"), "\(alone.errors)")
  }

  /// A file that is none, is cut off, is damaged, or is of another version.
  @Test func whatIsNoFlightIsRefused() throws {
    let tool = try Tool()
    let whole = [UInt8](try Data(contentsOf: URL(filePath: Self.path("leak-40"))))
    func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: tool.folder.appending(path: name)) }
    try write("empty", [])
    try write("text", Array("this is no flight at all\n".utf8))
    var newer = whole
    newer[8] = 99
    try write("newer", newer)
    var damaged = whole
    damaged[whole.count * 3 / 4] ^= 0x55
    try write("damaged", damaged)
    var header = whole
    header[20] ^= 1
    try write("header", header)
    for (name, reason) in [
      ("empty", "ends within its header"), ("text", "is not a recorded flight"), ("newer", "newer release"),
      ("damaged", "the flight is damaged in segment 0, at byte "), ("header", "the header of the flight is damaged"),
    ] {
      for words in [["rank"], ["explain", "1"], ["diff", "server", "web"]] {
        let result = try tool.run(words + ["--flight", name])
        #expect(result.status == 78 && result.errors.contains(reason), "\(name): \(result.errors)")
      }
    }
    let missing = try tool.run("rank", "--flight", "none")
    #expect(missing.status == 64 && missing.errors.contains("none cannot be read"))
    // One that is cut off is good up to there.
    try write("cut", Array(whole.prefix(whole.count * 7 / 8)))
    #expect(try tool.run("rank", "--flight", "cut").status == 0)
  }

  @Test func aDomainThatTheFlightHasNoReadingOfIsNamed() throws {
    let tool = try Tool()
    try tool.write("version = 1\n[[domain]]\nname = \"jobs\"\ncgroup = \"/jobs.slice\"\n", to: "p.toml")
    let result = try tool.run(
      "rank", "--flight", Self.path("leak-40"), "--policy", "p.toml", "--domain", "jobs")
    #expect(result.status == 64 && result.errors.contains("no reading of the cgroup /jobs.slice"), "\(result.errors)")
    let unknown = try tool.run("rank", "--flight", Self.path("leak-40"), "--domain", "jobs")
    #expect(unknown.status == 64 && unknown.errors.contains("has no domain \"jobs\""), "\(unknown.errors)")
  }

  /// A flight that was recorded in full has all that another policy asks for of a process that lives all the while. One
  /// that is born or executes another program while it is recorded may lack it.
  @Test func aFlightInFullHasWhatAnotherPolicyAsksFor() throws {
    let tool = try Tool()
    try tool.write(
      """
      version = 1
      [[rule]]
      name = "tests"
      match = { exe = "/**", cmdline = "*" }
      order = "last"
      """, to: "p.toml")
    let recorded = try tool.run("record", "a.flight", "--command-lines", "--seconds", "2", "--policy", "server")
    #expect(recorded.status == 0, "\(recorded.errors)")
    let own = ProcessInfo.processInfo
    let explained = try tool.run(
      "explain", "\(own.processIdentifier)", "--flight", "a.flight", "--policy", "p.toml")
    #expect(explained.status == 0 && explained.output.contains("tests"), "\(explained)")
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    #expect(explained.output.contains("executable \(program)\n"), "\(explained.output)")
  }
}
