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

  /// Says how much of a row's anonymous memory and swap is shared copy-on-write (``ProcessFacts/forkShared``). Of what is
  /// shared, the swap is taken first: memory that no process has touched since a fork is the first to go there.
  package mutating func setForkShared(_ shared: KiB, row: Int) {
    let shared = min(shared, rows[row].heldAnonymous)
    rows[row].swapElsewhere = min(shared, rows[row].swap)
    rows[row].anonymousElsewhere = shared - rows[row].swapElsewhere
  }

  /// Puts the rows into the order of a walk. By a heap in place, since a decision takes no memory.
  package mutating func sortByPID() {
    for start in stride(from: rows.count / 2 - 1, through: 0, by: -1) { sink(start, upTo: rows.count) }
    for end in stride(from: rows.count - 1, to: 0, by: -1) {
      rows.swapAt(0, end)
      sink(0, upTo: end)
    }
    for row in rows.indices { rowsByPID.set(ProcessTable.key(rows[row].identity.pid), to: UInt64(row)) }
  }

  private mutating func sink(_ start: Int, upTo end: Int) {
    var row = start
    while true {
      var largest = row
      for child in (2 * row + 1)...(2 * row + 2) where child < end {
        if rows[child].identity.pid > rows[largest].identity.pid { largest = child }
      }
      if largest == row { return }
      rows.swapAt(row, largest)
      row = largest
    }
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

  /// Returns the row of a parent that lives and has the same image: the process was forked from it, and has executed no
  /// program since.
  package func forkParent(of row: Int) -> Int? {
    guard rows[row].image != 0, rows[row].parent > 1, let found = parent(of: row), found != row,
      rows[found].image == rows[row].image
    else { return nil }
    return found
  }

  private static func key(_ pid: Int32) -> UInt64 { UInt64(UInt32(bitPattern: pid)) }

  /// Takes the process of a row out of every memory domain, so that it is no candidate.
  package mutating func leaveDomains(_ row: Int) { rows[row].domains = [] }
}
