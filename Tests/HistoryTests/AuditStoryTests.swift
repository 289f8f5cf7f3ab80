import Fixtures
import Foundation
import History
import ProcModel
import Testing

/// The dry run as a story: each kill of the kernel once, with its incident or not foreseen.
@Suite struct AuditStoryTests {
  private static func story(without kind: RecordKind? = nil, _ change: (inout RecordEvent) -> Void = { _ in }) throws
    -> AuditStory
  {
    var story = AuditStory(limit: 100)
    for line in Fixture.bytes(of: Fixture.logPath("audit.jsonl")).split(separator: UInt8(ascii: "\n")) {
      var event = try RecordParser.event(Array(line).span)
      change(&event)
      if event.kind != kind { story.add(event) }
    }
    story.match(KillMerge.merged(LogFixtureTests.kills(in: Fixture.bytes(of: Fixture.logPath("audit.log")))))
    return story
  }

  private static func pids(_ story: AuditStory) -> [[Int32?]] { story.incidents.map { $0.kills.map(\.victim.pid) } }

  @Test func eachKillOfTheKernelIsThereOnce() throws {
    let story = try Self.story()
    #expect(Self.pids(story) == [[812], [900], [3000], [], [4500]])
    #expect(story.unforeseen.map(\.kill.victim.pid) == [99, 5000, 5100])
    #expect(story.unforeseen.map(\.cause) == [.notRunning, .noIncident, .controlGroup])
    #expect(story.incidents.map(\.end) == [.kernelKilled, .kernelKilled, .kernelKilled, .memoryBack, .kernelKilled])
    #expect(story.incidents.map(\.untoldKernelKills) == [0, 1, 0, 0, 0])
  }

  @Test func theFiguresAreThoseOfTheDryRun() throws {
    let figures = AuditFigures(try Self.story())
    #expect(figures.incidents == 5 && figures.kernelKilled == 4 && figures.memoryBack == 1)
    #expect(figures.armedIncidents == 0 && figures.unknown == 0 && figures.sameVictim == 2)
    #expect(figures.killedByKernel.map { String(decoding: $0.name, as: UTF8.self) } == ["postgres", "node", "worker"])
    #expect(figures.killedByKernel.map(\.count) == [2, 1, 1])
    #expect(figures.leads == [4900, 11_900, 30_900, 30_900] && figures.medianLead == 30_900 && figures.untold == 1)
  }

  /// The record of an agent that did not write the ends of episodes.
  @Test func aRecordWithoutEndsOfEpisodesIsMatchedByTime() throws {
    let story = try Self.story(without: .episode)
    #expect(Self.pids(story) == [[812], [900], [3000], [], [4500]])
    #expect(story.incidents.map(\.end) == [.kernelKilled, .kernelKilled, .kernelKilled, .unknown, .kernelKilled])
  }

  /// Another boot's kill belongs to no incident of this one, however near their times are.
  @Test func killsOfAnotherBootAreNotMatched() throws {
    var story = try Self.story()
    var kill = try #require(story.incidents.first?.kills.first)
    kill.time.boot = Array("00000000000000000000000000000000".utf8)
    let before = story.unforeseen.count
    story.match([kill])
    #expect(story.unforeseen.count == before + 1)
  }

  /// The shortage of a control group is not the machine's, nor the machine's that of a domain.
  @Test func aControlGroupsLimitIsMatchedToItsDomainAlone() throws {
    let swapped = try Self.story { event in
      if event.kind == .decision { event.domain = Array("web".utf8) }
      if event.kind == .episode { event.domain = Array("web".utf8) }
    }
    #expect(Self.pids(swapped) == [[], [], [], [], [4500]])
    let elsewhere = try Self.story { event in
      if event.kind == .start { event.more.domains = [] }
      if event.kind == .decision, event.domain == Array("web".utf8) { event.domain = Array("system".utf8) }
    }
    #expect(Self.pids(elsewhere).last == [])
    #expect(elsewhere.unforeseen.map(\.kill.victim.pid) == [99, 5000, 5100, 4500])
  }

  @Test func whatAnArmedAgentDidIsNoDryRun() throws {
    let story = try Self.story { $0.isRehearsal = false }
    let figures = AuditFigures(story)
    #expect(figures.incidents == 0 && figures.armedIncidents == 5 && figures.kernelKilled == 0)
  }

  @Test func theNewestIncidentsAreKept() throws {
    var story = AuditStory(limit: 2)
    let line = try #require(Fixture.bytes(of: Fixture.logPath("audit.jsonl")).split(separator: 10).dropFirst().first)
    var event = try RecordParser.event(Array(line).span)
    for number in 0..<9 {
      event.incident = Array("4c041c69-8-\(number)".utf8)
      story.add(event)
    }
    story.match([])
    #expect(story.incidents.compactMap(\.decision.incident).last == Array("4c041c69-8-8".utf8))
    #expect(story.incidents.count == 2 && story.leftOut == 7)
  }
}
