import Foundation
import LinuxSystem
import ProcModel
import ProcReader
import Testing

/// libcap and `status` give the same capabilities of a process.
@Suite struct CapabilityAgreementTests {
  @Test func libcapAndStatusAgreeForEveryLivingProcess() throws {
    var source = try LiveSource.open(root: CPath("/proc"))
    var buffer = ByteBuffer(capacity: 32 * 1024)
    // A process without capabilities is started where that is possible: agreement on all or none would prove little.
    let child = Process()
    child.executableURL = URL(filePath: geteuid() == 0 ? "/usr/bin/setpriv" : "/bin/sleep")
    child.arguments = (geteuid() == 0 ? ["--reuid=65534", "--inh-caps=-all", "sleep"] : []) + ["60"]
    try child.run()
    defer { kill(child.processIdentifier, SIGKILL) }
    while try String(contentsOfFile: "/proc/\(child.processIdentifier)/comm", encoding: .utf8) != "sleep\n" {
      usleep(1000)
    }

    var seen: Set<CapabilitySet> = []
    var compared = 0
    try source.beginProcesses()
    while let pid = try source.nextProcess() {
      guard let before = status(pid, &source, &buffer), let libcap = source.effectiveCapabilities(of: pid) else {
        continue
      }
      // Of a process that changes at this moment both answers are right.
      guard let after = status(pid, &source, &buffer), before == after else { continue }
      #expect(libcap == before, "process \(pid)")
      seen.insert(libcap)
      compared += 1
    }
    #expect(compared > 2)
    #expect(seen.contains([]))
    if geteuid() == 0 { #expect(seen.count > 1) }
  }

  private func status(_ pid: Int32, _ source: inout LiveSource, _ buffer: inout ByteBuffer) -> CapabilitySet? {
    guard (try? source.read(.status, of: pid, into: &buffer)) != nil else { return nil }
    return (try? ProcessStatus(parsing: buffer.bytes))?.effectiveCapabilities
  }
}
