import Fixtures
import ProcModel
import Testing

/// Shares of memory and children, compared with a slow reference algorithm on generated machines of many processes.
@Suite struct NeighbourTests {
  /// Adds a process with the fields by which neighbours are related.
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

  /// The reference algorithm: each KiB of the largest is divided among the processes whose memory reaches it.
  private static func share(of one: ProcessFacts, among rows: [ProcessFacts]) -> Double {
    guard one.shared > .zero else { return 0 }
    func divided(_ group: [ProcessFacts]) -> Double {
      var (height, share) = (0.0, 0.0)
      for (place, facts) in group.sorted(by: { $0.shared < $1.shared }).enumerated() where facts.shared <= one.shared {
        share += (Double(facts.shared.count) - height) / Double(group.count - place)
        height = Double(facts.shared.count)
      }
      return share
    }
    let sharing = rows.filter { $0.shared > .zero }
    if let cgroup = one.cgroupKey { return divided(sharing.filter { $0.cgroupKey == cgroup }) }
    let kin = sharing.filter { $0.cgroupKey == nil }
    let children = divided(kin.filter { $0.parent == one.identity.pid || $0.identity.pid == one.identity.pid })
    guard one.parent > 1 else { return children }
    return min(children, divided(kin.filter { $0.parent == one.parent || $0.identity.pid == one.parent }))
  }

  /// Within a power of two the layers are not sorted, so some may be given to a neighbour of the same size.
  private static func isNear(_ share: KiB, _ wanted: Double, of whole: KiB) -> Bool {
    abs(Double(share.count) - wanted) <= max(Double(whole.count) / 4, 40)
  }

  @Test(arguments: [1, 7, 300, 3000]) func relationsAgreeWithTheReferenceAlgorithm(count: Int) throws {
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
    // It is done twice: at first the scratch tables grow, and then they fit.
    for _ in 0..<2 {
      let tally = try survey.take(from: &source, units: .common, into: &table)
      #expect(table.count == count && tally.malformed == 0)
      var childrenVirtual = [KiB](repeating: .zero, count: count + 1)
      for facts in table.rows { childrenVirtual[Int(facts.parent)] += facts.virtual }
      for facts in count > 300 ? Array(table.rows.prefix(150)) : table.rows {
        let wanted = NeighbourTests.share(of: facts, among: table.rows)
        #expect(NeighbourTests.isNear(facts.ownShared, wanted, of: facts.shared))
        #expect(facts.childrenVirtual == childrenVirtual[Int(facts.identity.pid)])
      }
    }
  }

  /// - Returns: The share of each process in memory that they share in one cgroup, in KiB.
  private static func shares(_ sizes: [UInt64], cgroup: String = "/a.service") throws -> [UInt64] {
    var source = MemorySource()
    source.set(.uptime, "100.00 1.00\n")
    for (index, size) in sizes.enumerated() {
      NeighbourTests.enter(Int32(index + 2), parent: 1, cgroup: cgroup, shared: size, virtual: 1, in: &source)
    }
    var table = ProcessTable(capacity: 16)
    var survey = Survey(capacity: 16)
    _ = try survey.take(from: &source, units: .common, into: &table)
    return table.rows.map(\.ownShared.count)
  }

  @Test func workersThatMapAllOfAPoolShareItEvenly() throws {
    let shares = try NeighbourTests.shares([UInt64](repeating: 100_000, count: 10))
    // Each division drops less than a KiB.
    #expect(shares.allSatisfy { (9998...10_000).contains($0) })
  }

  /// A process holds 1.6 GiB, and 200 helpers map a part of it each.
  @Test(arguments: [20, 33, 100, 3] as [UInt64]) func helpersThatMapAPartDoNotMakeTheHolderSmall(part: UInt64) throws {
    let whole: UInt64 = 1_600_000
    let shares = try NeighbourTests.shares([whole] + [UInt64](repeating: whole / part, count: 200))
    #expect(shares[0] > whole / 10 * 6 && shares[0] <= whole)
    #expect(shares[1] <= whole / part / 100)
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>) func allSharesTogetherAreTheLargest(seed: UInt64) throws {
    var numbers = SplitMix64(seed: seed)
    let sizes = (0..<50).map { _ in
      UInt64.random(in: 1...1 << UInt64.random(in: 1...22, using: &numbers), using: &numbers)
    }
    let shares = try NeighbourTests.shares(sizes)
    let (sum, largest) = (shares.reduce(0, +), sizes.max() ?? 0)
    #expect(sum <= largest && sum + 50 * 24 >= largest)
    for (share, size) in zip(shares, sizes) { #expect(share <= size) }
  }

  @Test func sharesOfImpossibleFiguresAreBounded() throws {
    let shares = try NeighbourTests.shares([.max / 1024, .max / 1024, 5])
    #expect(shares[0] > 0 && shares[2] <= 5)
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
    #expect(table.rows.map(\.ownShared) == [100, 100, 100, 50, 50].map { KiB($0) })
  }
}
