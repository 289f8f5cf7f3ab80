import ProcModel

/// Tells, of each row of a table, a worker of a service from a member of a fork bomb, by what fork(2) without execve(2)
/// leaves behind: a child with the image of its parent (``ProcessFacts/image``).
///
/// Prefork workers (Apache's prefork, php-fpm, gunicorn, PostgreSQL's backends, Redis while it saves) are direct
/// children of one old process and have no such children themselves. What they share with it copy-on-write is more than
/// what they hold alone (``ForkFamilies``). The processes of a bomb are children of children, also where it was begun
/// in an old shell that has their image; or they hold more than they inherited.
///
/// Four passes over the rows, with no walk up a tree: what a process can make deep costs nothing here. Allocates
/// nothing once it has seen as many processes.
struct Families: Sendable {
  private struct Traits: OptionSet, Sendable {
    let rawValue: UInt8

    /// Its parent lives and has its image.
    static let copy = Traits(rawValue: 1)
    /// It is the parent of a copy.
    static let hasCopies = Traits(rawValue: 2)
    /// A direct copy, without copies, of one that is old and none itself; and it holds less than it shares.
    static let worker = Traits(rawValue: 4)
  }

  /// By number of a process that is no copy: its direct copies in the low 20 bits, and copies of these above.
  private var copies: IntegerMap
  private var traits: [Traits] = []

  init(capacity: Int) {
    copies = IntegerMap(capacity: capacity / 4)
    traits.reserveCapacity(capacity)
  }

  /// Takes, in calm time, what memory a table of this size may need.
  mutating func prepare(for table: ProcessTable) {
    copies.reserve(table.count / 4)
    traits.reserveCapacity(table.count)
  }

  /// Whether a row is a worker of an old process, as the last ``learn(_:young:)`` found.
  func isWorker(_ row: Int) -> Bool { row < traits.count && traits[row].contains(.worker) }

  /// - Parameter young: A process that is younger than this is no old parent.
  mutating func learn(_ table: ProcessTable, young: Ticks) {
    copies.removeAll()
    traits.removeAll(keepingCapacity: true)
    for _ in table.rows.indices { traits.append([]) }
    for row in table.rows.indices {
      guard let parent = table.forkParent(of: row) else { continue }
      traits[row].insert(.copy)
      traits[parent].insert(.hasCopies)
    }
    for row in table.rows.indices where traits[row].contains(.copy) {
      guard let parent = table.forkParent(of: row) else { continue }
      if !traits[parent].contains(.copy) {
        copies.add(1, to: Families.key(table.rows[parent]))
      } else if let grandparent = table.forkParent(of: parent), !traits[grandparent].contains(.copy) {
        copies.add(1 << 20, to: Families.key(table.rows[grandparent]))
      }
    }
    for row in table.rows.indices where traits[row].contains(.copy) && !traits[row].contains(.hasCopies) {
      guard let parent = table.forkParent(of: row), !traits[parent].contains(.copy), !isBomb(table.rows[parent])
      else { continue }
      if let age = table.rows[parent].age, age >= young, Families.livesOnParent(table.rows[row]) {
        traits[row].insert(.worker)
      }
    }
  }

  /// Whether more than half as many are copies of its copies as are its own: a service's worker forks now and then, for
  /// the moment until it executes a program.
  private func isBomb(_ root: ProcessFacts) -> Bool {
    let value = copies.value(for: Families.key(root)) ?? 0
    return (value >> 20) * 2 > value & 0xF_FFFF
  }

  private static func key(_ process: ProcessFacts) -> UInt64 { UInt64(UInt32(bitPattern: process.identity.pid)) }

  /// Whether it shares at least as much as it holds alone, or what it shares is unknown.
  private static func livesOnParent(_ process: ProcessFacts) -> Bool {
    !process.isForkKnown || process.forkShared >= process.footprint
  }
}
