import Fixtures
import Foundation
import ProcModel
import Testing

@testable import Agent

/// The warnings of other agents that kill processes.
@Suite struct KillerTests {
  private struct Other {
    var comm: String
    var uid: UInt32 = 0
    var capabilities: UInt64 = 0
    var exe: String?
    var words = ""
  }

  private static let kill: UInt64 = 1 << 5

  private static func messages(_ others: [Other], isDryRun: Bool = false) throws -> [String] {
    let log = Log()
    let stage = try AgentHarness(
      available: [900], log: log, isDryRun: isDryRun,
      machine: { source in
        for (number, other) in others.enumerated() {
          let pid = Int32(400 + number)
          source.files.add(pid, other.comm, mib: 2)
          let status = String(decoding: source.files.files[.init(.status, of: pid)] ?? [], as: UTF8.self)
          let uids = Array(repeating: "\(other.uid)", count: 3).joined(separator: "\t")
          let capabilities = String(other.capabilities, radix: 16)
          source.files.set(
            .status, of: pid,
            status.replacingOccurrences(of: "1000\t1000\t1000", with: uids).replacingOccurrences(
              of: "CapEff:\t0000000000000000",
              with: "CapEff:\t" + String(repeating: "0", count: 16 - capabilities.count) + capabilities))
          source.files.set(.exe, of: pid, other.exe ?? "/usr/bin/" + other.comm)
          source.files.set(.cmdline, of: pid, other.comm + "\0" + other.words)
        }
      })
    stage.look()
    stage.look()
    return try stage.messages().split(separator: "\n").map(String.init).filter { $0.contains("ANOTHER KILLER") }
  }

  @Test(
    arguments: [
      ("earlyoom", UInt32(0), UInt64(0), nil, "systemctl disable --now earlyoom"),
      // Debian's unit has DynamicUser=yes.
      ("earlyoom", 64_321, kill, nil, "systemctl disable --now earlyoom"),
      ("nohang", 0, 0, "/usr/bin/python3.11", "systemctl disable --now nohang"),
      ("systemd-oomd", 998, kill, "/usr/lib/systemd/systemd-oomd", "ManagedOOM"),
      ("oomd", 0, 0, nil, "systemctl disable --now oomd"), ("bustd", 0, 0, nil, "systemctl disable --now bustd"),
      ("psi-monitor", 0, 0, nil, "systemctl disable --now psi-monitor"),
      ("earlyoom", 0, 0, "/usr/bin/earlyoom (deleted)", "systemctl disable --now earlyoom"),
      ("spillwayd", 0, 0, "/usr/sbin/spillwayd", "--dry-run"),
    ] as [(String, UInt32, UInt64, String?, String)])
  func anotherKillerIsWarnedOf(comm: String, uid: UInt32, capabilities: UInt64, exe: String?, advice: String) throws {
    let messages = try Self.messages([Other(comm: comm, uid: uid, capabilities: capabilities, exe: exe)])
    try #require(messages.count == 1)
    #expect(messages[0].contains("400 (\(comm))") && messages[0].contains(advice), "\(messages)")
  }

  @Test(
    arguments: [
      // Of an ordinary user, with every capability in a user namespace.
      ("earlyoom", UInt32(1000), UInt64.max, nil, ""), ("systemd-oomd", 100_000, UInt64.max, nil, ""),
      // Services that may kill only processes of their own.
      ("earlyoom", 64_321, 0, nil, ""), ("oomd", 998, ~kill, nil, ""),
      // Other programs with a similar name.
      ("earlyoom2", 0, 0, nil, ""), ("oom", 0, 0, nil, ""), ("nohang", 0, 0, "/usr/bin/bash", ""),
      ("earlyoom", 0, 0, "/usr/bin/python3", ""), ("oomd", 0, 0, "/opt/oomd/run", ""),
      // Agents in dry run.
      ("earlyoom", 0, 0, nil, "-m\u{0}5\u{0}--dryrun\u{0}"), ("spillwayd", 0, 0, nil, "--dry-run\u{0}--verbose\u{0}"),
    ] as [(String, UInt32, UInt64, String?, String)])
  func aProcessThatIsNoOtherKillerIsNotWarnedOf(
    comm: String, uid: UInt32, capabilities: UInt64, exe: String?, words: String
  ) throws {
    #expect(
      try Self.messages([
        Other(comm: comm, uid: uid, capabilities: capabilities, exe: exe, words: words)
      ]).isEmpty)
  }

  @Test func eachKillerIsWarnedOfOnceAlsoInADryRun() throws {
    let others = ["earlyoom", "nohang", "earlyoom", "spillwayd"].map {
      Other(comm: $0, exe: $0 == "nohang" ? "/usr/bin/python3" : nil)
    }
    #expect(try Self.messages(others).count == 3)
    // An agent in dry run expects an armed one beside it.
    #expect(try Self.messages(others, isDryRun: true).count == 2)
  }

  @Test func theAgentLooksForKillersAtTheStartAfterAMinuteAndEachHour() {
    var watch = KillerWatch()
    let minute: UInt64 = 60_000
    let looks = stride(from: UInt64(0), through: 125 * minute, by: 30_000).filter {
      watch.isDue(at: .milliseconds($0 + 1))
    }
    #expect(looks == [0, minute, 61 * minute, 121 * minute])
    #expect(watch.tells(of: .bustd) && !watch.tells(of: .bustd) && watch.tells(of: .oomd))
  }

  @Test func theNamesOfKillersFitWithinComm() {
    for killer in OtherKiller.allCases { #expect(killer.comm.utf8.count <= 15) }
  }
}
