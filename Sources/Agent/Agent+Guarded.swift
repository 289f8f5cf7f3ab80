import Policy
import Pressure
import ProcModel
import ProcReader

/// The cgroups of what must live, whose stalls count in place of the machine's (`stall.of`).
extension Agent where M: ~Copyable {
  /// Takes up what a policy says of it. Allocates: for the start and for reloads.
  mutating func takeUpGuarded() {
    let policy = policy
    switch policy.settings.thresholds.stall?.source {
    case nil, .domain: sensors.guarded = GuardedCgroups()
    case .protected: sensors.guarded.prepare()
    case .cgroup:
      sensors.guarded.prepare()
      guard let path = policy.guardedCgroup else { return }
      sensors.guarded.add(0, policy.bytes(path))
      sensors.guarded.settle()
    }
  }

  /// Finds the cgroups of the protected processes of the last survey, those first that hold most. What no rule protects
  /// does not count: a stall of process 1, or of a program with an `oom_score_adj` of −1000, is no reason by itself.
  @inline(never)
  mutating func findGuarded(_ now: Nanoseconds) {
    let context = context(of: system)
    chooser.classify(in: 0, by: context, now: now, from: &machine)
    var found = FoundCgroups()
    for row in chooser.ranking.table.rows.indices {
      let process = chooser.ranking.table.rows[row]
      guard process.memoryKey != 0, process.domains.contains(.system),
        case .rule = chooser.ranking.candidate(row, by: context).ruleOutcome.protection
      else { continue }
      found.add(process)
    }
    sensors.guarded.keep { key in found.contains(key) }
    for index in 0..<found.count where !sensors.guarded.contains(found[index].key) { addGuarded(found[index]) }
    sensors.guarded.settle()
  }

  private mutating func addGuarded(_ cgroup: FoundCgroups.Cgroup) {
    do throws(ReadFailure) {
      try machine.read(.cgroup, of: cgroup.pid, into: &sensors.guarded.file)
    } catch {
      return
    }
    sensors.guarded.addFromFile(cgroup.key)
  }
}

/// The cgroups with the most memory, in a fixed place.
struct FoundCgroups {
  struct Cgroup {
    var key: UInt64
    /// One that is in it.
    var pid: Int32
    var size: KiB
  }

  private var storage = InlineArray<8, Cgroup>(repeating: Cgroup(key: 0, pid: 0, size: .zero))
  private(set) var count = 0

  subscript(index: Int) -> Cgroup { storage[index] }

  func contains(_ key: UInt64) -> Bool {
    for index in 0..<count where storage[index].key == key { return true }
    return false
  }

  /// Counts a process to its cgroup. Where there is no room for another, the smallest makes room for a larger one.
  mutating func add(_ process: ProcessFacts) {
    for index in 0..<count where storage[index].key == process.memoryKey {
      storage[index].size += process.footprint
      return
    }
    let new = Cgroup(key: process.memoryKey, pid: process.identity.pid, size: process.footprint)
    if count < storage.count {
      storage[count] = new
      count += 1
      return
    }
    var least = 0
    for index in 1..<count where storage[index].size < storage[least].size { least = index }
    if new.size > storage[least].size { storage[least] = new }
  }
}
