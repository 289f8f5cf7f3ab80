import Fixtures
import Foundation
import Glibc
import Testing

/// `spillway history`, `why`, `log` and `audit`, on composed records and logs.
@Suite struct PastCommandTests {
  private static let record = Fixture.logPath("audit.jsonl")
  private static let kernel = Fixture.logPath("audit.log")
  private static let sources = ["--record", record, "--log", kernel]

  private static func run(_ words: [String], isAlone: Bool = false) throws -> Tool.Result {
    try Tool().run(words + (isAlone ? [] : sources), environment: ["TZ": "UTC"])
  }

  private static func objects(_ output: String) throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
  }

  // MARK: history

  @Test func theTableHasEachKillOnceTheNewestLast() throws {
    let result = try Self.run(["history", "--since", "2026-11-24", "--until", "2026-11-26 12:00"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(
      result.output == """
        TIME                 KILLER    WHAT         PID  NAME      UNIT                 MEMORY  INCIDENT      REASON
        2026-11-24 03:00:00  spillway  would kill  2001  leak      -                   281 MiB  4c041c69-8-2  floor: available 37 MiB, at or below 37 MiB; no swap
        2026-11-24 03:00:31  kernel?   killed       900  postgres  postgresql.service  292 MiB  -             the machine had no memory left
        2026-11-26 04:00:00  spillway  would kill  3000  node      -                   281 MiB  4c041c69-8-3  floor: available 37 MiB, at or below 37 MiB; no swap
        2026-11-26 04:00:12  kernel?   killed      3000  node      web.service         292 MiB  -             the machine had no memory left
        ?: only a text log says so, to which any process can write

        """)
  }

  @Test func theNewestOfManyAreShown() throws {
    let result = try Self.run(["history", "--limit", "2"])
    #expect(result.output.split(separator: "\n").count == 5)
    #expect(result.output.contains("4500  worker") && !result.output.contains("postgres"))
    #expect(result.output.contains("and older ones"))
    #expect(try Self.run(["history", "--limit", "0"]).status == 64)
  }

  @Test func theJSONHasWhatIsKnown() throws {
    let kills = try Self.objects(try Self.run(["history", "--json"]).output)
    #expect(kills.count == 12)
    let limited = try #require(kills.first { $0["pid"] as? Int == 5100 })
    #expect(limited["killer"] as? String == "kernel" && limited["deed"] as? String == "killed")
    #expect(limited["constraint"] as? String == "cgroup" && limited["limited_cgroup"] as? String == "/docker/0123")
    #expect(limited["proven"] as? Bool == false && limited["sources"] as? [String] == ["log"])
    #expect(limited["time"] as? String == "2026-11-29T02:00:00.000Z" && limited["uid"] as? Int == 26)
    let own = try #require(kills.first { $0["incident"] as? String == "4c041c69-8-3" })
    #expect(
      own["deed"] as? String == "would_kill" && own["pid"] as? Int == 3000 && own["trigger"] as? String == "floor")
    #expect(own["boot_id"] as? String == "4c041c69-5391-4fc7-b68e-741fb821f972")
    #expect(own["memory_kib"] as? Int == 287_772 && own["outcome"] is NSNull)
  }

  @Test func theJournalAndTheKernelsBufferAreRead() throws {
    let result = try Tool().run(
      ["history", "--json", "--log", Fixture.logPath("journal.json"), "--log", Fixture.logPath("linux-6.kmsg")])
    let kills = try Self.objects(result.output)
    let database = try #require(kills.first { $0["pid"] as? Int == 812 })
    #expect(database["proven"] as? Bool == true && database["unit"] as? String == "db.service")
    #expect(!kills.contains { $0["pid"] as? Int == 1 })
    #expect(kills.filter { $0["pid"] as? Int == 1_361_510 }.count == 1)
  }

  @Test func aMistakeIsExplained() throws {
    for (words, said) in [
      (["history", "--since", "banana"], "--since banana: give a time as journalctl takes it"),
      (["audit", "--since", "today", "--until", "yesterday"], "--since is later than --until"),
      (["why", "1", "--log", "missing"], "missing: no such file or directory"),
      (["log", "--record", "missing"], "missing: there is no record"),
      (["log", "--follow", "--until", "today"], "--follow has no end"),
    ] {
      let result = try Tool().run(words)
      #expect(result.status == 64 && result.errors.contains(said), "\(words): \(result.errors)")
      #expect(result.output.isEmpty)
    }
  }

  @Test func rotatedAndPackedRecordsAreReadAndDamageIsTold() throws {
    let tool = try Tool()
    let lines = String(decoding: Fixture.bytes(of: Self.record), as: UTF8.self).split(separator: "\n").map(String.init)
    try tool.write(lines[..<3].joined(separator: "\n") + "\n", to: "decisions.jsonl.2")
    let gzip = Process()
    gzip.executableURL = URL(filePath: "/usr/bin/gzip")
    gzip.arguments = [tool.folder.appending(path: "decisions.jsonl.2").path()]
    try gzip.run()
    gzip.waitUntilExit()
    try tool.write("no record\n" + lines[3..<6].joined(separator: "\n") + "\n", to: "decisions.jsonl.1")
    try tool.write(lines[6...].joined(separator: "\n").dropLast(20) + "", to: "decisions.jsonl")
    let result = try tool.run(["log", "--record", "decisions.jsonl"], environment: ["TZ": "UTC"])
    #expect(result.status == 0)
    let times = result.output.split(separator: "\n").map { $0.prefix(19) }
    #expect(times.count == lines.count - 1 && times == times.sorted())
    #expect(
      result.errors == """
        spillway: decisions.jsonl.1:1: this is no line of a Spillway record, and left out
        spillway: decisions.jsonl:5: the line is cut off or damaged, and left out

        """)
  }

  // MARK: why

  @Test func aParagraphSaysWhyAndWhatShowsMore() throws {
    let kernel = try Self.run(["why", "postgresql.service"])
    #expect(kernel.status == 0)
    #expect(
      kernel.output.hasPrefix(
        "900 (postgres) of postgresql.service was killed by the kernel at 2026-11-24 03:00:31: the machine had no memory "
          + "left. It had 292 MiB in memory. Only a text log says so, to which any process can write.\n"
          + "  journalctl -k --since \"2026-11-24 02:59:31\" --until \"2026-11-24 03:01:31\"\nBefore that:\n"))
    let own = try Self.run(["why", "4c041c69-8-1"])
    #expect(
      own.output.contains("140 (leak) would have been killed by Spillway at 2026-11-22 03:00:00, which was in dry run"))
    #expect(own.output.contains("spillway log --incident 4c041c69-8-1"))
    #expect(own.output.contains("What was killed after it:\n  2026-11-22 03:00:31  kernel?: killed 812 (postgres)"))
  }

  @Test(arguments: ["3000", "node", "web.service", "web", "/system.slice/web.service", "/system.slice"])
  func aVictimIsFoundByAnyOfItsNames(words: String) throws {
    let result = try Self.run(["why", words])
    #expect(result.status == 0)
    #expect(result.output.contains("was killed by the kernel"))
  }

  @Test func whatLeftNoTraceIsSaidToHaveNone() throws {
    let result = try Self.run(["why", "nginx.service"])
    #expect(result.status == 1)
    #expect(result.output == "There is no trace of nginx.service: no killer tells of it in what can be read.\n")
    #expect(try Self.objects(try Self.run(["why", "--json", "nginx"]).output).isEmpty)
  }

  @Test(arguments: [
    ("exit 137", "128 + 9"), ("exit code 137", "128 + 9"), ("exited with 143", "128 + 15"), ("status=143", "128 + 15"),
    ("rc=137", "128 + 9"), ("137", "128 + 9"), ("SIGKILL", "128 + 9"), ("status=9/KILL", "128 + 9"),
    ("exit 139", "128 + 11"), ("exit 3", "the program's own"),
  ]) func anExitCodeIsExplained(words: String, said: String) throws {
    let result = try Self.run(["why"] + words.split(separator: " ").map(String.init))
    #expect(result.output.contains(said), "\(result.output)")
    // A bare number is a PID first.
    #expect(result.status == (words == "137" ? 1 : 0))
    if words == "exit 137" {
      #expect(result.output.contains("The last kills:\n  2026-11-29 06:00:05  kernel?: killed"))
    }
  }

  /// An armed agent's kill, with its outcome.
  @Test func aKillOfSpillwayHasItsOutcome() throws {
    let tool = try Tool()
    let head = #"{"schema":1,"time":"2026-11-30T10:00:00.000Z","event":"#
    let incident = #","boot_id":null,"dry_run":false,"incident":"1e4b4a41-8412-3","domain":"system","episode":1,"#
    let victim = #""victim":{"pid":4711,"start_time":1,"comm":"hog","uid":1000,"unit":"cron.service"},"#
    func record(_ outcome: String) -> String {
      head + #""decision""# + incident + victim + #""reason":"floor: low","action":"SIGTERM","trigger":"floor"}"# + "\n"
        + head + #""outcome""# + incident + victim + outcome + "}\n"
    }
    for (outcome, said) in [
      (
        #""outcome":"exited","after_ms":120,"freed_kib":319488"#,
        "4711 (hog) of cron.service was killed by Spillway at 2026-11-30 10:00:00: floor: low. It was sent SIGTERM and "
          + "exited, 120 ms later; 312 MiB came back.\n"
      ),
      (
        #""outcome":"killed","after_ms":5200,"escalation":"grace_ended","freed_kib":0"#,
        "It was sent SIGTERM, then SIGKILL (it did not exit within its grace), and died, 5.2 s later; 0 KiB came back.\n"
      ),
      (#""outcome":"stuck""#, "It was sent SIGTERM, and SIGKILL did not make it exit either.\n"),
      (#""outcome":"relieved""#, "and was not killed: memory came back first. The reason to act was: floor: low.\n"),
    ] {
      try tool.write(record(outcome), to: "record")
      let result = try tool.run(["why", "cron", "--record", "record"], environment: ["TZ": "UTC"])
      #expect(result.output.contains(said), "\(result.output)")
    }
    // What was spared is no kill.
    let history = try tool.run("history", "--record", "record")
    #expect(history.output == "nothing was killed, as far as can be read\n")
  }

  // MARK: log

  @Test func theRecordIsToldInWords() throws {
    let result = try Tool().run(["log", "--record", Self.record], environment: ["TZ": "UTC"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(
      result.output.hasPrefix(
        """
        2026-11-21 08:00:00  the agent started (PID 501), version 0.1.0, in dry run, policy /etc/spillway/spillway.toml
        2026-11-22 03:00:00  dry run: would send SIGTERM to 140 (leak), footprint 281 MiB; floor: available 37 MiB, at or below 37 MiB; no swap  [4c041c69-8-1]
        2026-11-22 03:00:40  memory is back, after 40 s; at the lowest 4096 KiB were available; the kernel killed 1 process meanwhile; what would have been killed lived on  [4c041c69-8-1]

        """))
    let one = try Tool().run(["log", "--record", Self.record, "--incident", "4c041c69-8-3"])
    #expect(one.output.split(separator: "\n").count == 2 && one.output.contains("was gone 12 s later"))
  }

  /// Lines that are appended, and those of the file that takes the place of a rotated one, each once.
  @Test func aRecordIsFollowedOverItsRotation() throws {
    let tool = try Tool()
    func stop(_ reason: String) -> String {
      #"{"schema":1,"time":"2026-11-30T10:00:00.000Z","event":"stop","boot_id":null,"reason":""# + reason + "\"}\n"
    }
    try tool.write((0..<12).map { stop("old \($0)") }.joined(), to: "record")
    let process = Process()
    process.executableURL = tool.path
    process.arguments = ["log", "--follow", "--record", "record"]
    process.currentDirectoryURL = tool.folder
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    // The runner blocks other signals, and its children inherit that.
    defer { kill(process.processIdentifier, SIGKILL) }
    func line() -> String {
      var bytes: [UInt8] = []
      while let byte = try? pipe.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 { bytes.append(byte) }
      return String(String(decoding: bytes, as: UTF8.self).dropFirst(21))
    }
    for number in 2..<12 { #expect(line() == "the agent stopped: old \(number)") }
    let file = try FileHandle(forWritingTo: tool.folder.appending(path: "record"))
    try file.seekToEnd()
    try file.write(contentsOf: Data(stop("appended").utf8.dropLast(5)))
    try file.write(contentsOf: Data(stop("appended").utf8.suffix(5)))
    #expect(line() == "the agent stopped: appended")
    try FileManager.default.moveItem(
      at: tool.folder.appending(path: "record"), to: tool.folder.appending(path: "record.1"))
    try file.write(contentsOf: Data(stop("late").utf8))
    #expect(line() == "the agent stopped: late")
    try tool.write(stop("new"), to: "record")
    #expect(line() == "the agent stopped: new")
    // The folder goes with the tool's last use.
    #expect(try tool.read("record") == stop("new"))
  }

  // MARK: audit

  @Test func theAuditIsAStoryWithAVerdict() throws {
    let result = try Self.run(["audit", "--until", "2026-11-30 12:00"])
    #expect(result.status == 0 && result.errors.isEmpty)
    for said in [
      "2026-11-22 03:00:00  4c041c69-8-1  -       dry run  140 (leak)     281 MiB  the kernel killed 812 (postgres) 31 s later",
      "the kernel counted 1 more kill that no log tells of\n",
      "3000 (node)    281 MiB  the kernel killed it 12 s later", "memory came back by itself after 7.9 s\n",
      "2026-11-20 01:00:00  99 (old)?, 292 MiB: Spillway did not run then\n",
      "5000 (backup)?, 292 MiB: no trigger of the policy was true\n",
      "control group /docker/0123 reached its limit, for which the policy has no domain\n",
      "5 incidents in 9 days; in 4 the kernel killed, postgres twice, node once and worker once; Spillway would have killed "
        + "leak twice, node once and worker once, 31 s earlier (4.9 s to 31 s).\n",
      "Armed, Spillway would have acted before the kernel, which twice killed another process than Spillway's victim.\n",
      "In 1 memory came back without a kill: armed, Spillway would have killed there.",
      "3 kills of the kernel were not foreseen.\n", "This cannot know what an armed agent would have done",
    ] {
      #expect(result.output.contains(said), "\(said)\n\(result.output)")
    }
  }

  @Test func theAuditAsJSONHasEachKillOfTheKernelOnce() throws {
    let output = try Self.run(["audit", "--json"]).output
    let audit = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    let incidents = try #require(audit["incidents"] as? [[String: Any]])
    let unforeseen = try #require(audit["not_foreseen"] as? [[String: Any]])
    let matched = incidents.flatMap { $0["kills"] as? [[String: Any]] ?? [] }
    let pids = (matched + unforeseen).compactMap { ($0["kill"] as? [String: Any])?["pid"] as? Int }
    #expect(pids.sorted() == [99, 812, 900, 3000, 4500, 5000, 5100])
    #expect(unforeseen.map { $0["cause"] as? String } == ["not_running", "no_incident", "control_group"])
    #expect(incidents.compactMap { $0["end"] as? String }.filter { $0 == "kernel_killed" }.count == 4)
    #expect((audit["figures"] as? [String: Any])?["median_lead_ms"] as? Int == 30_900)
    #expect((audit["verdict"] as? String)?.contains("5 incidents") == true)
  }

  @Test func anEmptyPeriodHasNothingToJudgeBy() throws {
    let result = try Tool().run([
      "audit", "--record", Self.record, "--since", "2026-11-21", "--until", "2026-11-21 12:00",
    ])
    #expect(result.output.contains("No incident of a dry run in 12 h.\n"))
    #expect(result.output.contains("memory was never short"))
  }
}
