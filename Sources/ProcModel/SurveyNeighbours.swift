/// Sets the facts of a process that depend on the other rows of its table: the address space of its children, and how
/// much of its shared memory is counted with other processes.
///
/// It makes two passes over the rows, with a map that is kept from survey to survey.
///
/// No file that can be read without a lock tells how much of a mapping two processes have in common. Processes are
/// therefore grouped: by cgroup, or where that is the root, siblings with their parent. Within a group, what a process
/// maps is taken to be a part of what every larger one maps. Each layer of the largest is divided among the processes
/// whose memory reaches it, as the cost of a runway is divided among the aircraft that need its length (Littlechild and
/// Owen, 1973).
///
/// So a pool that all workers map whole is divided evenly, a large holder is not made small by helpers that map a part,
/// and all shares together are what the largest holds.
struct SurveyNeighbours: Sendable {
  private var sharing: IntegerMap

  init(capacity: Int) {
    // Most rows share no memory. A row that does is in one or two groups. A group takes one entry, and three for each
    // size among its rows.
    sharing = IntegerMap(capacity: capacity / 2)
  }

  /// Sets ``ProcessFacts/childrenVirtual`` and ``ProcessFacts/sharedElsewhere`` of all rows.
  mutating func relate(_ table: inout ProcessTable) {
    sharing.removeAll()
    for row in table.rows.indices { table.rows[row].childrenVirtual = .zero }
    for row in table.rows.indices {
      let virtual = table.rows[row].virtual
      if virtual > .zero, let parent = table.parent(of: row), parent != row {
        table.rows[parent].childrenVirtual += virtual
      }
      enter(table.rows[row])
    }
    for row in table.rows.indices {
      let process = table.rows[row]
      table.rows[row].sharedElsewhere = process.shared - share(of: process)
    }
  }

  private mutating func enter(_ process: ProcessFacts) {
    guard process.shared > .zero else { return }
    if let cgroup = SurveyNeighbours.cgroup(of: process) {
      enter(process.shared, group: SurveyNeighbours.group(cgroup: cgroup))
    } else {
      if process.parent > 1 { enter(process.shared, group: SurveyNeighbours.group(childrenOf: process.parent)) }
      enter(process.shared, group: SurveyNeighbours.group(childrenOf: process.identity.pid))
    }
  }

  private func share(of process: ProcessFacts) -> KiB {
    guard process.shared > .zero else { return .zero }
    if let cgroup = SurveyNeighbours.cgroup(of: process) {
      return share(process.shared, group: SurveyNeighbours.group(cgroup: cgroup))
    }
    // A parent is in the group of its children as well as in that of its siblings. Its memory is counted in the group
    // in which more processes share it.
    let asParent = share(process.shared, group: SurveyNeighbours.group(childrenOf: process.identity.pid))
    guard process.parent > 1 else { return asParent }
    return min(asParent, share(process.shared, group: SurveyNeighbours.group(childrenOf: process.parent)))
  }

  // Sizes are grouped by powers of two. An exact order would take a sort for each group.

  private mutating func enter(_ shared: KiB, group: UInt64) {
    let amount = SurveyNeighbours.bounded(shared)
    let size = SurveyNeighbours.size(amount)
    sharing.formUnion(1 << size, at: group)
    sharing.add(1, to: SurveyNeighbours.countEntry(size, of: group))
    sharing.add(amount, to: SurveyNeighbours.sumEntry(size, of: group))
    sharing.formMaximum(amount, at: SurveyNeighbours.largestEntry(size, of: group))
  }

  private func share(_ shared: KiB, group: UInt64) -> KiB {
    let amount = SurveyNeighbours.bounded(shared)
    var above = rows(of: group)
    var sizes = sharing.value(for: group) ?? 0
    // The height of the layers that are divided so far.
    var height: UInt64 = 0
    var share: UInt64 = 0
    while sizes != 0, height < amount {
      let size = UInt64(sizes.trailingZeroBitCount)
      sizes &= sizes &- 1
      let bottom: UInt64 = 1 << size
      // All processes of this size or larger reach to its bottom.
      share += (bottom - height) / max(above, 1)
      height = bottom
      let count = sharing.value(for: SurveyNeighbours.countEntry(size, of: group)) ?? 0
      let sum = sharing.value(for: SurveyNeighbours.sumEntry(size, of: group)) ?? 0
      let largest = sharing.value(for: SurveyNeighbours.largestEntry(size, of: group)) ?? bottom
      above -= min(count, above)
      // Processes of this size reach into the layer up to the largest of them; larger ones reach through it.
      let layer = largest - bottom
      let reached = sum - count * bottom + above * layer
      let own = min(amount - min(bottom, amount), layer)
      if own > 0 { share += own * layer / reached }
      height = largest
    }
    return KiB(min(share, shared.count))
  }

  /// Returns the number of rows of a group that share memory.
  private func rows(of group: UInt64) -> UInt64 {
    var sizes = sharing.value(for: group) ?? 0
    var count: UInt64 = 0
    while sizes != 0 {
      count += sharing.value(for: SurveyNeighbours.countEntry(UInt64(sizes.trailingZeroBitCount), of: group)) ?? 0
      sizes &= sizes &- 1
    }
    return count
  }

  /// Returns the amount in KiB, at least 1 and at most 2 TiB. More than 2 TiB is a torn reading, and below that the
  /// product of two amounts fits 64 bits.
  private static func bounded(_ shared: KiB) -> UInt64 { min(max(shared.count, 1), 1 << 31) }

  /// Returns the exponent of the largest power of two that is not above an amount, which must not be zero.
  private static func size(_ amount: UInt64) -> UInt64 { UInt64(63 - amount.leadingZeroBitCount) }

  /// Returns a key of the cgroups in both hierarchies, where they differ.
  private static func cgroup(of facts: ProcessFacts) -> UInt64? {
    guard !facts.hasOneCgroup else { return facts.cgroupKey }
    return IntegerMap.mix(facts.cgroupKey ?? 0) ^ facts.memoryKey
  }

  private static func group(cgroup key: UInt64) -> UInt64 {
    IntegerMap.mix(key ^ 0x6367_726f_7570_0000)
  }

  private static func group(childrenOf pid: Int32) -> UInt64 {
    IntegerMap.mix(UInt64(UInt32(bitPattern: pid)) ^ 0x7061_7265_6e74_0000)
  }

  private static func countEntry(_ size: UInt64, of group: UInt64) -> UInt64 {
    IntegerMap.mix(group &+ 1 &+ size)
  }

  private static func sumEntry(_ size: UInt64, of group: UInt64) -> UInt64 {
    IntegerMap.mix(group &+ 65 &+ size)
  }

  private static func largestEntry(_ size: UInt64, of group: UInt64) -> UInt64 {
    IntegerMap.mix(group &+ 129 &+ size)
  }
}
