/// The mount of a cgroup hierarchy, from a line of `/proc/self/mountinfo` (proc(5)).
package struct CgroupMount: Equatable, Sendable {
  package var version: CgroupVersion
  /// The names of a version 1 hierarchy. A unified hierarchy has none, and lists its controllers elsewhere.
  package var names: HierarchyNames
  /// The cgroup at the top of the mount, as `/proc/PID/cgroup` names it. In a container that shows only its own
  /// cgroups, that is not the root. The path has one `/..` for each level that the top is above the root of the
  /// reader's cgroup namespace.
  package var root: [UInt8]
  /// The mount point, a directory.
  package var point: [UInt8]

  /// Selects the mount of the hierarchy that accounts memory: version 1's memory controller if it is mounted, otherwise
  /// version 2. Of several mounts it selects the first. Lines that make no sense are skipped. Allocates.
  ///
  /// Returns nil where no such hierarchy is mounted.
  package init?(parsing bytes: Span<UInt8>) {
    let mounts = CgroupMount.all(parsing: bytes)
    guard let mount = mounts.first(where: { $0.names.contains(.memory) }) ?? mounts.first(where: { $0.version == .v2 })
    else { return nil }
    self = mount
  }

  /// Returns the mounts of all hierarchies, in the file's order. Lines that make no sense are skipped. Allocates.
  package static func all(parsing bytes: Span<UInt8>) -> [CgroupMount] {
    var mounts: [CgroupMount] = []
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      if let mount = CgroupMount(line: &scanner) { mounts.append(mount) }
      scanner.skipLine()
    }
    return mounts
  }

  // `36 35 98:0 /root /mount/point options optional… - type source super,options`
  private init?(line scanner: inout ByteScanner) {
    for _ in 0..<3 { CgroupMount.skipField(&scanner) }
    root = CgroupMount.field(&scanner)
    point = CgroupMount.field(&scanner)
    while !scanner.take("- ") {
      guard let byte = scanner.next, byte != .newline else { return nil }
      CgroupMount.skipField(&scanner)
    }
    names = []
    if scanner.take("cgroup2 ") {
      version = .v2
    } else if scanner.take("cgroup ") {
      version = .v1
      CgroupMount.skipField(&scanner)
      names = HierarchyNames(&scanner)
    } else {
      return nil
    }
    guard root.first == .slash, point.first == .slash else { return nil }
  }

  private static func skipField(_ scanner: inout ByteScanner) {
    scanner.skipWord()
    scanner.skipBlanks()
  }

  /// Consumes the bytes up to the next blank. Escapes such as `\040` are decoded.
  private static func field(_ scanner: inout ByteScanner) -> [UInt8] {
    var bytes: [UInt8] = []
    while let byte = scanner.next, byte != .space, byte != .newline {
      scanner.advance()
      bytes.append(byte == UInt8(ascii: "\\") ? octal(&scanner) ?? byte : byte)
    }
    scanner.skipBlanks()
    return bytes
  }

  private static func octal(_ scanner: inout ByteScanner) -> UInt8? {
    var value: UInt16 = 0
    var ahead = ByteScanner(scanner.bytes, from: scanner.offset)
    for _ in 0..<3 {
      guard let digit = ahead.next?.decimalDigit, digit < 8 else { return nil }
      value = value * 8 + UInt16(digit)
      ahead.advance()
    }
    scanner.advance(by: 3)
    return UInt8(truncatingIfNeeded: value)
  }
}
