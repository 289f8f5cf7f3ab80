import Foundation
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record
import Testing

/// The fields of each event, to the letter.
@Suite struct RecorderTests {
  /// Checks the fields that every event has, and returns the object without them.
  private static func own(_ object: JSONObject, _ event: String, isDryRun: Bool = false) throws -> JSONObject {
    #expect(object["schema"] as? Int == 1 && object["event"] as? String == event)
    #expect(object["dry_run"] as? Bool == isDryRun)
    let time = try #require(object["time"] as? String)
    let form = try Regex(#"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"#)
    #expect(try form.wholeMatch(in: time) != nil)
    #expect(object["boot_id"] is NSNull)
    if ["decision", "outcome"].contains(event) { #expect(object["incident"] as? String == "00000000-0-7") }
    return object.filter { !["schema", "event", "dry_run", "time", "boot_id", "incident"].contains($0.key) }
  }

  private static func expect(_ object: Any?, _ expected: String) throws {
    let wanted = try JSONSerialization.jsonObject(with: Data(expected.utf8), options: .fragmentsAllowed)
    #expect(try canonical(object) == canonical(wanted))
  }

  private static let hog = """
    "pid": 4711, "start_time": 812345, "comm": "hog", "uid": 1000, "score": 1403264, "order": "first", "protected": false,
    "rule": "large", "rules": ["batch", "large"], "oom_score": 702, "oom_score_adj": -17, "footprint_kib": 701632,
    "swap_kib": 7, "rss_kib": 700200, "age_s": 42
    """
  private static let hogTerms = """
    "terms": [
      {"name": "anonymous_kib", "value": 700000, "effect": "+ 700000"}, {"name": "swap_kib", "value": 7, "effect": "+ 7"},
      {"name": "page_tables_kib", "value": 1600, "effect": "+ 1600"},
      {"name": "shared_kib", "value": 100, "effect": "+ 25"}
    ]
    """

  @Test func theFieldsOfTheStart() throws {
    let scene = Scene()
    let records = try recorded(isDryRun: true) { recorder in
      recorder.write(
        StartEvent(
          version: "1.2.3", policyName: CPath([0x2f, 0xff, 0x22]), context: scene.context, roots: nil,
          panic: PanicSettings(panicOnOom: 2, panicTimeout: -1), held: [.kill, .sysAdmin, .syslog],
          lacking: [.ipcLock]))
    }
    try #require(records.count == 1)
    try Self.expect(
      Self.own(records[0], "start", isDryRun: true),
      """
      {"version": "1.2.3", "pid": \(getpid()), "policy": "/\u{fffd}\\"", "policy_fallback": null,
      "policy_fallback_reason": null, "policy_age_s": null, "total_kib": 1024000, "hugetlb_kib": 0, "swap_total_kib": 0,
      "system_cgroup": null, "domains": [], "panic_on_oom": 2, "kernel_panic": -1,
      "capabilities": ["CAP_KILL", "CAP_SYSLOG"], "lacking": ["CAP_IPC_LOCK"]}
      """)
  }

  @Test(
    arguments: [
      (PolicyFallback.Kind.builtIn, "built_in", nil), (.lastGood(keptAt: 0), "last_good", 1_000_000_000),
      (.lastGood(keptAt: .max), "last_good", 0),
    ] as [(PolicyFallback.Kind, String, Int?)])
  func aFallbackIsToldAtTheStartAndOfEachRefusedReload(kind: PolicyFallback.Kind, name: String, age: Int?) throws {
    let scene = Scene()
    let fallback = PolicyFallback(kind, because: [0x61, 0x0a, 0xff, 0x22])
    let records = try recorded(isDryRun: true) { recorder in
      recorder.write(
        StartEvent(
          version: "1", policyName: CPath("p"), fallback: fallback, context: scene.context, roots: nil, panic: nil,
          held: [], lacking: []))
      recorder.write(ReloadEvent.refused("no", nil, rules: 1, fallback: fallback))
    }
    try #require(records.count == 2)
    #expect(records.allSatisfy { $0["policy_fallback"] as? String == name })
    #expect(records[0]["policy_fallback_reason"] as? String == "a\n\u{fffd}\"")
    // This is later than 2001.
    if let age, age > 0 { #expect((records[0]["policy_age_s"] as? Int ?? 0) > age) }
    if age == 0 { #expect(records[0]["policy_age_s"] as? Int == 0) }
    if age == nil { #expect(records[0]["policy_age_s"] is NSNull) }
  }

  @Test func linesAreCountedUntilThereIsASink() throws {
    let file = try MemoryFile.create(CPath("record"))
    var recorder = Recorder(sink: nil, isDryRun: false)
    recorder.write(StopEvent("unwanted"))
    let unwanted = recorder.sink.lostLines()
    recorder.awaitSink()
    recorder.write(StopEvent("lost"))
    recorder.write(StopEvent("lost"))
    let lost = recorder.sink.lostLines()
    recorder.takeUp(try OwnedDescriptor.duplicate(file.raw))
    recorder.write(StopEvent("written"))
    recorder.sink.wait(milliseconds: 10_000)
    let inAll = recorder.sink.lostLines()
    #expect(unwanted == 0 && lost == 2 && inAll == 2)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = try file.readWhole(into: &bytes)
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    #expect(text.contains("written") && !text.contains("\"lost\""))
  }

  @Test(arguments: [VictimSignal.terminate, .kill], [false, true])
  func theFieldsOfADecision(signal: VictimSignal, isDryRun: Bool) throws {
    var scene = Scene()
    scene.offerAll()
    let records = try recorded(isDryRun: isDryRun) { recorder in
      var decision = scene.decision(took: Nanoseconds(900_999))
      decision.signal = signal
      recorder.write(DecisionEvent(decision, isDryRun ? .rehearsed : .signalled))
    }
    try #require(records.count == 1)
    try Self.expect(
      Self.own(records[0], "decision", isDryRun: isDryRun),
      """
      {"domain": "system", "episode": 1, "level": "terminate", "trigger": "floor",
      "reason": "floor: available 50 MiB, at or below 80 MiB; no swap",
      "reading": {"total_kib": 1024000, "hugetlb_kib": 0, "available_kib": 51200, "floor_kib": 81920, "release_kib": 122880,
        "swap_total_kib": 0, "swap_free_kib": 0, "swap_floor_kib": 0, "reclaim_count": null, "swapoff": false,
        "impossible": []},
      "victim": {\(Self.hog), \(Self.hogTerms)},
      "candidates": [
        {\(Self.hog), \(Self.hogTerms)},
        {"pid": 5, "start_time": 5, "comm": "", "uid": 0, "score": 20000, "order": "normal", "protected": false,
        "rule": null, "rules": [], "oom_score": null, "oom_score_adj": 0, "footprint_kib": 20000, "swap_kib": 0,
        "rss_kib": 0, "age_s": 0, "terms": [
          {"name": "anonymous_kib", "value": 20000, "effect": "+ 20000"}, {"name": "swap_kib", "value": 0, "effect": "+ 0"},
          {"name": "page_tables_kib", "value": 0, "effect": "+ 0"},
          {"name": "shared_kib", "value": 0, "effect": "+ 0"}]}
      ],
      "kill_set": {"scope": "process", "choice": "ranking", "swarm": null, "fallback": null, "members": 1, "pids": [], "footprint_kib": 0,
      "left_out": {"protected": 0, "in_vain": 0, "outside": 0, "apart": 0, "beyond": 0}},
      "considered": 9, "protected": 4, "too_small": 1, "passed_over": 2,
      "action": "\(signal.name)", \(isDryRun ? "\"outcome\": \"rehearsed\"," : "") "took_us": 900}
      """)
  }

  @Test(arguments: [false, true]) func theFieldsOfADecisionWithoutAVictim(isDryRun: Bool) throws {
    var scene = Scene(available: 1)
    var kept = scene.hog
    kept.ruleOutcome.protection = .rule(0)
    scene.shortlist.offer(kept, isWorthKilling: true, isPassedOver: false)
    scene.verdict.lines.floorSwapFree = nil
    let records = try recorded(isDryRun: isDryRun) { recorder in
      recorder.write(DecisionEvent(scene.decision(), .none))
    }
    try #require(records.count == 1)
    try Self.expect(
      Self.own(records[0], "decision", isDryRun: isDryRun),
      """
      {"domain": "system", "episode": 1, "level": "kill", "trigger": "floor", "reason": "no_candidate",
      "reading": {"total_kib": 1024000, "hugetlb_kib": 0, "available_kib": 1, "floor_kib": 81920, "release_kib": 122880,
        "swap_total_kib": 0, "swap_free_kib": 0, "swap_floor_kib": null, "reclaim_count": null, "swapoff": false,
        "impossible": []},
      "victim": null, "kill_set": null, "candidates": [], "considered": 1, "protected": 1, "too_small": 0, "passed_over": 0,
      "action": "none", "outcome": "none", "took_us": 0}
      """)
  }

  /// Whoever holds most of the memory is named: the process with its rule, or what else it is.
  @Test func aDecisionWithoutAVictimNamesTheHolder() throws {
    let scene = Scene()
    let records = try recorded { recorder in
      recorder.write(DecisionEvent(scene.helpless(MemoryParts(anonymous: .zero, shared: .zero)), .none))
      recorder.write(DecisionEvent(scene.helpless(MemoryParts(anonymous: .zero, shared: KiB(900 << 10))), .none))
    }
    try #require(records.count == 2)
    let first = try #require(records[0]["holder"] as? JSONObject)
    #expect(first["kind"] as? String == "process" && first["held_kib"] as? Int == 701_632)
    let process = try #require(first["process"] as? JSONObject)
    #expect(process["comm"] as? String == "hog" && process["protected"] as? Bool == true && process["terms"] == nil)
    // The hog maps 25 KiB of it.
    try Self.expect(
      records[1]["holder"] as? JSONObject ?? [:], #"{"kind": "shared", "held_kib": 921575, "process": null}"#)
  }

  @Test(
    arguments: [
      (.exited, .terminate, nil, nil, #""action": "SIGTERM", "escalation": null, "outcome": "exited""#),
      (.killed, .kill, .graceEnded, nil, #""action": "SIGKILL", "escalation": "grace_ended", "outcome": "killed""#),
      (
        .stuck, .kill, .memoryWorsened, nil,
        #""action": "SIGKILL", "escalation": "memory_worsened", "outcome": "stuck""#
      ),
      (.vanished, nil, nil, nil, #""action": "none", "escalation": null, "outcome": "vanished""#),
      (.changed, nil, nil, nil, #""action": "none", "escalation": null, "outcome": "changed""#),
      (.relieved, nil, nil, nil, #""action": "none", "escalation": null, "outcome": "relieved""#),
      (
        .refused, nil, nil, .notPermitted,
        #""action": "none", "escalation": null, "outcome": "refused", "error": "operation not permitted""#
      ),
    ] as [(OutcomeKind, Signal?, Escalation?, Errno?, String)])
  func theFieldsOfAnOutcome(
    ending: OutcomeKind, signal: Signal?, escalation: Escalation?, refusal: Errno?, expected: String
  )
    throws
  {
    let scene = Scene()
    let records = try recorded { recorder in
      var outcome = scene.outcome(ending, signal: signal)
      outcome.escalation = escalation
      outcome.after = Nanoseconds(12_999_999)
      outcome.refusal = refusal
      outcome.standstill = ending == .stuck ? .uninterruptible : nil
      outcome.released = ending == .killed ? 2 : nil
      recorder.write(outcome)
    }
    let standstill = ending == .stuck ? "\"uninterruptible\"" : "null"
    let released = ending == .killed ? "2" : "null"
    try #require(records.count == 1)
    var text: [UInt8] = []
    text.append(reason: scene.verdict)
    let reason = String(decoding: text, as: UTF8.self)
    try Self.expect(
      Self.own(records[0], "outcome"),
      "{\"domain\": \"system\", \"episode\": \(scene.verdict.episode), \"reason\": \"\(reason)\", \"victim\": {\(Self.hog)}, \(expected), \"members\": 3, \"standstill\": \(standstill), \"released\": \(released), \"after_ms\": 12, \"available_kib\": 900, \"freed_kib\": 800, \"one_by_one\": null, \"counted_kib\": null, \"note\": null}"
    )
  }

  @Test(
    arguments: [
      (nil, #""one_by_one":null"#), (.protected, #""one_by_one":"protected","#),
      (.unproven, #""one_by_one":"unproven","#),
      (.refused(Errno(30)), #""one_by_one":"refused","one_by_one_error":"read-only file system""#),
    ] as [(OneByOne?, String)])
  func anOutcomeTellsWhyAWholeWasSignalledOneByOne(reason: OneByOne?, expected: String) throws {
    let scene = Scene()
    let sink = try MemoryFile.create(CPath("record"))
    var recorder = Recorder(sink: try OwnedDescriptor.duplicate(sink.raw), isDryRun: false)
    var outcome = scene.outcome(.killed, signal: .kill)
    outcome.oneByOne = reason
    recorder.write(outcome)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = try sink.readWhole(into: &buffer)
    let line = String(decoding: buffer[..<count], as: UTF8.self)
    #expect(line.contains(expected), "\(line)")
  }

  /// An eighth of 180 MiB is 22.5 MiB.
  @Test(
    arguments: [
      (.killed, .kill, 3072, 184_320, "killing it gave back 3072 KiB of the 180 MiB counted"),
      (.killed, .kill, 0, 184_320, "killing it gave back 0 KiB of the 180 MiB counted"),
      (.exited, .interrupt, 15_360, 184_320, "sending it SIGINT gave back 15 MiB of the 180 MiB counted"),
      (.killed, .kill, 23_039, 184_320, "killing it gave back 22 MiB of the 180 MiB counted"),
      (.killed, .kill, 23_040, 184_320, nil), (.stuck, .kill, 0, 184_320, nil), (.refused, nil, 0, 184_320, nil),
      (.relieved, nil, 0, nil, nil), (.killed, .kill, 0, 0, nil),
    ] as [(OutcomeKind, Signal?, UInt64, UInt64?, String?)])
  func anOutcomeNotesAKillThatGaveNextToNothingBack(
    ending: OutcomeKind, signal: Signal?, freed: UInt64, counted: UInt64?, note: String?
  ) throws {
    let scene = Scene()
    let records = try recorded { recorder in
      var outcome = scene.outcome(ending, signal: signal)
      outcome.freed = KiB(freed)
      outcome.counted = counted.map { KiB($0) }
      recorder.write(outcome)
    }
    let outcome = try #require(records.first)
    #expect(outcome["note"] as? String == note && outcome["counted_kib"] as? UInt64 == counted)
  }

  @Test func theFieldsOfReloadsAndTheStop() throws {
    let old = Scene().context.policy
    var new = old
    for number in 0..<12 { new.rules.append(old.rules[0].renamed("new \(number)", in: &new)) }
    new.settings.grace = .zero
    new.rules[0].weight += 1
    new.rules.remove(at: 1)
    let changes = PolicyChanges(from: old, to: new)
    let records = try recorded { recorder in
      recorder.write(ReloadEvent.inForce(old: old, new: new, changes))
      recorder.write(ReloadEvent.refused("a \"mistake\"", nil, rules: 3, fallback: nil))
      recorder.write(StopEvent(Signal.interrupt.name))
    }
    try #require(records.count == 3)
    let added = (0..<8).map { "\"new \($0)\"" }.joined(separator: ", ")
    let names = old.rules.map { String(decoding: old.text[$0.name.indices], as: UTF8.self) }
    try Self.expect(
      Self.own(records[0], "reload"),
      """
      {"outcome": "in_force", "policy_fallback": null, "reason": null, "rules": \(new.rules.count), "changes": {"settings": true,
      "reordered": false, "added": [\(added)], "changed": ["\(names[0])"], "removed": ["\(names[1])"], "unnamed": 4}}
      """)
    try Self.expect(
      Self.own(records[1], "reload"),
      #"{"outcome": "refused", "policy_fallback": null, "reason": "a \"mistake\"", "rules": 3, "changes": null}"#)
    try Self.expect(Self.own(records[2], "stop"), #"{"reason": "SIGINT"}"#)
    var text: [UInt8] = []
    text.append(changes)
    text.append("; ")
    text.append(PolicyChanges(from: new, to: new))
    #expect(
      String(decoding: text, as: UTF8.self) == "12 added, 1 changed, 1 removed, settings changed; nothing changed")
  }

  @Test(
    arguments: [
      (.initProcess, "built-in: init"), (.agent, "built-in: the agent"),
      (.oomScoreAdj, "built-in: oom_score_adj -1000"),
      (.rule(0), "batch"), (.assumed(0), "batch"),
    ] as [(Protection, String)])
  func aRecordNamesWhatProtectsAProcess(protection: Protection, expected: String) throws {
    let scene = Scene()
    var kept = scene.hog
    kept.ruleOutcome.protection = protection
    kept.ruleOutcome.decidingRule = 0
    var json = JSONWriter(capacity: 512)
    json.value(kept, terms: nil, policy: scene.context.policy, units: .common)
    let object = try lines((json.bytes + [10])[...])[0]
    #expect(object["rule"] as? String == expected && object["protected"] as? Bool == true)
  }

  /// No name can break a line or end a string.
  @Test(arguments: [
    Array("\n{\"event\":\"".utf8), Array("a\",\"pid\":1,\"x".utf8), [0xff, 0xfe, 0x00, 0x1b],
    Array("\u{202e}\u{2028}".utf8),
  ])
  func aHostileNameStaysWithinItsString(comm: [UInt8]) throws {
    var scene = Scene(comm: comm)
    scene.offerAll()
    let records = try recorded { recorder in
      recorder.write(DecisionEvent(scene.decision(), .signalled))
    }
    try #require(records.count == 1)
    let victim = try #require(records[0]["victim"] as? JSONObject)
    #expect(victim["comm"] as? String == String(decoding: comm, as: UTF8.self) && victim["pid"] as? Int == 4711)
  }

  @Test func preparingALineWritesNothing() throws {
    var scene = Scene()
    scene.offerAll()
    let records = try recorded { recorder in
      recorder.prepare(DecisionEvent(scene.decision(), .signalled))
      recorder.write(StopEvent(Signal.terminate.name))
    }
    #expect(records.count == 1)
  }

  @Test func withoutARecordNoLineCountsAsLost() {
    var recorder = Recorder(sink: nil, isDryRun: false)
    recorder.write(StopEvent(Signal.terminate.name))
    let lost = recorder.sink.lostLines()
    #expect(lost == 0)
  }
}

extension Rule {
  /// The same rule under another name.
  fileprivate func renamed(_ name: String, in policy: inout CompiledPolicy) -> Rule {
    var rule = self
    rule.name = Slice(start: UInt32(policy.text.count), count: UInt32(name.utf8.count))
    policy.text += name.utf8
    return rule
  }
}
