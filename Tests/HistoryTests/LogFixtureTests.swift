import Fixtures
import Foundation
import History
import ProcModel
import Testing

/// Logs of kernels from 2.2 to 6.x and of other killers, in each form of prefix, and what is found in them.
@Suite struct LogFixtureTests {
  static let names = [
    "linux-2.2-2.6.log", "linux-2.6.36-5.0.log", "linux-4.19-6.dmesg", "linux-6.kmsg", "killers.log", "hostile.log",
    "journal.json",
  ]

  /// 2026-12-01 00:00 UTC.
  static let context = LogContext(zone: .utc, latest: WallTime(seconds: 1_796_083_200))

  static func kills(in bytes: [UInt8]) -> [PastKill] {
    var scan = LogScan(context, from: .logFile)
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let bytes = Array(line)
      return bytes.first == UInt8(ascii: "{") ? scan.take(journal: bytes.span) : scan.take(bytes.span)
    }
  }

  @Test(arguments: names) func eachFormIsFoundAsItsGoldenSays(name: String) throws {
    let path = Fixture.logPath(name)
    let found = Self.kills(in: Fixture.bytes(of: path)).map(\.line).joined(separator: "\n") + "\n"
    let golden = path + ".expected"
    if ProcessInfo.processInfo.environment["WRITE_GOLDENS"] != nil {
      try Data(found.utf8).write(to: URL(filePath: golden))
    }
    #expect(found == String(decoding: Fixture.bytes(of: golden), as: UTF8.self))
  }

  /// A kill that several lines tell of comes once: two signals of earlyoom, what systemd says of a scope that
  /// systemd-oomd killed, and what it says of a service whose process the kernel killed.
  @Test func theSameKillComesOnce() {
    let killers = KillMerge.merged(Self.kills(in: Fixture.bytes(of: Fixture.logPath("killers.log"))))
    #expect(killers.filter { $0.victim.pid == 11_567 }.count == 1)
    let scope = killers.filter { $0.victim.unit == Array("app.scope".utf8) }
    #expect(scope.count == 1 && scope.first?.victim.count == 304)
    #expect(killers.filter { $0.victim.unit == Array("lone.scope".utf8) }.count == 1)
    let journal = KillMerge.merged(Self.kills(in: Fixture.bytes(of: Fixture.logPath("journal.json"))))
    #expect(journal.filter { $0.victim.unit == Array("db.service".utf8) }.map(\.victim.pid) == [812])
    #expect(journal.contains { $0.deed == .signalled(15) && $0.victim.unit == Array("web.service".utf8) })
  }

  /// The kernel's buffer, the journal and syslog tell of one kill by different clocks.
  @Test func oneKillOfThreeSourcesIsOneKill() throws {
    let boot = Array("1e4b4a417b1f4f0c9d5c3b9b1a3b9a11".utf8)
    let killed = "Out of memory: Killed process 812 (app) total-vm:1kB, anon-rss:1kB, file-rss:0kB"
    let journal =
      "{\"__REALTIME_TIMESTAMP\":\"1796205600000000\",\"_BOOT_ID\":\"1e4b4a417b1f4f0c9d5c3b9b1a3b9a11\","
      + "\"_TRANSPORT\":\"kernel\",\"SYSLOG_FACILITY\":\"0\",\"_SOURCE_MONOTONIC_TIMESTAMP\":\"100000002\","
      + "\"MESSAGE\":\"\(killed)\"}"
    var context = Self.context
    context.latest = WallTime(seconds: 1_796_300_000)
    // The machine slept for an hour since.
    var ringContext = context
    ringContext.bootedAt = WallTime(seconds: 1_796_205_500 + 3600)
    var ring = LogScan(ringContext, from: .kernelRing, boot: boot)
    var log = LogScan(context, from: .logFile)
    var entries = LogScan(context, from: .journal)
    let found = [
      ring.take(Array("3,1,100000002,-;\(killed)".utf8).span),
      log.take(Array("Dec  2 10:00:01 host kernel: [  100.000002] \(killed)".utf8).span),
      entries.take(journal: Array(journal.utf8).span),
    ].compactMap { $0 }
    #expect(found.count == 3)
    let merged = KillMerge.merged(found)
    #expect(merged.count == 1)
    let kill = try #require(merged.first)
    #expect(kill.isProven && kill.origins == [.journal, .kernelRing, .logFile])
    #expect(kill.time.wall == WallTime(seconds: 1_796_205_600) && !kill.time.isReckoned)
  }

  // MARK: Damage

  /// Every line, cut anywhere, and with any byte changed: nothing traps, and what is found is within its bounds.
  @Test(arguments: names) func damagedLinesAreNoMoreThanLines(name: String) {
    var random = SplitMix64(seed: 16)
    for line in Fixture.bytes(of: Fixture.logPath(name)).split(separator: UInt8(ascii: "\n")) {
      for cut in 0..<line.count { check(Array(line.prefix(cut))) }
      for _ in 0..<200 {
        var bytes = Array(line)
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        check(bytes)
      }
    }
  }

  private func check(_ line: [UInt8]) {
    for kill in Self.kills(in: line) {
      #expect((kill.victim.name ?? []).count <= line.count)
      #expect(kill.victim.count >= 1 || line.count < 100)
    }
  }

  @Test func randomBytesAreNoKills() {
    var random = SplitMix64(seed: 61)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0..<300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(Self.kills(in: bytes).isEmpty)
    }
  }
}

extension PastKill {
  /// All that is told of it, in a line.
  var line: String {
    func text(_ bytes: [UInt8]?) -> String {
      bytes.map { bytes in
        bytes.map { (32..<127).contains($0) ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16) }.joined()
      } ?? "-"
    }
    func number(_ value: (some BinaryInteger)?) -> String { value.map { "\($0)" } ?? "-" }
    let sizes = [
      memory.virtual, memory.anonymous, memory.file, memory.shared, memory.pageTables, memory.swap, memory.footprint,
    ].map { number($0?.count) }.joined(separator: "/")
    return [
      number(time.wall?.milliseconds), number(time.sinceBoot), killer.name, deed.name, number(victim.pid),
      text(victim.name), number(victim.uid), text(victim.unit), text(victim.cgroup), number(victim.count),
      shortage.constraint?.name ?? "-", text(shortage.limited), text(shortage.invoker),
      (shortage.isWholeGroup ? "group" : "") + (shortage.isManual ? "manual" : ""), sizes,
      isProven ? "proven" : "unproven", isEcho ? "echo" : "", text(reason),
    ].joined(separator: "|")
  }
}
