import Fixtures
import Foundation
import Testing

/// Text of processes, through every output of the tool: nothing of it reaches a terminal as it is.
@Suite struct HostileTextTests {
  private static let newline = UInt8(ascii: "\n")

  /// A string of JSON with these bytes, of which only what JSON itself needs is escaped: as a hostile record has it.
  private static func quoted(_ text: [UInt8]) -> [UInt8] {
    var quoted: [UInt8] = Array("\"".utf8)
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): quoted += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: quoted += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
      default: quoted.append(byte)
      }
    }
    return quoted + Array("\"".utf8)
  }

  /// A record in which each text is a name, a unit, a path, a rule and a reason, in all kinds of events.
  private static func record() -> [UInt8] {
    var record: [UInt8] = []
    func add(_ event: String, _ number: Int, _ fields: [(String, [UInt8])]) {
      let head =
        "{\"schema\":1,\"time\":\"2026-11-30T10:00:00.\(100 + number)Z\",\"event\":\"\(event)\",\"boot_id\":null,"
        + "\"dry_run\":\(number % 2 == 0),\"incident\":\"1e4b4a41-8412-\(number)\",\"episode\":\(number),\"decisions\":1"
      record += Array(head.utf8)
      for (name, value) in fields { record += Array(",\"\(name)\":".utf8) + value }
      record += Array("}\n".utf8)
    }
    for (number, text) in HostileText.all.enumerated() {
      let text = quoted(text)
      let victim =
        Array("{\"pid\":\(4000 + number),\"start_time\":1,\"comm\":".utf8) + text + Array(",\"unit\":".utf8) + text
        + Array(",\"cgroup\":".utf8) + text + Array(",\"exe\":".utf8) + text + Array(",\"rule\":".utf8) + text
        + Array("}".utf8)
      let killSet = Array("{\"members\":2,\"scope\":".utf8) + text + Array(",\"swarm\":".utf8) + text + Array("}".utf8)
      add("start", number, [("version", text), ("policy", text)])
      add(
        "decision", number,
        [
          ("domain", text), ("victim", victim), ("kill_set", killSet), ("reason", text), ("action", text),
          ("trigger", text),
        ])
      add(
        "outcome", number,
        [
          ("domain", text), ("victim", victim), ("outcome", text), ("escalation", text), ("error", text),
          ("note", text),
        ])
      add("episode", number, [("domain", text), ("end", text)])
      add("hook", number, [("occasion", text), ("program", text), ("outcome", text), ("error", text)])
      add("relief", number, [("action", text), ("cgroup", text), ("outcome", text)])
      add("last_resort", number, [("action", text), ("outcome", text), ("error", text)])
      add("reload", number, [("outcome", text), ("reason", text)])
      add("stop", number, [("reason", text)])
    }
    return record
  }

  /// Records of `/dev/kmsg` in which each text is the name of what asked and of what was killed.
  private static func kernelLog() -> [UInt8] {
    func escaped(_ text: [UInt8]) -> String {
      text.map {
        (0x20..<0x7f).contains($0) && $0 != 0x5c
          ? String(UnicodeScalar($0)) : "\\x\(String(256 + Int($0), radix: 16).dropFirst())"
      }
      .joined()
    }
    let lines = HostileText.all.enumerated().map { number, text in
      let name = escaped(Array(text.prefix(15)))
      let path = "/system.slice/\(escaped(text)).service"
      return """
        4,1,\(number)00000000,-;\(name) invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
        6,2,\(number)00000001,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,\
        oom_memcg=\(path),task_memcg=\(path),task=\(name),pid=\(5000 + number),uid=0
        3,3,\(number)00000002,-;Memory cgroup out of memory: Killed process \(5000 + number) (\(name)) \
        total-vm:500000kB, anon-rss:300000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:800kB oom_score_adj:0

        """
    }
    return Array(lines.joined().utf8)
  }

  @Test(arguments: [
    ["history"], ["history", "--json"], ["audit"], ["audit", "--json"], ["log"], ["why", "exit", "137"],
    ["why", "4001"], ["why", "4000"], ["why", "5004"], ["why", "--json", "4001"], ["why", "\u{1b}[31mred"],
    ["why", "/system.slice"],
  ]) func whatIsToldOfThePastIsHarmless(words: [String]) throws {
    let tool = try Tool()
    try Data(Self.record()).write(to: tool.folder.appending(path: "record"))
    try Data(Self.kernelLog()).write(to: tool.folder.appending(path: "kmsg"))
    let logs = words.first == "log" ? [] : ["--log", "kmsg"]
    let result = try tool.run(words + ["--record", "record"] + logs)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.isEmpty && result.output.count > 100)
    #expect(HostileText.isHarmless(Array(result.output.utf8)))
    if words.contains("--json") {
      _ = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
      #expect(!result.output.dropLast().contains("\n"))
    }
  }

  /// Each process and each event has its own line, whatever it is called.
  @Test func noTextBreaksALine() throws {
    let tool = try Tool()
    try Data(Self.record()).write(to: tool.folder.appending(path: "record"))
    try Data(Self.kernelLog()).write(to: tool.folder.appending(path: "kmsg"))
    let count = HostileText.all.count
    let log = try tool.run("log", "--record", "record")
    #expect(log.output.split(separator: "\n").count == count * 9)
    let kernel = try tool.run("history", "--log", "kmsg")
    #expect(kernel.output.split(separator: "\n").count == count + 1)
    let history = try tool.run("history", "--record", "record", "--json")
    let kills = try #require(try JSONSerialization.jsonObject(with: Data(history.output.utf8)) as? [[String: Any]])
    // What was spared or is unknown by its outcome is there too; each has the number that it was given.
    #expect(Set(kills.compactMap { $0["pid"] as? Int }) == Set(4000..<4000 + count))
  }

  /// A file's own name is text, too.
  @Test func notesAreHarmless() throws {
    let tool = try Tool()
    let name = "a\u{1b}[31m\nb\u{202e}"
    try Data("x\n".utf8).write(to: tool.folder.appending(path: name))
    let result = try tool.run("log", "--record", name)
    #expect(result.status == 0 && result.errors.contains("is no line of a Spillway record"))
    #expect(HostileText.isHarmless(Array(result.errors.utf8)))
    let missing = try tool.run("history", "--log", "\u{1b}[2J")
    #expect(missing.status == 64 && HostileText.isHarmless(Array(missing.errors.utf8)))
    let since = try tool.run("history", "--since", "\u{1b}[2J")
    #expect(since.status == 64 && HostileText.isHarmless(Array(since.errors.utf8)))
  }

  /// A machine on which each process has one of the names.
  @Test func whatIsRankedIsHarmless() throws {
    let tool = try Tool()
    let root = tool.folder.appending(path: "proc")
    try FileManager.default.copyItem(at: URL(filePath: Fixture.path("5.10")), to: root)
    let model = root.appending(path: "950")
    let stat = try Data(contentsOf: model.appending(path: "stat"))
    let tail = try #require(stat.range(of: Data(")".utf8)))
    for (number, text) in HostileText.all.enumerated() {
      let folder = root.appending(path: "\(20_000 + number)")
      try FileManager.default.copyItem(at: model, to: folder)
      let name = Array(text.prefix(15).filter { $0 != 0 })
      try (Data("\(20_000 + number) (".utf8) + Data(name) + stat[tail.lowerBound...])
        .write(to: folder.appending(path: "stat"))
    }
    for words in [["rank"], ["rank", "--json"], ["explain", "20000"], ["explain", "20000", "--json"]] {
      let result = try tool.run(words + ["--proc-root", "proc"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(HostileText.isHarmless(Array(result.output.utf8)), "\(words)")
      if words == ["rank"] {
        #expect(result.output.split(separator: "\n").count >= HostileText.all.count)
      } else if words.last == "--json" {
        _ = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
      }
    }
  }
}
