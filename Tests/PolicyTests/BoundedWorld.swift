import Badness
import Fixtures
import Policy
import Pressure
import ProcModel

/// A composed machine of which processes are read as files, and whose books balance: what meminfo tells is what its
/// processes hold, with what fork families share counted once.
struct BoundedWorld {
  struct Member {
    var pid: Int32
    var parent: Int32 = 1
    /// In seconds since boot.
    var start: UInt64
    /// Where its code begins; that of its stack is the same.
    var image: UInt64
    var comm = "idle"
    var exe = "/usr/bin/idle"
    var uid: UInt32 = 1000
    var cgroup = "/system.slice/a.service"
    /// In KiB: what it holds alone, and what it was forked with and has not written to.
    var own: UInt64
    var inherited: UInt64 = 0
    var shared: UInt64 = 0
    var swap: UInt64 = 0
    var pageTables: UInt64 = 60
    var adjustment = 0
    var threads = 1
  }

  var members: [Member] = []
  /// Tmpfs that no process maps, in KiB.
  var tmpfs: UInt64 = 0
  /// Seconds since boot.
  var time: UInt64 = 100_000
  var lastNumber: Int32 = 0
  /// Whether the number that was given last can be read.
  var tellsLastNumber = true

  /// Adds a process with the next number.
  @discardableResult
  mutating func add(age: UInt64, own: UInt64, _ change: (inout Member) -> Void = { _ in }) -> Int32 {
    lastNumber += 1
    var member = Member(pid: lastNumber, start: time - age, image: UInt64(lastNumber) * 4096, own: own)
    change(&member)
    members.append(member)
    return member.pid
  }

  var source: MemorySource {
    var source = MemorySource()
    source.clock = .milliseconds(time * 1000)
    if tellsLastNumber { source.set(.loadavg, "0.00 0.00 0.00 1/100 \(lastNumber)\n") }
    source.processes = members.map(\.pid)
    for member in members { enter(member, &source) }
    return source
  }

  private func enter(_ member: Member, _ source: inout MemorySource) {
    let held = member.own + member.inherited
    let resident = held - min(member.swap, held) + member.shared
    // What it was forked with it did not fault in.
    let faults = member.own / 4 + 10
    func set(_ file: ProcessFile, _ text: String) {
      source.files[MemorySource.Key(file, of: member.pid)] = Array(text.utf8)
    }
    set(
      .stat,
      "\(member.pid) (\(member.comm)) S \(member.parent) \(member.pid) \(member.pid) 0 -1 0 \(faults) 0 0 0 10 0 0 0 20 0 "
        + "\(member.threads) 0 \(member.start * 100) \(held * 4096) \(resident / 4) 1 \(member.image) 1 \(member.image) 0\n"
    )
    set(
      .status,
      "Name:\t\(member.comm)\nTgid:\t\(member.pid)\nPid:\t\(member.pid)\nUid:\t\(member.uid)\t\(member.uid)\t0\t0\n"
        + "Gid:\t0\t0\t0\t0\nNSpid:\t\(member.pid)\nVmSize:\t\(held * 4) kB\nVmRSS:\t\(resident) kB\n"
        + "RssAnon:\t\(resident - member.shared) kB\nRssFile:\t0 kB\nRssShmem:\t\(member.shared) kB\n"
        + "VmPTE:\t\(member.pageTables) kB\nVmSwap:\t\(min(member.swap, held)) kB\nThreads:\t\(member.threads)\nCapEff:\t0\n"
    )
    set(.oomScoreAdj, "\(member.adjustment)\n")
    set(.oomScore, "666\n")
    set(.exe, member.exe)
    set(.cgroup, "0::\(member.cgroup)\n")
  }

  /// The machine's memory. Processes that map shared memory in one cgroup map the same.
  func reading(available: UInt64) -> MemoryReading {
    var reading = MemoryReading(
      time: .milliseconds(time * 1000), total: KiB(4 << 20), available: KiB(available), swapTotal: KiB(1 << 20),
      swapFree: KiB((1 << 20) - members.map { min($0.swap, $0.own + $0.inherited) }.reduce(0, +)))
    // What a family was forked with is there once, with its parent or without.
    var anonymous: UInt64 = 0
    for family in Dictionary(grouping: members, by: \.image).values {
      let forked = family.filter { $0.inherited > 0 }
      let inherited = forked.map(\.inherited).max() ?? 0
      let parents = family.filter { $0.inherited == 0 }.map { $0.own - min($0.swap, $0.own) }.reduce(0, +)
      anonymous += max(parents, inherited) + forked.map(\.own).reduce(0, +)
    }
    let shared = Dictionary(grouping: members, by: \.cgroup).values
      .map { $0.map(\.shared).max() ?? 0 }.reduce(0, +)
    reading.parts = MemoryParts(
      anonymous: KiB(anonymous), shared: KiB(shared + tmpfs), pageTables: KiB(members.map(\.pageTables).reduce(0, +)))
    return reading
  }
}

/// What was chosen, and what it took.
struct BoundedChoice: Equatable {
  var victim: ProcessIdentity?
  var members: [Int32]
  var choice: Choice?
  var footprint: KiB
}

/// Goes through surveys in calm time and a decision as the agent does.
struct BoundedChooser {
  private var chooser = Chooser(capacity: 64, picking: 64)
  private let context: ScoringContext
  private(set) var unread: UInt32 = 0
  /// The processes of which any file was read in the last decision.
  private(set) var read = 0

  init(_ policy: CompiledPolicy, isBounded: Bool) {
    context = ScoringContext(
      policy: policy, machine: MachineFacts(ram: KiB(4 << 20), swap: KiB(1 << 20), units: .common), agent: 0)
    chooser.isBoundedAllowed = isBounded
  }

  mutating func learn(_ world: BoundedWorld) throws {
    var source = world.source
    let now = Nanoseconds.milliseconds(world.time * 1000)
    try chooser.beginSurvey(.everyone, isForScores: false, units: .common, now: now, from: &source)
    while try !chooser.stepSurvey(7, units: .common, from: &source) {}
    chooser.learnedAt = now
    chooser.learn(context, eldest: Ticks(3000), now: now, budget: .max, mayWait: true, from: &source)
    chooser.noteKnown(world.reading(available: 1 << 20))
  }

  mutating func decide(_ world: BoundedWorld, shortfall: UInt64, fallen: UInt64) throws -> BoundedChoice {
    var source = world.source
    let now = Nanoseconds.milliseconds(world.time * 1000)
    let reading = world.reading(available: 50_000)
    var detector = Detector(thresholds: context.settings.thresholds, units: .common)
    var shortage = Shortage(
      detector.judge(reading), fallen: KiB(fallen), isFalling: fallen > 0, sinceSurvey: Ticks(500), now: now)
    shortage.level = .terminate
    shortage.shortfall = KiB(shortfall)
    var plan = chooser.plan(
      in: 0, by: context, shortage, reading, isCgroup: false,
      pursued: InlineArray(repeating: ProcessIdentity(pid: 0, startTime: .zero)), from: &source)
    while true {
      try chooser.beginSurvey(plan, units: .common, now: now, from: &source)
      while try !chooser.stepSurvey(7, units: .common, from: &source) {}
      chooser.classify(in: 0, by: context, now: now, from: &source)
      chooser.ranking.rank(in: 0, by: context) { _ in false }
      unread = chooser.ranking.tally.unread
      read = Set(source.reads.map(\.pid)).count
      switch chooser.pick(shortage, by: context) {
      case .needsEveryone where plan != .everyone: plan = .everyone
      case .victim(let row):
        let killSet = chooser.picker.killSet
        return BoundedChoice(
          victim: chooser.ranking.table.rows[row].identity, members: killSet.pids.sorted(), choice: killSet.choice,
          footprint: killSet.footprint)
      case .none, .needsEveryone: return BoundedChoice(victim: nil, members: [], choice: nil, footprint: .zero)
      }
    }
  }
}
