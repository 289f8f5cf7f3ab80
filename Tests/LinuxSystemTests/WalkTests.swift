import Fixtures
import Foundation
import LinuxSystem
import Testing

@Suite struct WalkTests {
  private static func numbers(in path: String, capacity: Int) throws -> [Int32] {
    var walk = DirectoryWalk(try OwnedDescriptor.open(CPath(path), .read, .directory), capacity: capacity)
    return try all(&walk)
  }

  private static func all(_ walk: inout DirectoryWalk) throws -> [Int32] {
    var found: [Int32] = []
    while let number = try walk.next() { found.append(number) }
    return found
  }

  /// Far more than one call of getdents64 gives, with buffers that hold a few hundred entries, or a few.
  @Test(arguments: [16 * 1024, 4096, 512]) func threeThousandEntriesAreEachFoundOnce(capacity: Int) throws {
    let folder = try TemporaryFolder()
    for number in 1...3000 { try folder.makeFolder("\(number)") }
    #expect(try Self.numbers(in: folder.path, capacity: capacity).sorted() == Array(1...3000))
  }

  @Test func onlyNumbersAreFound() throws {
    let folder = try TemporaryFolder()
    for name in [
      "1", "42", "4194304", "999999999", "self", "1a", "a1", "-1", "+1", " 1", "1 ", "1.5", "99999999999999999999", "１",
      String(repeating: "n", count: 255), ".1",
    ] {
      try folder.makeFolder(name)
    }
    #expect(try Self.numbers(in: folder.path, capacity: 1024).sorted() == [1, 42, 4_194_304, 999_999_999])
  }

  @Test func anEmptyFolderHasNoEntryHoweverOftenItIsAsked() throws {
    let folder = try TemporaryFolder()
    var walk = DirectoryWalk(try OwnedDescriptor.open(CPath(folder.path), .read, .directory), capacity: 512)
    for _ in 0..<3 { #expect(try walk.next() == nil) }
  }

  @Test func aWalkBeginsAgainAndSeesWhatChanged() throws {
    let folder = try TemporaryFolder()
    for number in 1...50 { try folder.makeFolder("\(number)") }
    var walk = DirectoryWalk(try OwnedDescriptor.open(CPath(folder.path), .read, .directory), capacity: 512)
    // The walk is left in the middle of a buffer.
    for _ in 0..<7 { _ = try walk.next() }
    try walk.rewind()
    #expect(try Self.all(&walk).sorted() == Array(1...50))
    try folder.makeFolder("51")
    try FileManager.default.removeItem(atPath: folder.path + "/1")
    try walk.rewind()
    #expect(try Self.all(&walk).sorted() == Array(2...51))
  }

  @Test func aFolderThatIsGoneFails() throws {
    let folder = try TemporaryFolder()
    try folder.makeFolder("task")
    var walk = DirectoryWalk(
      try OwnedDescriptor.open(CPath(folder.path + "/task"), .read, .directory), capacity: 512)
    try FileManager.default.removeItem(atPath: folder.path + "/task")
    #expect(throws: Errno.noSuchFile) { try walk.next() }
  }
}
