import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Testing

@testable import Agent

/// From the floor that is reached to the victim's exit, with kill calls that only write a log.
@Suite struct ActTests {
  private static let firstStrike = ["meminfo", "hold 100", "meminfo", "SIGTERM 100"]

  @Test func theAgentChoosesHoldsReadsMemoryAgainAndSignals() throws {
    let stage = try AgentHarness(available: [500, 151, 80])
    #expect(stage.tick() == ["meminfo"] && stage.tick() == ["meminfo"])
    #expect(stage.tick() == Self.firstStrike)
    #expect(stage.tick() == ["meminfo"])
    let decision = try #require(stage.records("decision").first)
    #expect(victim(decision) == 100 && decision["action"] as? String == "SIGTERM")
    #expect((decision["victim"] as? [String: Any])?["rule"] as? String == "the hog")
    #expect(
      decision["considered"] as? Int == 5 && decision["protected"] as? Int == 2 && decision["too_small"] as? Int == 1)
    #expect(try stage.records("outcome").isEmpty)
  }

  @Test func oneVictimIsKilledAtATime() throws {
    let stage = try AgentHarness(available: [80])
    #expect(stage.tick() == Self.firstStrike)
    for _ in 0..<20 { #expect(stage.tick() == ["meminfo"]) }
    stage.log.ended = [100]
    stage.agent.machine.files.remove(100)
    #expect(stage.finish() == [])
    // Its memory did not help, and memory goes on falling: the next is killed, and after it no candidate is left.
    stage.agent.machine.available = [73]
    #expect(stage.tick() == ["meminfo", "hold 101", "meminfo", "SIGTERM 101"])
    stage.log.ended = [101]
    stage.agent.machine.files.remove(101)
    #expect(stage.finish() == [])
    stage.agent.machine.available = [66]
    for _ in 0..<5 { #expect(stage.tick() == ["meminfo"]) }
    #expect(try outcomes(stage) == ["100 exited SIGTERM", "101 exited SIGTERM"])
    #expect(try stage.records("decision").map { $0["reason"] as? String == "no_candidate" } == [false, false, true])
  }

  @Test func afterAKillThatFreedNothingNoneFollowsWhileMemoryDoesNotFall() throws {
    let stage = try AgentHarness(available: [80])
    #expect(stage.tick() == Self.firstStrike)
    stage.log.ended = [100]
    stage.agent.machine.files.remove(100)
    #expect(stage.finish() == [])
    for available: UInt64 in [80, 90, 120, 80, 74] {
      stage.agent.machine.available = [available]
      #expect(stage.tick() == ["meminfo"], "\(available)")
    }
    let said =
      "the last kill gave next to nothing back, and memory does not go on falling; no other process is killed until it"
    #expect(try stage.messages().components(separatedBy: said).count == 2, "once")
    // Memory falls: the next candidate is killed.
    stage.agent.machine.available = [73]
    #expect(stage.tick() == ["meminfo", "hold 101", "meminfo", "SIGTERM 101"])
  }

  /// Each of them is too small to be read in full. With `isPartlyShared` half of them map shared memory, and a survey
  /// leaves out no process that does.
  @Test(arguments: [false, true]) func aSwarmIsKilledWithItsYoungestProcesses(isPartlyShared: Bool) throws {
    let stage = try AgentHarness(available: [500, 80]) { policy in
      policy.settings.swarm = Swarm(members: 4, age: .milliseconds(30_000), times: 2)
    }
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    // Started within the last second, as their numbers say.
    for pid: Int32 in 99_901...99_940 {
      stage.agent.machine.files.add(pid, "bomb", mib: 3, parent: 99_900)
      if isPartlyShared, pid % 2 == 0 { stage.agent.machine.files.addShared(pid, kib: 4) }
    }
    // The survey of this look knows all of them.
    #expect(stage.tick() == ["meminfo"])
    #expect(stage.tick().contains("SIGTERM 99901") || isPartlyShared)
    let decision = try #require(stage.records("decision").first)
    let killSet = try #require(decision["kill_set"] as? [String: Any])
    #expect(killSet["members"] as? Int == 40 && killSet["swarm"] is String)
  }

  /// Killing either would be enough. The swarm holds 450 MiB, and the single process 400 MiB.
  @Test(arguments: [(10, 50_000), (400, 99_901)] as [(UInt64, Int)])
  func theProcessThatUsedUpTheMemoryIsKilledBeforeASwarm(before: UInt64, expected: Int) throws {
    let stage = try AgentHarness(available: [500, 80]) { policy in
      policy.settings.swarm = Swarm(members: 4, age: .milliseconds(30_000), times: 2)
    }
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    stage.agent.machine.files.add(50_000, "one", mib: before)
    for pid: Int32 in 99_901...99_950 { stage.agent.machine.files.add(pid, "many", mib: 9, parent: 99_900) }
    #expect(stage.tick() == ["meminfo"])
    stage.agent.machine.files.add(50_000, "one", mib: 400)
    _ = stage.tick()
    #expect(victim(try #require(stage.records("decision").first)) == expected)
  }

  @Test func theProcessThatUsedUpTheMemoryIsKilledAfterThoseThatARulePutsFirst() throws {
    let stage = try AgentHarness(available: [500, 80]) { policy in
      policy.settings.swarm = Swarm(members: 4, age: .milliseconds(30_000), times: 2)
      policy.text += Array("many".utf8)
      let name = UInt32(policy.text.count - 4)..<UInt32(policy.text.count)
      policy.addRule(name: name, comm: name, protects: false)
      policy.rules[policy.rules.count - 1].order = .first
    }
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    stage.agent.machine.files.add(50_000, "one", mib: 10)
    for pid: Int32 in 99_901...99_950 { stage.agent.machine.files.add(pid, "many", mib: 9, parent: 99_900) }
    #expect(stage.tick() == ["meminfo"])
    stage.agent.machine.files.add(50_000, "one", mib: 400)
    _ = stage.tick()
    #expect(victim(try #require(stage.records("decision").first)) == 99_901)
  }

  @Test func processesAreSurveyedAgainWhenASixteenthOfMemoryIsUsedUp() throws {
    let stage = try AgentHarness(available: [500])
    _ = stage.tick()
    let first = stage.agent.chooser.learnedAt
    #expect(first > .zero)
    func surveys(at available: UInt64, after milliseconds: UInt64) -> Bool {
      stage.agent.chooser.learnedAt = stage.agent.machine.now - .milliseconds(milliseconds)
      let before = stage.agent.chooser.learnedAt
      stage.agent.machine.available = [available]
      _ = stage.tick()
      return stage.agent.chooser.learnedAt != before
    }
    #expect(!surveys(at: 430, after: 300), "growth over so little is noise")
    #expect(!surveys(at: 440, after: 700), "60 MiB are less than a sixteenth of 1000")
    #expect(surveys(at: 430, after: 700))
    #expect(!surveys(at: 400, after: 700), "from there on")
    // Memory that came back and was used up again counts as used up.
    #expect(!surveys(at: 600, after: 700) && surveys(at: 530, after: 700))
  }

  @Test func atHalfOfTheFloorTheFirstSignalIsSIGKILL() throws {
    let stage = try AgentHarness(available: [50])
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo", "SIGKILL 100"])
    stage.log.ended = [100]
    #expect(stage.finish() == [])
    #expect(try outcomes(stage) == ["100 killed SIGKILL"])
  }

  @Test func aVictimThatDoesNotExitGetsSIGKILLAfterItsGrace() throws {
    let stage = try AgentHarness(available: [80], grace: .zero)
    #expect(stage.tick() == Self.firstStrike)
    #expect(stage.tick() == ["meminfo", "SIGKILL 100"])
    #expect(stage.tick() == ["meminfo"])
    stage.log.ended = [100]
    #expect(stage.finish() == [])
    #expect(try outcomes(stage) == ["100 killed SIGKILL"])
    #expect(try stage.records("outcome").first?["escalation"] as? String == "grace_ended")
  }

  /// 90 MiB are available at the signal, and a quarter of that is gone below 67.5 MiB.
  @Test func aVictimGetsSIGKILLWhenMemoryGoesOnFalling() throws {
    let stage = try AgentHarness(available: [100, 90, 80, 68, 67])
    #expect(stage.tick() == Self.firstStrike)
    for _ in 0..<2 { #expect(stage.tick() == ["meminfo"]) }
    #expect(stage.tick() == ["meminfo", "SIGKILL 100"])
    stage.log.ended = [100]
    #expect(stage.finish() == [])
    #expect(try stage.records("outcome").first?["escalation"] as? String == "memory_worsened")
  }

  @Test func aVictimThatExitsAtTheMomentOfSIGKILLCountsAsExited() throws {
    let stage = try AgentHarness(available: [80], grace: .zero)
    #expect(stage.tick() == Self.firstStrike)
    stage.log.deliveries[100] = .vanished
    #expect(stage.tick() == ["meminfo", "SIGKILL 100"])
    stage.log.ended = [100]
    #expect(stage.finish() == [])
    #expect(try outcomes(stage) == ["100 exited SIGTERM"])
    #expect(try !stage.messages().contains("sent SIGKILL"))
  }

  @Test func freedMemoryIsMeasuredFromTheSignal() throws {
    let stage = try AgentHarness(available: [90, 80, 380])
    #expect(stage.tick() == Self.firstStrike)
    stage.log.ended = [100]
    #expect(stage.finish() == [])
    let outcome = try #require(stage.records("outcome").first)
    #expect(outcome["available_kib"] as? Int == 380 * 1024 && outcome["freed_kib"] as? Int == 300 * 1024)
    _ = stage.tick()
    #expect(try stage.messages().hasSuffix("memory is back: available 380 MiB\n"))
  }

  // Victims that are not signalled.

  @Test func memoryThatComesBackBeforeTheSignalSparesTheVictim() throws {
    let stage = try AgentHarness(available: [80, 151])
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo"])
    #expect(try outcomes(stage) == ["100 relieved none"])
    #expect(try stage.records("outcome").first?["available_kib"] as? Int == 151 * 1024)
    for _ in 0..<5 { #expect(stage.tick() == ["meminfo"]) }
    // This is over the floor, but not over the release line: the episode goes on.
    let other = try AgentHarness(available: [80, 149])
    #expect(other.tick() == Self.firstStrike)
  }

  @Test func anAgentThatCannotReadMemoryKillsNoProcess() throws {
    let stage = try AgentHarness(available: [80, nil, nil, 80])
    #expect(stage.tick() == ["meminfo", "hold 100", "meminfo"])
    #expect(stage.tick() == ["meminfo"])
    #expect(try stage.records("decision").isEmpty)
    #expect(try stage.messages().components(separatedBy: "the agent is blind").count == 2, "said once")
    #expect(stage.tick() == Self.firstStrike)
  }

  @Test(
    arguments: [
      (.vanished, "vanished", true), (.changed, "changed", true), (.refused(.notPermitted), "refused", true),
      (.vanished, "vanished", false), (.refused(.notPermitted), "refused", false),
    ] as [(Hold, String, Bool)])
  func aVictimThatCannotBeSignalledIsLeftForTheNextCandidate(hold: Hold, outcome: String, atHold: Bool) throws {
    let stage = try AgentHarness(available: [80])
    if atHold {
      stage.log.holds[100] = hold
    } else {
      stage.log.deliveries[100] = hold == .vanished ? .vanished : .refused(.notPermitted)
    }
    #expect(stage.tick() == (atHold ? ["meminfo", "hold 100"] : Self.firstStrike))
    #expect(try outcomes(stage) == ["100 \(outcome) none"])
    // A process that has vanished or changed is not surveyed again. One that was refused stays, and is passed over.
    if hold == .vanished || hold == .changed { stage.agent.machine.files.remove(100) }
    #expect(stage.tick() == ["meminfo", "hold 101", "meminfo", "SIGTERM 101"])
    let decision = try #require(stage.records("decision").last)
    #expect(victim(decision) == 101 && decision["passed_over"] as? Int == (outcome == "refused" ? 1 : 0))
  }

  @Test func aVictimThatCannotBeHeldForWantOfMemoryIsTriedAgain() throws {
    let stage = try AgentHarness(available: [80])
    stage.log.holds[100] = .refused(.noMemory)
    for _ in 0..<3 { #expect(stage.tick() == ["meminfo", "hold 100"]) }
    #expect(try stage.records("decision").isEmpty)
    #expect(try stage.messages().components(separatedBy: "tried again").count == 2, "said once")
    stage.log.holds[100] = .held
    #expect(stage.tick() == Self.firstStrike)
  }

  @Test func aRefusedSIGKILLIsAnOutcomeAndTheNextCandidateIsChosen() throws {
    let stage = try AgentHarness(available: [80], grace: .zero)
    #expect(stage.tick() == Self.firstStrike)
    stage.log.deliveries[100] = .refused(.notPermitted)
    #expect(stage.tick() == ["meminfo", "SIGKILL 100"])
    #expect(try outcomes(stage) == ["100 refused SIGTERM"])
    #expect(stage.tick() == ["meminfo", "hold 101", "meminfo", "SIGTERM 101"])
  }

  // No candidate.

  @Test func thatNoProcessCanBeKilledIsToldOncePerEpisode() throws {
    let stage = try AgentHarness(available: [80])
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    for _ in 0..<10 { #expect(stage.tick() == ["meminfo"]) }
    #expect(try stage.records("decision").count == 1)
    stage.agent.machine.available = [200, 80]
    #expect(stage.tick() == ["meminfo"] && stage.tick() == ["meminfo"] && stage.tick() == ["meminfo"])
    let decisions = try stage.records("decision")
    #expect(decisions.map { $0["episode"] as? Int } == [1, 2])
    #expect(decisions.allSatisfy { $0["reason"] as? String == "no_candidate" && $0["victim"] is NSNull })
    #expect(try stage.messages().components(separatedBy: "NO PROCESS CAN BE KILLED").count == 3)
    // A process that is started later is found, in the same episode.
    stage.agent.machine.files.add(200, "late", mib: 100)
    #expect(stage.tick() == ["meminfo", "hold 200", "meminfo", "SIGTERM 200"])
    // The decisions that were told are numbered consecutively, however often candidates were looked for.
    #expect(try stage.records("decision").map { $0["incident"] as? String } == (1...3).map { "00000000-0-\($0)" })
  }

  /// The machine sleeps for three hours between two processes of a survey. The next survey is not put off by twenty
  /// times that.
  @Test func sleepDuringASurveyDoesNotDelayTheNextSurvey() throws {
    let log = Log()
    let stage = try AgentHarness(
      available: [900], log: log,
      machine: { machine in
        machine.beforeProcess = { if log.asleep == .zero { log.asleep = .milliseconds(10_800_000) } }
      })
    stage.look()
    let first = stage.agent.chooser.learnedAt
    #expect(log.asleep > .zero && first > .zero)
    stage.agent.machine.pass(130_000)
    stage.look()
    #expect(stage.agent.chooser.learnedAt > first)
    // Growth is measured over the time asleep as well.
    stage.agent.machine.files.add(100, "hog", mib: 310)
    stage.agent.machine.pass(130_000)
    stage.look()
    let growth = stage.agent.chooser.roster.measuredGrowth(
      of: stage.agent.chooser.ranking.table.rows[1], now: stage.agent.machine.now)
    #expect(try #require(growth) < KiB(1024))
  }

  @Test(arguments: [1, 102, 104, 105, 106] as [Int32]) func protectedProcessesAreNeverHeld(only: Int32) throws {
    let stage = try AgentHarness(available: [1], ownPID: 104)
    stage.agent.machine.files.add(104, "spillwayd", mib: 500)
    stage.agent.machine.files.add(105, "compiler", mib: 500, parent: 104)
    stage.agent.machine.files.add(106, "exempt", mib: 500, adjustment: -1000)
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    for pid in stage.agent.machine.files.processes where pid != only { stage.agent.machine.files.remove(pid) }
    for _ in 0..<5 { #expect(stage.tick() == ["meminfo"]) }
    #expect(try stage.records("decision").count == 1)
  }

  @Test func aTotalOfZeroIsNotBelieved() throws {
    let stage = try AgentHarness(available: [0]) { $0.settings.thresholds.floor.available = .size(KiB(1 << 30)) }
    stage.agent.machine.total = 0
    #expect(stage.tick() == ["meminfo"] && stage.tick() == ["meminfo"])
    #expect(try stage.records("decision").isEmpty && stage.messages().contains("makes no sense"))
  }

  // A reload while a victim is being killed.

  @Test func anOutcomeNamesTheRulesOfThePolicyThatChoseTheVictim() throws {
    let stage = try AgentHarness(available: [80])
    #expect(stage.tick() == Self.firstStrike)
    // This policy has no rule of that number.
    var other = stage.agent.policy
    other.rules = []
    stage.agent.putInForce(other)
    stage.log.ended = [100]
    #expect(stage.finish() == [])
    let outcome = try #require(stage.records("outcome").first)
    #expect((outcome["victim"] as? [String: Any])?["rule"] as? String == "the hog")
    #expect(try stage.records("reload").map { $0["rules"] as? Int } == [0])
  }

  /// Reading a command line may wait for the memory lock of its process, so it is read in calm time only.
  @Test func aReloadWhileMemoryIsShortReadsNoCommandLine() throws {
    func commandLines(_ stage: AgentHarness) -> Int {
      stage.agent.machine.files.reads.count { $0.file == .cmdline }
    }
    let stage = try AgentHarness(available: [80])
    var other = stage.agent.policy
    other.alternatives.append(.never)
    other.tests.append(FieldTest(field: .cmdline, alternatives: Slice(start: 2, count: 1)))
    other.rules[1].tests = Slice(start: 2, count: 1)
    #expect(stage.tick() == Self.firstStrike)
    stage.agent.putInForce(other)
    #expect(commandLines(stage) == 0)
    // They are read once memory is back.
    stage.log.ended = [100]
    stage.agent.machine.available = [800]
    #expect(stage.finish() == [] && stage.tick() == ["meminfo"])
    #expect(commandLines(stage) == 5)
    stage.agent.putInForce(other)
    #expect(commandLines(stage) == 10)
  }
}
