import Fixtures
import Testing

@testable import ProcModel

/// Processes whose leader is dead, beside any number of dead threads that a tracer does not collect.
@Suite struct DeadLeaderTests {
  private static func stat(_ number: Int32, state: String, threads: Int) -> [UInt8] {
    Array("\(number) (p) \(state) 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 \(threads) 0 5 4096000 1000 0\n".utf8)
  }

  /// Adds a process with threads beside its leader, all dead but for the one at `living`.
  private static func add(
    _ pid: Int32, threads: Int, living: Int?, score: Int?, adjustment: Int = 0, to source: inout MemorySource
  ) {
    source.processes.append(pid)
    source.files[.init(.stat, of: pid)] = stat(pid, state: "Z", threads: threads + 1)
    source.files[.init(.status, of: pid)] = Array("Name:\tp\nUid:\t7\t7\t7\t7\nThreads:\t\(threads + 1)\n".utf8)
    source.files[.init(.oomScoreAdj, of: pid)] = Array("\(adjustment)\n".utf8)
    if let score { source.files[.init(.oomScore, of: pid)] = Array("\(score)\n".utf8) }
    source.threads[pid] = (1...Int32(threads)).map { pid + $0 }
    for index in 0..<threads {
      let thread = pid + Int32(index) + 1
      let lives = index == living
      source.files[.init(.stat, of: pid, thread: thread)] = stat(thread, state: lives ? "S" : "Z", threads: threads + 1)
      if lives {
        source.files[.init(.status, of: pid, thread: thread)] = Array(
          "Uid:\t7\t7\t7\t7\nVmRSS:\t90000 kB\nRssAnon:\t90000 kB\nRssFile:\t0 kB\nRssShmem:\t0 kB\n".utf8)
      }
    }
  }

  private static func source() -> MemorySource {
    var source = MemorySource()
    source.set(.uptime, "100.00 1.00\n")
    source.set(.stat, of: 1, "1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0\n")
    return source
  }

  private static func threadReads(_ source: MemorySource) -> Int { source.reads.count { $0.thread != nil } }

  @Test func deadThreadsAreNotSearchedWhereOomScoreTellsThatNoneHasMemory() throws {
    var source = Self.source()
    Self.add(1000, threads: 1000, living: nil, score: 0, to: &source)
    var survey = Survey(capacity: 8)
    var table = ProcessTable(capacity: 8)
    let tally = try survey.take(from: &source, units: .common, into: &table)
    #expect(tally.zombies == 1 && Self.threadReads(source) == 0)
  }

  @Test(arguments: [(living: 0, score: 666), (999, 700), (500, nil), (999, 0)] as [(Int, Int?)])
  func aLivingThreadAmongAThousandDeadOnesIsFound(living: Int, score: Int?) throws {
    var source = Self.source()
    // A score of 0 tells nothing where the adjustment is negative.
    Self.add(1000, threads: 1000, living: living, score: score, adjustment: score == 0 ? -900 : 0, to: &source)
    var survey = Survey(capacity: 8)
    var table = ProcessTable(capacity: 8)
    _ = try survey.take(from: &source, units: .common, into: &table)
    let row = try #require(table.rows.first { $0.identity.pid == 1000 })
    #expect(row.anonymous == KiB(90_000) && row.effectiveUID == 7)
    // The next survey asks the same thread first.
    let before = source.reads.count
    _ = try survey.take(from: &source, units: .common, into: &table)
    #expect(table.rows.contains { $0.identity.pid == 1000 })
    #expect(source.reads[before...].count { $0.thread != nil && $0.file == .stat } == 1)
  }

  @Test(arguments: [3, 40]) func theSearchesOfASurveyTogetherStayWithinTheBudget(processes: Int) throws {
    var source = Self.source()
    for index in 0..<processes {
      Self.add(Int32(10_000 * (index + 1)), threads: 3000, living: nil, score: 700, to: &source)
    }
    var survey = Survey(capacity: 8)
    var table = ProcessTable(capacity: 8)
    for _ in 0..<5 {
      let before = source.reads.count
      let tally = try survey.take(from: &source, units: .common, into: &table)
      #expect(source.reads[before...].count { $0.thread != nil } <= ThreadSearch.budget)
      #expect(tally.unsearched > 0 && !tally.isComplete, "what was not searched may be alive")
    }
  }

  /// It is found wherever it is, with any number of such processes, and stays found.
  @Test(arguments: [4, 50], [0, 640, 1999])
  func aLivingThreadIsFoundInAListThatIsLongerThanTheBudget(processes: Int, living: Int) throws {
    var source = Self.source()
    for index in 0..<processes {
      Self.add(
        Int32(10_000 * (index + 1)), threads: 2000, living: index == 3 ? living : nil, score: 700, to: &source)
    }
    var survey = Survey(capacity: 8)
    var table = ProcessTable(capacity: 8)
    var surveys = 0
    repeat {
      _ = try survey.take(from: &source, units: .common, into: &table)
      surveys += 1
    } while surveys < 200 && !table.rows.contains { $0.identity.pid == 40_000 }
    #expect(surveys < 200)
    for _ in 0..<3 {
      _ = try survey.take(from: &source, units: .common, into: &table)
      #expect(table.rows.contains { $0.identity.pid == 40_000 })
    }
  }
}
