import Agent
import Fixtures
import Foundation
import Policy
import Pressure
import ProcModel
import ProcReader
import Testing

/// When the counters are read that tell for whose sake memory is taken back.
@Suite struct OwnReclaimReadingTests {
  private static let stall = Stall(
    isFull: true, share: .percent(25), over: .milliseconds(1000), below: .share(.percent(40)))
  private static let thrash = Thrash(refaults: .percent(1), over: .milliseconds(2000), swapFree: .share(.percent(10)))

  private static func thresholds(_ stall: Stall?, _ thrash: Thrash? = nil) -> Thresholds {
    Thresholds(
      floor: Floor(available: .share(.percent(8)), swapFree: nil), stall: stall, thrash: thrash,
      release: .share(.percent(12)))
  }

  /// - Parameter available: In MiB, of 1000.
  private static func machine(_ available: UInt64, vmstat: String? = "pgpgin 1\npgscan_kswapd 6\n") -> MemorySource {
    var source = MemorySource()
    source.set(.meminfo, "MemTotal: 1024000 kB\nMemFree: 1 kB\nMemAvailable: \(available * 1024) kB\n")
    let line = "avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    source.set(.memoryPressure, "some " + line + "full " + line)
    if let vmstat { source.set(.vmstat, vmstat) }
    return source
  }

  private static func read(_ source: MemorySource, _ thresholds: Thresholds) throws -> (UInt64?, Sensors.Missing) {
    var (source, sensors, missing) = (source, Sensors(), Sensors.Missing())
    let reading = try sensors.read(for: thresholds, from: &source, at: .milliseconds(1), missing: &missing)
    return (reading.ownReclaim, missing)
  }

  @Test func theMachinesReclaimIsReadWhereATriggerComesNear() throws {
    let (stall, both) = (Self.thresholds(Self.stall), Self.thresholds(Self.stall, Self.thrash))
    // A quarter above the line of the stall trigger; with the thrash trigger vmstat is read anyway.
    #expect(try Self.read(Self.machine(500), stall).0 == 6)
    #expect(try Self.read(Self.machine(501), stall).0 == nil)
    #expect(try Self.read(Self.machine(900), both).0 == 6)
    #expect(try Self.read(Self.machine(300), both).0 == 6)
    #expect(try Self.read(Self.machine(1), Self.thresholds(nil)) == (nil, []))
  }

  @Test(arguments: ["pgpgin 1\nworkingset_restore_file 7\n", nil] as [String?])
  func thatTheKernelDoesNotCountReclaimIsToldOnce(vmstat: String?) throws {
    let found = try Self.read(Self.machine(300, vmstat: vmstat), Self.thresholds(Self.stall))
    #expect(found.0 == nil && found.1 == .ownReclaim)
    let both = try Self.read(Self.machine(300, vmstat: vmstat), Self.thresholds(Self.stall, Self.thrash))
    #expect(both.1.contains(.ownReclaim) && both.1.contains(.reclaim) == (vmstat == nil))
    let stage = try AgentHarness(available: [300]) { policy in policy.settings.thresholds.stall = Self.stall }
    for _ in 0..<3 { _ = stage.tick() }
    #expect(try stage.messages().components(separatedBy: "for whose sake it takes memory back").count == 2, "said once")
  }

  private static func readCgroup(
    _ version: CgroupVersion, limit: String?, events: String?, stat: String
  ) throws -> UInt64? {
    var source = machine(300)
    source.cgroupVersion = version
    source.set(.usage, ofCgroup: "/c", "1000000\n")
    source.set(.stat, ofCgroup: "/c", stat)
    if let limit { source.set(.limit, ofCgroup: "/c", limit) }
    if let events { source.set(.ownEvents, ofCgroup: "/c", events) }
    source.set(.events, ofCgroup: "/c", "high 1\nmax 1000\n")
    var (sensors, missing) = (Sensors(), Sensors.Missing())
    let machine = try sensors.read(for: nil, from: &source, at: .zero, missing: &missing)
    return try sensors.read(
      cgroup: Array("/c".utf8).span, for: thresholds(stall), on: machine, from: &source, missing: &missing
    ).ownReclaim
  }

  @Test func aCgroupsReclaimIsThatOfItsOwnLimit() throws {
    let stat = "active_file 1\npgscan 55\npgscan_direct 50\n"
    // Neither what a cgroup within it met counts, nor what the machine takes back.
    #expect(try Self.readCgroup(.v2, limit: "1048576\n", events: "high 2\nmax 3\n", stat: stat) == 5)
    // Without a limit, or without those events, what was scanned of it counts.
    #expect(try Self.readCgroup(.v2, limit: "max\n", events: "high 0\nmax 0\n", stat: stat) == 55)
    #expect(try Self.readCgroup(.v2, limit: "1048576\n", events: nil, stat: stat) == 55)
    #expect(try Self.readCgroup(.v2, limit: "max\n", events: nil, stat: "active_file 1\n") == nil)
    #expect(try Self.readCgroup(.v1, limit: "1048576\n", events: "12\n", stat: "total_active_file 1\n") == 12)
    #expect(
      try Self.readCgroup(.v1, limit: "9223372036854771712\n", events: "0\n", stat: "total_active_file 1\n") == nil)
  }
}
