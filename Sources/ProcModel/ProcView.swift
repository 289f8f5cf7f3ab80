/// How much of the machine a source's names mean: what a namespace of the reader's leaves out is not known, and must not
/// be taken for what the machine has.
package struct ProcView: Equatable, Sendable {
  /// Whether paths of cgroups are told from below the machine's root, or from what is process 1's place in a container.
  ///
  /// Not so where process 1 itself is outside of the reader's cgroup namespace (cgroup_namespaces(7)): an agent in a
  /// container of its own that shows the host's processes (`docker run --pid=host`, `hostPID`). Then `/..` begins the
  /// paths of what is outside, and what is inside is named as if its container were the machine. Process 1's own path
  /// tells; comparing `/proc/1/ns/cgroup` with one's own would need the right to trace process 1, and two namespaces
  /// with the same root are no harm.
  package var showsAllCgroups = true
  /// The number that stands for all users that the reader's user namespace does not have (user_namespaces(7)); nil where
  /// it has all.
  package var unmappedUser: UInt32?
  /// The same of groups.
  package var unmappedGroup: UInt32?

  package init() {}
}

/// `/proc/self/uid_map` or `gid_map` (user_namespaces(7)).
package struct IdentityMap: Equatable, Sendable {
  /// Whether every number is there and means itself, as in the initial namespace.
  package var isWhole: Bool

  /// - Throws: What is wrong with the first line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    scanner.skipBlanks()
    let inside = try scanner.decimal()
    scanner.skipBlanks()
    let outside = try scanner.decimal()
    scanner.skipBlanks()
    let count = try scanner.decimal()
    // 2³²−1 is no number of a user.
    isWhole = inside == 0 && outside == 0 && count >= UInt64(UInt32.max)
  }
}
