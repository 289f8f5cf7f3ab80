import History
import ProcModel
import Record

extension JSONWriter {
  /// A kill, with all that is told of it. What no source tells is null.
  mutating func value(_ kill: PastKill) {
    beginObject()
    field("time", kill.time.wall)
    field("boot_id", boot: kill.time.boot)
    field("killer", kill.killer.name)
    field("deed", kill.deed.name)
    field("proven", kill.isProven)
    key("sources")
    beginArray()
    for name in kill.origins.names { value(name) }
    endArray()
    victim(kill.victim)
    field("memory_kib", optional: kill.memory.shown?.count)
    field("constraint", optional: kill.shortage.constraint?.name)
    field("limited_cgroup", kill.shortage.limited)
    field("invoker", kill.shortage.invoker)
    field("reason", PastWords.reason(kill))
    if case .signalled(let signal) = kill.deed { field("signal", Int64(signal)) }
    if let decision = kill.decision { self.decision(decision) }
    endObject()
  }

  private mutating func victim(_ victim: PastVictim) {
    key("pid")
    if let pid = victim.pid { value(Int64(pid)) } else { null() }
    field("name", victim.name)
    field("uid", optional: victim.uid.map { UInt64($0) })
    field("unit", victim.unit)
    field("cgroup", victim.cgroup)
    field("exe", victim.executable)
    field("members", victim.count)
  }

  private mutating func decision(_ decision: PastDecision) {
    field("incident", decision.incident)
    field("domain", decision.domain)
    field("trigger", decision.trigger)
    field("rule", decision.rule)
    field("action", decision.action)
    field("outcome", decision.outcome)
    field("escalation", decision.escalation)
    field("after_ms", optional: decision.after)
    field("freed_kib", optional: decision.freed?.count)
  }

  /// Untrusted text, or null.
  mutating func field(_ name: String, _ text: [UInt8]?) {
    key(name)
    if let text { value(untrusted: text.span) } else { null() }
  }

  /// A moment as the record writes it, or null.
  mutating func field(_ name: String, _ time: WallTime?) {
    key(name)
    guard let time, time.milliseconds >= 0 else { return null() }
    let (nanoseconds, overflow) = UInt64(time.milliseconds).multipliedReportingOverflow(by: 1_000_000)
    guard !overflow else { return null() }
    var text: [UInt8] = []
    text.append(Timestamp(nanosecondsSinceEpoch: nanoseconds))
    value(untrusted: text.span)
  }

  /// 32 hexadecimal digits, as the kernel writes a boot's id.
  private mutating func field(_ name: String, boot: [UInt8]?) {
    guard let boot, boot.count == 32 else { return field(name, boot) }
    var text: [UInt8] = []
    for (index, digit) in boot.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append(.minus) }
      text.append(digit)
    }
    field(name, text)
  }
}

/// Kills as JSON.
enum PastKillJSON {
  /// A line with an array, the newest last.
  static func text(_ kills: [PastKill]) -> String {
    var writer = JSONWriter(capacity: 64 * 1024)
    writer.beginArray()
    for kill in kills { writer.value(kill) }
    writer.endArray()
    writer.newline()
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
