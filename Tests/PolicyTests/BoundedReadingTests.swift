import Badness
import Fixtures
import Policy
import Pressure
import ProcModel
import Testing

/// A decision that does not read every process chooses what one chooses that does.
@Suite struct BoundedReadingTests {
  private static func policy(_ formula: Formula, adjustment: OomScoreAdjUse = .respect, hasSwarm: Bool = true)
    -> CompiledPolicy
  {
    var settings = Settings(
      thresholds: Thresholds(
        floor: Floor(available: .share(.percent(8)), swapFree: nil), release: .share(.percent(12))),
      formula: formula, adjustment: adjustment, grace: .zero, minimumFootprint: .amount(.size(KiB(10 * 1024))))
    settings.swarm = hasSwarm ? Swarm(members: 12, age: .milliseconds(30_000), times: 3) : nil
    var policy = CompiledPolicy(settings: settings)
    policy.addTextRule("first", order: .first, [(.comm, ["batch"])])
    policy.addTextRule("last", order: .last, [(.comm, ["last"])])
    policy.addTextRule("kept", protects: true, [(.comm, ["kept"])])
    policy.addTextRule("heavy", weight: 4, [(.comm, ["heavy"])])
    policy.addTextRule("by its program", protects: true, [(.exe, ["/usr/bin/kept"])])
    return policy
  }

  /// A machine with a service or two, a database, a crowd of idle processes and whatever else comes by chance.
  private static func world(_ random: inout SplitMix64) -> BoundedWorld {
    var world = BoundedWorld()
    world.tmpfs = [0, 0, 300_000].randomElement(using: &random) ?? 0
    world.tellsLastNumber = Int.random(in: 0..<4, using: &random) > 0
    world.add(age: 99_000, own: 8000) { $0.uid = 0 }
    for _ in 0..<Int.random(in: 0...60, using: &random) {
      world.add(age: random.next() % 100_000, own: random.next() % 3000)
    }
    for _ in 0..<Int.random(in: 0...10, using: &random) {
      world.add(age: random.next() % 100_000, own: random.next() % 200_000) { member in
        member.comm = ["idle", "batch", "last", "kept", "heavy"].randomElement(using: &random) ?? "idle"
        member.uid = [0, 1000].randomElement(using: &random) ?? 0
        member.adjustment = [0, 0, 300, 1000, -500, -1000].randomElement(using: &random) ?? 0
        if Int.random(in: 0..<3, using: &random) == 0 { member.shared = random.next() % 100_000 }
        if Int.random(in: 0..<8, using: &random) == 0 { member.exe = "/usr/bin/kept" }
        if Int.random(in: 0..<3, using: &random) == 0 { member.swap = random.next() % 100_000 }
        member.threads = [1, 1, 4, 60].randomElement(using: &random) ?? 1
      }
    }
    if Int.random(in: 0..<3, using: &random) == 0 { addFamily(to: &world, &random) }
    return world
  }

  private static func addFamily(to world: inout BoundedWorld, _ random: inout SplitMix64) {
    let image = 20_000 + random.next() % 100_000
    let age = random.next() % 50_000
    let master = world.add(age: age, own: image) { $0.cgroup = "/system.slice/service.service" }
    for _ in 0..<Int.random(in: 1...15, using: &random) {
      let own = random.next() % 20_000
      world.add(age: random.next() % (age + 1), own: own) { member in
        (member.parent, member.image, member.inherited) = (master, UInt64(master) * 4096, image)
        member.cgroup = "/system.slice/service.service"
      }
    }
  }

  /// What happens between the last survey in calm time and the decision.
  private static func change(_ world: inout BoundedWorld, _ random: inout SplitMix64) {
    world.time += 5
    for index in world.members.indices where Int.random(in: 0..<8, using: &random) == 0 {
      world.members[index].own = world.members[index].own * (random.next() % 30) / 10
    }
    if Bool.random(using: &random), let hog = world.members.indices.randomElement(using: &random) {
      world.members[hog].own += random.next() % 1_000_000
    }
    world.members.removeAll { $0.pid > 1 && $0.inherited == 0 && Int.random(in: 0..<20, using: &random) == 0 }
    // Numbers that threads have.
    world.lastNumber += Int32(random.next() % 5)
    for _ in 0..<[0, 0, 1, 3, 30, 300][Int.random(in: 0..<6, using: &random)] {
      world.add(age: random.next() % 5, own: random.next() % 9000)
    }
    if Int.random(in: 0..<3, using: &random) == 0 {
      world.add(age: 3, own: random.next() % 800_000) { member in
        member.comm = ["idle", "batch", "last", "kept"].randomElement(using: &random) ?? "idle"
      }
    }
  }

  @Test(arguments: [Formula.spillway, .footprint, .linux], OomScoreAdjUse.allCases)
  func theChoiceIsThatOfTheFullReading(formula: Formula, adjustment: OomScoreAdjUse) throws {
    var random = SplitMix64(seed: UInt64(formula.rawValue) << 8 | UInt64(adjustment.rawValue))
    var bounded = 0
    for round in 0..<150 {
      let policy = Self.policy(formula, adjustment: adjustment, hasSwarm: round % 3 > 0)
      var world = Self.world(&random)
      var one = BoundedChooser(policy, isBounded: true)
      var other = BoundedChooser(policy, isBounded: false)
      try one.learn(world)
      try other.learn(world)
      Self.change(&world, &random)
      let shortfall = random.next() % 400_000
      let fallen = Bool.random(using: &random) ? random.next() % 1_000_000 : 0
      let chosen = try one.decide(world, shortfall: shortfall, fallen: fallen)
      let expected = try other.decide(world, shortfall: shortfall, fallen: fallen)
      #expect(chosen == expected, "round \(round)")
      if one.unread > 0 { bounded += 1 }
      #expect(other.unread == 0)
    }
    // The kernel's formulas have no bound.
    #expect(formula == .linux ? bounded == 0 : bounded > 20, "\(bounded)")
  }

  /// A hog among many that are idle and young: what remains cannot outrank it.
  @Test func amongAThousandIdleProcessesAHogIsFoundByReadingAFew() throws {
    var world = BoundedWorld()
    world.add(age: 99_000, own: 8000)
    for _ in 0..<1000 { world.add(age: 20, own: 150) }
    let policy = Self.policy(.spillway)
    var chooser = BoundedChooser(policy, isBounded: true)
    try chooser.learn(world)
    world.time += 2
    let hog = world.add(age: 1, own: 900_000)
    let chosen = try chooser.decide(world, shortfall: 300_000, fallen: 900_000)
    #expect(chosen.members == [hog] && chosen.choice == .ranking)
    #expect(chooser.read < 20 && chooser.unread > 980)
    // By a walk over all of them as well.
    world.tellsLastNumber = false
    #expect(try chooser.decide(world, shortfall: 300_000, fallen: 900_000).members == [hog])
    #expect(chooser.read < 20)
  }

  @Test func allAreReadWhereTheBooksProveNothing() throws {
    var world = BoundedWorld()
    world.add(age: 99_000, own: 8000)
    for _ in 0..<50 { world.add(age: 5000, own: 30_000) }
    var chooser = BoundedChooser(Self.policy(.spillway, hasSwarm: false), isBounded: true)
    try chooser.learn(world)
    _ = try chooser.decide(world, shortfall: 20_000, fallen: 0)
    #expect(chooser.read > 45)
    // Numbers were given out from the beginning again: a number may be another process's.
    world.lastNumber = 7
    world.add(age: 1, own: 900_000) { $0.pid = 8000 }
    _ = try chooser.decide(world, shortfall: 300_000, fallen: 900_000)
    #expect(chooser.unread == 0)
  }
}
