import Fixtures
import Foundation
import Policy
import ProcModel
import Testing

@testable import Agent

/// Which processes a decision asks for a command line that was not read in calm time. The agent starts while memory is
/// short here, and knows no process.
@Suite struct InquiryTests {
  /// Adds a rule that matches a whole command line.
  private static func rule(
    _ cmdline: String, protects: Bool = true, order: Tier? = nil, and others: [(MatchField, Alternative)] = []
  ) -> (inout CompiledPolicy) -> Void {
    { policy in
      let start = UInt32(policy.text.count)
      policy.text += Array(cmdline.utf8)
      let first = UInt32(policy.tests.count)
      let words = Alternative.literal(Slice(start: start, count: UInt32(cmdline.utf8.count)))
      for (field, alternative) in others + [(.cmdline, words)] {
        policy.alternatives.append(alternative)
        policy.tests.append(
          FieldTest(field: field, alternatives: Slice(start: UInt32(policy.alternatives.count - 1), count: 1)))
      }
      policy.rules.append(
        Rule(
          name: Slice(start: start, count: UInt32(cmdline.utf8.count)),
          tests: Slice(start: first, count: UInt32(others.count + 1)), protects: protects, order: order, weight: 1))
    }
  }

  private static func asked(_ stage: AgentHarness) -> [Int32] {
    stage.agent.machine.files.reads.filter { $0.file == .cmdline }.map(\.pid)
  }

  private static func strike(_ pid: Int32) -> [String] { ["meminfo", "hold \(pid)", "meminfo", "SIGTERM \(pid)"] }

  @Test(arguments: [false, true]) func aHogIsAskedForItsCommandLineAndKilledWhereTheRuleDoesNotFit(isOfAUser: Bool)
    throws
  {
    let user = isOfAUser ? [(MatchField.uid, Alternative.range(1000, 1000))] : []
    let stage = try AgentHarness(available: [80], policy: Self.rule("render", and: user))
    #expect(stage.tick() == Self.strike(100))
    #expect(Self.asked(stage) == [100])
    // The others were not asked, and count as protected.
    #expect(try stage.records("decision").first?["protected"] as? Int == 3)
  }

  @Test func aProcessWhoseCommandLineTheRuleFitsStays() throws {
    let stage = try AgentHarness(available: [80], policy: Self.rule("hog"))
    #expect(stage.tick() == Self.strike(101))
    #expect(Self.asked(stage) == [100, 101])
    // Each is asked once: its answer is known from then on.
    stage.log.ended = [101]
    _ = stage.finish()
    stage.agent.machine.files.remove(101)
    stage.agent.machine.available = [80]
    stage.look()
    #expect(Self.asked(stage) == [100, 101])
    #expect(stage.isPursuing == false)
  }

  @Test func theCommandLineIsAskedForOnlyWhereTheGroupOfTheRuleFits() throws {
    for (group, asked) in [(1000, [100]), (5, [])] as [(Int32, [Int32])] {
      let stage = try AgentHarness(
        available: [80], policy: Self.rule("render", and: [(.gid, .range(UInt32(group), UInt32(group)))]))
      for pid: Int32 in [100, 101] {
        let key = MemorySource.Key(.status, of: pid)
        let status = String(decoding: try #require(stage.agent.machine.files.files[key]), as: UTF8.self)
        stage.agent.machine.files.set(
          .status, of: pid,
          status.replacingOccurrences(of: "VmSize", with: "Gid:\t1000\t1000\t1000\t1000\nVmSize"))
      }
      #expect(stage.tick() == Self.strike(100))
      #expect(Self.asked(stage) == asked)
    }
  }

  /// What was read in calm time is not read again, and a new name does not make a process unknown.
  @Test func aKnownProcessWithANewNameIsNotAsked() throws {
    let stage = try AgentHarness(available: [500, 80], policy: Self.rule("render"))
    _ = stage.tick()
    let known = Self.asked(stage)
    #expect(Set(known) == [1, 100, 101, 102, 103])
    let key = MemorySource.Key(.status, of: 100)
    let status = String(decoding: try #require(stage.agent.machine.files.files[key]), as: UTF8.self)
    stage.agent.machine.files.set(.status, of: 100, status.replacingOccurrences(of: "Name:\thog", with: "Name:\tnew"))
    let stat = MemorySource.Key(.stat, of: 100)
    let text = String(decoding: try #require(stage.agent.machine.files.files[stat]), as: UTF8.self)
    // The place of its stack is the same, so that it is known to execute the same program.
    stage.agent.machine.files.set(.stat, of: 100, text.replacingOccurrences(of: "(hog)", with: "(new)"))
    #expect(stage.tick().last == "SIGTERM 100")
  }

  /// The process holds its memory lock. Nothing is known of it, and what a rule might protect stays protected.
  @Test func aProcessThatDoesNotAnswerStaysAndIsAskedAgainInTheNextDecision() throws {
    let stage = try AgentHarness(available: [80], policy: Self.rule("render"))
    let key = MemorySource.Key(.cmdline, of: 100)
    stage.agent.machine.files.failures[key] = .failed(errno: ETIMEDOUT)
    #expect(stage.tick() == Self.strike(101))
    #expect(Self.asked(stage) == [100, 101])
    stage.agent.machine.files.failures[key] = nil
    stage.log.ended = [101]
    _ = stage.finish()
    stage.agent.machine.files.remove(101)
    stage.agent.machine.available = [70, 60, 55]
    for _ in 0..<3 where !stage.isPursuing { stage.look() }
    #expect(stage.log.take().contains("SIGTERM 100"))
    #expect(Self.asked(stage) == [100, 101, 100])
  }

  /// Otherwise a decision among thousands of newcomers would take too long.
  @Test func oneDecisionAsksFourProcessesTheForemostFirst() throws {
    let stage = try AgentHarness(available: [80], policy: Self.rule("kept"))
    stage.agent.machine.files.remove(100)
    for pid: Int32 in 201...206 {
      stage.agent.machine.files.add(pid, "kept", mib: UInt64(100 * pid))
      stage.agent.machine.files.set(.cmdline, of: pid, "kept\0")
    }
    stage.look()
    #expect(Self.asked(stage) == [206, 205, 204, 203])
    stage.log.ended = [101]
    _ = stage.finish()
    stage.agent.machine.files.remove(101)
    stage.agent.machine.available = [70, 60, 55]
    for _ in 0..<3 { stage.look() }
    #expect(Self.asked(stage).prefix(6) == [206, 205, 204, 203, 202, 201])
  }

  /// A rule that puts a process last by its command line holds for newcomers too.
  @Test(arguments: [("hog", 101, [100, 101]), ("render", 100, [100])] as [(String, Int32, [Int32])])
  func theForemostCandidateIsAskedWhereARuleOfOrderMayFitIt(cmdline: String, victim: Int32, asked: [Int32]) throws {
    let stage = try AgentHarness(available: [80], policy: Self.rule(cmdline, protects: false, order: .last))
    #expect(stage.tick() == Self.strike(victim))
    #expect(Self.asked(stage) == asked)
  }

  /// The rule is about another user's processes.
  @Test func noProcessIsAskedWhoseAnswerWouldChangeNothing() throws {
    let stage = try AgentHarness(
      available: [80], policy: Self.rule("render", and: [(.uid, .range(5000, 5000))]))
    #expect(stage.tick() == Self.strike(100))
    #expect(Self.asked(stage) == [])
  }

  /// Those that have answered are killed as kin.
  @Test func smallKinAreAskedWhereNoProcessIsWorthKillingAlone() throws {
    let stage = try AgentHarness(available: [80], policy: Self.rule("render"))
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    for pid: Int32 in 2001...2040 { stage.agent.machine.files.add(pid, "worker", mib: 9, parent: 2000) }
    #expect(stage.tick().contains("SIGTERM 2040"))
    #expect(Self.asked(stage) == [2040, 2039, 2038, 2037])
    let killSet = try #require(stage.records("decision").last?["kill_set"] as? [String: Any])
    #expect(killSet["choice"] as? String == "kin" && killSet["members"] as? Int == 4)
  }

  /// A child of vfork(2) has its parent's memory. Where the child may be protected, the parent may not be killed.
  @Test func aProcessThatSharesTheVictimsMemoryIsAsked() throws {
    for (cmdline, ending) in [("render", "SIGTERM 100"), ("child", "meminfo")] {
      let stage = try AgentHarness(available: [80], policy: Self.rule(cmdline))
      stage.agent.machine.files.add(150, "child", mib: 299, parent: 100)
      stage.log.sharers = [150]
      #expect(stage.tick().contains("SIGTERM 100") == (ending == "SIGTERM 100"))
      #expect(Self.asked(stage) == [100, 150])
    }
  }

  /// A reload makes ready what asking takes, also while memory is short.
  @Test func aPolicyThatIsReadWhileMemoryIsShortAsksInTheNextDecision() throws {
    let stage = try AgentHarness(available: [80])
    for pid: Int32 in [100, 101] { stage.agent.machine.files.remove(pid) }
    #expect(stage.tick() == ["meminfo"])
    stage.agent.machine.files.add(100, "hog", mib: 300)
    var policy = stage.agent.policy
    Self.rule("render")(&policy)
    stage.agent.putInForce(policy)
    #expect(Self.asked(stage) == [])
    #expect(stage.tick().last == "SIGTERM 100")
    #expect(Self.asked(stage) == [100])
  }
}
