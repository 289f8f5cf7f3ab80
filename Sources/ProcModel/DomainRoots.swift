/// A set of memory domains by number. 0 is the system; the others are the policy's domains in its order.
package struct DomainSet: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// - Parameter number: The domain's number, 0…7.
  package init(number: Int) {
    rawValue = 1 << UInt8(number)
  }

  package static let system = DomainSet(number: 0)
}

/// The cgroup of each memory domain. A process in it is a candidate of the domain.
package struct DomainRoots: Sendable {
  /// The largest number of domains, the system among them.
  package static let capacity = 8

  /// The paths of all domains, one after the other.
  private var text: [UInt8] = []
  private var paths: [Range<Int>] = []
  private var systemIsMachine = true

  /// Makes the set of a system that is the whole machine, without other domains.
  package init() {
    paths.reserveCapacity(DomainRoots.capacity)
    paths.append(0..<0)
  }

  package var count: Int { paths.count }

  /// Restricts the system to one cgroup, as a container sees it. To be called at the start, before domains are added.
  ///
  /// - Parameter path: The cgroup's path of `/proc/PID/cgroup`. The root or an empty path stand for everything that
  ///   this source names.
  package mutating func setSystem(_ path: Span<UInt8>) {
    paths[0] = add(path)
    systemIsMachine = false
  }

  /// Adds the next domain. Does nothing beyond ``capacity``.
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
    // Without the root's own slash, what lies below the root is found as below any other cgroup.
    if text.count == start + 1, path[0] == .slash { text.removeLast() }
    return start..<text.count
  }

  /// The path of a domain's cgroup. It is empty for the root.
  @_lifetime(borrow self)
  package func path(_ number: Int) -> Span<UInt8> {
    text.span.extracting(paths[number])
  }

  /// The domains of a process that is outside of the cgroups that this source names: it belongs to the machine, if the
  /// system is that, and to no container.
  package var outside: DomainSet { systemIsMachine ? .system : [] }

  /// Returns the domains that a process lies in.
  ///
  /// - Parameter path: The path of the cgroup that accounts the process's memory, as this source names it. It is empty
  ///   where there is none.
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
