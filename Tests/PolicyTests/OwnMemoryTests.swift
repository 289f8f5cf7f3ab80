import Fixtures
import ProcModel
import Testing

@testable import Policy

/// Which copies' pages are counted in calm time, and what is known of them then.
@Suite struct OwnMemoryTests {
  /// A master of 150 MiB with workers that have taken and given back memory for hours.
  private static func service(_ workers: Int32, holding holds: UInt64 = 151, faulted: UInt64 = 4000) -> [Crowd.Member] {
    [ForkCase.master] + (0..<workers).map { ForkCase.one(1000 + $0, parent: 900, holds: holds, faulted: faulted) }
  }

  private static func rollup(_ own: UInt64, of held: UInt64 = 151) -> [UInt8] {
    Array("Private_Dirty: \(own * 1024) kB\nAnonymous: \(held * 1024) kB\nSwapPss: 0 kB\n".utf8)
  }

  /// A machine that counts each worker as holding so many MiB alone.
  private static func machine(_ workers: Int32, own: UInt64) -> MemorySource {
    var source = MemorySource()
    for pid in 1000..<1000 + workers { source.files[MemorySource.Key(.smapsRollup, of: pid)] = rollup(own) }
    return source
  }

  private static func learn(
    _ roster: inout Roster, _ crowd: Crowd, at seconds: UInt64, _ budget: OwnMemoryBudget = .ofTheAgent,
    from source: inout MemorySource
  ) {
    roster.refresh(
      crowd.table, now: .milliseconds(seconds * 1000), policy: .blank, needs: [], budget: .max, from: &source)
    roster.countOwnMemory(in: crowd.table, budget, from: &source)
  }

  private static func own(_ pid: Int32, _ processes: [Crowd.Member], _ roster: borrowing Roster) -> UInt64? {
    var crowd = Crowd(processes)
    crowd.relateForks(knowing: roster)
    return crowd.table.row(ofPID: pid).map { crowd.table.rows[$0].footprint.count / 1024 }
  }

  @Test func aCountedWorkerHoldsWhatItHeldThenAndWhatItFaultedInSince() {
    var roster = Roster(capacity: 8)
    var source = Self.machine(2, own: 3)
    let service = Self.service(2)
    #expect(Self.own(1000, service, roster) == 151)
    Self.learn(&roster, Crowd(service), at: 10, .ofTheTool, from: &source)
    #expect(Self.own(1000, service, roster) == 3)
    #expect(Self.own(900, service, roster) == 150)
    var leaking = service
    leaking[1] = ForkCase.one(1000, parent: 900, holds: 171, faulted: 4020)
    #expect(Self.own(1000, leaking, roster) == 23)
    #expect(Self.own(1001, leaking, roster) == 3)
    // Huge pages come with one fault each: what it holds beyond its parent is its own.
    leaking[1] = ForkCase.one(1000, parent: 900, holds: 251, faulted: 4001)
    #expect(Self.own(1000, leaking, roster) == 101)
  }

  @Test func aFewAreCountedAfterEachSurveyInRounds() {
    var roster = Roster(capacity: 64)
    var source = Self.machine(10, own: 3)
    let crowd = Crowd(Self.service(10, holding: 50))
    var counted: Set<Int32> = []
    for round in 1...3 {
      let before = source.reads.count
      Self.learn(&roster, crowd, at: UInt64(round) * 10, from: &source)
      let read = source.reads[before...].filter { $0.file == .smapsRollup }.map(\.pid)
      #expect(read.count == (round < 3 ? 4 : 2))
      #expect(counted.isDisjoint(with: read))
      counted.formUnion(read)
    }
    // None of them is in doubt any more.
    let before = source.reads.count
    Self.learn(&roster, crowd, at: 40, from: &source)
    #expect(source.reads.count == before)
  }

  @Test func processesThatCannotBeCountedKeepNoOtherWaiting() {
    var roster = Roster(capacity: 64)
    var source = Self.machine(10, own: 3)
    for pid in Int32(1000)..<1005 { source.failures[MemorySource.Key(.smapsRollup, of: pid)] = .denied }
    let crowd = Crowd(Self.service(10, holding: 50))
    for round in UInt64(1)...3 { Self.learn(&roster, crowd, at: round * 10, from: &source) }
    let service = Self.service(10, holding: 50)
    #expect(Self.own(1004, service, roster) == 50)
    for pid in Int32(1005)..<1010 { #expect(Self.own(pid, service, roster) == 3) }
  }

  /// Workers that hold too much, or of which it is certain enough what they hold alone.
  @Test(arguments: [
    (holds: UInt64(300), faulted: UInt64(4000)), (151, 10), (3, 4000),
  ])
  func othersAreNotCounted(holds: UInt64, faulted: UInt64) {
    var roster = Roster(capacity: 8)
    var source = Self.machine(2, own: 1)
    Self.learn(&roster, Crowd(Self.service(2, holding: holds, faulted: faulted)), at: 10, from: &source)
    #expect(source.reads.isEmpty)
  }

  @Test func noMoreIsHeldByThoseCountedAtOnceThanTheBudgetAllows() {
    var roster = Roster(capacity: 8)
    var source = Self.machine(4, own: 1)
    Self.learn(&roster, Crowd(Self.service(4)), at: 10, from: &source)
    #expect(source.reads.count == 1)
    Self.learn(&roster, Crowd(Self.service(4)), at: 20, .ofTheTool, from: &source)
    #expect(source.reads.count == 4)
  }

  /// A worker is counted anew once it may hold an eighth of its memory more than is known: by its own faults, or since its
  /// parent wrote to what they share.
  @Test func whatIsInDoubtAgainIsCountedAgain() {
    var roster = Roster(capacity: 8)
    var source = Self.machine(1, own: 3)
    Self.learn(&roster, Crowd(Self.service(1)), at: 10, from: &source)
    Self.learn(&roster, Crowd(Self.service(1, faulted: 4010)), at: 20, from: &source)
    #expect(source.reads.count == 1)
    Self.learn(&roster, Crowd(Self.service(1, faulted: 4020)), at: 30, from: &source)
    #expect(source.reads.count == 2)
    var written = Self.service(1, faulted: 4020)
    written[0] = ForkCase.one(900, parent: 1, holds: 150, faulted: 240)
    // Until then it counts as its only copy's own.
    #expect(Self.own(1000, written, roster) == 83)
    source.files[MemorySource.Key(.smapsRollup, of: 1000)] = Self.rollup(83)
    Self.learn(&roster, Crowd(written), at: 40, from: &source)
    #expect(source.reads.count == 3)
    #expect(Self.own(1000, written, roster) == 83)
  }
}
