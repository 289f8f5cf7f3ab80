import Fixtures
import ProcModel
import Testing

/// Sharers and children against a slow reckoning, on invented machines of many processes.
@Suite struct NeighbourTests {
  /// A process that only has what neighbours are told by.
  private static func enter(
    _ pid: Int32, parent: Int32, cgroup: String, shared: UInt64, virtual: UInt64, in source: inout MemorySource
  ) {
    source.processes.append(pid)
    source.files[.init(.stat, of: pid)] = Array(
      "\(pid) (p) S \(parent) 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 \(virtual * 1024) \(shared / 4) 0\n".utf8)
    source.files[.init(.status, of: pid)] = Array(
      "Uid:\t0\t0\t0\t0\nVmRSS:\t\(shared) kB\nRssAnon:\t0 kB\nRssFile:\t0 kB\nRssShmem:\t\(shared) kB\n".utf8)
    source.files[.init(.cgroup, of: pid)] = Array("0::\(cgroup)\n".utf8)
  }

  private static func log2(_ amount: KiB) -> Int { 63 - amount.count.leadingZeroBitCount }

  /// The rule as it is written, over all pairs.
  private static func sharers(of one: ProcessFacts, among rows: [ProcessFacts]) -> UInt32 {
    guard one.shared > .zero else { return 1 }
    let alike = rows.filter { $0.shared > .zero && log2($0.shared) >= log2(one.shared) - 4 }
    if let cgroup = one.cgroupKey { return UInt32(alike.filter { $0.cgroupKey == cgroup }.count) }
    let kin = alike.filter { $0.cgroupKey == nil }
    let children = kin.filter { $0.parent == one.identity.pid || $0.identity.pid == one.identity.pid }
    let siblings = kin.filter { $0.parent == one.parent || $0.identity.pid == one.parent }
    return UInt32(max(one.identity.pid > 1 ? children.count : 1, one.parent > 1 ? siblings.count : 1))
  }

  @Test(arguments: [1, 7, 300, 3000]) func relationsAgreeWithTheSlowReckoning(count: Int) throws {
    var random = Linear(seed: UInt64(count))
    var source = MemorySource()
    source.set(.uptime, "100.00 1.00\n")
    for index in 0..<count {
      NeighbourTests.enter(
        Int32(index + 1), parent: Int32(random.below(index + 1)),
        cgroup: ["/", "/a.slice", "/b.slice/c.service"][random.below(3)],
        shared: random.below(3) == 0 ? 0 : 1 << UInt64(random.below(20)) + UInt64(random.below(7)),
        virtual: UInt64(random.below(100_000)), in: &source)
    }
    var table = ProcessTable(capacity: 16)
    var survey = Survey(capacity: 16)
    // Twice: first the scratch tables grow, then they fit.
    for _ in 0..<2 {
      let tally = try survey.take(from: &source, units: .common, into: &table)
      #expect(table.count == count && tally.malformed == 0)
      var childrenVirtual = [KiB](repeating: .zero, count: count + 1)
      for facts in table.rows { childrenVirtual[Int(facts.parent)] += facts.virtual }
      for facts in count > 300 ? Array(table.rows.prefix(150)) : table.rows {
        #expect(facts.sharers == NeighbourTests.sharers(of: facts, among: table.rows))
        #expect(facts.childrenVirtual == childrenVirtual[Int(facts.identity.pid)])
      }
    }
  }

  @Test func aSixteenthCountsAndAThirtyThirdDoesNot() throws {
    var source = MemorySource()
    source.set(.uptime, "100.00 1.00\n")
    let sizes: [UInt64] = [32_000, 2000, 990, 0]
    for (index, size) in sizes.enumerated() {
      NeighbourTests.enter(Int32(index + 2), parent: 1, cgroup: "/a.service", shared: size, virtual: 1, in: &source)
    }
    var table = ProcessTable(capacity: 16)
    var survey = Survey(capacity: 16)
    _ = try survey.take(from: &source, units: .common, into: &table)
    #expect(table.rows.map(\.sharers) == [2, 3, 3, 1])
  }

  @Test func childrenOfInitAreNoSiblings() throws {
    var source = MemorySource()
    source.set(.uptime, "100.00 1.00\n")
    for pid: Int32 in 2...5 {
      NeighbourTests.enter(pid, parent: 1, cgroup: "/", shared: 100, virtual: 1, in: &source)
    }
    NeighbourTests.enter(6, parent: 5, cgroup: "/", shared: 100, virtual: 1, in: &source)
    var table = ProcessTable(capacity: 16)
    var survey = Survey(capacity: 16)
    _ = try survey.take(from: &source, units: .common, into: &table)
    #expect(table.rows.map(\.sharers) == [1, 1, 1, 2, 2])
  }
}
