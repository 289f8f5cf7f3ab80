/// Translates the paths of `/proc/PID/cgroup`, as the kernel prints them for a reader within a cgroup namespace, into
/// paths from the machine's root (cgroup_namespaces(7)). Where the namespace's root is `/kubepods/pod7`,
/// `/../../system.slice` becomes `/system.slice`, and `/x` becomes `/kubepods/pod7/x`.
package struct CgroupTranslation: Sendable {
  // The root of the reader's namespace in each hierarchy, without a slash at its end: empty where it is the machine's
  // root. Nil where it is unknown; paths in that hierarchy are left as they are.
  package var unified: [UInt8]?
  package var systemd: [UInt8]?
  package var memory: [UInt8]?

  private var scratch: [UInt8] = []

  package init() {}

  /// Allocates the memory that translating the longest file takes.
  package mutating func prepare() {
    scratch.reserveCapacity(CgroupTranslation.room)
  }

  /// The size in bytes of the scratch memory. No buffer into which such a file is read is longer.
  private static let room = 32 * 1024

  /// Translates the file in a buffer, in place.
  ///
  /// Where the result does not fit, it is cut, and the buffer is full. Everything from the first line that makes no
  /// sense is dropped.
  package mutating func translate(_ buffer: inout ByteBuffer) {
    scratch.removeAll(keepingCapacity: true)
    let wasFull = buffer.isFull
    let count = buffer.count
    var start = 0
    while start < count {
      var end = start
      while end < count, buffer.storage[end] != .newline { end += 1 }
      guard let path = appendHead(of: buffer, start..<end) else { break }
      append(buffer, path, below: root(of: buffer, start..<path.lowerBound))
      if end < count { scratch.append(.newline) }
      start = end + 1
      if scratch.count > buffer.storage.count { break }
    }
    buffer.fill(from: scratch.span)
    if wasFull { fillUp(&buffer) }
  }

  /// Fills the rest of the buffer, so that a file which was cut still looks cut.
  private func fillUp(_ buffer: inout ByteBuffer) {
    while buffer.count < buffer.storage.count {
      buffer.storage[buffer.count] = UInt8(ascii: "0")
      buffer.count += 1
    }
  }

  /// - Returns: The range of the line's path; nil where the line has none.
  private mutating func appendHead(of buffer: ByteBuffer, _ line: Range<Int>) -> Range<Int>? {
    var colons = 0
    for index in line {
      scratch.append(buffer.storage[index])
      if buffer.storage[index] == .colon { colons += 1 }
      if colons == 2 { return index + 1..<line.upperBound }
    }
    return nil
  }

  private func root(of buffer: ByteBuffer, _ head: Range<Int>) -> [UInt8]? {
    var scanner = ByteScanner(buffer.storage.span.extracting(head))
    if scanner.take("0::") { return unified }
    while let byte = scanner.next, byte != .colon { scanner.advance() }
    scanner.advance()
    let names = HierarchyNames(&scanner)
    return names.contains(.memory) ? memory : names.contains(.systemd) ? systemd : nil
  }

  private mutating func append(_ buffer: ByteBuffer, _ path: Range<Int>, below root: [UInt8]?) {
    var start = path.lowerBound
    if let root {
      var kept = root.count
      while leadsOutside(buffer.storage.span.extracting(start..<path.upperBound)) {
        // There is nothing above the machine's root, so the path is left as it is.
        guard let above = root[0..<kept].lastIndex(of: .slash) else {
          kept = 0
          start = path.lowerBound
          break
        }
        kept = above
        start += 3
      }
      for index in 0..<kept { scratch.append(root[index]) }
      // The path is the namespace's root, or the machine's.
      let rest = buffer.storage.span.extracting(start..<path.upperBound)
      if kept > 0, rest.count == 1, rest[0] == .slash { return }
      if kept == 0, rest.isEmpty { scratch.append(.slash) }
    }
    for index in start..<path.upperBound { scratch.append(buffer.storage[index]) }
  }
}
