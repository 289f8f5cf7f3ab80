package import LinuxSystem
import ProcModel

/// The journal, as journalctl(1) prints what is of interest of it.
package enum JournalProgram {
  /// Entries of the kernel's log, of service managers and of programs that kill.
  private static let matches = [
    "_TRANSPORT=kernel", "SYSLOG_IDENTIFIER=systemd", "_SYSTEMD_UNIT=systemd-oomd.service",
    "_SYSTEMD_UNIT=oomd.service", "_SYSTEMD_UNIT=earlyoom.service", "_SYSTEMD_UNIT=nohang.service",
    "_SYSTEMD_UNIT=nohang-desktop.service", "_SYSTEMD_UNIT=spillway.service", "SPILLWAY_EVENT=decision",
    "SPILLWAY_EVENT=outcome",
  ]

  /// The words of its command, without the program's name.
  package static func words(since: WallTime?, until: WallTime?) -> [String] {
    var words = [
      "--quiet", "--no-pager", "--output=json", "--output-fields=" + JournalEntry.fields.joined(separator: ","),
    ]
    if let since { words.append("--since=@\(max(since.seconds, 0))") }
    if let until { words.append("--until=@\(max(until.seconds, 0) + 1)") }
    for (index, match) in matches.enumerated() {
      if index > 0 { words.append("+") }
      words.append(match)
    }
    return words
  }

  /// Reads all entries.
  ///
  /// - Parameters:
  ///   - program: The path of journalctl(1).
  ///   - body: Receives each as a line of JSON.
  /// - Returns: The program's exit code: not 0 where it could not read.
  package static func read(
    _ program: String, since: WallTime?, until: WallTime?, _ body: (Span<UInt8>) -> Void
  ) throws(Errno) -> Int32 {
    let nothing = try OwnedDescriptor.open(CPath("/dev/null"), .read)
    let words = ["journalctl"] + self.words(since: since, until: until)
    var child = try OutputChild.start(CPath(program), words.map { CPath($0) }, input: nothing)
    var reader = LineReader()
    try reader.read(child.output) { line, _ in
      body(line)
      return true
    }
    return try child.wait()
  }

  /// Whether the entries of other users and of the kernel may be read: whether a file of the system's journal can be
  /// opened. Nil where there is none.
  package static var isReadable: Bool? {
    for folder in ["/var/log/journal", "/run/log/journal"] {
      guard let directory = try? OwnedDescriptor.open(CPath(folder), .read, .directory) else { continue }
      var walk = DirectoryWalk(directory, capacity: 4096)
      for machine in (try? walk.names(limit: 16)) ?? [] {
        let file = folder + "/" + String(decoding: machine, as: UTF8.self) + "/system.journal"
        do throws(Errno) {
          _ = try OwnedDescriptor.open(CPath(file), .read, .nonBlocking)
          return true
        } catch {
          if error == .accessDenied || error == .notPermitted { return false }
        }
      }
    }
    return nil
  }
}
