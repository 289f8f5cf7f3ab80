import Foundation
import Policy
import Pressure
import ProcModel
import Record
import Testing

@Suite struct SentenceTests {
  private static func line(_ write: (inout [UInt8]) -> Void) -> String {
    var bytes: [UInt8] = []
    write(&bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func timesAgreeWithTheFormatterOfFoundation() throws {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    // Each day from 1970 to 2199 at an odd time, with the leap days of 2000 and 2096, and none in 2100.
    for day in UInt64(0)..<84_000 {
      let milliseconds = day * 86_400_000 + day * 12_345_677 % 86_400_000
      let expected = formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
      let written = Self.line { $0.append(Timestamp(nanosecondsSinceEpoch: milliseconds * 1_000_000 + 999_999)) }
      // The formatter rounds a binary fraction. The seconds and all before them must agree to the letter.
      #expect(written.prefix(19) == expected.prefix(19) && written.hasSuffix("Z") && written.count == 24)
      #expect(written.dropFirst(20).prefix(3) == String(format: "%03d", Int(milliseconds % 1000)))
    }
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
      (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999Z"), (4_107_542_399_999_000_000, "2100-02-28T23:59:59.999Z"),
      (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"), (.max, "2554-07-21T23:34:33.709Z"),
    ] as [(UInt64, String)])
  func timesAtTheEdgesOfTheCalendarAreRight(nanoseconds: UInt64, expected: String) {
    #expect(Self.line { $0.append(Timestamp(nanosecondsSinceEpoch: nanoseconds)) } == expected)
  }

  @Test(
    arguments: [
      (0, "0 KiB"), (10_239, "10239 KiB"), (10_240, "10 MiB"), (11_263, "10 MiB"), (1_048_576, "1024 MiB"),
      (10_485_759, "10239 MiB"), (10_485_760, "10 GiB"), (13_000_000, "12.4 GiB"), (1_073_741_824, "1024 GiB"),
    ] as [(UInt64, String)])
  func amountsAreShort(kib: UInt64, expected: String) {
    #expect(Self.line { $0.append(KiB(kib)) } == expected)
  }

  @Test(
    arguments: [
      (40, 0, 0, "floor: available 40 MiB, at or below 100 MiB; no swap"),
      (100, 50, 500, "floor: available 100 MiB, at or below 100 MiB; free swap 50 MiB, at or below 50 MiB"),
      (101, 0, 0, "release: memory is not back; available 101 MiB, not yet over 150 MiB again; no swap"),
    ] as [(UInt64, UInt64, UInt64, String)])
  func aReasonHasItsFigures(available: UInt64, swapFree: UInt64, swapTotal: UInt64, expected: String) {
    let thresholds = Thresholds(
      floor: Floor(available: .share(.percent(10)), swapFree: .share(.percent(10))), release: .share(.percent(15)))
    var detector = Detector(thresholds: thresholds, units: .common)
    func reading(_ available: UInt64) -> MemoryReading {
      MemoryReading(
        time: .zero, total: KiB(1_024_000), available: KiB(available * 1024), swapTotal: KiB(swapTotal * 1024),
        swapFree: KiB(swapFree * 1024))
    }
    _ = detector.judge(reading(1))
    let verdict = detector.judge(reading(available))
    #expect(Self.line { $0.append(reason: verdict) } == expected)
    var withoutSwap = thresholds
    withoutSwap.floor.swapFree = nil
    detector.replace(withoutSwap)
    let memoryAlone = detector.judge(reading(available))
    let swapPart = expected.lastIndex(of: ";") ?? expected.endIndex
    #expect(Self.line { $0.append(reason: memoryAlone) } == expected[..<swapPart])
  }

  @Test(
    arguments: [
      (.rule(0), 0, "4711 (hog), 685 MiB, protected by rule \"batch\""),
      (.assumed(1), 0, "4711 (hog), 685 MiB, protected by rule \"large\""),
      (.oomScoreAdj, 0, "4711 (hog), 685 MiB, protected (built-in: oom_score_adj -1000)"),
      (.none, 0, "4711 (hog), 685 MiB, which was tried in vain"),
      (.rule(0), 800, "the kernel, which cannot drop it, 800 MiB"),
    ] as [(Protection, UInt64, String)])
  func aDecisionWithoutAVictimSaysWhoHoldsTheMemory(protection: Protection, kernel: UInt64, expected: String) {
    let parts = MemoryParts(anonymous: .zero, shared: .zero, kernel: KiB(kernel << 10))
    let decision = Scene().helpless(parts, protection: protection)
    #expect(Self.line { $0.append(decision, .none) }.hasSuffix("; no swap; the most memory is held by \(expected)"))
  }

  @Test(
    arguments: [
      (1, false, ""),
      (
        2, false,
        "; it was killed 2 times before and came back each time, the last kill was 12 s ago: killing it alone does not help"
      ),
      (
        3, true,
        "; it was killed 3 times before and came back each time, the last kill was 12 s ago: its unit goes with it now"
      ),
    ] as [(UInt32, Bool, String)])
  func aVictimThatIsBackIsSaidToBe(kills: UInt32, isWidened: Bool, expected: String) {
    var scene = Scene()
    scene.offerAll()
    var decision = scene.decision()
    decision.comeback = Comeback(kills: kills, since: .milliseconds(12_999))
    decision.comeback?.isWidened = isWidened
    #expect(Self.line { $0.append(decision, .signalled) }.hasSuffix("; no swap" + expected))
  }

  /// `__oom_kill_process` of mm/oom_kill.c prints, at level 3:
  /// "%s: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, file-rss:%lukB, shmem-rss:%lukB, UID:%u
  /// pgtables:%lukB oom_score_adj:%hd\n"
  private static let kernelForm = """
    ^<3>spillwayd: Out of memory: Killed process ([0-9]+) \\(([^\\n]*)\\) total-vm:([0-9]+)kB, anon-rss:([0-9]+)kB, \
    file-rss:([0-9]+)kB, shmem-rss:([0-9]+)kB, UID:([0-9]+) pgtables:([0-9]+)kB oom_score_adj:(-?[0-9]+); incident 00000000-9-3(.*)\\n$
    """

  @Test(arguments: [
    ("hog", "hog"), ("", ""), ("a b) total-vm:1", "a b) total-vm:1"), ("a\n<0>panic", #"a\x0a<0>panic"#),
    ("\u{1b}[2J", #"\x1b[2J"#),
    ("\u{202e}goh", #"\u202egoh"#), ("\0\r", #"\x00\x0d"#), ("héllo", "héllo"),
  ])
  func aVictimsLineHasTheKernelsOwnForm(comm: String, shown: String) throws {
    var process = ProcessFacts(identity: ProcessIdentity(pid: 45_626, startTime: Ticks(1)))
    process.comm = Comm(comm)
    (process.virtual, process.anonymous, process.file, process.shared) = (KiB(1), KiB(2), KiB(3), KiB(4))
    (process.realUID, process.effectiveUID, process.pageTables, process.oomScoreAdj) = (1000, 0, KiB(5), -17)
    let origin = SystemLogTests.origin("/system.slice/\(comm)x.service", "/bin/\(comm)")
    let run = RunID(startedAt: .milliseconds(9999))
    let line = Self.line { $0.append(kernelLineFor: process, incident: 3, of: run, origin) }
    let match = try #require(try Regex(Self.kernelForm).wholeMatch(in: line), "\(line)")
    let groups = match.output.dropFirst().compactMap { $0.substring.map(String.init) }
    // What is no name of a unit is shown as a cgroup.
    let unit = ["hog", ""].contains(comm) ? ", unit \(shown)x.service" : ", cgroup /system.slice/\(shown)x.service"
    #expect(groups == ["45626", shown, "1", "2", "3", "4", "1000", "5", "-17", unit + ", executable /bin/\(shown)"])
    let alone = Self.line { $0.append(kernelLineFor: process, incident: 3, of: run, nil) }
    #expect(alone.hasSuffix("oom_score_adj:-17; incident 00000000-9-3\n"))
    #expect(line.unicodeScalars.filter { $0.value < 0x20 } == ["\n"])
    #expect(Self.line { $0.append(process) } == "45626 (\(shown))")
  }

  /// `devkmsg_write` refuses more than LOG_LINE_MAX bytes, 1024 less the prefix: 976 before Linux 5.11.
  @Test(arguments: ["\u{1b}", "\u{202e}", "é", "x"])
  func aVictimsLineFitsTheKernelsLog(letter: String) {
    var process = ProcessFacts(identity: ProcessIdentity(pid: .max, startTime: Ticks(1)))
    process.comm = Comm(Array(repeating: 0x1b, count: 15).span)
    (process.virtual, process.anonymous, process.file) = (KiB(.max), KiB(.max), KiB(.max))
    (process.shared, process.pageTables) = (KiB(.max), KiB(.max))
    (process.realUID, process.oomScoreAdj) = (.max, -1000)
    let long = String(repeating: letter, count: 1000 / letter.utf8.count)
    let origin = SystemLogTests.origin("/" + long, "/" + long)
    let run = RunID(startedAt: Nanoseconds(.max))
    let line = Self.line { $0.append(kernelLineFor: process, incident: .max, of: run, origin) }
    #expect(line.utf8.count <= 976, "\(line.utf8.count)")
    #expect(line.hasSuffix("…\n") && !line.unicodeScalars.contains("\u{fffd}"))
  }

  @Test func bytesThatAreNotUTF8AreEscaped() {
    let bytes: [UInt8] = [0x41, 0xff, 0x9b, 0xc2, 0x42, 0xc2, 0x9b]
    #expect(Self.line { $0.append(visible: bytes.span) } == "A\u{fffd}\u{fffd}\u{fffd}B\\x9b")
  }
}
