/// The tree of all cgroups that a survey met, by their keys. Paths are not kept.
///
/// A key is the hash of a path. Hashing a path from its front therefore gives, on the way, the keys of all cgroups that
/// it lies in.
package struct CgroupTree: Sendable {
  /// The number of components in the longest path that the kernel shows (PATH_MAX, 4096 bytes).
  private static let deepest = 2048

  /// Each cgroup's parent; 0 stands for the root.
  private var parents: IntegerMap
  private var units: IntegerMap
  /// Cgroups of the unified hierarchy that hold processes whose ``CgroupMembership/path`` is another.
  private var mixed: IntegerMap

  /// - Parameter capacity: The number of cgroups that fit without a further allocation. Cgroups that hold only other
  ///   cgroups count too.
  package init(capacity: Int) {
    parents = IntegerMap(capacity: capacity)
    units = IntegerMap(capacity: capacity / 2)
    mixed = IntegerMap(capacity: 0)
  }

  package mutating func removeAll() {
    parents.removeAll()
    units.removeAll()
    mixed.removeAll()
  }

  /// Adds a process's cgroups and those above them.
  ///
  /// - Parameter bytes: The bytes from which the membership was parsed.
  package mutating func add(_ membership: CgroupMembership, in bytes: Span<UInt8>) {
    if let key = membership.key { add(membership.path, key, unit: membership.unit, in: bytes) }
    if let other = membership.otherUnifiedPath { mix(other, in: bytes) }
    guard let key = membership.memoryKey, key != membership.key else { return }
    // A path has the same unit in each hierarchy, so it does not matter in which of them it was met first.
    let unit = membership.isMemoryOutside ? nil : systemdUnit(in: bytes, path: membership.memoryPath)
    add(membership.memoryPath, key, unit: unit, in: bytes)
  }

  private mutating func mix(_ path: Range<Int>, in bytes: Span<UInt8>) {
    var hash = FNV1a64()
    for index in path.lowerBound...path.upperBound {
      let isEnd = index == path.upperBound
      if index > path.lowerBound, isEnd || bytes[index] == .slash { mixed.set(hash.value, to: 1) }
      if !isEnd { hash.combine(bytes[index]) }
    }
  }

  /// Whether the unified hierarchy has processes in the cgroup, or below it, that are known by another path. Acting on
  /// the whole cgroup would reach those processes too.
  package func isMixed(_ key: UInt64) -> Bool {
    mixed.value(for: key) != nil
  }

  private mutating func add(_ path: Range<Int>, _ key: UInt64, unit name: Range<Int>?, in bytes: Span<UInt8>) {
    guard parents.value(for: key) == nil else { return }
    // A slice holds units, and is no unit that a policy means to kill.
    var unitEnd: Int?
    if let name, !hasSliceSuffix(bytes.extracting(name)) { unitEnd = name.upperBound }
    var unit: UInt64?
    var hash = FNV1a64()
    var above: UInt64 = 0
    for index in path.lowerBound...path.upperBound {
      let isEnd = index == path.upperBound
      if index > path.lowerBound, isEnd || bytes[index] == .slash {
        parents.set(hash.value, to: above)
        above = hash.value
        if index == unitEnd { unit = above }
        // Keys of units above the cgroup's own unit are added here as well, since no process may be in them directly.
        if let unit { units.set(above, to: unit) }
      }
      if !isEnd { hash.combine(bytes[index]) }
    }
  }

  /// Returns the key of the cgroup of the system unit that this cgroup is or lies in. Nil where there is no unit, or
  /// where the unit is a slice.
  package func unit(of key: UInt64) -> UInt64? {
    units.value(for: key)
  }

  /// Whether the first cgroup is the second or lies in it, at any depth.
  package func isSameOrBelow(_ key: UInt64, _ other: UInt64) -> Bool {
    var at = key
    for _ in 0..<CgroupTree.deepest {
      if at == other { return true }
      guard let above = parents.value(for: at), above != 0 else { return false }
      at = above
    }
    return false
  }
}

extension CgroupMembership {
  /// Returns the path of the cgroup with this key, where that is the process's own cgroup or one that it lies in; nil
  /// otherwise. For acting on a cgroup that was chosen by its key.
  ///
  /// - Parameter bytes: The bytes from which the membership was parsed.
  package func path(of key: UInt64, in bytes: Span<UInt8>) -> Range<Int>? {
    var hash = FNV1a64()
    for index in path {
      if bytes[index] == .slash, index > path.lowerBound, hash.value == key { return path.lowerBound..<index }
      hash.combine(bytes[index])
    }
    return path.count > 1 && hash.value == key ? path : nil
  }
}

private func hasSliceSuffix(_ name: Span<UInt8>) -> Bool {
  var scanner = ByteScanner(name, from: max(0, name.count - 6))
  return scanner.take(".slice") && scanner.isAtEnd
}
