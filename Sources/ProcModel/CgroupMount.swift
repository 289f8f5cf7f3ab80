/// Where a hierarchy of cgroups is mounted, from `/proc/self/mountinfo` (proc(5)).
package struct CgroupMount: Equatable, Sendable {
  package var version: CgroupVersion
  /// Of version 1; a unified hierarchy has no name and tells its controllers elsewhere.
  package var names: HierarchyNames
  /// The cgroup at the mount's top, as `/proc/PID/cgroup` names it: not the root where a container shows its own only, and
  /// `/..` once for each level that the mount's top is above the root of the reader's cgroup namespace.
  package var root: [UInt8]
  /// The directory.
  package var point: [UInt8]

  /// Takes the mount of version 1's memory controller if there is one, since then no other hierarchy accounts memory;
  /// else that of version 2. Of several the first. Allocates.
  ///
  /// - Returns: Nil where no cgroups are mounted. Lines that make no sense are passed over.
  package init?(parsing bytes: Span<UInt8>) {
    let mounts = CgroupMount.all(parsing: bytes)
    guard let mount = mounts.first(where: { $0.names.contains(.memory) }) ?? mounts.first(where: { $0.version == .v2 })
    else { return nil }
    self = mount
  }

  /// All hierarchies' mounts in their order. Lines that make no sense are passed over. Allocates.
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

  /// The bytes up to the next blank, `\040` and its kin put back into what they stand for.
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
