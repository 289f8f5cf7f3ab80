/// How much of the machine a source's names cover. What a namespace of the reader leaves out is unknown, and must not
/// be taken for what the machine has.
package struct ProcView: Equatable, Sendable {
  /// Whether the paths of cgroups are relative to the machine's root, or in a container to the cgroup that is process
  /// 1's place.
  ///
  /// This is false where process 1 itself is outside of the reader's cgroup namespace (cgroup_namespaces(7)): the agent
  /// is in a container of its own that shows the host's processes (`docker run --pid=host`, `hostPID`). Then the paths
  /// of cgroups outside begin with `/..`, and those inside are named as if the container were the machine. The path of
  /// process 1 tells. Comparing `/proc/1/ns/cgroup` with one's own would need the right to trace process 1, and two
  /// namespaces with the same root do no harm.
  package var showsAllCgroups = true
  /// The user ID that stands for all users that the reader's user namespace does not map (user_namespaces(7)); nil
  /// where it maps all.
  package var unmappedUser: UInt32?
  /// The group ID that stands for all groups without a mapping; nil where there are none.
  package var unmappedGroup: UInt32?

  package init() {}
}

/// `/proc/self/uid_map` or `/proc/self/gid_map` (user_namespaces(7)).
package struct IdentityMap: Equatable, Sendable {
  /// Whether every ID is mapped to itself, as in the initial namespace.
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
    // 2³²−1 is no ID.
    isWhole = inside == 0 && outside == 0 && count >= UInt64(UInt32.max)
  }
}
