import Fixtures
import Foundation
import Policy
import Pressure
import ProcModel
import Replay
import Testing

@testable import Agent
@testable import ProcReader

/// Whose lost time counts where the policy names it (`stall.of`).
@Suite struct GuardedTests {
  private static func pressure(_ some: UInt64, _ full: UInt64) -> String {
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=\(some)\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=\(full)\n"
  }

  /// What is read of two cgroups at a look, a second after the one before; nil where the file is not there.
  private struct Look {
    var own: UInt64?
    var first: UInt64?
    var second: UInt64?
    /// The sum that is given, beyond where the machine's counter was at the first look.
    var sum: UInt64
    var isGuarded: Bool
  }

  private static let courses: [(name: String, looks: [Look])] = [
    (
      "of two, the one counts that lost more",
      [
        Look(own: 5000, first: 100, second: 900, sum: 0, isGuarded: true),
        Look(own: 9000, first: 400, second: 950, sum: 300, isGuarded: true),
        Look(own: 9000, first: 410, second: 1950, sum: 1300, isGuarded: true),
      ]
    ),
    (
      "one that begins anew loses nothing at that look",
      [
        Look(own: 5000, first: 800, sum: 0, isGuarded: true), Look(own: 5000, first: 20, sum: 0, isGuarded: true),
        Look(own: 5000, first: 50, sum: 30, isGuarded: true),
      ]
    ),
    (
      "while none can be read, the machine's counts",
      [
        Look(own: 5000, sum: 0, isGuarded: false), Look(own: 5700, sum: 700, isGuarded: false),
        Look(own: 5900, first: 10, sum: 700, isGuarded: true), Look(own: 9000, first: 15, sum: 705, isGuarded: true),
        Look(own: 9100, sum: 805, isGuarded: false),
      ]
    ),
    (
      "more than can be lost is not believed",
      [
        Look(own: 5000, first: 100, sum: 0, isGuarded: true),
        Look(own: 5000, first: 4_000_000, sum: 0, isGuarded: true),
        Look(own: 5000, first: 4_900_000, sum: 900_000, isGuarded: true),
      ]
    ),
  ]

  @Test(arguments: courses.indices) func stepsAreSummed(_ index: Int) throws {
    let (name, looks) = Self.courses[index]
    var source = MemorySource()
    source.cgroupVersion = .v2
    source.set(.meminfo, "MemTotal: 2000000 kB\nMemFree: 10000 kB\nMemAvailable: 50000 kB\n")
    var sensors = Sensors()
    sensors.guarded.prepare()
    for (key, path) in [(UInt64(1), "/a"), (2, "/b")] { sensors.guarded.add(key, Array(path.utf8).span) }
    sensors.guarded.settle()
    var thresholds = Thresholds(floor: Floor(available: .share(.percent(10)), swapFree: nil), release: .size(.zero))
    thresholds.stall = Stall(
      isFull: true, share: .percent(20), over: .milliseconds(2000), below: .share(.percent(50)), source: .protected)
    for (second, look) in looks.enumerated() {
      source.systemFiles[.memoryPressure] = look.own.map { Array(Self.pressure($0 * 2, $0).utf8) }
      for (path, total) in [("/a", look.first), ("/b", look.second)] {
        source.cgroups[path] = total.map { [.pressure: Array(Self.pressure($0 * 2, $0).utf8)] } ?? [:]
      }
      let answer = try sensors.answer(
        MemoryQuestion(
          domain: 0, cgroup: nil, thresholds: thresholds, lastWhole: nil,
          time: .milliseconds(1000 * UInt64(second + 1))), from: &source)
      #expect(answer.reading.stall?.full == 5000 + look.sum, "\(name), look \(second)")
      // The machine's other counter began at twice as much.
      #expect(answer.reading.stall?.some == 10_000 + look.sum * 2, "\(name), look \(second)")
      #expect(answer.missing.contains(.guarded) != look.isGuarded, "\(name), look \(second)")
    }
  }

  @Test func withoutAnyAccountTheTriggerIsOff() throws {
    var source = MemorySource()
    source.set(.meminfo, "MemTotal: 2000000 kB\nMemFree: 10000 kB\nMemAvailable: 50000 kB\n")
    var sensors = Sensors()
    sensors.guarded.prepare()
    var thresholds = Thresholds(floor: Floor(available: .share(.percent(10)), swapFree: nil), release: .size(.zero))
    thresholds.stall = Stall(
      isFull: true, share: .percent(20), over: .milliseconds(2000), below: .share(.percent(50)), source: .protected)
    let answer = try sensors.answer(
      MemoryQuestion(domain: 0, cgroup: nil, thresholds: thresholds, lastWhole: nil, time: .zero), from: &source)
    // It is not known yet which cgroups there are.
    #expect(answer.reading.stall == nil && answer.missing.contains(.stall) && !answer.missing.contains(.guarded))
  }

  // MARK: In the agent

  /// 300 of 1000 MiB are available, and the floor is at 100. Both services may stall.
  private static func stage(_ source: StallSource, version: CgroupVersion? = .v2) throws -> AgentHarness {
    try AgentHarness(
      available: [300],
      policy: {
        $0.settings.thresholds.stall = Stall(
          isFull: true, share: .percent(25), over: .milliseconds(1000), below: .share(.percent(100)), isPatient: false,
          source: source)
        guard source == .cgroup else { return }
        let path = "/system.slice/second.service"
        $0.cgroups = [Slice(start: UInt32($0.text.count), count: UInt32(path.utf8.count))]
        $0.text += Array(path.utf8)
      },
      machine: {
        $0.files.cgroupVersion = version
        $0.files.set(.memoryPressure, Self.pressure(0, 0))
        for name in ["hog", "second", "keeper"] {
          $0.files.set(.pressure, ofCgroup: "/system.slice/\(name).service", Self.pressure(0, 0))
        }
      })
  }

  /// Passes three seconds, in which all tasks of these cgroups stall half of the time, and so all of the machine.
  private static func stall(_ stage: AgentHarness, _ names: [String]) -> [String] {
    stage.agent.sensors.alertUntil = Nanoseconds(.max)
    for step in 1...30 {
      stage.agent.machine.pass(99)
      let lost = Self.pressure(UInt64(step) * 50_000, UInt64(step) * 50_000)
      stage.agent.machine.files.set(.memoryPressure, lost)
      for name in names { stage.agent.machine.files.set(.pressure, ofCgroup: "/system.slice/\(name).service", lost) }
      stage.look()
      if stage.isPursuing { break }
    }
    return stage.log.take().filter { $0 != "meminfo" }
  }

  @Test(
    arguments: [
      (.domain, ["hog"], true), (.protected, ["hog"], false), (.protected, ["hog", "second"], false),
      (.protected, ["keeper"], true), (.cgroup, ["keeper"], false), (.cgroup, ["second"], true),
    ] as [(StallSource, [String], Bool)])
  func onlyAStallOfWhatIsNamedIsAReason(source: StallSource, stalled: [String], acts: Bool) throws {
    let stage = try Self.stage(source)
    stage.look()
    let done = Self.stall(stage, stalled)
    #expect(done.contains("SIGTERM 100") == acts, "\(done)")
    #expect(try !stage.messages().contains("stall.of"))
  }

  /// With version 1 there is no such file, and a unit that is not there has none.
  @Test(arguments: [CgroupVersion?.none, .v1]) func withoutTheFilesTheMachineCounts(version: CgroupVersion?) throws {
    let stage = try Self.stage(.protected, version: version)
    stage.agent.machine.files.cgroups = [:]
    stage.look()
    #expect(Self.stall(stage, []).contains("SIGTERM 100"))
    #expect(try stage.messages().components(separatedBy: "stall.of").count == 2)
  }

  @Test func theCgroupsAreFoundAnewInEachSurvey() throws {
    let stage = try Self.stage(.protected)
    stage.look()
    var guarded = stage.agent.sensors.guarded
    #expect(
      guarded.count == 1
        && String(decoding: Array(guarded.path(0).storage[..<guarded.path(0).count]), as: UTF8.self)
          == "/system.slice/keeper.service"
    )
    stage.agent.machine.files.remove(102)
    for number in UInt32(0)..<12 {
      stage.agent.machine.files.add(Int32(200 + number), "keeper", mib: UInt64(10 + number))
      stage.agent.machine.files.set(.cgroup, of: Int32(200 + number), "0::/system.slice/k\(number).service\n")
    }
    stage.agent.machine.pass(600_000)
    stage.look()
    guarded = stage.agent.sensors.guarded
    let paths = (0..<guarded.count).map { index in
      String(decoding: Array(guarded.path(index).storage[..<guarded.path(index).count]), as: UTF8.self)
    }
    // The eight that hold most.
    #expect(Set(paths) == Set((4..<12).map { "/system.slice/k\($0).service" }))
  }

  @Test func anotherPolicyForgetsThem() throws {
    let stage = try Self.stage(.protected)
    stage.look()
    var policy = stage.agent.policy
    policy.settings.thresholds.stall?.source = .domain
    stage.agent.putInForce(policy)
    let count = stage.agent.sensors.guarded.count
    #expect(count == 0)
    stage.look()
    #expect(try !stage.messages().contains(Impossible.meaning(7)))
  }

  /// A flight has the sum that was measured, so its replay acts at the same stall.
  @Test(arguments: [["keeper"], ["hog"]]) func aReplayComesToTheSame(stalled: [String]) throws {
    let run = try RecordedRun(available: [300]) {
      $0.settings.thresholds.stall = Stall(
        isFull: true, share: .percent(25), over: .milliseconds(1000), below: .share(.percent(100)), isPatient: false,
        source: .protected)
    } machine: {
      $0.files.cgroupVersion = .v2
      $0.files.set(.memoryPressure, Self.pressure(0, 0))
      for name in ["hog", "keeper"] {
        $0.files.set(.pressure, ofCgroup: "/system.slice/\(name).service", Self.pressure(0, 0))
      }
    }
    run.agent.sensors.alertUntil = Nanoseconds(.max)
    run.look()
    for step in 1...30 {
      let lost = Self.pressure(UInt64(step) * 50_000, UInt64(step) * 50_000)
      run.agent.machine.base.files.set(.memoryPressure, lost)
      for name in stalled {
        run.agent.machine.base.files.set(.pressure, ofCgroup: "/system.slice/\(name).service", lost)
      }
      run.look(apart: 99)
    }
    let outcome = try Replay(run.bytes()).run()
    #expect(outcome.difference == nil, "\(outcome.difference ?? "")")
    #expect(try ReplayTests.events(outcome.computed).contains("decision 100 -") == stalled.contains("keeper"))
  }
}
