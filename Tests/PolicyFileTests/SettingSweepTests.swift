import Policy
import Pressure
import ProcModel
import Testing

@testable import PolicyFile

/// One number of a policy is set, and the values that a sweep tries.
@Suite struct SettingSweepTests {
  private static func server() throws -> CompiledPolicy {
    try #require(PolicyCompiler.compile(.server, accounts: .live).policy)
  }

  /// A value of each setting that the preset does not have.
  private static let values: [(key: String, value: String)] = [
    ("trigger.floor.available", "3%"), ("trigger.floor.swap_free", "33%"), ("trigger.stall.full", "31%"),
    ("trigger.stall.over", "3s"), ("trigger.stall.below", "31%"), ("trigger.thrash.refaults", "3%"),
    ("trigger.thrash.over", "3s"), ("trigger.thrash.swap_free", "33 MiB"), ("trigger.forecast.horizon", "333ms"),
    ("trigger.forecast.below", "33%"), ("trigger.limit.available", "3%"), ("trigger.limit.swap_free", "3%"),
    ("trigger.release", "33%"), ("action.min_footprint", "33 MiB"), ("action.swarm.members", "33"),
    ("action.swarm.age", "33s"), ("action.swarm.times", "33"),
  ]

  /// A number that is set changes this number alone: the same as writing it into the policy's file would.
  @Test(arguments: values)
  func setsOneNumber(key: String, value: String) throws {
    let before = try Self.server()
    var after = before
    try #require(NumericSetting(key: key)).set(value, in: &after)
    let lines = [before, after].map { describe($0, patterns: []).split(separator: "\n") }
    let changed = zip(lines[0], lines[1]).filter { $0 != $1 }
    #expect(changed.count == 1 && lines[0].count == lines[1].count, "\(changed)")
    let number = value.prefix { $0.isNumber }
    #expect(changed.first?.1.contains(number) == true, "\(changed)")
    #expect(throws: Never.self) { try after.validate() }
  }

  @Test func everySettingIsTried() {
    #expect(Set(Self.values.map(\.key)).union(["trigger.stall.some"]) == Set(NumericSetting.all.map(\.key)))
  }

  @Test func aTriggerThatIsOffHasNoNumbers() throws {
    var policy = try Self.server()
    policy.settings.thresholds.stall = nil
    let before = policy
    #expect(
      throws: QuantityError(what: "trigger.stall is off in this policy", meant: "choose a setting that is in use")
    ) {
      try NumericSetting(key: "trigger.stall.over")?.set("3s", in: &policy)
    }
    #expect(describe(policy, patterns: []) == describe(before, patterns: []))
  }

  /// A domain that has the system's value follows it; one with a value of its own keeps that.
  @Test func domainsFollowTheSystem() throws {
    var policy = try Self.server()
    let start = UInt32(policy.text.count)
    policy.text += Array("a/a.slice".utf8)
    let (name, cgroup) = (Slice(start: start, count: 1), Slice(start: start + 1, count: 8))
    policy.domains = [Domain(name: name, cgroup: cgroup, settings: policy.settings)]
    policy.domains.append(policy.domains[0])
    policy.domains[1].settings.thresholds.floor.available = .share(.percent(5))
    try NumericSetting(key: "trigger.floor.available")?.set("3%", in: &policy)
    #expect(policy.domains[0].settings.thresholds.floor.available == .share(.percent(3)))
    #expect(policy.domains[1].settings.thresholds.floor.available == .share(.percent(5)))
  }

  @Test(arguments: [
    ("trigger.floor.available=2%..20%", ["2%", "4%", "6%", "8%", "10%", "12%", "14%", "16%", "18%", "20%"]),
    ("trigger.floor.available = 2% .. 3%/3", ["2%", "2.5%", "3%"]),
    ("trigger.floor.available=16MiB..64MiB/4", ["16MiB", "32MiB", "48MiB", "64MiB"]),
    ("trigger.forecast.horizon=100ms..200ms/3", ["100ms", "150ms", "200ms"]),
    ("trigger.stall.over=1s..2s/4", ["1s", "1.333s", "1.666s", "2s"]),
    ("action.swarm.members=4..6", ["4", "5", "6"]),
    ("action.swarm.times=3..3", ["3"]),
  ])
  func listsItsValues(text: String, values: [String]) throws {
    #expect(try SettingSweep(parsing: text).values == values)
  }

  /// Each value that is listed can be set.
  @Test(arguments: [
    "trigger.floor.available=1%..30%/97", "trigger.stall.over=100ms..60000ms/1000", "trigger.release=1%..2%/1000",
  ])
  func itsValuesCanBeSet(text: String) throws {
    let sweep = try SettingSweep(parsing: text)
    var policy = try Self.server()
    for value in sweep.values {
      #expect(throws: Never.self) { try sweep.setting.set(value, in: &policy) }
    }
  }

  @Test(arguments: [
    ("", "names no values"), ("trigger.floor.available", "names no values"),
    ("trigger.flor.available=2%..3%", "is no setting that is a number"), ("grace=1s..2s", "is no setting"),
    ("trigger.floor.available=", "is no range"), ("trigger.floor.available=2%", "is no range"),
    ("trigger.floor.available=2%..", "does not begin with a number"),
    ("trigger.floor.available=..3%", "does not begin with a number"),
    ("trigger.floor.available=2%..3MiB", "are not one unit"), ("trigger.floor.available=3%..2%", "goes down"),
    ("trigger.floor.available=2%..3%/1", "is no number of values"),
    ("trigger.floor.available=2%..3%/1001", "is no number of values"),
    ("trigger.floor.available=2%..3%/x", "is no number of values"),
    ("trigger.floor.available=-2%..3%", "does not begin with a number"),
    ("trigger.floor.available=9999999999999%..3%", "does not begin with a number"),
  ])
  func refusesWhatIsNoSweep(text: String, what: String) {
    #expect {
      try SettingSweep(parsing: text)
    } throws: { error in
      (error as? QuantityError)?.what.contains(what) == true
    }
  }
}
