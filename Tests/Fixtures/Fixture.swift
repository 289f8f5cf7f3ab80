import Foundation

/// The captured and composed kernel files under `Tests/Fixtures/proc`.
package enum Fixture {
  /// Where a fixture lies on disk.
  package static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "proc/" + name).path()
  }

  /// The bytes of a fixture. A missing one is a broken test tree, and stops the tests.
  package static func bytes(_ name: String) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path(name)) else {
      fatalError("no fixture at \(path(name))")
    }
    return [UInt8](data)
  }
}
