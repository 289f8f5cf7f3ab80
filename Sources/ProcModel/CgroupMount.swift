/// Where the hierarchy that accounts memory is mounted, from `/proc/self/mountinfo` (proc(5)).
package struct CgroupMount: Equatable, Sendable {
  package var version: CgroupVersion
  /// The cgroup at the mount's top, as `/proc/PID/cgroup` names it: not the root where a container shows its own only.
  package var root: [UInt8]
  /// The directory.
  package var point: [UInt8]

  /// Takes the mount of version 1's memory controller if there is one, since then no other hierarchy accounts memory;
  /// else that of version 2. Of several the first. Allocates.
  ///
  /// - Returns: Nil where no cgroups are mounted. Lines that make no sense are passed over.
  package init?(parsing bytes: Span<UInt8>) {
    var unified: CgroupMount?
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      if let mount = CgroupMount(line: &scanner) {
        if mount.version == .v1 {
          self = mount
          return
        }
        unified = unified ?? mount
      }
      scanner.skipLine()
    }
    guard let unified else { return nil }
    self = unified
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
    if scanner.take("cgroup2 ") {
      version = .v2
    } else if scanner.take("cgroup ") {
      version = .v1
      CgroupMount.skipField(&scanner)
      guard CgroupMount.hasMemory(&scanner) else { return nil }
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

  /// Whether `memory` is among the words between commas.
  private static func hasMemory(_ scanner: inout ByteScanner) -> Bool {
    while let byte = scanner.next, byte != .newline, byte != .space {
      if scanner.take("memory"), scanner.next.map({ $0 == UInt8(ascii: ",") || $0 == .newline }) ?? true {
        return true
      }
      while let byte = scanner.next, byte != UInt8(ascii: ","), byte != .newline {
        scanner.advance()
      }
      if scanner.next == UInt8(ascii: ",") { scanner.advance() }
    }
    return false
  }
}
