/// What a process's facts owe to the other rows of its table: its children's address space, and among how many its
/// shared memory is divided.
///
/// One pass over the rows for each, with two tables kept from survey to survey.
struct SurveyNeighbours: Sendable {
  private var rowsByPID: SurveyIndex
  private var sharing: SurveyIndex

  init(capacity: Int) {
    // All entries are resident, at 20 bytes each; where there are more processes than fit, the tables grow once.
    rowsByPID = SurveyIndex(capacity: capacity / 4)
    // A row that shares memory, and most do not, is in one group or two; a group has an entry for itself and one for
    // each size among its rows.
    sharing = SurveyIndex(capacity: capacity / 4)
  }

  mutating func removeAll() {
    rowsByPID.removeAll()
    sharing.removeAll()
  }

  /// Whether ``add(_:row:)`` was told of this pid.
  func contains(_ pid: Int32) -> Bool {
    rowsByPID.value(for: UInt64(UInt32(bitPattern: pid))) != nil
  }

  mutating func add(_ pid: Int32, row: Int) {
    rowsByPID.set(UInt64(UInt32(bitPattern: pid)), to: UInt64(row))
  }

  /// Sets ``ProcessFacts/childrenVirtual`` and ``ProcessFacts/sharers`` of all rows.
  mutating func relate(_ table: inout ProcessTable) {
    for row in table.rows.indices {
      let virtual = table.rows[row].virtual
      let parent = UInt64(UInt32(bitPattern: table.rows[row].parent))
      if virtual > .zero, let found = rowsByPID.value(for: parent), Int(found) != row {
        table.rows[Int(found)].childrenVirtual += virtual
      }
      enter(table.rows[row])
    }
    for row in table.rows.indices {
      table.rows[row].sharers = sharers(of: table.rows[row])
    }
  }

  // A process's shared memory counts as one with that of its group's other processes that have at least a sixteenth as
  // much of it: its cgroup, or where it has none but the root, its siblings with their parent. Sizes are compared by
  // powers of two, so that some with down to a thirty-second are counted too.

  private mutating func enter(_ facts: ProcessFacts) {
    guard facts.shared > .zero else { return }
    if let cgroup = SurveyNeighbours.cgroup(of: facts) {
      enter(facts.shared, group: SurveyNeighbours.group(cgroup: cgroup))
    } else {
      if facts.parent > 1 { enter(facts.shared, group: SurveyNeighbours.group(childrenOf: facts.parent)) }
      enter(facts.shared, group: SurveyNeighbours.group(childrenOf: facts.identity.pid))
    }
  }

  private mutating func enter(_ shared: KiB, group: UInt64) {
    let size = SurveyNeighbours.size(shared)
    sharing.formUnion(1 << size, at: group)
    sharing.add(1, to: SurveyNeighbours.entry(size, of: group))
  }

  private func sharers(of facts: ProcessFacts) -> UInt32 {
    guard facts.shared > .zero else { return 1 }
    if let cgroup = SurveyNeighbours.cgroup(of: facts) {
      return sharers(facts.shared, group: SurveyNeighbours.group(cgroup: cgroup))
    }
    // A parent is of its own children's group as well as of its siblings'; the larger one has its memory.
    let asParent = sharers(facts.shared, group: SurveyNeighbours.group(childrenOf: facts.identity.pid))
    guard facts.parent > 1 else { return asParent }
    return max(asParent, sharers(facts.shared, group: SurveyNeighbours.group(childrenOf: facts.parent)))
  }

  private func sharers(_ shared: KiB, group: UInt64) -> UInt32 {
    let size = SurveyNeighbours.size(shared)
    var sizes = (sharing.value(for: group) ?? 0) & (UInt64.max << (size > 4 ? size - 4 : 0))
    var count: UInt64 = 0
    while sizes != 0 {
      let smallest = UInt64(sizes.trailingZeroBitCount)
      count &+= sharing.value(for: SurveyNeighbours.entry(smallest, of: group)) ?? 0
      sizes &= sizes &- 1
    }
    return UInt32(clamping: max(count, 1))
  }

  /// The power of two at or below an amount that is not zero.
  private static func size(_ amount: KiB) -> UInt64 {
    UInt64(63 - amount.count.leadingZeroBitCount)
  }

  /// By both hierarchies, where they differ.
  private static func cgroup(of facts: ProcessFacts) -> UInt64? {
    guard !facts.hasOneCgroup else { return facts.cgroupKey }
    return SurveyIndex.mix(facts.cgroupKey ?? 0) ^ facts.memoryKey
  }

  private static func group(cgroup key: UInt64) -> UInt64 {
    SurveyIndex.mix(key ^ 0x6367_726f_7570_0000)
  }

  private static func group(childrenOf pid: Int32) -> UInt64 {
    SurveyIndex.mix(UInt64(UInt32(bitPattern: pid)) ^ 0x7061_7265_6e74_0000)
  }

  private static func entry(_ size: UInt64, of group: UInt64) -> UInt64 {
    SurveyIndex.mix(group &+ size &+ 1)
  }
}
