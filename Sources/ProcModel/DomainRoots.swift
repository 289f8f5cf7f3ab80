/// Memory domains by number: 0 is the system, the others are the policy's in its order.
package struct DomainSet: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// - Parameter number: 0…7.
  package init(number: Int) {
    rawValue = 1 << UInt8(number)
  }

  package static let system = DomainSet(number: 0)
}

/// The cgroups whose processes are each domain's candidates.
package struct DomainRoots: Sendable {
  /// The system and seven more.
  package static let capacity = 8

  /// All paths, one after the other.
  private var text: [UInt8] = []
  private var paths: [Range<Int>] = []
  private var systemIsMachine = true

  /// A system that is the whole machine, and no other domain.
  package init() {
    paths.reserveCapacity(DomainRoots.capacity)
    paths.append(0..<0)
  }

  package var count: Int { paths.count }

  /// Makes the system what lies in one cgroup, as a container sees it. For the start, before domains are added.
  ///
  /// - Parameter path: As in `/proc/PID/cgroup`. The root and an empty path are all that this source names.
  package mutating func setSystem(_ path: Span<UInt8>) {
    paths[0] = add(path)
    systemIsMachine = false
  }

  /// Adds the next domain, up to ``capacity``.
  package mutating func append(_ path: Span<UInt8>) {
    guard paths.count < DomainRoots.capacity else { return }
    let range = add(path)
    paths.append(range)
  }

  private mutating func add(_ path: Span<UInt8>) -> Range<Int> {
    let start = text.count
    for index in path.indices {
      text.append(path[index])
    }
    // Without the root's own slash what lies below it is found as what lies below any other.
    if text.count == start + 1, path[0] == .slash { text.removeLast() }
    return start..<text.count
  }

  /// The path of a domain's cgroup; empty for the root.
  @_lifetime(borrow self)
  package func path(_ number: Int) -> Span<UInt8> {
    text.span.extracting(paths[number])
  }

  /// The domains of a process that lies outside of the cgroups that this source names: its memory is the machine's, and
  /// no container's.
  package var outside: DomainSet { systemIsMachine ? .system : [] }

  /// The domains that a process lies in.
  ///
  /// - Parameter path: Of the cgroup that accounts its memory, as this source names it; empty where there is none.
  package func domains(of path: Span<UInt8>) -> DomainSet {
    var found: DomainSet = []
    for number in paths.indices where covers(paths[number], path) {
      found.insert(DomainSet(number: number))
    }
    return found
  }

  private func covers(_ root: Range<Int>, _ path: Span<UInt8>) -> Bool {
    if root.isEmpty { return true }
    guard path.count >= root.count else { return false }
    for index in 0..<root.count where text[root.lowerBound + index] != path[index] {
      return false
    }
    return path.count == root.count || path[root.count] == .slash
  }
}
