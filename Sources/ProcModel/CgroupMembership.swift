/// `/proc/PID/cgroup` (cgroups(7)): which of a process's cgroups speaks for it, and the system unit it belongs to.
///
/// A process has a cgroup in each hierarchy, and they need not be one. Ranges are into the bytes parsed.
package struct CgroupMembership: Equatable, Sendable {
  /// The path that the service manager put the process at, from its slash, without ` (deleted)`. Empty where the file
  /// is.
  ///
  /// Where version 1 has the controllers that systemd works with, systemd keeps its truth in a hierarchy of its own,
  /// `name=systemd`, and the unified one may be less exact: Docker's cgroupfs driver leaves a container there in
  /// `containerd.service`. The order is `name=systemd`, the v1 memory controller's, the unified one, one with another
  /// name (elogind's, OpenRC's). Where the unified one has the controllers it is systemd's, and a hierarchy
  /// `name=systemd` beside it is only there for old containers, which may name its cgroups as they like: it comes after.
  /// Each hierarchy in whose root the process is gives way to the next.
  package private(set) var path: Range<Int>
  /// The system unit whose cgroup this is or lies in. Nil where there is none, or where it cannot be told.
  package private(set) var unit: Range<Int>?
  /// ``FNV1a64`` of the path. Nil at the root.
  package private(set) var key: UInt64?
  /// Whether ``path`` leads out of the reader's cgroup namespace (`/..`, cgroup_namespaces(7)): then it tells one cgroup
  /// from another, and says neither the unit nor where it lies.
  package private(set) var isOutside = false
  /// The path of the cgroup that accounts its memory, as it is: the v1 memory controller's, or else the unified one's.
  package private(set) var memoryPath: Range<Int>
  /// ``FNV1a64`` of that path. Nil at the root.
  package private(set) var memoryKey: UInt64?
  /// Whether ``memoryPath`` leads out of the reader's cgroup namespace.
  package private(set) var isMemoryOutside = false
  /// The path in the unified hierarchy, where that is neither the root nor ``path``: the process is in that cgroup too.
  package private(set) var otherUnifiedPath: Range<Int>?
  /// Whether lines that were cut off could change none of this.
  package private(set) var isSettled: Bool

  /// - Throws: ``ProcParseError/truncated(offset:)`` or ``ProcParseError/malformed(offset:)`` of a line that is not
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

  /// The first that is not the root, or else the first that is there.
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

  /// Takes the rest of the line.
  private static func path(_ scanner: inout ByteScanner) -> Range<Int> {
    let start = scanner.offset
    while let byte = scanner.next, byte != .newline {
      scanner.advance()
    }
    var end = scanner.offset
    scanner.advance()
    // The kernel appends this to the path of a cgroup that was removed while a zombie was still in it.
    var suffix = ByteScanner(scanner.bytes, from: max(start, end - 10))
    if suffix.take(" (deleted)"), suffix.offset == end { end = max(start + 1, end - 10) }
    return start..<end
  }
}

/// What a hierarchy is called: the second field of a line of `/proc/PID/cgroup`, and the options of its mount.
package struct HierarchyNames: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let systemd = HierarchyNames(rawValue: 1)
  package static let memory = HierarchyNames(rawValue: 2)
  /// Has any other name, `name=elogind` say.
  package static let named = HierarchyNames(rawValue: 4)
  /// Has at least one of the controllers that systemd limits units by. Others (`net_cls`, `freezer`) are mounted by
  /// single programs beside a unified hierarchy that is systemd's.
  package static let controller = HierarchyNames(rawValue: 8)

  /// Takes words with commas between, up to a colon, a blank or the line's end.
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

/// Whether a cgroup's path begins with `/..` as a whole component: it is relative to the root of the reader's cgroup
/// namespace, and lies outside of that.
package func leadsOutside(_ path: Span<UInt8>) -> Bool {
  var scanner = ByteScanner(path)
  return scanner.take("/..") && (scanner.isAtEnd || scanner.next == .slash)
}
