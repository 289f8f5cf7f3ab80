import Foundation
import LinuxSystem
import Policy
import ProcModel
import Testing

@testable import Agent

/// A folder of flights is bounded in number and size, and the oldest go first.
@Suite struct FlightFolderTests {
  private static func name(_ number: Int) -> [UInt8] {
    Array("20261201T04\(number < 10 ? "0" : "")\(number)00Z-ab12cd34-7-\(number).flight".utf8)
  }

  private static func settings(keep: UInt32, limit: UInt64) -> FlightSettings {
    var settings = FlightSettings()
    settings.keep = keep
    settings.folderLimit = KiB(limit)
    return settings
  }

  /// Adds files of a size, removes what is too much, and returns the names that are left.
  private static func left(_ folder: inout FlightFolder, adding numbers: Range<Int>, of size: UInt64) -> [String] {
    for number in numbers {
      folder.push(name(number).span)
      folder.setNewest(size)
      while folder.isOver { folder.dropOldest() }
    }
    return names(of: folder)
  }

  private static func names(of folder: FlightFolder) -> [String] {
    var folder = folder
    var names: [String] = []
    while folder.count > 0 {
      let name = folder.oldestName
      names.append(String(decoding: name.storage.prefix(name.count), as: UTF8.self))
      folder.dropOldest()
    }
    return names
  }

  private static func texts(_ numbers: Range<Int>) -> [String] {
    numbers.map { String(decoding: name($0), as: UTF8.self) }
  }

  @Test(arguments: [1, 2, 3, 16]) func theNumberIsBounded(keep: Int) {
    var folder = FlightFolder(Self.settings(keep: UInt32(keep), limit: 2048))
    #expect(Self.left(&folder, adding: 0..<40, of: 0) == Self.texts(40 - keep..<40))
    #expect(folder.count == keep && folder.size == 0)
  }

  @Test func theSizeIsBoundedAndTheNewestStaysInAnyCase() {
    var folder = FlightFolder(Self.settings(keep: 16, limit: 2048))
    #expect(Self.left(&folder, adding: 0..<10, of: 512 * 1024) == Self.texts(6..<10))
    #expect(folder.size == 2048 * 1024)
    #expect(Self.left(&folder, adding: 10..<11, of: 512 * 1024 + 1) == Self.texts(8..<11))
    #expect(Self.left(&folder, adding: 11..<12, of: 4096 * 1024) == Self.texts(11..<12))
    #expect(Self.left(&folder, adding: 12..<13, of: .max / 2) == Self.texts(12..<13))
  }

  /// The flight of an incident is saved again with more in it, under its name.
  @Test func aFileThatIsReplacedCountsOnce() {
    var folder = FlightFolder(Self.settings(keep: 16, limit: 2048))
    _ = Self.left(&folder, adding: 0..<3, of: 100)
    folder.setNewest(900)
    folder.setNewest(700)
    #expect(folder.size == 900 && folder.count == 3)
    folder.dropNewest()
    #expect(folder.size == 200 && Self.names(of: folder) == Self.texts(0..<2))
  }

  @Test func otherBoundsKeepTheNewest() {
    var folder = FlightFolder(Self.settings(keep: 5, limit: 2048))
    _ = Self.left(&folder, adding: 0..<23, of: 10)
    folder.setBounds(Self.settings(keep: 7, limit: 2048))
    #expect(Self.left(&folder, adding: 23..<25, of: 10) == Self.texts(18..<25))
    folder.setBounds(Self.settings(keep: 2, limit: 2048))
    #expect(folder.isOver && folder.count == 7)
    // There is room for a file before any is removed.
    folder.push(Self.name(25).span)
    while folder.isOver { folder.dropOldest() }
    #expect(Self.names(of: folder) == Self.texts(24..<26))
  }

  @Test(arguments: [
    ("20261201T041500Z-ab12cd34-7-3.flight", true), ("20261201T041500Z-x.flight", true),
    ("20261201T041500Z-.flight", false), ("mine.flight", false), ("copy-20261201T041500Z-a.flight", false),
    ("20261201T041500Z-a.flight.gz", false), ("20261201t041500Z-a.flight", false), (".partial", false), ("", false),
    ("2026120xT041500Z-a.flight", false), ("20261201T041500Z-" + String(repeating: "a", count: 200) + ".flight", false),
  ]) func onlyNamesThatAnAgentGivesAreItsOwn(name: String, isOwn: Bool) {
    #expect(FlightFolder.isFlight(Array(name.utf8).span) == isOwn)
  }

  @Test func aStartRemovesWhatIsTooMuchAndNothingElse() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "flights-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: path) }
    for number in 0..<6 {
      let name = String(decoding: Self.name(number), as: UTF8.self)
      try Data(count: 600 * 1024).write(to: path.appending(path: name))
    }
    try Data(count: 8 << 20).write(to: path.appending(path: "mine.flight"))
    let opened = try OwnedDescriptor.open(CPath(path.path()), .read, .directory)
    let folder = try FlightFolder(Self.settings(keep: 16, limit: 2048), in: opened)
    #expect(folder.size == 3 * 600 * 1024 && Self.names(of: folder) == Self.texts(3..<6))
    let there = try FileManager.default.contentsOfDirectory(atPath: path.path()).sorted()
    #expect(there == Self.texts(3..<6) + ["mine.flight"])
  }
}
