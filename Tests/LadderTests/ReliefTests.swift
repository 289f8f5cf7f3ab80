import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

@Suite struct ReliefTests {
  /// A note of these changes; nil where one of them cannot be added.
  private static func note(_ changes: (ReliefFile, String, String)...) -> ReliefNote? {
    var note = ReliefNote()
    for (file, old, path) in changes {
      let (old, path) = (Array(old.utf8), Array(path.utf8))
      guard note.add(file, old: old.span, cgroup: path.span) else { return nil }
    }
    note.compose()
    return note
  }

  private static func text(_ note: ReliefNote?) throws -> String {
    let note = try #require(note)
    var bytes: [UInt8] = []
    for index in note.bytes.indices { bytes.append(note.bytes[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func parse(_ text: String) -> ReliefNote? {
    let bytes = Array(text.utf8)
    var note = try? ReliefNote(parsing: bytes.span)
    note?.compose()
    return note
  }

  // The note.

  @Test func aNoteIsReadAsItWasWritten() throws {
    let note = Self.note((.freeze, "0", "/a b/..c.service"), (.high, "max", "/batch.slice"))
    let text = try Self.text(note)
    let lines = "spillway-relief 1\nmemory.high max /batch.slice\ncgroup.freeze 0 /a b/..c.service\nend\n"
    #expect(text == lines + String(repeating: "\n", count: 4096 - lines.utf8.count))
    #expect(try Self.text(parse(text)) == text)
    // The length of the blank end does not matter.
    #expect(try Self.text(parse(lines)) == text)
    var rest = try #require(note)
    rest.remove(.high)
    rest.compose()
    #expect(try Self.text(rest).hasPrefix("spillway-relief 1\ncgroup.freeze 0 /a b/..c.service\nend\n\n"))
    #expect(rest.holds(.freeze) && !rest.holds(.high))
  }

  /// The longest paths that there can be.
  @Test func aNoteHasRoomForTheLongestPaths() throws {
    let path = "/" + String(repeating: "a", count: 1023)
    let digits = String(repeating: "9", count: 24)
    let text = try Self.text(Self.note((.high, digits, path), (.freeze, digits, path)))
    #expect(text.utf8.count == 4096 && text.contains("\nend\n"))
  }

  @Test func aNoteHasOneChangeOfEachFile() {
    #expect(Self.note((.high, "max", "/a"), (.high, "1", "/b")) == nil)
  }

  @Test(arguments: [
    ("max", "batch"), ("max", "/"), ("max", ""), ("max", "/a\nmemory.high 0 /b"), ("max", "/../etc"), ("max", "/a/./b"),
    ("max", "/a//b"), ("max", "/a/"), ("max", "/a\0b"), ("max", "/a\n"), ("", "/a"), ("1 2", "/a"), ("MAX", "/a"),
    ("-1", "/a"), ("1234567890123456789012345", "/a"), ("max", "/" + String(repeating: "a", count: 1024)),
  ])
  func aChangeThatCannotBeNotedIsRefused(old: String, path: String) {
    #expect(Self.note((.high, old, path)) == nil)
  }

  @Test(arguments: [
    "", "spillway-relief 2\nend\n", "spillway-relief 1", "spillway-relief 1\n", "spillway-relief 1\nmemory.high max /a",
    "spillway-relief 1\nmemory.high max\nend\n", "spillway-relief 1\nmemory.max 1 /a\nend\n",
    "spillway-relief 1\n\nend\n", "spillway-relief 1\nmemory.high 1 /a\nmemory.high 2 /b\nend\n",
    "spillway-relief 1\nmemory.high 1 /../a\nend\n", "spillway-relief 1\nmemory.high  /a\nend\n",
    "spillway-relief 1\nend\nmemory.high max /a\n",
  ])
  func aNoteThatMakesNoSenseIsRefused(text: String) {
    #expect(parse(text) == nil)
  }

  @Test func aNoteThatWasCutIsRefused() throws {
    let text = "spillway-relief 1\nmemory.high max /a\ncgroup.freeze 0 /b\nend\n"
    #expect(parse(text) != nil)
    for length in 0..<text.utf8.count { #expect(parse(String(text.prefix(length))) == nil) }
  }

  // Changes, on a tree of ordinary files.

  private final class Tree {
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-relief-\(UUID().uuidString)")

    init() throws {
      try FileManager.default.createDirectory(at: folder.appending(path: "run"), withIntermediateDirectories: true)
      for name in ["one", "two"] {
        try FileManager.default.createDirectory(
          at: folder.appending(path: "cgroup/\(name)"), withIntermediateDirectories: true)
        for (file, text) in [("memory.high", "max\n"), ("memory.reclaim", ""), ("cgroup.freeze", "0\n")] {
          try put(text, "cgroup/\(name)/\(file)")
        }
      }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func open(_ name: String) throws -> OwnedDescriptor {
      try OwnedDescriptor.open(CPath(folder.path() + name), .read, .directory)
    }

    func relief() throws -> CgroupRelief {
      let folder = try open("/run")
      return try CgroupRelief(root: try open("/cgroup"), folder: folder)
    }

    func undoLeftovers() throws(Errno) -> Int {
      guard let root = try? open("/cgroup"), let folder = try? open("/run") else { throw .noSuchFile }
      return try CgroupRelief.undoLeftovers(below: root, in: folder)
    }

    func put(_ text: String, _ name: String) throws {
      try Data(text.utf8).write(to: folder.appending(path: name))
    }

    func text(_ name: String) -> String? {
      try? String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// The lines of the note between its first and its last.
    var changes: [String]? {
      text("run/relief").map { text in text.split(separator: "\n").dropFirst().dropLast().map(String.init) }
    }
  }

  private func refusal(of relief: CgroupRelief, _ action: (CgroupRelief) throws(Errno) -> Void) -> Errno? {
    do throws(Errno) {
      try action(relief)
      return nil
    } catch {
      return error
    }
  }

  /// Waits for the end of a job, on the descriptor that an event loop would wait on.
  private func finish(_ relief: CgroupRelief) throws -> HelperResult {
    var request = pollfd(fd: relief.doneDescriptor, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&request, 1, 20_000) == 1)
    relief.acknowledge()
    let result = relief.result
    return try #require(result)
  }

  private let one = Array("/one".utf8)
  private let two = Array("/two".utf8)

  @Test func aLimitIsLoweredAndRestored() throws {
    let tree = try Tree()
    let relief = try tree.relief()
    #expect(tree.changes == [])
    for _ in 0..<2 {
      let isBegun = try relief.lower(one.span, to: KiB(20_480))
      #expect(isBegun)
      let result = try finish(relief)
      #expect(result.error == nil)
      #expect(tree.text("cgroup/one/memory.high")?.hasPrefix("20480K") == true)
      #expect(tree.changes == ["memory.high max /one"])
      // One limit is lowered at a time.
      let refused = refusal(of: relief) { relief throws(Errno) in _ = try relief.lower(two.span, to: KiB(1)) }
      #expect(refused == .invalidArgument && tree.text("cgroup/two/memory.high") == "max\n")
      let isUndone = try relief.undo(.high)
      #expect(isUndone && tree.text("cgroup/one/memory.high")?.hasPrefix("max") == true)
      #expect(tree.changes == [])
      try tree.put("max\n", "cgroup/one/memory.high")
    }
    let isUndone = try relief.undo(.high)
    #expect(isUndone)
  }

  @Test func aLimitIsPutBackWhileItIsStillBeingLowered() throws {
    let tree = try Tree()
    let relief = try tree.relief()
    let isBegun = try relief.lower(one.span, to: KiB(4096))
    #expect(isBegun)
    // It takes one try or two: the helper may be done before the first.
    var isUndone = try relief.undo(.high)
    if !isUndone {
      #expect(tree.changes == ["memory.high max /one"])
      relief.settle()
      isUndone = try relief.undo(.high)
    }
    #expect(isUndone && tree.text("cgroup/one/memory.high")?.hasPrefix("max") == true && tree.changes == [])
  }

  @Test(arguments: [("4096\n", 4, false), ("4096\n", 3, true), ("1024\n", 4, false), ("max\n", 4, true)])
  func aLimitThatIsAsLowAlreadyIsNotChanged(old: String, kib: UInt64, isLowered: Bool) throws {
    let tree = try Tree()
    try tree.put(old, "cgroup/one/memory.high")
    let relief = try tree.relief()
    let isBegun = try relief.lower(one.span, to: KiB(kib))
    #expect(isBegun == isLowered)
    if isBegun { _ = try finish(relief) }
    #expect(tree.changes == (isLowered ? ["memory.high \(old.dropLast()) /one"] : []))
  }

  @Test func aCgroupIsFrozenAndThawed() throws {
    let tree = try Tree()
    let relief = try tree.relief()
    let isFrozen = try relief.freeze(one.span)
    #expect(isFrozen && tree.text("cgroup/one/cgroup.freeze") == "1\n")
    #expect(tree.changes == ["cgroup.freeze 0 /one"])
    let isUndone = try relief.undo(.freeze)
    #expect(isUndone && tree.text("cgroup/one/cgroup.freeze") == "0\n" && tree.changes == [])
    // It was frozen before.
    try tree.put("1\n", "cgroup/two/cgroup.freeze")
    let again = try relief.freeze(two.span)
    #expect(!again && tree.changes == [])
  }

  @Test func aStartAfterACrashUndoesTheChangesOfTheNote() throws {
    let tree = try Tree()
    do {
      let relief = try tree.relief()
      _ = try relief.lower(one.span, to: KiB(4))
      _ = try finish(relief)
      _ = try relief.freeze(two.span)
    }
    #expect(tree.changes == ["memory.high max /one", "cgroup.freeze 0 /two"])
    // One of the cgroups was removed since.
    try FileManager.default.removeItem(at: tree.folder.appending(path: "cgroup/two"))
    let undone = try tree.undoLeftovers()
    #expect(undone == 2 && tree.text("cgroup/one/memory.high")?.hasPrefix("max") == true)
    #expect(tree.changes == [])
    let again = try tree.undoLeftovers()
    #expect(again == 0)
  }

  @Test func withoutANoteThereIsNothingToUndo() throws {
    let tree = try Tree()
    let undone = try tree.undoLeftovers()
    #expect(undone == 0 && tree.text("run/relief") == nil)
    // The agent that made it was killed before it wrote.
    try tree.put("", "run/relief")
    let again = try tree.undoLeftovers()
    #expect(again == 0)
  }

  @Test func aNoteThatIsNotWholeIsLeftAsItIs() throws {
    let tree = try Tree()
    try tree.put("spillway-relief 1\nmemory.high ma", "run/relief")
    #expect(throws: Errno.invalidArgument) { try tree.undoLeftovers() }
    #expect(tree.text("run/relief") != nil && tree.text("cgroup/one/memory.high") == "max\n")
  }

  @Test func aChangeOfAMissingFileIsNotNoted() throws {
    let tree = try Tree()
    let relief = try tree.relief()
    let none = Array("/three".utf8)
    let high = refusal(of: relief) { relief throws(Errno) in _ = try relief.lower(none.span, to: KiB(4)) }
    let freeze = refusal(of: relief) { relief throws(Errno) in _ = try relief.freeze(none.span) }
    let reclaim = refusal(of: relief) { relief throws(Errno) in try relief.reclaim(KiB(4), from: none.span) }
    #expect(high == .noSuchFile && freeze == .noSuchFile && reclaim == .noSuchFile)
    #expect(tree.changes == [])
  }

  @Test func theHelperAsksForReclaimInKiB() throws {
    let tree = try Tree()
    let relief = try tree.relief()
    try relief.reclaim(KiB(20_480), from: one.span)
    let result = try finish(relief)
    #expect(result.error == nil && tree.text("cgroup/one/memory.reclaim") == "20480K")
  }

  @Test func thatCgroupsCannotBeWrittenIsTold() throws {
    let tree = try Tree()
    let relief = try tree.relief()
    let refusal = relief.refusal
    #expect(refusal == .noSuchFile)
    try tree.put("", "cgroup/cgroup.procs")
    let none = relief.refusal
    #expect(none == nil)
  }
}
