import Foundation
import LinuxSystem
import Testing

@Suite struct CapabilityTests {
  private static func effectiveInStatus(_ pid: String) throws -> UInt64 {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
    return try #require(UInt64(line.split(separator: "\t").last ?? "", radix: 16))
  }

  @Test func theOwnCapabilitiesAreThoseOfStatus() throws {
    #expect(try OwnCapabilities.effective() == Self.effectiveInStatus("self"))
  }

  @Test func theCapabilitiesOfAChildThatGaveSomeUpAreRead() throws {
    try #require(FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv"))
    let reader = try CapabilityReader()
    let unused = try MemoryFile.create(CPath("unused"))
    // Without the bounding set, and as another user where this is root, no capability is left.
    let words = ["setpriv", "--reuid=65534", "--inh-caps=-all", "sleep", "60"]
    let child = try Child.start(
      CPath("/usr/bin/setpriv"),
      geteuid() == 0 ? words.map { CPath($0) } : [CPath("setpriv"), CPath("sleep"), CPath("60")],
      inheriting: unused)
    let pid = child.pid
    while try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8) != "sleep\n" { usleep(1000) }
    #expect(try reader.effective(of: pid) == Self.effectiveInStatus("\(pid)"))
    if geteuid() == 0 { #expect(try reader.effective(of: pid) == 0) }
    try child.handle.send(.kill)
    _ = try child.wait()
    #expect(throws: Errno.noSuchProcess) { try reader.effective(of: pid) }
  }
}
