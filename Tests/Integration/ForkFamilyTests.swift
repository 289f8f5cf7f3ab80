import Agent
import Foundation
import LinuxSystem
import Policy
import ProcModel
import ProcReader
import Testing

/// A TestProgram that forks, writes and exits as it is told, with its children. All of it is killed with this.
private final class ObedientFamily {
  private let process = Process()
  private let orders = Pipe()
  private let answers = Pipe()
  private(set) var children: [Int32] = []

  /// - Parameter mib: What the parent fills before it forks.
  init(mib: Int) throws {
    process.executableURL = Namespace.testProgram
    process.arguments = ["--mib", "\(mib)", "--obeys"]
    process.standardInput = orders
    process.standardOutput = answers
    try process.run()
    #expect(try answer() == "ready")
  }

  deinit {
    for child in children { kill(child, SIGKILL) }
    // A test runner may block SIGTERM, and its children inherit that.
    kill(process.processIdentifier, SIGKILL)
  }

  var parent: Int32 { process.processIdentifier }
  var members: [Int32] { [parent] + children }

  /// - Parameters:
  ///   - written: What the child writes to of what it inherits, in MiB.
  ///   - taken: What it takes more.
  ///   - churned: What it takes and gives back.
  func fork(writing written: Int, taking taken: Int, churning churned: Int = 0) throws {
    try tell("fork \(written) \(taken) \(churned)")
    children.append(try #require(Int32(try answer())))
  }

  func write(_ mib: Int) throws {
    try tell("write \(mib)")
    #expect(try answer() == "written")
  }

  private func tell(_ order: String) throws {
    try orders.fileHandleForWriting.write(contentsOf: Data((order + "\n").utf8))
  }

  private func answer() throws -> String {
    var line = Data()
    while let byte = try answers.fileHandleForReading.read(upToCount: 1), let first = byte.first {
      if first == UInt8(ascii: "\n") { break }
      line.append(first)
    }
    return String(decoding: line, as: UTF8.self)
  }
}

/// The lines of `smaps_rollup` that tell what is shared, in KiB.
private struct Rollup {
  private let values: [Substring: UInt64]

  init(of pid: Int32) throws {
    let text = try String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
    values = Dictionary(
      text.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 3, let value = UInt64(words[1]) else { return nil }
        return (words[0].dropLast(), value)
      }, uniquingKeysWith: { first, _ in first })
  }

  var own: UInt64 { (values["Private_Clean"] ?? 0) + (values["Private_Dirty"] ?? 0) }
  var proportional: UInt64 { values["Pss"] ?? 0 }
}

/// What is reckoned of real families, beside what the kernel counts page by page.
@Suite(.serialized) struct ForkFamilyTests {
  /// A chooser that reads the live machine, as the agent does.
  private struct Reckoner: ~Copyable {
    private var source: LiveSource
    private var chooser = Chooser(capacity: 64, picking: 64)
    private let context: ScoringContext

    init() throws {
      let policy = try CompiledPolicy(image: BuiltInPolicy.image().span)
      var opened = try LiveSource.open(root: CPath("/proc"))
      try opened.prepareToGiveUp()
      source = opened
      context = ScoringContext(
        policy: policy, machine: MachineFacts(ram: KiB(1 << 20), swap: .zero, units: .common), agent: 0)
    }

    private mutating func survey(at now: Nanoseconds) throws {
      try chooser.beginSurvey(.everyone, units: .common, now: now, from: &source)
      while try !chooser.stepSurvey(.max, units: .common, from: &source) {}
    }

    /// A survey in calm time.
    mutating func learn(at seconds: UInt64) throws {
      let now = Nanoseconds.milliseconds(seconds * 1000)
      try survey(at: now)
      chooser.learn(context, eldest: .zero, now: now, budget: .max, mayWait: true, from: &source)
    }

    /// The facts of these processes, as a decision has them.
    mutating func decide(at seconds: UInt64, _ members: [Int32]) throws -> [Int32: ProcessFacts] {
      let now = Nanoseconds.milliseconds(seconds * 1000)
      try survey(at: now)
      chooser.classify(in: 0, by: context, now: now, from: &source)
      return try Dictionary(
        uniqueKeysWithValues: members.map { pid in
          let row = try #require(chooser.ranking.table.row(ofPID: pid))
          return (pid, chooser.ranking.table.rows[row])
        })
    }
  }

  /// Whether two amounts are within a tenth of each other, and of 512 KiB: libraries' pages and page tables.
  private func isNear(_ one: UInt64, _ other: UInt64) -> Bool {
    max(one, other) - min(one, other) <= max(one, other) / 10 + 512
  }

  private func check(_ family: ObedientFamily, _ facts: [Int32: ProcessFacts], isWhole: Bool = true) throws {
    var proportional: UInt64 = 0
    var sum: UInt64 = 0
    for (pid, process) in facts {
      let rollup = try Rollup(of: pid)
      proportional += rollup.proportional
      sum += process.ownAnonymous.count
      // What is shared counts with the parent, or else with the eldest.
      if pid != family.members.first {
        #expect(isNear(process.ownAnonymous.count, rollup.own), "\(pid): \(process.ownAnonymous.count), \(rollup.own)")
      }
    }
    // What several children keep of what their parent wrote to is in none of their footprints.
    #expect(!isWhole || isNear(sum, proportional), "\(sum), \(proportional)")
  }

  @Test func workersThatWriteToWhatTheyInheritedHoldThatAlone() throws {
    var reckoner = try Reckoner()
    let family = try ObedientFamily(mib: 100)
    try reckoner.learn(at: 10)
    for written in [0, 10, 20, 30, 40] { try family.fork(writing: written, taking: 5) }
    try check(family, try reckoner.decide(at: 20, family.members))
    // Nothing was learned, as where the agent has just started.
    var newcomer = try Reckoner()
    try check(family, newcomer.decide(at: 20, family.members))
  }

  @Test func whatAParentWritesToLeavesTheOldFormToItsOnlyChild() throws {
    var reckoner = try Reckoner()
    let family = try ObedientFamily(mib: 100)
    try reckoner.learn(at: 10)
    try family.fork(writing: 0, taking: 2)
    try family.write(60)
    try check(family, try reckoner.decide(at: 20, family.members))
    // After a calm survey that saw the child, it is known as well.
    try reckoner.learn(at: 30)
    try reckoner.learn(at: 40)
    try check(family, reckoner.decide(at: 50, family.members))
  }

  @Test func whatAParentWritesToStaysSharedAmongSeveralChildren() throws {
    var reckoner = try Reckoner()
    let family = try ObedientFamily(mib: 100)
    try reckoner.learn(at: 10)
    for _ in 0..<3 { try family.fork(writing: 0, taking: 2) }
    try reckoner.learn(at: 20)
    try family.write(60)
    try check(family, reckoner.decide(at: 30, family.members), isWhole: false)
  }

  /// After hours, a worker has had more page faults than it has memory.
  @Test func workersThatTakeAndGiveBackAreCountedInCalmTime() throws {
    var reckoner = try Reckoner()
    let family = try ObedientFamily(mib: 100)
    for written in [0, 20, 40] { try family.fork(writing: written, taking: 5, churning: 300) }
    try reckoner.learn(at: 10)
    try reckoner.learn(at: 20)
    try check(family, try reckoner.decide(at: 30, family.members))
  }
}
