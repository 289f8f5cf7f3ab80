import Policy
package import ProcModel

/// A cgroup's file that relief changes. There is one change of each at a time.
package enum ReliefFile: UInt8, CaseIterable, Sendable {
  case high
  case freeze

  package var name: String {
    switch self {
    case .high: "memory.high"
    case .freeze: "cgroup.freeze"
    }
  }
}

/// What was changed to give relief and is not undone yet, as a small file below /run has it, so that a start after a
/// crash can undo it.
///
/// A first line that names the format, one line for each change, `memory.high OLD /PATH`, and `end`; newlines up to its
/// length, which is always the same, so that it is written in place. A path ends with its line, and one with a newline
/// in it is never changed. Whatever is not understood is refused as a whole: a wrong value in a limit is worse than one
/// that stays low.
///
/// It has room for everything from its beginning on, and allocates nothing later.
package struct ReliefNote: Sendable {
  package static let length = 4096
  private static let heading = "spillway-relief 1\n"
  private static let ending = "end\n"

  private struct Change {
    var isMade = false
    /// What the file held, one word: `max`, `0`, a number of bytes.
    var old = ByteBuffer(capacity: 24)
    /// From its hierarchy's root, with the slash.
    var cgroup = ByteBuffer(capacity: MeasureLimits.cgroupLength)
  }

  private var high = Change()
  private var freeze = Change()
  private var text: [UInt8] = []

  package init() {
    text.reserveCapacity(ReliefNote.length)
  }

  private subscript(file: ReliefFile) -> Change {
    switch file {
    case .high: high
    case .freeze: freeze
    }
  }

  package func holds(_ file: ReliefFile) -> Bool { self[file].isMade }
  package func old(_ file: ReliefFile) -> ByteBuffer { self[file].old }
  package func cgroup(_ file: ReliefFile) -> ByteBuffer { self[file].cgroup }

  /// Takes note of a change, before it is made.
  ///
  /// - Returns: False where it cannot be noted, and so must not be made: there is one of that file, the cgroup's path
  ///   has a newline or no slash in front, the old value is no word.
  package mutating func add(_ file: ReliefFile, old: Span<UInt8>, cgroup: Span<UInt8>) -> Bool {
    guard !holds(file), ReliefNote.isWord(old), ReliefNote.isPath(cgroup) else { return false }
    switch file {
    case .high: ReliefNote.fill(&high, old, cgroup)
    case .freeze: ReliefNote.fill(&freeze, old, cgroup)
    }
    return true
  }

  private static func fill(_ change: inout Change, _ old: Span<UInt8>, _ cgroup: Span<UInt8>) {
    change.old.fill(from: old)
    change.cgroup.fill(from: cgroup)
    change.isMade = true
  }

  /// Forgets a change that was undone.
  package mutating func remove(_ file: ReliefFile) {
    switch file {
    case .high: high.isMade = false
    case .freeze: freeze.isMade = false
    }
  }

  /// Puts it into words, for ``bytes``.
  package mutating func compose() {
    text.removeAll(keepingCapacity: true)
    append(ReliefNote.heading)
    if high.isMade { append(.high, high) }
    if freeze.isMade { append(.freeze, freeze) }
    append(ReliefNote.ending)
    while text.count < ReliefNote.length { text.append(.newline) }
  }

  private mutating func append(_ word: String) {
    for byte in word.utf8 { text.append(byte) }
  }

  private mutating func append(_ file: ReliefFile, _ change: Change) {
    append(file.name)
    text.append(.space)
    for index in 0..<change.old.count { text.append(change.old.storage[index]) }
    text.append(.space)
    for index in 0..<change.cgroup.count { text.append(change.cgroup.storage[index]) }
    text.append(.newline)
  }

  /// The whole file, as it was composed last.
  package var bytes: Span<UInt8> {
    @_lifetime(borrow self) get { text.span }
  }

  /// - Parameter bytes: The whole file.
  /// - Throws: Where it is no such note, or not whole.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    self.init()
    var scanner = ByteScanner(bytes)
    guard scanner.take(ReliefNote.heading) else { throw .malformed(offset: 0) }
    while !scanner.take(ReliefNote.ending) {
      let start = scanner.offset
      var file: ReliefFile?
      // The blank after it, so that no name passes for the front of another.
      if scanner.take("memory.high ") { file = .high } else if scanner.take("cgroup.freeze ") { file = .freeze }
      guard let file else { throw .malformed(offset: start) }
      let old = scanner.offset
      while let byte = scanner.next, byte != .space, byte != .newline { scanner.advance() }
      let oldEnd = scanner.offset
      try scanner.expect(.space)
      let cgroup = scanner.offset
      while let byte = scanner.next, byte != .newline { scanner.advance() }
      let cgroupEnd = scanner.offset
      try scanner.expect(.newline)
      guard add(file, old: bytes.extracting(old..<oldEnd), cgroup: bytes.extracting(cgroup..<cgroupEnd)) else {
        throw .malformed(offset: start)
      }
    }
    while let byte = scanner.next {
      guard byte == .newline else { throw .malformed(offset: scanner.offset) }
      scanner.advance()
    }
  }

  private static func isWord(_ bytes: Span<UInt8>) -> Bool {
    guard !bytes.isEmpty, bytes.count <= 24 else { return false }
    for index in bytes.indices {
      let isLetter = bytes[index] >= UInt8(ascii: "a") && bytes[index] <= UInt8(ascii: "z")
      if !isLetter, bytes[index].decimalDigit == nil { return false }
    }
    return true
  }

  private static func isPath(_ bytes: Span<UInt8>) -> Bool {
    guard MeasureLimits.isCgroup(bytes) else { return false }
    var start = 1
    for index in 1...bytes.count {
      guard index < bytes.count, bytes[index] != .slash else {
        if index == start { return false }
        start = index + 1
        continue
      }
      if bytes[index] == .newline { return false }
    }
    return true
  }
}
