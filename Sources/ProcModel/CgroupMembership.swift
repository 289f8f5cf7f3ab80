/// `/proc/PID/cgroup` (cgroups(7)): which of a process's cgroups speaks for it, and the system unit it belongs to.
///
/// Ranges are into the bytes parsed.
package struct CgroupMembership: Equatable, Sendable {
  /// The path, from its slash, without ` (deleted)`. Empty where the file is.
  ///
  /// The unified hierarchy's unless that is the root; then the one of systemd's own v1 hierarchy, then that of the v1
  /// memory controller.
  package private(set) var path: Range<Int>
  /// The system unit whose cgroup this is or lies in. Nil where there is none.
  package private(set) var unit: Range<Int>?
  /// ``FNV1a64`` of the path. Nil at the root.
  package private(set) var key: UInt64?
  /// The path of the cgroup that accounts its memory, as it is: the v1 memory controller's, or else the unified one's.
  package private(set) var memoryPath: Range<Int>

  /// - Throws: ``ProcParseError/truncated(offset:)`` or ``ProcParseError/malformed(offset:)`` of a line that is not
  ///   `number:controllers:/path`.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var unified = 0..<0
    var systemd = 0..<0
    var memory = 0..<0
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      let hierarchy = try scanner.decimal()
      try scanner.expect(.colon)
      let controllers = CgroupMembership.controllers(&scanner)
      try scanner.expect(.colon)
      guard let slash = scanner.next else { throw .truncated(offset: scanner.offset) }
      guard slash == .slash else { throw .malformed(offset: scanner.offset) }
      let path = CgroupMembership.path(&scanner)
      if hierarchy == 0 {
        unified = path
      } else if controllers == .systemd {
        systemd = path
      } else if controllers == .memory {
        memory = path
      }
    }

    memoryPath = memory.isEmpty ? unified : memory
    path = unified
    if path.count <= 1, systemd.count > path.count { path = systemd }
    if path.count <= 1, memory.count > path.count { path = memory }
    if path.count > 1 {
      key = FNV1a64.hash(bytes.extracting(path))
      unit = systemdUnit(in: bytes, path: path)
    }
  }

  private enum Controllers {
    case systemd
    case memory
    case other
  }

  /// Takes the list of controllers, up to its colon. Both names have other parts of a list about them only if a line
  /// mounts several controllers (`4:cpu,memory:/`).
  private static func controllers(_ scanner: inout ByteScanner) -> Controllers {
    var found = Controllers.other
    while let byte = scanner.next, byte != .newline {
      let kind: Controllers =
        scanner.take("name=systemd") ? .systemd : scanner.take("memory") ? .memory : .other
      if let after = scanner.next, after == .colon || after == UInt8(ascii: ","), kind != .other { found = kind }
      while let byte = scanner.next, byte != .colon, byte != UInt8(ascii: ","), byte != .newline {
        scanner.advance()
      }
      guard scanner.next == UInt8(ascii: ",") else { break }
      scanner.advance()
    }
    return found
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
