import Fixtures
import ProcModel
import Testing

/// Which of the processes that a survey leaves out are known to be old.
@Suite struct ElderTests {
  /// Each process holds 1 MiB, and is as many seconds old as its number.
  private static func source(_ pids: [Int32]) -> MemorySource {
    var source = MemorySource()
    source.set(.uptime, "5000.00 1.00\n")
    for pid in pids {
      source.set(
        .stat, of: pid, "\(pid) (p) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(500_000 - pid * 100) 4096 256 0\n")
      source.set(.status, of: pid, "Uid:\t0\t0\t0\t0\nVmRSS:\t1024 kB\nRssAnon:\t1024 kB\nThreads:\t1\n")
    }
    return source
  }

  @Test(arguments: [1, 64, 3000] as [Int32]) func processesThatWereOldAndAreStillThereAreCounted(count: Int32) throws {
    var survey = Survey(capacity: 8)
    var table = ProcessTable(capacity: 8)
    var source = Self.source(Array(1...count))
    func leftOut(_ source: inout MemorySource) throws -> (all: UInt32, old: UInt32, footprint: KiB) {
      let tally = try survey.take(from: &source, units: .common, leavingOutBelow: KiB(2048), into: &table)
      return (tally.leftOut, tally.leftOutOld, tally.leftOutOldFootprint)
    }
    // No process was remembered yet.
    #expect(try leftOut(&source) == (UInt32(count), 0, .zero))
    _ = try survey.take(from: &source, units: .common, into: &table)
    survey.rememberElders(of: table, from: Ticks(3000))
    let old = UInt32(max(count - 29, 0))
    #expect(try leftOut(&source) == (UInt32(count), old, KiB(UInt64(old) * 1024)))
    // As many others were started, and the old ones have exited.
    var later = Self.source(Array(4000 + 1...4000 + count).map { min($0, 4999) })
    #expect(try leftOut(&later).old == 0)
    survey.forgetElders()
    #expect(try leftOut(&source).old == 0)
  }

  @Test func aProcessOfUnknownAgeCountsAsOld() throws {
    var survey = Survey(capacity: 8)
    var table = ProcessTable(capacity: 8)
    var source = Self.source([100])
    source.set(.uptime, "nonsense\n")
    _ = try survey.take(from: &source, units: .common, into: &table)
    survey.rememberElders(of: table, from: .zero)
    let tally = try survey.take(from: &source, units: .common, leavingOutBelow: KiB(2048), into: &table)
    #expect(tally.leftOut == 1 && tally.leftOutOld == 1)
  }
}
