import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

@Suite struct ReliefTests {
  private static func change(_ file: ReliefFile, _ old: String, _ path: String) -> ReliefChange {
    ReliefChange(file: file, old: Array(old.utf8), cgroup: Array(path.utf8))
  }

  private func parse(_ bytes: [UInt8]) -> ReliefNote? { try? ReliefNote(parsing: bytes.span) }

  private let low = Array("4096".utf8)

  // The note.

  @Test func aNoteComesBackAsItWas() throws {
    var note = ReliefNote()
    // The first value of a file counts.
    let added = [
      note.add(Self.change(.high, "max", "/batch.slice")), note.add(Self.change(.freeze, "0", "/a b/..c.service")),
      note.add(Self.change(.high, "123456", "/batch.slice")),
    ]
    #expect(added == [true, true, true])
    let text = String(decoding: note.bytes, as: UTF8.self)
    #expect(text == "spillway-relief 1\nmemory.high max /batch.slice\ncgroup.freeze 0 /a b/..c.service\n")
    let bytes = note.bytes
    let parsed = try ReliefNote(parsing: bytes.span)
    #expect(parsed == note)
    note.remove(.high, Array("/batch.slice".utf8))
    #expect(note.changes == [Self.change(.freeze, "0", "/a b/..c.service")])
  }

  @Test(arguments: [
    ("max", "batch"), ("max", "/"), ("max", ""), ("max", "/a\nmemory.high 0 /b"), ("max", "/../etc"), ("max", "/a/./b"),
    ("max", "/a//b"), ("max", "/a/"), ("max", "/a\0b"), ("", "/a"), ("1 2", "/a"), ("MAX", "/a"), ("-1", "/a"),
    ("1234567890123456789012345", "/a"),
  ])
  func whatCannotBeNotedIsNotChanged(old: String, path: String) {
    var note = ReliefNote()
    let isNoted = note.add(Self.change(.high, old, path))
    #expect(!isNoted)
  }

  @Test func aFullNoteTakesNoMore() {
    var note = ReliefNote()
    for number in 0..<64 { _ = note.add(Self.change(.high, "1", "/c\(number)")) }
    #expect(note.changes.count == 64)
    let isNoted = note.add(Self.change(.high, "1", "/c64"))
    #expect(!isNoted)
  }

  @Test(arguments: [
    "", "spillway-relief 2\n", "spillway-relief 1", "spillway-relief 1\nmemory.high max /a",
    "spillway-relief 1\nmemory.high max\n", "spillway-relief 1\nmemory.max 1 /a\n", "spillway-relief 1\n\n",
    "spillway-relief 1\nmemory.high 1 /a\nmemory.high 2 /a\n", "spillway-relief 1\nmemory.high 1 /../a\n",
    "spillway-relief 1\nmemory.high  /a\n",
  ])
  func whatIsNotUnderstoodIsRefusedAsAWhole(text: String) {
    #expect(parse(Array(text.utf8)) == nil)
  }

  /// Every front of a note is refused, but those that end with a line.
  @Test func aNoteThatWasCutIsRefused() throws {
    let text = Array("spillway-relief 1\nmemory.high max /a\ncgroup.freeze 0 /b\n".utf8)
    for length in 0..<text.count where length == 0 || text[length - 1] != UInt8(ascii: "\n") {
      #expect(parse(Array(text[..<length])) == nil)
    }
  }

  // What is done, on a tree of ordinary files.

  private final class Tree {
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-relief-\(UUID().uuidString)")

    init() throws {
      try FileManager.default.createDirectory(at: folder.appending(path: "run"), withIntermediateDirectories: true)
      for name in ["one", "two"] {
        try FileManager.default.createDirectory(
          at: folder.appending(path: "cgroup/\(name)"), withIntermediateDirectories: true)
        try Data("max\n".utf8).write(to: folder.appending(path: "cgroup/\(name)/memory.high"))
        try Data("".utf8).write(to: folder.appending(path: "cgroup/\(name)/memory.reclaim"))
      }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func relief() throws -> CgroupRelief {
      CgroupRelief(
        root: try OwnedDescriptor.open(CPath(folder.path() + "/cgroup"), [.read, .directory]),
        folder: try OwnedDescriptor.open(CPath(folder.path() + "/run"), [.read, .directory]), name: "relief")
    }

    func text(_ name: String) -> String? {
      try? String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }
  }

  private func refusal(of relief: inout CgroupRelief, _ action: (inout CgroupRelief) throws(Errno) -> Void) -> Errno? {
    do throws(Errno) {
      try action(&relief)
      return nil
    } catch {
      return error
    }
  }

  private static let one = Array("/one".utf8)
  private static let two = Array("/two".utf8)

  @Test func aLimitIsLoweredAndRestored() throws {
    let tree = try Tree()
    var relief = try tree.relief()
    try relief.change(.high, of: Self.one, to: low.span)
    #expect(tree.text("cgroup/one/memory.high") == "4096")
    #expect(tree.text("run/relief") == "spillway-relief 1\nmemory.high max /one\n")
    try relief.undo(.high, of: Self.one)
    #expect(tree.text("cgroup/one/memory.high")?.hasPrefix("max") == true)
    #expect(tree.text("run/relief") == nil && tree.text("run/relief.new") == nil)
  }

  @Test func aStartAfterACrashUndoesWhatWasLeft() throws {
    let tree = try Tree()
    do {
      var relief = try tree.relief()
      try relief.change(.high, of: Self.one, to: low.span)
      try relief.change(.high, of: Self.two, to: low.span)
    }
    // One of them has gone since.
    try FileManager.default.removeItem(at: tree.folder.appending(path: "cgroup/two"))
    var next = try tree.relief()
    let undone = try next.undoLeftovers()
    #expect(undone == 2 && tree.text("cgroup/one/memory.high")?.hasPrefix("max") == true)
    #expect(tree.text("run/relief") == nil)
    let again = try next.undoLeftovers()
    #expect(again == 0)
  }

  @Test func aNoteThatIsNotWholeIsLeftForAPersonToSee() throws {
    let tree = try Tree()
    try Data("spillway-relief 1\nmemory.high ma".utf8).write(to: tree.folder.appending(path: "run/relief"))
    var relief = try tree.relief()
    do {
      let refused = refusal(of: &relief) { relief throws(Errno) in _ = try relief.undoLeftovers() }
      #expect(refused == .invalidArgument)
    }
    #expect(tree.text("run/relief") != nil && tree.text("cgroup/one/memory.high") == "max\n")
  }

  @Test func whatIsNotThereIsNotNoted() throws {
    let tree = try Tree()
    var relief = try tree.relief()
    do {
      let refused = refusal(of: &relief) { relief throws(Errno) in
        _ = try relief.change(.freeze, of: Self.one, to: low.span)
      }
      #expect(refused == .noSuchFile)
    }
    do {
      let refused = refusal(of: &relief) { relief throws(Errno) in
        _ = try relief.change(.high, of: Array("/three".utf8), to: low.span)
      }
      #expect(refused == .noSuchFile)
    }
    #expect(tree.text("run/relief") == nil)
  }

  @Test func reclaimIsAskedForInKiBByTheHelper() throws {
    let tree = try Tree()
    let relief = try tree.relief()
    let helper = try HelperThread()
    try relief.reclaim(KiB(20_480), from: Self.one, by: helper)
    var request = pollfd(fd: helper.doneDescriptor, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&request, 1, 20_000) == 1)
    #expect(tree.text("cgroup/one/memory.reclaim") == "20480K")
  }
}
