package import Foundation

/// The captured and composed kernel files under `Tests/Fixtures/proc`, the recordings under
/// `Tests/Fixtures/sequences` and `Tests/Fixtures/flights`, and the logs under `Tests/Fixtures/logs`.
package enum Fixture {
  /// The folder of the sources.
  package static var repository: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  }

  /// Where a fixture lies on disk.
  package static func path(_ name: String) -> String {
    below("proc/" + name)
  }

  /// Where a recorded sequence lies on disk.
  package static func sequencePath(_ name: String) -> String {
    below("sequences/" + name)
  }

  /// Where a file of the arena's flights lies on disk.
  package static func flightPath(_ name: String) -> String {
    below("flights/" + name)
  }

  /// Where a log lies on disk.
  package static func logPath(_ name: String) -> String {
    below("logs/" + name)
  }

  private static func below(_ path: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: path).path()
  }

  /// The bytes of a fixture. A missing file is a mistake in the tests, and stops them.
  package static func bytes(_ name: String) -> [UInt8] {
    bytes(of: path(name))
  }

  /// The bytes of the file at a path that ``path(_:)`` gave.
  package static func bytes(of path: String) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      fatalError("no fixture at \(path)")
    }
    return [UInt8](data)
  }
}
