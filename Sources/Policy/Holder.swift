import Pressure
package import ProcModel

/// What holds the most memory of a domain and cannot be killed: a protected process, or memory that is no process's.
///
/// It is told where no process may be killed, or where the victim gives back little beside it: a decision is then right
/// by the policy, and yet the reader has to know where the memory is.
package struct Holder: Sendable {
  package enum Kind: UInt8, CaseIterable, Sendable {
    /// A process that a rule or more protects, or that was killed in vain.
    case process
    /// Shared memory and tmpfs that no process of the survey maps.
    case shared
    /// The kernel's own memory, which it cannot drop.
    case kernel
    /// Page tables of all processes.
    case pageTables
    /// The pool of huge pages.
    case hugePages
    /// Memory in use by nothing that meminfo names.
    case unnamed
    /// Anonymous memory that none of the domain's processes in the survey has: of processes that cannot be seen, or that
    /// left the cgroup and not their memory.
    case unseen

    package var name: String {
      switch self {
      case .process: "process"
      case .shared: "shared"
      case .kernel: "kernel"
      case .pageTables: "page_tables"
      case .hugePages: "huge_pages"
      case .unnamed: "unnamed"
      case .unseen: "unseen"
      }
    }
  }

  package private(set) var kind: Kind
  /// What it holds, of a process with its swap.
  package private(set) var size: KiB
  /// Set for the kind ``Kind/process``.
  package var process: Candidate?
  /// The row of that process.
  private var row: Int?

  /// Finds what holds the most. Nil where the reading does not tell what the memory in use is.
  ///
  /// - Parameter ranking: Of the domain that was read.
  package init?(in ranking: borrowing Ranking, _ reading: MemoryReading, by context: ScoringContext) {
    guard let parts = reading.parts else { return nil }
    kind = .process
    size = .zero
    // What was not read is not unseen.
    var (anonymous, shared) = (ranking.tally.leftOutFootprint + ranking.tally.remainder, KiB.zero)
    for row in ranking.table.rows.indices {
      let process = ranking.table.rows[row]
      switch ranking.eligibility[row].status {
      case .outside: continue
      case .protected, .inVain:
        if process.footprint > size {
          size = process.footprint
          self.row = row
        }
      case .eligible: break
      }
      anonymous += process.anonymous
      shared += process.ownShared
    }
    offer(.shared, parts.shared - shared)
    offer(.kernel, parts.kernel)
    offer(.pageTables, parts.pageTables)
    offer(.hugePages, reading.hugePool)
    offer(.unnamed, parts.unnamed)
    // A page that processes share since a fork is in the file once, and in each of their rows.
    offer(.unseen, parts.anonymous - anonymous)
    guard size > .zero else { return nil }
    if let row { process = ranking.candidate(row, by: context) }
  }

  private mutating func offer(_ kind: Kind, _ size: KiB) {
    guard size > self.size else { return }
    self.kind = kind
    self.size = size
    row = nil
  }

  /// Whether it is worth telling beside a victim: it holds at least twice what killing that gives back, and more than a
  /// quarter of the memory and swap in use.
  ///
  /// - Parameter footprint: Of the kill set.
  package func dwarfs(_ footprint: KiB, _ reading: MemoryReading) -> Bool {
    let inUse =
      (reading.total - reading.available) + reading.hugePool + (reading.swapTotal - reading.swapFree)
    return size >= footprint + footprint && size > KiB(inUse.count / 4)
  }
}

extension Decision {
  /// Notes what holds the memory, where that is not the victim.
  ///
  /// - Parameter ranking: From which the victim was chosen.
  package mutating func noteHolder(in ranking: borrowing Ranking) {
    guard let found = Holder(in: ranking, verdict.reading, by: context) else { return }
    if let victim, !found.dwarfs(max(killSet.footprint, victim.process.footprint), verdict.reading) { return }
    holder = found
  }
}
