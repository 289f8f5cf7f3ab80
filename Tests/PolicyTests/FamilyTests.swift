import Fixtures
import Policy
import ProcModel
import Testing

/// Which young processes of one kind are a swarm, where some have the image of their parent: a service's workers, or a
/// bomb's.
struct FamilyCase: CustomTestStringConvertible, Sendable {
  typealias Member = Crowd.Member

  var testDescription: String
  var processes: [Member]
  /// In MiB.
  var inUse: UInt64 = 4000
  /// The number of processes in the swarm; 0 where there is none.
  var count = 0

  private static let cgroup = "/system.slice/app.service"

  /// A process of the image 7, in one group and session.
  static func one(
    _ pid: Int32, parent: Int32, age: UInt64 = 5, kib: UInt64 = 9000, image: UInt64 = 7, faulted: UInt64 = 0
  )
    -> Member
  {
    Member(
      pid: pid, parent: parent, group: 900, session: 900, cgroup: cgroup, age: age, footprint: kib,
      startTime: 1_000_000 - age * 100, image: image, faulted: faulted)
  }

  /// A parent of an age, with a number of direct children.
  static func service(
    _ workers: Int32, parentAge: UInt64 = 3600, parentKiB: UInt64 = 9000, image: UInt64 = 7, faulted: UInt64 = 0
  ) -> [Member] {
    [one(900, parent: 1, age: parentAge, kib: parentKiB, faulted: parentKiB)]
      + (0..<workers).map { one(1000 + $0, parent: 900, image: image, faulted: faulted) }
  }

  /// Each process forks `width` others, `count` in all. The shell 900 forks the first.
  static func bomb(_ count: Int32, width: Int32, shellAge: UInt64 = 3600, isOrphaned: Bool = false) -> [Member] {
    [one(900, parent: 1, age: shellAge, kib: 4000)]
      + (0..<count).map { index in
        let parent = index == 0 ? 900 : 1000 + (index - 1) / width
        return one(1000 + index, parent: isOrphaned && index > 0 ? 1 : parent, age: 5, kib: 9000)
      }
  }

  static let all: [FamilyCase] = [
    FamilyCase(testDescription: "workers of an old parent are a service", processes: service(40)),
    FamilyCase(
      testDescription: "workers that executed a program are no service", processes: service(40, image: 8), count: 40),
    FamilyCase(
      testDescription: "workers of unknown image are no service",
      processes: service(40).map {
        var process = $0
        process.image = 0
        return process
      }, count: 40),
    FamilyCase(
      testDescription: "a parent as young as they is no service", processes: service(40, parentAge: 6), count: 40),
    FamilyCase(
      testDescription: "a service whose workers fork for a moment",
      processes: service(40) + (0..<4).map { one(3000 + $0, parent: 1000 + $0, kib: 100) }, count: 0),
    FamilyCase(testDescription: "a bomb from an old shell", processes: bomb(200, width: 2), count: 200),
    FamilyCase(testDescription: "a chain from an old shell", processes: bomb(200, width: 1), count: 200),
    FamilyCase(
      testDescription: "a bomb whose processes each fork many", processes: bomb(200, width: 50), count: 200),
    FamilyCase(
      testDescription: "a bomb whose parents exit", processes: bomb(200, width: 2, isOrphaned: true), count: 199),
    FamilyCase(
      testDescription: "a bomb that is older than its youngest",
      processes: bomb(400, width: 2).map { process in
        var process = process
        if process.pid < 1200 { process.age = 60 }
        return process
      }, count: 200),
    FamilyCase(testDescription: "a bomb from a young shell", processes: bomb(200, width: 2, shellAge: 8), count: 201),
    FamilyCase(
      testDescription: "a service just started, that shares its parent's memory",
      processes: service(40, parentAge: 6, faulted: 400)),
    FamilyCase(
      testDescription: "workers of an old parent that wrote to less than half of what they inherited",
      processes: service(40, faulted: 4000)),
    FamilyCase(
      testDescription: "children of an old parent that hold more than they inherited",
      processes: service(40, parentKiB: 1000, faulted: 8500), count: 40),
    FamilyCase(
      testDescription: "children that have more than a small parent share nothing with it",
      processes: service(40, parentAge: 6, parentKiB: 300), inUse: 200, count: 40),
    FamilyCase(
      testDescription: "a bomb on a machine that has less in use",
      processes: bomb(200, width: 2, shellAge: 8), inUse: 200, count: 201),
  ]
}

@Suite struct FamilyTests {
  private static func killSet(_ processes: [Crowd.Member], inUse: UInt64 = 4000) -> KillSet? {
    var finder = SwarmFinder(capacity: 4)
    var killSet = KillSet()
    var crowd = Crowd(processes)
    crowd.relateForks()
    let isFound = finder.find(
      in: crowd.table, eligibility: crowd.eligibility, best: crowd.best(worth: 10 * 1024), shortfall: KiB(200 * 1024),
      inUse: KiB(inUse * 1024), context: .ofSwarms(), tally: Crowd.completeTally, into: &killSet)
    return isFound ? killSet : nil
  }

  @Test(arguments: FamilyCase.all) func aServiceIsNoSwarmAndAForkBombIsOne(example: FamilyCase) {
    let killSet = Self.killSet(example.processes, inUse: example.inUse)
    #expect(killSet?.members.count ?? 0 == example.count)
    #expect(killSet == nil || killSet?.choice == .swarm)
  }

  @Test func theOrderOfTheTableDoesNotMatter() {
    var numbers = SplitMix64(seed: 1)
    for example in FamilyCase.all {
      for _ in 0..<5 {
        let killSet = Self.killSet(example.processes.shuffled(using: &numbers), inUse: example.inUse)
        #expect(killSet?.members.count ?? 0 == example.count, "\(example.testDescription)")
      }
    }
  }

  @Test func tornTablesAreSearchedInBoundedTime() {
    // Circles, a process that is its own parent, and numbers that are not there, as in torn tables.
    var numbers = SplitMix64(seed: 2)
    for _ in 0..<300 {
      let processes = (Int32(2)..<60).map { pid in
        var process = FamilyCase.one(pid, parent: Int32.random(in: -1...70, using: &numbers))
        process.image = UInt64.random(in: 0...2, using: &numbers)
        process.startTime = UInt64.random(in: 0...3, using: &numbers)
        return process
      }
      _ = Self.killSet(processes)
    }
  }

  // Users.

  @Test func twoUsersAreNoSwarmTogether() {
    func pools(_ first: Int32, _ second: Int32, user: UInt32?) -> [Crowd.Member] {
      SwarmCase.many(Int(first)) { ($0.parent, $0.footprint) = (900, 9000) }
        + SwarmCase.many(Int(second), from: 3000) { ($0.parent, $0.footprint, $0.user) = (900, 9000, user) }
    }
    // The many processes of one user do not take the young workers of the other with them by any kind of kinship.
    let killSet = Self.killSet(pools(40, 30, user: 1001))
    #expect(killSet?.members.count == 40 && killSet?.pids.allSatisfy { $0 < 3000 } == true)
    #expect(Self.killSet(pools(40, 30, user: 0))?.members.count == 70)
    // A process of an unknown user has no kin, not even among processes of unknown users.
    #expect(Self.killSet(pools(40, 30, user: nil))?.members.count == 40)
    #expect(Self.killSet(pools(0, 40, user: nil)) == nil)
    // Neither is enough alone.
    #expect(Self.killSet(pools(11, 11, user: 1001)) == nil)
  }

  @Test func aGroupOfTwoUsersIsNotSignalledAsAWhole() {
    var processes = SwarmCase.many(40) { $0.footprint = 9000 }
    #expect(Self.killSet(processes)?.whole == .group(900))
    processes += SwarmCase.many(1, from: 3000) { ($0.footprint, $0.user) = (100, 1001) }
    #expect(Self.killSet(processes)?.whole == nil)
  }

  // The memory in use.

  /// An old leak of 100 MiB, and a swarm whose footprints add up to 180 MiB.
  @Test(arguments: [(200, true), (90, false)] as [(UInt64, Bool)])
  func aSwarmCountsForNoMoreThanTheMemoryInUse(inUse: UInt64, goes: Bool) {
    let swarm = SwarmCase.many(30) { ($0.age, $0.footprint, $0.parent) = (29, 6200, 900) }
    let killSet = Self.killSet(swarm + [SwarmCase.leak], inUse: inUse)
    #expect((killSet != nil) == goes)
  }
}
