package import LinuxSystem
package import ProcModel

/// A cgroup's file that relief changes.
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

/// One change that must be undone: of which file of which cgroup, and what it held.
package struct ReliefChange: Equatable, Sendable {
  package var file: ReliefFile
  /// What the file held, one word: `max`, `0`, a number of bytes.
  package var old: [UInt8]
  /// The cgroup's path, from its hierarchy's root, with the slash.
  package var cgroup: [UInt8]

  package init(file: ReliefFile, old: [UInt8], cgroup: [UInt8]) {
    self.file = file
    self.old = old
    self.cgroup = cgroup
  }
}

/// What was changed to give relief and is not undone yet, as a small file below /run has it, so that a start after a
/// crash can undo it.
///
/// One line for each change, `memory.high OLD /PATH`, after a first line that names the format. A path ends with its
/// line, and one with a newline in it is never changed. Whatever is not understood is refused as a whole: a wrong value in
/// a limit is worse than one that stays low.
package struct ReliefNote: Equatable, Sendable {
  /// Changes that are kept at most.
  package static let capacity = 64
  private static let heading = "spillway-relief 1\n"

  package private(set) var changes: [ReliefChange] = []

  package init() {}

  /// Takes note of a change, before it is made.
  ///
  /// - Returns: False where it cannot be noted, and so must not be made: the note is full, the cgroup's path has a
  ///   newline or no slash in front, the old value is no word. A file that is noted already keeps its first value.
  package mutating func add(_ change: ReliefChange) -> Bool {
    guard ReliefNote.isWord(change.old), ReliefNote.isPath(change.cgroup) else { return false }
    for known in changes where known.file == change.file && known.cgroup == change.cgroup { return true }
    guard changes.count < ReliefNote.capacity else { return false }
    changes.append(change)
    return true
  }

  /// Forgets a change that was undone.
  package mutating func remove(_ file: ReliefFile, _ cgroup: [UInt8]) {
    changes.removeAll { known in known.file == file && known.cgroup == cgroup }
  }

  package var bytes: [UInt8] {
    var text = Array(ReliefNote.heading.utf8)
    for change in changes {
      text.append(contentsOf: change.file.name.utf8)
      text.append(.space)
      text.append(contentsOf: change.old)
      text.append(.space)
      text.append(contentsOf: change.cgroup)
      text.append(.newline)
    }
    return text
  }

  /// - Parameter bytes: The whole file.
  /// - Throws: Where it is no such note, or not whole.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    guard scanner.take(ReliefNote.heading) else { throw .malformed(offset: 0) }
    while !scanner.isAtEnd {
      let start = scanner.offset
      var file: ReliefFile?
      // The blank after it, so that no name passes for the front of another.
      if scanner.take("memory.high ") { file = .high } else if scanner.take("cgroup.freeze ") { file = .freeze }
      guard let file else { throw .malformed(offset: start) }
      var old: [UInt8] = []
      while let byte = scanner.next, byte != .space, byte != .newline {
        old.append(byte)
        scanner.advance()
      }
      try scanner.expect(.space)
      var cgroup: [UInt8] = []
      while let byte = scanner.next, byte != .newline {
        cgroup.append(byte)
        scanner.advance()
      }
      // A last line without its newline was cut.
      try scanner.expect(.newline)
      let count = changes.count
      guard add(ReliefChange(file: file, old: old, cgroup: cgroup)), changes.count == count + 1 else {
        throw .malformed(offset: start)
      }
    }
  }

  private static func isWord(_ bytes: [UInt8]) -> Bool {
    guard !bytes.isEmpty, bytes.count <= 24 else { return false }
    for byte in bytes {
      let isLetter = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
      if !isLetter, byte.decimalDigit == nil { return false }
    }
    return true
  }

  /// From the root, with no component that leads elsewhere.
  private static func isPath(_ bytes: [UInt8]) -> Bool {
    guard bytes.count > 1, bytes.count < 4096, bytes[0] == .slash else { return false }
    var dots = 0
    var length = 0
    for index in 1...bytes.count {
      guard index < bytes.count, bytes[index] != .slash else {
        if length == 0 || (dots == length && length <= 2) { return false }
        (dots, length) = (0, 0)
        continue
      }
      if bytes[index] == .newline || bytes[index] == 0 { return false }
      if bytes[index] == UInt8(ascii: ".") { dots += 1 }
      length += 1
    }
    return true
  }
}

/// What relief does to cgroups, and undoes.
package struct CgroupRelief: ~Copyable {
  /// The root of the unified hierarchy.
  private let root: OwnedDescriptor
  /// The note's folder, and its names there.
  private let folder: OwnedDescriptor
  private let name: CPath
  private let draft: CPath
  package private(set) var note = ReliefNote()
  private var scratch = [UInt8](repeating: 0, count: 64)

  /// - Parameters:
  ///   - root: Of the unified hierarchy.
  ///   - folder: Where the note is kept: a folder below /run that only root may write.
  ///   - name: The note's.
  package init(root: consuming OwnedDescriptor, folder: consuming OwnedDescriptor, name: String) {
    self.root = root
    self.folder = folder
    self.name = CPath(name)
    draft = CPath(name + ".new")
  }

  /// Undoes what a run before this one left, by its note. A cgroup that is gone needs no undoing.
  ///
  /// - Returns: How many changes were undone.
  /// - Throws: `EINVAL` for a note that is not whole, which stays where it is; why the note or a file cannot be read or
  ///   written.
  package mutating func undoLeftovers() throws(Errno) -> Int {
    var buffer = ByteBuffer(capacity: 64 * 1024)
    do throws(Errno) {
      let file = try folder.open(name, [.read, .noFollow])
      buffer.count = try file.readWhole(into: &buffer.storage)
    } catch .noSuchFile {
      return 0
    }
    guard let left = try? ReliefNote(parsing: buffer.bytes) else { throw .invalidArgument }
    note = left
    return try undoAll()
  }

  /// Undoes every change there is a note of.
  ///
  /// - Throws: The first refusal; what could not be undone stays noted.
  @discardableResult
  package mutating func undoAll() throws(Errno) -> Int {
    var undone = 0
    while let change = note.changes.last {
      do throws(Errno) {
        try put(change.old.span, into: change.file, of: change.cgroup)
      } catch .noSuchFile {
        // Gone, and its limits with it.
      } catch .noDevice {
        // Gone between its opening and its writing.
      }
      note.remove(change.file, change.cgroup)
      try save()
      undone += 1
    }
    return undone
  }

  /// Sets a file of a cgroup, once what it held is noted.
  ///
  /// - Parameter cgroup: Its path, with the slash.
  /// - Throws: Why not; `EINVAL` where the change cannot be noted.
  package mutating func change(_ file: ReliefFile, of cgroup: [UInt8], to value: Span<UInt8>) throws(Errno) {
    let old = try read(file, of: cgroup)
    guard note.add(ReliefChange(file: file, old: old, cgroup: cgroup)) else { throw .invalidArgument }
    try save()
    try put(value, into: file, of: cgroup)
  }

  /// Puts back what a file of a cgroup held before.
  package mutating func undo(_ file: ReliefFile, of cgroup: [UInt8]) throws(Errno) {
    for change in note.changes where change.file == file && change.cgroup == cgroup {
      do throws(Errno) {
        try put(change.old.span, into: file, of: cgroup)
      } catch .noSuchFile {
        // Gone, and its limits with it.
      }
      note.remove(file, cgroup)
      return try save()
    }
  }

  /// Has the kernel reclaim so much of a cgroup's memory (`memory.reclaim`, Linux 5.19), by the helper: it may take long,
  /// and fails with `EAGAIN` where it gets less.
  ///
  /// - Throws: `ENOENT` before Linux 5.19, `EBUSY` while the helper is at work.
  package func reclaim(_ amount: KiB, from cgroup: [UInt8], by helper: borrowing HelperThread) throws(Errno) {
    let file = try open(CPath(cgroup + Array("/memory.reclaim".utf8)), .write)
    try helper.write(CPath(decimal: amount.count, "K").bytes, to: file)
  }

  private mutating func read(_ file: ReliefFile, of cgroup: [UInt8]) throws(Errno) -> [UInt8] {
    let source = try open(CPath(cgroup + [.slash] + Array(file.name.utf8)), .read)
    let count = try source.readWhole(into: &scratch)
    var word: [UInt8] = []
    for index in 0..<count where scratch[index] != .newline { word.append(scratch[index]) }
    return word
  }

  private func put(_ value: Span<UInt8>, into file: ReliefFile, of cgroup: [UInt8]) throws(Errno) {
    let target = try open(CPath(cgroup + [.slash] + Array(file.name.utf8)), .write)
    try target.write(value)
  }

  private func open(_ path: CPath, _ mode: OwnedDescriptor.Mode) throws(Errno) -> OwnedDescriptor {
    // Without the slash in front, so that it is below the root.
    try root.open(path.withoutSlash, mode)
  }

  /// Writes the note whole or not at all; none where nothing is left to undo.
  private func save() throws(Errno) {
    if note.changes.isEmpty {
      do throws(Errno) {
        try folder.remove(name)
      } catch .noSuchFile {
        // Never written.
      }
      return
    }
    let file = try folder.open(draft, [.write, .create, .truncate, .noFollow])
    try file.write(note.bytes.span)
    try folder.rename(draft, to: name)
  }
}
