/// The cgroups that can freeze a process, from its `/proc/PID/cgroup` (cgroups(7)). Ranges are into the bytes parsed,
/// and each path begins with its slash.
///
/// A root cgroup is left out, since it is never frozen. So is a path outside of the reader's cgroup namespace: below
/// /sys/fs/cgroup the same path would name another cgroup.
package struct FreezerPath: Equatable, Sendable {
  /// The path in the version 1 freezer hierarchy.
  package var first: Range<Int>?
  /// The path in the unified hierarchy.
  package var second: Range<Int>?

  package init(parsing bytes: Span<UInt8>) {
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      let isSecond = scanner.take("0::/")
      if !isSecond {
        while let byte = scanner.next, byte != .colon, byte != .newline { scanner.advance() }
      }
      if isSecond || scanner.take(":freezer:/") {
        let start = scanner.offset - 1
        while let byte = scanner.next, byte != .newline { scanner.advance() }
        let range = start..<scanner.offset
        if range.count > 1, !leadsOutside(bytes.extracting(range)) {
          if isSecond { second = range } else { first = range }
        }
      }
      scanner.skipLine()
    }
  }
}
