import Foundation
import History
import ProcModel
import Testing

/// Spillway's own entries of the journal, and its lines in the kernel's log.
@Suite struct JournalKillTests {
  private static let context = LogContext(zone: .utc, latest: WallTime(seconds: 1_796_300_000))

  private static func entry(_ fields: [String: String]) throws -> PastKill? {
    var all = ["__REALTIME_TIMESTAMP": "1796205600000000", "MESSAGE": "would have been killed by spillway"]
    all.merge(fields) { $1 }
    var scan = LogScan(context, from: .journal)
    return scan.take(journal: [UInt8](try JSONSerialization.data(withJSONObject: all)).span)
  }

  private static let decision = [
    "_UID": "0", "_TRANSPORT": "journal", "SPILLWAY_EVENT": "decision", "SPILLWAY_DRY_RUN": "0",
    "SPILLWAY_INCIDENT": "1e4b4a41-8412-3", "SPILLWAY_PID": "4711", "SPILLWAY_COMM": "hog", "SPILLWAY_UID": "1000",
    "SPILLWAY_UNIT": "cron.service", "SPILLWAY_EXE": "/usr/bin/hog", "SPILLWAY_MEMBERS": "3",
    "SPILLWAY_REASON": "floor: available 51 MiB", "SPILLWAY_SIGNAL": "SIGTERM", "SPILLWAY_FOOTPRINT_KIB": "798720",
  ]

  @Test func aDecisionOfTheJournalIsAKill() throws {
    let kill = try #require(try Self.entry(Self.decision))
    #expect(kill.killer == .spillway && kill.deed == .killed && kill.isProven)
    #expect(kill.victim.pid == 4711 && kill.victim.unit == Array("cron.service".utf8) && kill.victim.count == 3)
    #expect(kill.decision?.incident == Array("1e4b4a41-8412-3".utf8) && kill.memory.footprint == KiB(798_720))
    let rehearsed = try #require(try Self.entry(Self.decision.merging(["SPILLWAY_DRY_RUN": "1"]) { $1 }))
    #expect(rehearsed.deed == .rehearsed)
  }

  /// Any user may post an entry with such fields; the journal adds the user.
  @Test func anotherUsersEntryIsUnproven() throws {
    let forged = try #require(try Self.entry(Self.decision.merging(["_UID": "1000"]) { $1 }))
    #expect(!forged.isProven)
  }

  /// The decision, its outcome and the kernel's lines of the incident are one kill.
  @Test func anIncidentIsOneKill() throws {
    let outcome = Self.decision.merging([
      "SPILLWAY_EVENT": "outcome", "SPILLWAY_OUTCOME": "exited", "SPILLWAY_AFTER_MS": "120",
      "__REALTIME_TIMESTAMP": "1796205600120000",
    ]) { $1 }
    var scan = LogScan(Self.context, from: .kernelRing)
    let sizes = "total-vm:812000kB, anon-rss:797120kB, file-rss:2992kB, shmem-rss:0kB, UID:1000 pgtables:1600kB"
    let lines = [
      "11,1,5000000,-;spillwayd: Out of memory: Killed process 4711 (hog) \(sizes) oom_score_adj:0; incident "
        + "1e4b4a41-8412-3, unit cron.service, executable /usr/bin/hog",
      "11,2,5000001,-;spillwayd: Out of memory: Killed process 4712 (hog) \(sizes) oom_score_adj:0; incident "
        + "1e4b4a41-8412-3",
    ]
    let ring = lines.compactMap { scan.take(Array($0.utf8).span) }
    #expect(ring.count == 2 && ring[0].victim.executable == Array("/usr/bin/hog".utf8))
    #expect(ring[0].victim.unit == Array("cron.service".utf8))
    let found = [try Self.entry(Self.decision), try Self.entry(outcome)].compactMap { $0 } + ring
    let merged = KillMerge.merged(found)
    #expect(merged.count == 1)
    let kill = try #require(merged.first)
    #expect(kill.victim.pid == 4711 && kill.victim.companions == [4712])
    #expect(kill.decision?.outcome == Array("exited".utf8) && kill.decision?.after == 120)
    #expect(kill.decision?.action == Array("SIGTERM".utf8))
  }

  @Test func whatWasSparedIsNotKilled() throws {
    let outcome = Self.decision.merging(["SPILLWAY_EVENT": "outcome", "SPILLWAY_OUTCOME": "relieved"]) { $1 }
    let merged = KillMerge.merged([try Self.entry(Self.decision), try Self.entry(outcome)].compactMap { $0 })
    #expect(merged.map(\.deed) == [.spared(Array("relieved".utf8))])
  }
}
