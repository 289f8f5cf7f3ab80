import LinuxSystem
import ProcModel

/// A log with those that were rotated away from it: `syslog`, `syslog.1`, `syslog.2.gz`, `messages-20261129`.
package enum RotatedFiles {
  /// The most files of one folder that are looked at.
  private static let mostNames = 4096

  /// - Returns: The paths of the file and of those that belong to it, the oldest first; only the file itself where its
  ///   folder cannot be listed.
  package static func of(_ path: String) -> [String] {
    let (folder, name) = split(path)
    guard let directory = try? OwnedDescriptor.open(CPath(folder.isEmpty ? "." : folder), .read, .directory) else {
      return [path]
    }
    var walk = DirectoryWalk(directory, capacity: 16 * 1024)
    guard let names = try? walk.names(limit: mostNames) else { return [path] }
    var found: [(path: String, modified: UInt64, rank: Int)] = []
    for bytes in names {
      guard let rank = rank(bytes, of: Array(name.utf8)) else { continue }
      let file = folder + String(decoding: bytes, as: UTF8.self)
      found.append((file, modified(file), rank))
    }
    // By number where they have one, since copies may have been made at any time.
    found.sort { ($0.rank, $1.modified) > ($1.rank, $0.modified) }
    return found.isEmpty ? [path] : found.map(\.path)
  }

  private static func modified(_ path: String) -> UInt64 {
    guard let file = try? OwnedDescriptor.open(CPath(path), .path), let facts = try? file.facts() else { return 0 }
    return facts.modified
  }

  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    return (String(path[...slash]), String(path[path.index(after: slash)...]))
  }

  /// How far back a file is: 0 the log itself, the number behind its name, or a number by the date there. Nil of a file
  /// that does not belong to the log, as `syslog.conf` and a copy of an editor.
  private static func rank(_ file: [UInt8], of name: [UInt8]) -> Int? {
    guard file.starts(with: name) else { return nil }
    var cursor = TextCursor(file, from: name.count)
    if cursor.isAtEnd { return 0 }
    let isDated = cursor.take("-")
    guard isDated || cursor.take("."), let number = cursor.number() else { return nil }
    // `-20261129-1796205600`, as logrotate's `dateext` may have it.
    if isDated, cursor.take("-") { _ = cursor.number() }
    for suffix in [".gz", ".xz", ".zst", ".bz2"] where cursor.take(suffix) { break }
    guard cursor.isAtEnd else { return nil }
    return isDated ? Int(clamping: UInt64(Int.max) - min(number, UInt64(Int.max) / 2)) : Int(clamping: number)
  }
}
