import Foundation
import Testing

/// `check --live` warns of other agents that kill processes.
@Suite struct KillerCheckTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/proc/5.10")

  /// Checks a captured machine with one more process.
  private func check(comm: String, uid: Int, capabilities: String, exe: String) throws -> Tool.Result {
    let tool = try Tool()
    try FileManager.default.copyItem(at: Self.fixtures, to: tool.folder.appending(path: "proc"))
    let own = tool.folder.appending(path: "proc/640")
    for (file, old, new) in [("stat", "(nginx)", "(\(comm))"), ("status", "Name:\tnginx", "Name:\t\(comm)")] {
      let text = try tool.read("proc/640/\(file)")
      try tool.write(text.replacingOccurrences(of: old, with: new), to: "proc/640/\(file)")
    }
    let lines = try tool.read("proc/640/status").split(separator: "\n").map { line in
      line.hasPrefix("Uid:")
        ? "Uid:\t\(uid)\t\(uid)\t\(uid)\t\(uid)" : line.hasPrefix("CapEff:") ? "CapEff:\t" + capabilities : String(line)
    }
    try tool.write(lines.joined(separator: "\n") + "\n", to: "proc/640/status")
    try FileManager.default.createSymbolicLink(
      atPath: own.appending(path: "exe").path(), withDestinationPath: exe)
    try tool.write("version = 1\n", to: "p.toml")
    return try tool.run("check", "--live", "--proc-root", "proc", "p.toml")
  }

  @Test(arguments: [
    ("earlyoom", 0, "0000000000000000", "/usr/bin/earlyoom", true),
    ("systemd-oomd", 997, "0000000000000022", "/usr/lib/systemd/systemd-oomd", true),
    ("earlyoom", 1000, "000001ffffffffff", "/usr/bin/earlyoom", false),
    ("earlyoom", 0, "0000000000000000", "/usr/bin/perl", false),
    ("spillwayd", 0, "0000000000000000", "/usr/sbin/spillwayd", false),
  ])
  func anotherKillerIsAWarning(comm: String, uid: Int, capabilities: String, exe: String, isTold: Bool) throws {
    let result = try check(comm: comm, uid: uid, capabilities: capabilities, exe: exe)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("another killer runs: 640 (\(comm)), ") == isTold, "\(result.errors)")
    if isTold { #expect(result.errors.contains("systemctl disable --now \(comm)"), "\(result.errors)") }
  }
}
