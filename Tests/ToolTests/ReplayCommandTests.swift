import Fixtures
import Foundation
import Testing

/// `spillway replay` with another policy, and over the values of a setting.
@Suite struct ReplayCommandTests {
  private static let leak = Fixture.flightPath("leak-40.flight")
  private static let calm = Fixture.flightPath("calm-80.flight")

  @Test func aPolicyThatDecidesTheSameIsNoDifference() throws {
    let result = try Tool().run("replay", "--policy", "server", Self.leak)
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.contains("  built-in: server  8.740 s  leak (140), 281 MiB, floor: available 37 MiB"))
    #expect(result.output.hasSuffix("the same, at the same moments\n"))
  }

  @Test func aPolicyThatDecidesOtherwiseIsADifference() throws {
    let tool = try Tool()
    try tool.write(
      """
      version = 1
      extends = "server"
      [[rule]]
      name = "the leak stays"
      match = { comm = "leak", uid = 1000 }
      protect = true

      """, to: "other.toml")
    let result = try tool.run("replay", "--policy", "other.toml", Self.leak)
    #expect(result.status == 1)
    #expect(result.output.contains("\n  other.toml      "))
    #expect(result.output.contains("it decides otherwise\n"))
  }

  /// Of several flights each takes a line, and the differing ones more.
  @Test func severalFlightsAreSummedUp() throws {
    let result = try Tool().run("replay", "--policy", "server", Self.leak, Self.calm)
    #expect(result.status == 0)
    #expect(
      result.output == """
        \(Self.leak): the same, at the same moments
        \(Self.calm): neither kills
        0 of 2 flights decided otherwise

        """)
  }

  @Test func itsDecisionsAreLinesOfTheRecord() throws {
    let result = try Tool().run("replay", "--policy", "server", "--json", Self.leak)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 1)
    let line = try #require(lines.first)
    let decision = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(decision["event"] as? String == "decision" && decision["dry_run"] as? Bool == true)
  }

  @Test func aSweepTellsOfEachValue() throws {
    let result = try Tool().run("replay", "--sweep", "trigger.floor.available=4%..20%/3", Self.leak)
    #expect(result.status == 0)
    #expect(
      result.output.contains(
        """
        trigger.floor.available  acts at  kills                available then  decisions
        4%                       -        nothing              -               0
        12%                      8.269 s  leak (140), 236 MiB  52 MiB          1
        20%                      7.392 s  leak (140), 199 MiB  90 MiB          1
        least available of the flight: 30 MiB, at 8.989 s

        """))
    let json = try Tool().run("replay", "--sweep", "trigger.floor.available=4%..20%/3", "--json", Self.leak)
    let values = try json.output.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    #expect(values.map { $0["value"] as? String } == ["4%", "12%", "20%"])
    let decisions = values.map { $0["decisions"] as? [[String: Any]] ?? [] }
    #expect(decisions.map(\.count) == [0, 1, 1])
    #expect(decisions[1].first?["comm"] as? String == "leak" && decisions[1].first?["at_ms"] as? Int == 8269)
  }

  /// The page is one file, and no text of the flight becomes markup in it.
  @Test func aSweepIsDrawn() throws {
    let tool = try Tool()
    let flight = "a&b'<i>.flight"
    try FileManager.default.copyItem(at: URL(filePath: Self.leak), to: tool.folder.appending(path: flight))
    let result = try tool.run(
      "replay", "--sweep", "trigger.floor.available=8%..20%", "--html", "page.html", flight)
    #expect(result.status == 0)
    let page = try tool.read("page.html")
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("a&amp;b&#39;&lt;i&gt;.flight"))
    #expect(!page.contains("<i>") && !page.contains("http") && !page.contains("<script"))
    #expect(page.split(separator: "class=\"mark\"").count == 11)
  }

  @Test(arguments: [
    (["--sweep", "trigger.floor=2%..3%", leak], 64, "is no setting that is a number"),
    (["--sweep", "trigger.flor.available=2%..3%", leak], 64, "did you mean \"trigger.floor.available\"?"),
    (["--sweep", "trigger.floor.available=2%..300%", leak], 64, "is more than the whole"),
    (["--html", "page.html", leak], 64, "give --sweep as well"),
    (["--sweep", "trigger.floor.available=2%..3%", "--html", "page.html", leak, calm], 64, "draws one flight"),
    (["--sweep", "trigger.floor.available=2%..3%", "--html", "none/page.html", leak], 64, "cannot be written"),
    (["--policy", "servr", leak], 78, "did you mean \"server\"?"),
    (["--policy", "server", "none.flight"], 64, "none.flight cannot be read"),
    ([], 64, "Missing expected argument"),
  ])
  func whatIsWrongIsNamed(words: [String], status: Int32, text: String) throws {
    let tool = try Tool()
    let result = try tool.run(["replay"] + words)
    #expect(result.status == status && result.errors.contains(text), "\(result)")
    #expect(!FileManager.default.fileExists(atPath: tool.folder.appending(path: "page.html").path()))
  }
}
