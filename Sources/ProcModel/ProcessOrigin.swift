/// Where a process comes from, as a person looks for it: its unit, its cgroup and its executable. Each is unknown where
/// it cannot be read, or is longer than ``longest``.
///
/// Its memory is taken once. A copy shares it, and has to be gone before the original is filled again, or that takes
/// memory from the heap.
package struct ProcessOrigin: Sendable {
  /// The most bytes of each path: more than any that systemd, containers or packages make.
  package static let longest = 1024

  /// The path of the cgroup, then that of the executable.
  private var text = ByteBuffer(capacity: 2 * longest)
  private var cgroupLength = 0
  /// Within the path of the cgroup.
  private var unitRange: Range<Int>?

  package init() {}

  package mutating func clear() {
    text.clear()
    cgroupLength = 0
    unitRange = nil
  }

  /// - Parameters:
  ///   - path: Of the cgroup. One that leads out of the reader's namespace is unknown.
  ///   - isOfMachine: Whether paths are the machine's own, so that they tell its units.
  package mutating func set(cgroup path: Span<UInt8>, isOfMachine: Bool) {
    clear()
    guard path.count > 0, path.count <= ProcessOrigin.longest, !leadsOutside(path) else { return }
    for index in path.indices { text.storage[index] = path[index] }
    text.count = path.count
    cgroupLength = path.count
    if isOfMachine { unitRange = systemdUnit(in: text.bytes, path: 0..<path.count) }
  }

  /// - Parameter path: The target of `/proc/PID/exe`. To be set after the cgroup.
  package mutating func set(executable path: Span<UInt8>) {
    text.count = cgroupLength
    guard path.count <= ProcessOrigin.longest else { return }
    for index in path.indices { text.storage[cgroupLength + index] = path[index] }
    text.count = cgroupLength + path.count
  }

  package var hasUnit: Bool { unitRange != nil }
  package var hasCgroup: Bool { cgroupLength > 0 }
  package var hasExecutable: Bool { text.count > cgroupLength }

  /// The name of the system's unit; empty where it is unknown.
  package var unit: Span<UInt8> {
    @_lifetime(borrow self) get { text.bytes.extracting(unitRange ?? 0..<0) }
  }

  /// The path of its cgroup (``CgroupMembership/path``); empty where it is unknown.
  package var cgroup: Span<UInt8> {
    @_lifetime(borrow self) get { text.bytes.extracting(0..<cgroupLength) }
  }

  /// The path of its executable, as its own mounts have it; empty where it is unknown.
  package var executable: Span<UInt8> {
    @_lifetime(borrow self) get { text.bytes.extracting(cgroupLength..<text.count) }
  }
}
