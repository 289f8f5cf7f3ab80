import Fixtures
import Foundation
import Policy
import Pressure
import ProcModel
import ProcReader
import Testing

@testable import Agent

/// What is read of the machine, and how often.
@Suite struct SensorsTests {
  private static func source(_ meminfo: String, swaps: String? = nil, arc: String? = nil) -> MemorySource {
    var source = MemorySource()
    source.set(.meminfo, "MemTotal: 2000000 kB\nMemFree: 10000 kB\n" + meminfo)
    if let swaps { source.set(.swaps, "Filename Type Size Used Priority\n" + swaps) }
    if let arc { source.set(.arcstats, arc) }
    return source
  }

  private static func read(_ sensors: inout Sensors, _ source: inout MemorySource) throws -> MemoryReading {
    var missing: Sensors.Missing = []
    return try sensors.read(for: nil, from: &source, at: .zero, missing: &missing)
  }

  private static func arc(_ kib: UInt64) -> String { "c_min 4 0\nsize 4 \(kib * 1024)\n" }

  @Test(
    arguments: [
      // 2000000 − 10000 free − 500000 of programs − 40000 of cache = 1450000 that no line names.
      (300_000, false, 350_000, false), (1_900_000, false, 1_500_000, false), (1_990_001, false, 50_000, true),
      (16_000_000, false, 50_000, true),
      // The cache is another machine's, or meminfo is a container's.
      (300_000, true, 50_000, false),
    ] as [(UInt64, Bool, UInt64, Bool)])
  func theCacheOfZFSCountsWhereItCanBeThisMachines(
    size: UInt64, isReplaced: Bool, available: UInt64, isDoubted: Bool
  ) throws {
    var source = Self.source(
      "MemAvailable: 50000 kB\nAnonPages: 500000 kB\nCached: 40000 kB\n", arc: Self.arc(size))
    if isReplaced { source.replaced = [.meminfo] }
    var sensors = Sensors()
    let reading = try Self.read(&sensors, &source)
    #expect(reading.available == KiB(available) && reading.impossible == (isDoubted ? .arc : []))
    let counted = sensors.impossible
    #expect(counted.isEmpty == !isDoubted)
  }

  @Test func theSwapTableIsReadAgainWhenSwapChangesOrTheFilesDisagree() throws {
    var source = Self.source(
      "MemAvailable: 50000 kB\nSwapTotal: 1000 kB\nSwapFree: 400 kB\n", swaps: "/dev/sda2 partition 1000 600 -2\n")
    var sensors = Sensors()
    #expect(try Self.read(&sensors, &source).swapFree == KiB(400))
    // A changed table is read once the total has changed.
    source.set(.swaps, "Filename Type Size Used Priority\n/dev/sda2 partition 900 100 -2\n")
    #expect(try Self.read(&sensors, &source).isSwapSettled)
    source.set(
      .meminfo, "MemTotal: 2000000 kB\nMemFree: 1 kB\nMemAvailable: 5 kB\nSwapTotal: 950 kB\nSwapFree: 940 kB\n")
    let cut = try Self.read(&sensors, &source)
    #expect(cut.swapTotal == KiB(900) && cut.swapFree == KiB(800) && cut.impossible == [.swapTotal, .swapFree])
    // Each reading is doubted until the files agree.
    for looks in 2...4 {
      _ = try Self.read(&sensors, &source)
      let counts = sensors.impossible
      #expect(counts[2] == UInt32(looks))
    }
    source.set(.swaps, "Filename Type Size Used Priority\n/dev/sda2 partition 950 10 -2\n")
    #expect(try Self.read(&sensors, &source).impossible.isEmpty)
  }

  @Test func whileSwapIsBeingTakenAwayNoneOfItCountsAsFree() throws {
    var source = Self.source("", swaps: "")
    var sensors = Sensors()
    // Of 1000000 KiB, 600000 are used, and are read back step by step.
    for left: UInt64 in [600_000, 400_000, 1000] {
      source.set(
        .meminfo,
        "MemTotal: 2000000 kB\nMemFree: 1 kB\nMemAvailable: 5 kB\nSwapTotal: \(left) kB\nSwapFree: \(left) kB\n")
      source.set(.swaps, "Filename Type Size Used Priority\n/dev/sda2 partition 1000000 \(left) -2\n")
      let reading = try Self.read(&sensors, &source)
      #expect(reading.isSwapBeingTakenAway && reading.swapFree == .zero && reading.impossible.isEmpty)
      // The same files in a container may be of two machines.
      var other = source
      other.replaced = [.swaps]
      var theirs = Sensors()
      let there = try Self.read(&theirs, &other)
      #expect(!there.isSwapBeingTakenAway && there.swapFree == KiB(left))
    }
  }

  @Test(
    arguments: [
      // Stored, used: 4:1 on a device of 1000000 KiB with 200000 free; more than its size; more than the machine has.
      (800_000, 200_000, 150_000, false), (1_000_001, 200_000, 100_000, true), (800_000, 2_000_001, 100_000, true),
      (.max / 1024, .max / 1024, 100_000, true),
    ] as [(UInt64, UInt64, UInt64, Bool)])
  func aZramDeviceWithImpossibleFiguresCountsForHalf(stored: UInt64, used: UInt64, free: UInt64, isDoubted: Bool) throws
  {
    var source = Self.source(
      "MemAvailable: 50000 kB\nSwapTotal: 1000000 kB\nSwapFree: 200000 kB\n",
      swaps: "/dev/zram0 partition 1000000 800000 100\n")
    source.zram[0] = Array("\(stored * 1024) 1 \(used * 1024) 0 0 0 0 0 0\n".utf8)
    var sensors = Sensors()
    let reading = try Self.read(&sensors, &source)
    #expect(reading.swapFree == KiB(free) && reading.impossible == (isDoubted ? .zram : []))
  }

  @Test func aCgroupWhoseFilesContradictEachOtherMakesNoSense() throws {
    var source = Self.source("MemAvailable: 50000 kB\n")
    source.cgroupVersion = .v2
    source.set(.usage, ofCgroup: "/a", "500000000\n")
    source.set(.limit, ofCgroup: "/a", "1000000000\n")
    source.set(.stat, ofCgroup: "/a", "inactive_file 18446744073709551360\n")
    var sensors = Sensors()
    var missing: Sensors.Missing = []
    let machine = try Self.read(&sensors, &source)
    let thresholds = Thresholds(floor: Floor(available: .share(.percent(10)), swapFree: nil), release: .size(.zero))
    let path = Array("/a".utf8)
    #expect(throws: Sensors.Blindness.senseless) {
      try sensors.read(cgroup: path.span, for: thresholds, on: machine, from: &source, missing: &missing)
    }
    source.set(.stat, ofCgroup: "/a", "inactive_file 40960000\n")
    let reading = try sensors.read(cgroup: path.span, for: thresholds, on: machine, from: &source, missing: &missing)
    #expect(reading.available == KiB(bytes: 1_000_000_000) - (KiB(bytes: 500_000_000) - KiB(40_000)))
  }
}

/// What the agent does about impossible numbers, and about swapoff(2).
@Suite struct DoubtTests {
  /// By default 80 of 1000 MiB are available, which is below the floor.
  private static func stage(
    available: UInt64 = 80, _ change: (inout ScriptedMachine) -> Void, policy: (inout CompiledPolicy) -> Void = { _ in }
  ) throws -> AgentHarness {
    let stage = try AgentHarness(available: [available], policy: policy)
    change(&stage.agent.machine)
    return stage
  }

  /// 800 of 1000 MiB are huge pages: 10 % of the rest are 20 MiB.
  @Test func aLargePoolOfHugePagesDoesNotCountAsUsed() throws {
    let stage = try Self.stage { $0.lines = "HugePages_Total: 400\nHugepagesize: 2048 kB\nHugetlb: 819200 kB\n" }
    #expect(stage.tick() == ["meminfo"])
    // The pool may change while the agent runs.
    stage.agent.machine.lines = "HugePages_Total: 200\nHugepagesize: 2048 kB\nHugetlb: 409600 kB\n"
    stage.agent.machine.available = [55]
    #expect(stage.tick().contains("SIGTERM 100"))
    let reading = try #require(try stage.records("decision").last?["reading"] as? [String: Any])
    #expect(reading["total_kib"] as? Int == 600 * 1024 && reading["hugetlb_kib"] as? Int == 409_600)
    #expect(reading["floor_kib"] as? Int == 60 * 1024)
  }

  @Test func anImpossiblePoolOfHugePagesChangesNothingAndIsToldOnce() throws {
    let stage = try Self.stage { $0.lines = "Hugetlb: 99999999999 kB\n" }
    #expect(stage.tick().contains("SIGTERM 100"))
    _ = stage.tick()
    let reading = try #require(try stage.records("decision").last?["reading"] as? [String: Any])
    #expect(reading["total_kib"] as? Int == 1_024_000 && reading["impossible"] as? [String] == ["huge_pages"])
    #expect(try stage.messages().components(separatedBy: Impossible.meaning(1)).count == 2)
  }

  @Test(arguments: [
    // Impossible sizes, or free swap above the total; the table is empty, or has an area.
    ("SwapTotal: 18446744073709551360 kB\nSwapFree: 18446744073709551360 kB\n", ""),
    ("SwapTotal: 500000 kB\nSwapFree: 500000 kB\n", ""),
    ("SwapTotal: 500000 kB\nSwapFree: 500004 kB\n", "none virtual 500000 499000 -2\n"),
    ("SwapTotal: 900000 kB\nSwapFree: 880000 kB\n", "/dev/vdb partition 500000 499000 -2\n"),
  ])
  func impossibleSwapDoesNotKeepTheFloorFromActing(lines: String, table: String) throws {
    let stage = try Self.stage({
      $0.lines = lines
      $0.files.set(.swaps, "Filename Type Size Used Priority\n" + table)
    }) { $0.settings.thresholds.floor.swapFree = .share(.percent(10)) }
    #expect(stage.tick().contains("SIGTERM 100"))
    let reading = try #require(try stage.records("decision").last?["reading"] as? [String: Any])
    let names = reading["impossible"] as? [String] ?? []
    #expect(!names.isEmpty && Set(names).isSubset(of: ["swap_total", "swap_free"]))
  }

  /// By a container's uptime all processes would have started in the future.
  @Test func workersOfUnknownAgeAreNoSwarm() throws {
    for (clock, expected) in [(nil, "SIGTERM 100"), (1_100_000, "SIGTERM 100")] as [(UInt64?, String)] {
      let stage = try Self.stage({ source in
        source.files.set(.uptime, "0.50 0.10\n")
        source.files.clock = clock.map { .milliseconds($0) }
        for pid: Int32 in 1000..<1040 { source.files.add(pid, "worker", mib: 20, parent: 900) }
      }) { $0.settings.swarm = Swarm(members: 20, age: .milliseconds(30_000), times: 2) }
      #expect(stage.tick().contains(expected))
      let decision = try #require(try stage.records("decision").last)
      #expect((decision["kill_set"] as? [String: Any])?["swarm"] is NSNull)
      let age = (decision["victim"] as? [String: Any])?["age_s"]
      #expect(clock == nil ? age is NSNull : age as? Int == 1099)
      #expect(try stage.messages().contains("started in the future") == (clock == nil))
    }
  }

  private static func takeSwapAway(_ source: inout ScriptedMachine, by comm: String = "swapoff") {
    source.lines = "SwapTotal: 300000 kB\nSwapFree: 300000 kB\n"
    source.files.set(.swaps, "Filename Type Size Used Priority\n/dev/vda2 partition 500000 300000 -2\n")
    source.files.add(50, comm, mib: 1)
    let status = String(decoding: source.files.files[.init(.status, of: 50), default: []], as: UTF8.self)
    source.files.set(
      .status, of: 50,
      status.replacing("Uid:\t1000\t1000", with: "Uid:\t0\t0").replacing(
        "CapEff:\t0000000000000000", with: "CapEff:\t000001ffffffffff"))
  }

  @Test func aProcessInSwapoffIsKilledFirst() throws {
    let stage = try Self.stage({ Self.takeSwapAway(&$0) }) {
      $0.settings.thresholds.floor.swapFree = .share(.percent(10))
      // Its session is not killed with it.
      $0.settings.scope = .session
    }
    #expect(stage.tick().contains("SIGTERM 50"))
    let decision = try #require(try stage.records("decision").last)
    let victim = try #require(decision["victim"] as? [String: Any])
    #expect(victim["rule"] as? String == "built-in: swapoff" && victim["order"] as? String == "first")
    let killSet = try #require(decision["kill_set"] as? [String: Any])
    #expect(killSet["members"] as? Int == 1)
    let reading = try #require(decision["reading"] as? [String: Any])
    #expect(reading["swapoff"] as? Bool == true && reading["swap_free_kib"] as? Int == 0)
    #expect(reading["impossible"] as? [String] == [])
  }

  @Test func aRuleMayProtectAProcessInSwapoff() throws {
    let stage = try Self.stage({ Self.takeSwapAway(&$0) }) {
      $0.text += Array("swapoff".utf8)
      $0.addRule(name: 16..<23, comm: 16..<23, protects: true)
    }
    #expect(stage.tick().contains("SIGTERM 100"))
  }

  @Test func aProcessWithAnotherNameDoesNotCountAsInSwapoff() throws {
    let stage = try Self.stage { Self.takeSwapAway(&$0, by: "mkswap") }
    #expect(stage.tick().contains("SIGTERM 100"))
  }

  @Test func countersThatRunBackwardsAreToldAndCounted() throws {
    let stage = try Self.stage(
      available: 300,
      { source in
        source.files.set(.memoryPressure, Self.pressure(5_000_000_000))
        source.files.set(.vmstat, "workingset_restore_file 500\npgscan_direct 9\n")
      }
    ) {
      $0.settings.thresholds.stall = Stall(
        isFull: true, share: .percent(25), over: .milliseconds(1000), below: .share(.percent(100)))
      $0.settings.thresholds.thrash = Thrash(
        refaults: .percent(1), over: .milliseconds(1000), swapFree: .share(.percent(10)))
    }
    stage.agent.sensors.alertUntil = Nanoseconds(.max)
    stage.look()
    #expect(try stage.messages().isEmpty)
    stage.agent.machine.files.set(.memoryPressure, Self.pressure(4_000_000_000))
    stage.agent.machine.files.set(.vmstat, "workingset_restore_file 400\npgscan_direct 9\n")
    stage.look()
    stage.agent.machine.files.set(.memoryPressure, Self.pressure(9_000_000_000))
    stage.look()
    let messages = try stage.messages()
    #expect(messages.components(separatedBy: Impossible.meaning(7)).count == 2)
    #expect(messages.components(separatedBy: Impossible.meaning(8)).count == 2)
    let counts = stage.agent.sensors.impossible
    #expect(counts[7] == 2 && counts[8] == 1)
    #expect(!stage.isPursuing)
  }

  private static func pressure(_ total: UInt64) -> String {
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=\(total)\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=\(total)\n"
  }
}
