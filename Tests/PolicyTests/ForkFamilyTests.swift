import Fixtures
import ProcModel
import Testing

@testable import Policy

/// What each process of a family holds alone, in MiB, by process number. The process 900 forked those from 1000 on.
struct ForkCase: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var processes: [Crowd.Member]
  var own: [Int32: UInt64]

  /// A process of one image.
  ///
  /// - Parameters:
  ///   - holds: Its anonymous memory, in MiB.
  ///   - faulted: One page for each minor fault, in MiB.
  static func one(_ pid: Int32, parent: Int32, holds: UInt64, faulted: UInt64, image: UInt64 = 7) -> Crowd.Member {
    Crowd.Member(pid: pid, parent: parent, footprint: holds * 1024, image: image, faulted: faulted * 1024)
  }

  static let master = one(900, parent: 1, holds: 150, faulted: 160)

  static let all: [ForkCase] = [
    ForkCase(
      testDescription: "workers that only read what they inherited",
      processes: [master] + (0..<12).map { one(1000 + $0, parent: 900, holds: 151, faulted: 1) },
      own: [900: 150, 1000: 1, 1011: 1]),
    ForkCase(
      testDescription: "a worker that leaks",
      processes: [master]
        + (0..<3).map { one(1000 + $0, parent: 900, holds: $0 == 2 ? 250 : 151, faulted: $0 == 2 ? 101 : 1) },
      own: [900: 150, 1000: 1, 1002: 101]),
    ForkCase(
      testDescription: "a worker that leaks huge pages, with a fault for each 2 MiB",
      processes: [
        master, one(1000, parent: 900, holds: 250, faulted: 1), one(1001, parent: 900, holds: 151, faulted: 1),
      ],
      own: [900: 150, 1000: 100, 1001: 1]),
    ForkCase(
      testDescription: "a worker that takes memory and gives it back is taken to hold what it holds",
      processes: [
        master, one(1000, parent: 900, holds: 151, faulted: 4000), one(1001, parent: 900, holds: 151, faulted: 1),
      ],
      own: [900: 150, 1000: 151, 1001: 1]),
    ForkCase(
      testDescription: "a child that executed a program shares nothing",
      processes: [master, one(1000, parent: 900, holds: 151, faulted: 1, image: 8)], own: [900: 150, 1000: 151]),
    ForkCase(
      testDescription: "processes of unknown image share nothing",
      processes: [
        one(900, parent: 1, holds: 150, faulted: 160, image: 0),
        one(1000, parent: 900, holds: 150, faulted: 1, image: 0),
      ],
      own: [900: 150, 1000: 150]),
    ForkCase(
      testDescription: "a process whose faults are unknown shares nothing",
      processes: [master, one(1000, parent: 900, holds: 150, faulted: 0)], own: [900: 150, 1000: 150]),
    ForkCase(
      testDescription: "a child of a child",
      processes: [
        master, one(1000, parent: 900, holds: 200, faulted: 50), one(1001, parent: 1000, holds: 200, faulted: 5),
      ],
      own: [900: 150, 1000: 50, 1001: 5]),
    ForkCase(
      testDescription: "workers whose parent is gone share with each other",
      processes: (0..<4).map { one(1000 + $0, parent: 1, holds: 151, faulted: 1) }, own: [1000: 151, 1001: 1, 1003: 1]),
    ForkCase(
      testDescription: "the last of a family holds all of it",
      processes: [one(1000, parent: 1, holds: 151, faulted: 1)], own: [1000: 151]),
    ForkCase(
      testDescription: "a program that was started twice without random addresses, and faulted in all that it holds",
      processes: (0..<2).map { one(1000 + $0, parent: 500, holds: 10, faulted: 12) }, own: [1000: 10, 1001: 10]),
  ]
}

@Suite struct ForkFamilyTests {
  private static func crowd(_ processes: [Crowd.Member], knowing roster: borrowing Roster = Roster(capacity: 0))
    -> Crowd
  {
    var crowd = Crowd(processes)
    crowd.relateForks(knowing: roster)
    return crowd
  }

  /// What a survey in calm time leaves in a roster.
  private static func refresh(_ roster: inout Roster, _ table: ProcessTable, at now: Nanoseconds) {
    var source = MemorySource()
    roster.refresh(table, now: now, policy: .blank, needs: [], budget: .max, from: &source)
  }

  private static func own(_ pid: Int32, in crowd: Crowd) -> UInt64? {
    crowd.table.row(ofPID: pid).map { crowd.table.rows[$0].footprint.count / 1024 }
  }

  @Test(arguments: ForkCase.all) func memoryThatAFamilySharesCountsOnce(example: ForkCase) {
    var numbers = SplitMix64(seed: 11)
    for processes in [example.processes, example.processes.reversed(), example.processes.shuffled(using: &numbers)] {
      let crowd = Self.crowd(processes)
      for (pid, own) in example.own { #expect(Self.own(pid, in: crowd) == own, "process \(pid)") }
    }
  }

  /// Sequences of holdings of a parent and its only child, in MiB.
  @Test func whatTheParentWroteToIsItsOnlyChildsAlone() {
    var roster = Roster(capacity: 8)
    let calm = Self.crowd([ForkCase.one(900, parent: 1, holds: 200, faulted: 210)])
    Self.refresh(&roster, calm.table, at: .milliseconds(10_000))
    // It has written to 80 of its 200, and taken 20 more.
    let parent = ForkCase.one(900, parent: 1, holds: 220, faulted: 310)
    let saving = Self.crowd([parent, ForkCase.one(1000, parent: 900, holds: 200, faulted: 2)], knowing: roster)
    #expect(Self.own(1000, in: saving) == 82)
    #expect(Self.own(900, in: saving) == 220)
    // Of two children neither holds the old form alone.
    let two = Self.crowd(
      [
        parent, ForkCase.one(1000, parent: 900, holds: 200, faulted: 2),
        ForkCase.one(1001, parent: 900, holds: 200, faulted: 2),
      ],
      knowing: roster)
    #expect(Self.own(1000, in: two) == 2)
    // Once the child was seen in calm time, what its parent held at its birth is remembered.
    Self.refresh(&roster, saving.table, at: .milliseconds(20_000))
    Self.refresh(&roster, saving.table, at: .milliseconds(30_000))
    let later = Self.crowd(
      [
        ForkCase.one(900, parent: 1, holds: 220, faulted: 330), ForkCase.one(1000, parent: 900, holds: 200, faulted: 2),
      ],
      knowing: roster)
    #expect(Self.own(1000, in: later) == 102)
  }

  @Test func whatOthersLeaveBehindIsNoGrowth() {
    var roster = Roster(capacity: 8)
    let family = Self.crowd([ForkCase.master, ForkCase.one(1000, parent: 900, holds: 151, faulted: 1)])
    Self.refresh(&roster, family.table, at: .milliseconds(10_000))
    // The parent is gone: the child holds all of it, and has not grown.
    let alone = Self.crowd([ForkCase.one(1000, parent: 1, holds: 151, faulted: 1)], knowing: roster)
    #expect(Self.own(1000, in: alone) == 151)
    #expect(roster.grown(alone.table.rows[0], since: Ticks(100)) == .zero)
    #expect(roster.measuredGrowth(of: alone.table.rows[0], now: .milliseconds(20_000)) == .zero)
    // What it writes to is its growth, though it holds no more than before.
    let writing = Self.crowd(
      [ForkCase.master, ForkCase.one(1000, parent: 900, holds: 151, faulted: 41)], knowing: roster)
    #expect(roster.measuredGrowth(of: writing.table.rows[1], now: .milliseconds(20_000)) == KiB(4096))
  }

  @Test func tornTablesGiveNoMoreThanIsHeld() {
    var numbers = SplitMix64(seed: 12)
    for _ in 0..<300 {
      let processes = (Int32(2)..<40).map { pid in
        var process = ForkCase.one(
          pid, parent: Int32.random(in: -1...45, using: &numbers), holds: 0, faulted: 0,
          image: UInt64.random(in: 0...2, using: &numbers))
        process.footprint = [0, 1, 4096, .max].randomElement(using: &numbers) ?? 0
        process.faulted = [0, 1, 4096, .max].randomElement(using: &numbers) ?? 0
        process.startTime = UInt64.random(in: 0...3, using: &numbers)
        return process
      }
      let crowd = Self.crowd(processes)
      for row in crowd.table.rows { #expect(row.forkShared <= row.heldAnonymous && row.footprint <= row.heldAnonymous) }
      let other = Self.crowd(processes.shuffled(using: &numbers))
      for row in crowd.table.rows {
        let same = other.table.row(of: row.identity).map { other.table.rows[$0].forkShared }
        #expect(same == nil || same == row.forkShared)
      }
    }
  }
}
