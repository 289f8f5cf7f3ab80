import ProcModel

/// What an entry of Spillway says of a kill in fields of its own (docs/record.md, The journal and syslog).
struct JournalKill: Sendable {
  /// Their names without `SPILLWAY_`.
  static let fields = [
    "EVENT", "DRY_RUN", "INCIDENT", "DOMAIN", "TRIGGER", "REASON", "PID", "COMM", "UID", "UNIT", "CGROUP", "EXE",
    "RULE", "MEMBERS", "FOOTPRINT_KIB", "SIGNAL", "OUTCOME", "ESCALATION", "AFTER_MS", "FREED_KIB",
  ]

  /// The values by the fields' names.
  private var values: [String: [UInt8]] = [:]

  /// Takes a field of that name, if it is one of these.
  ///
  /// - Returns: Whether it was.
  mutating func take(_ name: Range<Int>, _ cursor: inout JSONCursor) -> Bool {
    guard cursor.begins(name, "SPILLWAY_") else { return false }
    for field in JournalKill.fields where cursor.matches(name, "SPILLWAY_", field) {
      values[field] = cursor.text()
      return true
    }
    return false
  }

  /// Whether the entry is of a decision or an outcome.
  var isTold: Bool { values["INCIDENT"] != nil && values["PID"] != nil }

  /// The kill; nil where the entry is of none.
  func kill(_ line: LogLine, from origins: Origins) -> PastKill? {
    guard let incident = values["INCIDENT"], let event = values["EVENT"] else { return nil }
    let isOutcome = event.elementsEqual("outcome".utf8)
    var victim = PastVictim(pid: number("PID").map { Int32(clamping: $0) }, name: values["COMM"])
    victim.uid = number("UID").map { UInt32(clamping: $0) }
    victim.unit = values["UNIT"]
    victim.cgroup = values["CGROUP"]
    victim.executable = values["EXE"]
    victim.count = max(number("MEMBERS") ?? 1, 1)
    let isRehearsal = number("DRY_RUN") == 1
    var kill = PastKill(
      line.time, by: .spillway, isRehearsal ? .rehearsed : .killed, victim, from: origins, isProven: line.isProven)
    kill.memory.footprint = number("FOOTPRINT_KIB").map { KiB($0) }
    kill.reason = values["REASON"] ?? []
    var decision = PastDecision()
    decision.incident = incident
    decision.domain = values["DOMAIN"] ?? []
    decision.trigger = values["TRIGGER"] ?? []
    decision.rule = values["RULE"]
    if isOutcome {
      decision.outcome = values["OUTCOME"]
      decision.escalation = values["ESCALATION"]
      decision.after = number("AFTER_MS")
      decision.freed = number("FREED_KIB").map { KiB($0) }
      if let outcome = decision.outcome, RecordedKills.isSpared(outcome), !isRehearsal { kill.deed = .spared(outcome) }
    } else {
      decision.action = values["SIGNAL"] ?? []
    }
    kill.decision = decision
    return kill
  }

  private func number(_ field: String) -> UInt64? {
    guard let text = values[field] else { return nil }
    var cursor = TextCursor(text)
    return cursor.number()
  }
}
