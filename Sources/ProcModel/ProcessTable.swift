/// The processes of one survey, in the order of its walk. Filled anew by each; what was reserved is kept.
package struct ProcessTable: Sendable {
  package var rows: [ProcessFacts] = []
  /// Of all processes in it.
  package var cgroups: CgroupTree

  /// - Parameter capacity: Processes that need no further memory. More are taken all the same, at the price of an
  ///   allocation.
  package init(capacity: Int) {
    rows.reserveCapacity(capacity)
    // A server has a few dozen cgroups, however many processes run in them.
    cgroups = CgroupTree(capacity: capacity / 4)
  }

  package var count: Int { rows.count }

  /// Forgets all processes and keeps the room for them.
  package mutating func clear() {
    rows.removeAll(keepingCapacity: true)
    cgroups.removeAll()
  }

  package mutating func append(_ facts: ProcessFacts) {
    rows.append(facts)
  }
}
