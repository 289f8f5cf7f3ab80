import Fixtures
import Policy
import ProcModel
import Testing

/// Which young processes of one kind are a swarm, where some have the image of their parent: a service's workers, or a
/// bomb's.
struct FamilyCase: CustomTestStringConvertible, Sendable {
  typealias Person = Crowd.Person

  var testDescription: String
  var people: [Person]
  /// In MiB.
  var inUse: UInt64 = 4000
  /// How many go as a swarm; 0 is none.
  var count = 0

  private static let cgroup = "/system.slice/app.service"

  /// A process of the image 7, in one group and session.
  static func one(_ pid: Int32, parent: Int32, age: UInt64 = 5, kib: UInt64 = 9000, image: UInt64 = 7) -> Person {
    Person(
      pid: pid, parent: parent, group: 900, session: 900, cgroup: cgroup, age: age, footprint: kib,
      startTime: 1_000_000 - age * 100, image: image)
  }

  /// A parent of that age, with so many direct children.
  static func service(
    _ workers: Int32, parentAge: UInt64 = 3600, parentKiB: UInt64 = 9000, image: UInt64 = 7
  ) -> [Person] {
    [one(900, parent: 1, age: parentAge, kib: parentKiB)]
      + (0..<workers).map { one(1000 + $0, parent: 900, image: image) }
  }

  /// Each forks `width` others, `count` in all; the first of them by the shell 900.
  static func bomb(_ count: Int32, width: Int32, shellAge: UInt64 = 3600, isOrphaned: Bool = false) -> [Person] {
    [one(900, parent: 1, age: shellAge, kib: 4000)]
      + (0..<count).map { index in
        let parent = index == 0 ? 900 : 1000 + (index - 1) / width
        return one(1000 + index, parent: isOrphaned && index > 0 ? 1 : parent, age: 5, kib: 9000)
      }
  }

  static let all: [FamilyCase] = [
    FamilyCase(testDescription: "workers of an old parent are a service", people: service(40)),
    FamilyCase(testDescription: "workers that executed a program are none", people: service(40, image: 8), count: 40),
    FamilyCase(
      testDescription: "nor where the image is not known",
      people: service(40).map {
        var person = $0
        person.image = 0
        return person
      }, count: 40),
    FamilyCase(
      testDescription: "a parent as young as they is no service", people: service(40, parentAge: 6), count: 40),
    FamilyCase(
      testDescription: "a service whose workers fork for a moment",
      people: service(40) + (0..<4).map { one(3000 + $0, parent: 1000 + $0, kib: 100) }, count: 0),
    FamilyCase(testDescription: "a bomb from an old shell", people: bomb(200, width: 2), count: 200),
    FamilyCase(testDescription: "a chain from an old shell", people: bomb(200, width: 1), count: 200),
    FamilyCase(
      testDescription: "a bomb whose processes each fork many", people: bomb(200, width: 50), count: 200),
    FamilyCase(
      testDescription: "a bomb whose parents end", people: bomb(200, width: 2, isOrphaned: true), count: 199),
    FamilyCase(
      testDescription: "a bomb that is older than its youngest",
      people: bomb(400, width: 2).map { person in
        var person = person
        if person.pid < 1200 { person.age = 60 }
        return person
      }, count: 200),
    FamilyCase(testDescription: "a bomb from a young shell", people: bomb(200, width: 2, shellAge: 8), count: 201),
    // 40 of 9 MiB on a machine with 200 in use: most of it is counted more than once.
    FamilyCase(
      testDescription: "a service just started, that shares its parent's memory",
      people: service(40, parentAge: 6), inUse: 200),
    FamilyCase(
      testDescription: "children that have more than a small parent share nothing with it",
      people: service(40, parentAge: 6, parentKiB: 300), inUse: 200, count: 40),
    FamilyCase(
      testDescription: "a bomb on a machine that has less in use",
      people: bomb(200, width: 2, shellAge: 8), inUse: 200, count: 201),
  ]
}

@Suite struct FamilyTests {
  private static func killSet(_ people: [Crowd.Person], inUse: UInt64 = 4000) -> KillSet? {
    var finder = SwarmFinder(capacity: 4)
    var killSet = KillSet()
    let crowd = Crowd(people)
    let isFound = finder.find(
      in: crowd.table, eligibility: crowd.eligibility, best: crowd.best(worth: 10 * 1024), shortfall: KiB(200 * 1024),
      inUse: KiB(inUse * 1024), context: .ofSwarms(), tally: Crowd.completeTally, into: &killSet)
    return isFound ? killSet : nil
  }

  @Test(arguments: FamilyCase.all) func aServiceIsNoSwarmAndABombIs(example: FamilyCase) {
    let killSet = Self.killSet(example.people, inUse: example.inUse)
    #expect(killSet?.members.count ?? 0 == example.count)
    #expect(killSet == nil || killSet?.choice == .swarm)
  }

  @Test func theOrderOfTheTableDoesNotMatter() {
    var numbers = SplitMix64(seed: 1)
    for example in FamilyCase.all {
      for _ in 0..<5 {
        let killSet = Self.killSet(example.people.shuffled(using: &numbers), inUse: example.inUse)
        #expect(killSet?.members.count ?? 0 == example.count, "\(example.testDescription)")
      }
    }
  }

  @Test func whateverPointsAtWhomItEnds() {
    // Circles, a process that is its own parent, numbers that are not there: as torn tables have them.
    var numbers = SplitMix64(seed: 2)
    for _ in 0..<300 {
      let people = (Int32(2)..<60).map { pid in
        var person = FamilyCase.one(pid, parent: Int32.random(in: -1...70, using: &numbers))
        person.image = UInt64.random(in: 0...2, using: &numbers)
        person.startTime = UInt64.random(in: 0...3, using: &numbers)
        return person
      }
      _ = Self.killSet(people)
    }
  }

  // Users.

  @Test func twoUsersAreNoSwarmTogether() {
    func pools(_ first: Int32, _ second: Int32, user: UInt32?) -> [Crowd.Person] {
      SwarmCase.many(Int(first)) { ($0.parent, $0.footprint) = (900, 9000) }
        + SwarmCase.many(Int(second), from: 3000) { ($0.parent, $0.footprint, $0.user) = (900, 9000, user) }
    }
    // The flood of one takes the young workers of the other with it by no kind of kinship.
    let killSet = Self.killSet(pools(40, 30, user: 1001))
    #expect(killSet?.members.count == 40 && killSet?.pids.allSatisfy { $0 < 3000 } == true)
    #expect(Self.killSet(pools(40, 30, user: 0))?.members.count == 70)
    // Whose user is not known is nobody's kin, not even of one of which the same is true.
    #expect(Self.killSet(pools(40, 30, user: nil))?.members.count == 40)
    #expect(Self.killSet(pools(0, 40, user: nil)) == nil)
    // Neither is enough alone.
    #expect(Self.killSet(pools(11, 11, user: 1001)) == nil)
  }

  @Test func aGroupOfTwoUsersIsNotSignalledAsAWhole() {
    var people = SwarmCase.many(40) { $0.footprint = 9000 }
    #expect(Self.killSet(people)?.whole == .group(900))
    people += SwarmCase.many(1, from: 3000) { ($0.footprint, $0.user) = (100, 1001) }
    #expect(Self.killSet(people)?.whole == nil)
  }

  // The most that there is.

  /// An old leak of 100 MiB, and a swarm whose figures come to 180.
  @Test(arguments: [(200, true), (90, false)] as [(UInt64, Bool)])
  func aSwarmOutweighsByNoMoreThanIsInUse(inUse: UInt64, goes: Bool) {
    let swarm = SwarmCase.many(30) { ($0.age, $0.footprint, $0.parent) = (29, 6200, 900) }
    let killSet = Self.killSet(swarm + [SwarmCase.leak], inUse: inUse)
    #expect((killSet != nil) == goes)
  }
}
