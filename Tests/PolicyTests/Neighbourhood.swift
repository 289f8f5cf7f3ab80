import Fixtures
import Policy
import ProcModel

/// A composed process, with what rules look at.
struct Neighbour: Sendable {
  var pid: Int32 = 4711
  var startTime: UInt64 = 100
  var comm = "program"
  /// ``ProcessStat/image``.
  var image: UInt64 = 1
  var uid: UInt32 = 1000
  var capabilities: CapabilitySet = []
  var exe: String? = "/usr/bin/program"
  var cmdline: String? = "program\0"
  var cgroup: String? = "0::/system.slice/program.service\n"
  var failures: [ProcessFile: ReadFailure] = [:]
  var footprint: UInt64 = 100_000

  init(_ change: (inout Neighbour) -> Void = { _ in }) {
    change(&self)
  }

  /// The facts that a survey would find.
  var facts: ProcessFacts {
    var facts = ProcessFacts(identity: ProcessIdentity(pid: pid, startTime: Ticks(startTime)))
    facts.comm = Comm(comm)
    facts.image = image
    facts.effectiveUID = uid
    facts.effectiveCapabilities = capabilities
    facts.anonymous = KiB(footprint)
    facts.parent = 1
    if let cgroup, let membership = try? CgroupMembership(parsing: Array(cgroup.utf8).span) {
      facts.cgroupKey = membership.key
      facts.memoryKey = membership.memoryKey ?? 0
    }
    return facts
  }

  /// Puts its files into a source, in place of those of a process with the same number.
  func enter(_ source: inout MemorySource) {
    for (file, text) in [(ProcessFile.exe, exe), (.cmdline, cmdline), (.cgroup, cgroup)] {
      let key = MemorySource.Key(file, of: pid)
      source.files[key] = text.map { Array($0.utf8) }
      source.failures[key] = failures[file]
    }
    if !source.processes.contains(pid) { source.processes.append(pid) }
  }
}

extension CompiledPolicy {
  /// No rule, and settings that no test here depends on.
  static var blank: CompiledPolicy { Sample.empty.policy }

  /// Adds a rule whose alternatives are texts.
  mutating func addTextRule(
    _ name: String, protects: Bool = false, order: Tier? = nil, weight: Double = 1, _ fields: [(MatchField, [String])]
  ) {
    let alternatives = fields.map { field, texts in (field, texts.map { Alternative.literal(add($0)) }) }
    addRule(name, protects: protects, order: order, weight: weight, alternatives)
  }

  /// The rule outcome of a process that is read anew.
  func ruleOutcome(of neighbour: Neighbour, inCalm: Bool = true) -> RuleOutcome {
    let needs = self.needs
    var source = MemorySource()
    neighbour.enter(&source)
    var subject = Subject()
    subject.load(neighbour.facts, needs: needs, inCalm: inCalm, from: &source)
    guard needs.contains(.moment) else { return classify(subject) }
    return ruleOutcome(matchStatic(subject), at: DynamicFacts(process: neighbour.facts, machine: .sample))
  }
}

extension MachineFacts {
  /// 1 GiB without swap.
  static var sample: MachineFacts { MachineFacts(ram: KiB(1 << 20), swap: .zero, units: .common) }
}
