package import LinuxSystem
package import ProcModel

/// By which relief changes cgroups and puts them back: between what a course of relief decides and what the kernel does.
package protocol ReliefCalls: AnyObject {
  /// As ``CgroupRelief/lower(_:to:)``.
  func lower(_ cgroup: Span<UInt8>, to limit: KiB) throws(Errno) -> Bool
  /// As ``CgroupRelief/freeze(_:)``.
  func freeze(_ cgroup: Span<UInt8>) throws(Errno) -> Bool
  /// As ``CgroupRelief/undo(_:)``.
  func undo(_ file: ReliefFile) throws(Errno) -> Bool
  /// As ``CgroupRelief/reclaim(_:from:)``.
  func reclaim(_ wanted: KiB, from cgroup: Span<UInt8>) throws(Errno)
  /// The cgroup of such a change, also when it is undone.
  func cgroup(_ file: ReliefFile) -> ByteBuffer
  /// What the last job that takes long came to; nil while one is under way.
  var result: HelperResult? { get }
  /// Readable when such a job is done, until ``acknowledge()``.
  var doneDescriptor: Int32 { get }
  func acknowledge()
  /// Waits for a job a little, for an agent that stops.
  func settle()
}

/// What relief does to cgroups, and undoes: one limit that is lowered and one cgroup that is frozen at a time, each
/// noted before it is done.
///
/// What may take the kernel long is done by a helper, one job at a time; undoing never takes long. Once it is made it
/// allocates nothing.
package final class CgroupRelief: ReliefCalls {
  /// The folder of the note, and the note's name there.
  package static let folder = "/run/spillway"
  package static let noteName = "relief"

  /// The root of the unified hierarchy.
  private let root: OwnedDescriptor
  /// The note.
  private let store: OwnedDescriptor
  private let helper: HelperThread
  private var note: ReliefNote
  // Open while they are changed: what was opened is undone without looking for it again.
  private var high: OwnedDescriptor?
  private var freezer: OwnedDescriptor?
  /// The helper was last told to lower a limit.
  private var isLowering = false
  private var path = CPath("")
  private var amount = CPath("")
  private var scratch = [UInt8](repeating: 0, count: 64)

  /// - Parameters:
  ///   - root: Of the unified hierarchy.
  ///   - folder: Where the note is kept, which only root may write. What an earlier note has must have been undone.
  /// - Throws: Why there is no helper, or no note.
  package init(root: consuming OwnedDescriptor, folder: borrowing OwnedDescriptor) throws(Errno) {
    let helper = try HelperThread()
    let store = try folder.open(CPath(CgroupRelief.noteName), .readWrite, [.create, .noFollow])
    // All of it, so that no page of it is new later.
    var note = ReliefNote()
    note.compose()
    try store.overwrite(note.bytes)
    self.note = note
    self.root = root
    self.store = store
    self.helper = helper
    high = nil
    freezer = nil
    // As long as any that will be opened.
    let longest = [UInt8](repeating: .slash, count: 1024)
    path.set(folder: longest.span, file: "memory.reclaim")
  }

  /// Undoes what a run before this one left, by its note. A cgroup that is gone needs no undoing.
  ///
  /// - Returns: How many changes were undone.
  /// - Throws: `EINVAL` for a note that is not whole, which stays as it is; why the note or a file cannot be read or
  ///   written.
  package static func undoLeftovers(
    below root: borrowing OwnedDescriptor, in folder: borrowing OwnedDescriptor
  ) throws(Errno) -> Int {
    var buffer = ByteBuffer(capacity: ReliefNote.length + 1)
    do throws(Errno) {
      buffer.count = try folder.open(CPath(noteName), .read, .noFollow).readWhole(into: &buffer.storage)
    } catch .noSuchFile {
      return 0
    }
    // Made, and not written any more.
    if buffer.count == 0 { return 0 }
    guard var left = try? ReliefNote(parsing: buffer.bytes) else { throw .invalidArgument }
    // Where nothing is left to undo, nothing need be writable.
    if !left.holds(.high) && !left.holds(.freeze) { return 0 }
    let store = try folder.open(CPath(noteName), .readWrite, .noFollow)
    var undone = 0
    for file in ReliefFile.allCases where left.holds(file) {
      let (old, cgroup) = (left.old(file), left.cgroup(file))
      var path = CPath("")
      path.set(folder: cgroup.bytes.extracting(1..<cgroup.count), file: file.name)
      do throws(Errno) {
        try root.open(path, .write).write(old.bytes)
      } catch .noSuchFile {
        // Gone, and its limits with it.
      } catch .noDevice {
        // Gone between its opening and its writing.
      }
      left.remove(file)
      left.compose()
      try store.overwrite(left.bytes)
      undone += 1
    }
    return undone
  }

  /// Why cgroups cannot be written here at all, where that is so: `EROFS` in the service's own sandbox.
  package var refusal: Errno? {
    do throws(Errno) {
      // Opened and left alone.
      _ = try root.open(CPath("cgroup.procs"), .write)
      return nil
    } catch {
      return error
    }
  }

  /// Whether such a change is made and not undone.
  package func holds(_ file: ReliefFile) -> Bool { note.holds(file) }

  /// The cgroup of such a change, also when it is undone.
  package func cgroup(_ file: ReliefFile) -> ByteBuffer { note.cgroup(file) }

  /// Has the helper lower a cgroup's `memory.high`: the kernel takes back what is above it before it lets the helper
  /// go.
  ///
  /// - Parameter cgroup: Its path, with the slash.
  /// - Returns: False where it is as low already.
  /// - Throws: Why not; `EBUSY` while the helper is at work, `EINVAL` where the change cannot be noted.
  package func lower(_ cgroup: Span<UInt8>, to limit: KiB) throws(Errno) -> Bool {
    guard !helper.isBusy else { throw .busy }
    let file = try open(cgroup, ReliefFile.high.name, .readWrite)
    let count = try readWord(file)
    let word = scratch
    guard let old = try? CgroupAmount(parsing: word.span.extracting(0..<count)) else { throw .invalidArgument }
    if let old = old.amount, old <= limit { return false }
    guard note.add(.high, old: word.span.extracting(0..<count), cgroup: cgroup) else { throw .invalidArgument }
    amount.set(decimal: limit.count, "K")
    let amount = amount
    do throws(Errno) {
      try save()
      try helper.write(amount.bytes, to: file)
    } catch {
      forget(.high)
      throw error
    }
    high = consume file
    isLowering = true
    return true
  }

  /// Freezes a cgroup and all below it. The kernel does so in its own time.
  ///
  /// - Returns: False where it is frozen already.
  /// - Throws: As ``lower(_:to:)``, but for the helper.
  package func freeze(_ cgroup: Span<UInt8>) throws(Errno) -> Bool {
    let file = try open(cgroup, ReliefFile.freeze.name, .readWrite)
    let count = try readWord(file)
    let word = scratch
    if count != 1 || word[0] != UInt8(ascii: "0") { return false }
    guard note.add(.freeze, old: word.span.extracting(0..<count), cgroup: cgroup) else { throw .invalidArgument }
    let one: InlineArray<1, UInt8> = [UInt8(ascii: "1")]
    do throws(Errno) {
      try save()
      try file.overwrite(one.span)
    } catch {
      forget(.freeze)
      throw error
    }
    freezer = consume file
    return true
  }

  /// Puts back what a file held before it was changed. Does nothing where it was not.
  ///
  /// - Returns: False where it has to be done once more: the helper is still at it, and may lower the limit only now.
  /// - Throws: Why it cannot be put back. In both cases it stays noted.
  package func undo(_ file: ReliefFile) throws(Errno) -> Bool {
    guard note.holds(file) else { return true }
    let isEarly = file == .high && isLowering && helper.isBusy
    let old = note.old(file)
    do throws(Errno) {
      switch file {
      case .high: try high?.overwrite(old.bytes)
      case .freeze: try freezer?.overwrite(old.bytes)
      }
    } catch .noDevice {
      // Gone, and its limits with it.
    }
    if isEarly { return false }
    forget(file)
    return true
  }

  /// Waits for the helper a little, for an agent that stops.
  package func settle() { helper.wait(milliseconds: 1000) }

  /// Has the helper ask for so much of a cgroup's memory (`memory.reclaim`, Linux 5.19). It fails with `EAGAIN` where
  /// it gets less.
  ///
  /// - Throws: `ENOENT` before Linux 5.19, `EBUSY` while the helper is at work.
  package func reclaim(_ wanted: KiB, from cgroup: Span<UInt8>) throws(Errno) {
    guard !helper.isBusy else { throw .busy }
    let file = try open(cgroup, "memory.reclaim", .write)
    amount.set(decimal: wanted.count, "K")
    isLowering = false
    let amount = amount
    try helper.write(amount.bytes, to: file)
  }

  /// What the helper's last job came to; nil while one is under way.
  package var result: HelperResult? { helper.result }

  /// Readable when a job of the helper is done, until ``acknowledge()``.
  package var doneDescriptor: Int32 { helper.doneDescriptor }

  package func acknowledge() { helper.acknowledge() }

  private func open(
    _ cgroup: Span<UInt8>, _ file: String, _ access: OwnedDescriptor.AccessMode
  ) throws(Errno) -> OwnedDescriptor {
    // Without the slash in front, so that it is below the root.
    path.set(folder: cgroup.extracting(min(1, cgroup.count)..<cgroup.count), file: file)
    return try root.open(path, access)
  }

  /// Reads a file's one word into ``scratch``.
  ///
  /// - Returns: Its length.
  private func readWord(_ file: borrowing OwnedDescriptor) throws(Errno) -> Int {
    var count = try file.readWhole(into: &scratch)
    if count > 0, scratch[count - 1] == .newline { count -= 1 }
    return count
  }

  /// Removes the note of a change. If that cannot be written, a stale note stays: to undo it twice is harmless.
  private func forget(_ file: ReliefFile) {
    switch file {
    case .high: high = nil
    case .freeze: freezer = nil
    }
    note.remove(file)
    try? save()
  }

  private func save() throws(Errno) {
    note.compose()
    let note = note
    try store.overwrite(note.bytes)
  }
}
