/// The processes of one survey, in the order of its walk. Each survey fills the table anew and keeps its memory.
package struct ProcessTable: Sendable {
  package internal(set) var rows: [ProcessFacts] = []
  /// The cgroups of all processes in the table.
  package var cgroups: CgroupTree
  private var rowsByPID: IntegerMap

  /// - Parameter capacity: The number of processes that fit without a further allocation. More are added all the same,
  ///   at the price of an allocation.
  package init(capacity: Int) {
    rows.reserveCapacity(capacity)
    // A server has a few dozen cgroups, however many processes run in them.
    cgroups = CgroupTree(capacity: capacity / 4)
    // Every entry is resident and takes 20 bytes. Where there are more processes than fit, the map grows once.
    rowsByPID = IntegerMap(capacity: capacity / 4)
  }

  package var count: Int { rows.count }

  /// Removes all processes and keeps the memory for them.
  package mutating func clear() {
    rows.removeAll(keepingCapacity: true)
    cgroups.removeAll()
    rowsByPID.removeAll()
  }

  package mutating func append(_ facts: ProcessFacts) {
    rowsByPID.set(ProcessTable.key(facts.identity.pid), to: UInt64(rows.count))
    rows.append(facts)
  }

  /// Says how fast the footprint of a row's process grows, in KiB per second.
  package mutating func setGrowth(_ growthPerSecond: KiB, row: Int) {
    rows[row].growthPerSecond = growthPerSecond
  }

  /// Says whether the parent of a row's process has another image.
  ///
  /// - Parameter parent: The parent's image; 0 where it is unknown.
  package mutating func setImage(ofParent parent: UInt64, row: Int) {
    let own = rows[row].image
    rows[row].hasAnotherImageThanItsParent = own != 0 && parent != 0 && own != parent
  }

  /// Says what a row's process is to its relatives.
  package mutating func setRelations(of process: borrowing ProcessFacts, row: Int) {
    rows[row].isOrphan = process.isOrphan
    rows[row].inheritsOomScoreAdj = process.inheritsOomScoreAdj
    rows[row].unread = process.unread
  }

  /// Returns the row of the process that has this number.
  package func row(ofPID pid: Int32) -> Int? {
    rowsByPID.value(for: ProcessTable.key(pid)).map { Int($0) }
  }

  package func row(of identity: ProcessIdentity) -> Int? {
    guard let row = row(ofPID: identity.pid), rows[row].identity == identity else { return nil }
    return row
  }

  /// Returns the row of a process's parent. A process that is younger than its child is not its parent: it only has the
  /// number that the parent had before it died.
  package func parent(of row: Int) -> Int? {
    let process = rows[row]
    guard process.parent > 0, let found = self.row(ofPID: process.parent),
      rows[found].identity.startTime <= process.identity.startTime
    else { return nil }
    return found
  }

  private static func key(_ pid: Int32) -> UInt64 { UInt64(UInt32(bitPattern: pid)) }

  /// Takes the process of a row out of every memory domain, so that it is no candidate.
  package mutating func leaveDomains(_ row: Int) { rows[row].domains = [] }
}
