/// `/proc/PID/cgroup` (cgroups(7)): the cgroup that stands for a process, and the system unit that the process belongs
/// to.
///
/// A process has one cgroup in each hierarchy, and their paths may differ. Ranges are into the bytes parsed.
package struct CgroupMembership: Equatable, Sendable {
  /// The path of the cgroup into which the service manager put the process. The path begins with its slash; `
  /// (deleted)` at its end is left out. It is empty where the file is.
  ///
  /// Where version 1 has the controllers that systemd works with, systemd keeps its own tree in the hierarchy
  /// `name=systemd`, and the unified hierarchy may be less exact: Docker's cgroupfs driver leaves a container there in
  /// `containerd.service`. The order is then `name=systemd`, the v1 memory controller's hierarchy, the unified one, one
  /// with another name (of elogind or OpenRC).
  ///
  /// Where the unified hierarchy has the controllers, it is systemd's. A hierarchy `name=systemd` beside it exists only
  /// for old containers, which may name its cgroups as they like, so it comes later.
  ///
  /// A hierarchy in whose root the process is gives way to the next.
  package private(set) var path: Range<Int>
  /// The name of the system unit whose cgroup this is or lies in. Nil where there is none, or where it is unknown.
  package private(set) var unit: Range<Int>?
  /// The ``FNV1a64`` hash of ``path``. Nil at the root.
  package private(set) var key: UInt64?
  /// Whether ``path`` leads out of the reader's cgroup namespace (`/..`, cgroup_namespaces(7)). Such a path tells one
  /// cgroup from another, but it tells neither the unit nor the place in the machine.
  package private(set) var isOutside = false
  /// The path of the cgroup that accounts the process's memory: in the v1 memory controller's hierarchy, otherwise in
  /// the unified one.
  package private(set) var memoryPath: Range<Int>
  /// The ``FNV1a64`` hash of ``memoryPath``. Nil at the root.
  package private(set) var memoryKey: UInt64?
  /// Whether ``memoryPath`` leads out of the reader's cgroup namespace.
  package private(set) var isMemoryOutside = false
  /// The path in the unified hierarchy, where that is neither the root nor ``path``: the process is in that cgroup as
  /// well.
  package private(set) var otherUnifiedPath: Range<Int>?
  /// Whether all of this holds even if lines were cut off after those that were read.
  package private(set) var isSettled: Bool

  /// - Throws: ``ProcParseError/truncated(offset:)`` or ``ProcParseError/malformed(offset:)`` for a line that is not
  ///   `number:controllers:/path`.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var unified = 0..<0
    var systemd = 0..<0
    var memory = 0..<0
    var named = 0..<0
    var hasControllers = false
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      let hierarchy = try scanner.decimal()
      try scanner.expect(.colon)
      let names = HierarchyNames(&scanner)
      try scanner.expect(.colon)
      guard let slash = scanner.next else { throw .truncated(offset: scanner.offset) }
      guard slash == .slash else { throw .malformed(offset: scanner.offset) }
      let path = CgroupMembership.path(&scanner)
      if hierarchy == 0 {
        unified = path
        continue
      }
      hasControllers = hasControllers || names.contains(.controller)
      if names.contains(.systemd) { systemd = path }
      if names.contains(.memory) { memory = path }
      if names.contains(.named), named.count <= 1 { named = path }
    }

    memoryPath = memory.isEmpty ? unified : memory
    if hasControllers {
      path = CgroupMembership.first(systemd, memory, unified, named)
    } else {
      path = CgroupMembership.first(unified, systemd, named, memory)
    }
    if unified.count > 1, !CgroupMembership.areSame(unified, path, in: bytes) { otherUnifiedPath = unified }
    isSettled = hasControllers && systemd.count > 1 && !memory.isEmpty
    isOutside = leadsOutside(bytes.extracting(path))
    isMemoryOutside = leadsOutside(bytes.extracting(memoryPath))
    if path.count > 1 {
      key = FNV1a64.hash(bytes.extracting(path))
      if !isOutside { unit = systemdUnit(in: bytes, path: path) }
    }
    if memoryPath.count > 1 {
      memoryKey = memoryPath == path ? key : FNV1a64.hash(bytes.extracting(memoryPath))
    }
  }

  /// Returns the first path that is not the root; otherwise the first that is there.
  private static func first(
    _ first: Range<Int>, _ second: Range<Int>, _ third: Range<Int>, _ fourth: Range<Int>
  ) -> Range<Int> {
    for shortest in 1...2 {
      if first.count >= 3 - shortest { return first }
      if second.count >= 3 - shortest { return second }
      if third.count >= 3 - shortest { return third }
      if fourth.count >= 3 - shortest { return fourth }
    }
    return 0..<0
  }

  private static func areSame(_ one: Range<Int>, _ other: Range<Int>, in bytes: Span<UInt8>) -> Bool {
    guard one.count == other.count else { return false }
    for offset in 0..<one.count where bytes[one.lowerBound + offset] != bytes[other.lowerBound + offset] {
      return false
    }
    return true
  }

  /// Consumes the rest of the line and returns the path in it.
  private static func path(_ scanner: inout ByteScanner) -> Range<Int> {
    let start = scanner.offset
    while let byte = scanner.next, byte != .newline {
      scanner.advance()
    }
    var end = scanner.offset
    scanner.advance()
    // The kernel appends ` (deleted)` to the path of a cgroup that was removed while a zombie was still in it.
    var suffix = ByteScanner(scanner.bytes, from: max(start, end - 10))
    if suffix.take(" (deleted)"), suffix.offset == end { end = max(start + 1, end - 10) }
    return start..<end
  }
}

/// The names of a hierarchy: the second field of a line of `/proc/PID/cgroup`, and the options of its mount.
package struct HierarchyNames: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let systemd = HierarchyNames(rawValue: 1)
  package static let memory = HierarchyNames(rawValue: 2)
  /// The hierarchy has another name, such as `name=elogind`.
  package static let named = HierarchyNames(rawValue: 4)
  /// The hierarchy has at least one of the controllers by which systemd limits units. Single programs mount hierarchies
  /// with other controllers (`net_cls`, `freezer`) beside a unified hierarchy that is systemd's.
  package static let controller = HierarchyNames(rawValue: 8)

  /// Consumes words with commas between them, up to a colon, a blank or the end of the line.
  package init(_ scanner: inout ByteScanner) {
    self.init()
    while let byte = scanner.next, !HierarchyNames.ends(byte) {
      let start = scanner.offset
      while let byte = scanner.next, byte != UInt8(ascii: ","), !HierarchyNames.ends(byte) {
        scanner.advance()
      }
      add(scanner.bytes.extracting(start..<scanner.offset))
      if scanner.next == UInt8(ascii: ",") { scanner.advance() }
    }
  }

  private mutating func add(_ word: Span<UInt8>) {
    var scanner = ByteScanner(word)
    if scanner.take("name=") {
      insert(scanner.take("systemd") && scanner.isAtEnd ? .systemd : .named)
    } else if scanner.take("memory"), scanner.isAtEnd {
      formUnion([.memory, .controller])
    } else if scanner.take("cpu") || scanner.take("pids") || scanner.take("blkio") || scanner.take("devices") {
      if scanner.isAtEnd || scanner.take("acct") && scanner.isAtEnd { insert(.controller) }
    }
  }

  private static func ends(_ byte: UInt8) -> Bool { byte == .colon || byte == .space || byte == .newline }
}

/// Whether the first component of a cgroup's path is `..`. Such a path is relative to the root of the reader's cgroup
/// namespace, and the cgroup lies outside of that namespace.
package func leadsOutside(_ path: Span<UInt8>) -> Bool {
  var scanner = ByteScanner(path)
  return scanner.take("/..") && (scanner.isAtEnd || scanner.next == .slash)
}
