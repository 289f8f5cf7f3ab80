/// Makes kills of decisions and outcomes of the record.
package enum RecordedKills {
  /// Kinds of events that are needed for it.
  package static let kinds: Set<RecordKind> = [.decision, .outcome]

  /// Outcomes after which the victim lived, or had died by itself.
  private static let spared = ["vanished", "changed", "relieved", "shares_protected", "refused"]

  static func isSpared(_ outcome: [UInt8]) -> Bool { spared.contains { outcome.elementsEqual($0.utf8) } }

  package static func add(_ event: RecordEvent, to store: inout KillStore) {
    switch event.kind {
    case .decision: if let kill = kill(event) { store.add(kill) }
    case .outcome:
      guard let incident = event.incident else { return }
      store.complete(incident) { kill in complete(&kill, by: event) }
    default: break
    }
  }

  /// The kill that a decision begins; nil without a victim.
  static func kill(_ event: RecordEvent) -> PastKill? {
    guard let told = event.victim, let incident = event.incident else { return nil }
    var victim = PastVictim(pid: told.pid, name: told.name, uid: told.uid)
    victim.unit = told.unit ?? told.cgroup.flatMap(UnitName.of(cgroup:))
    victim.cgroup = told.cgroup
    victim.executable = told.executable
    victim.count = event.killSet?.members ?? 1
    victim.companions = event.killSet?.pids ?? []
    let isRehearsed = event.isRehearsal || event.outcome.map { $0.elementsEqual("rehearsed".utf8) } ?? false
    var kill = PastKill(
      PastTime(wall: event.time, boot: event.boot), by: .spillway, isRehearsed ? .rehearsed : .killed, victim,
      from: .record, isProven: true)
    kill.memory.footprint = event.killSet?.footprint ?? told.footprint
    kill.reason = event.reason ?? []
    var decision = PastDecision()
    decision.incident = incident
    decision.domain = event.domain ?? []
    decision.trigger = event.more.trigger ?? []
    decision.rule = told.rule
    decision.action = event.action ?? []
    decision.available = event.more.available
    decision.floor = event.more.floor
    kill.decision = decision
    return kill
  }

  static func complete(_ kill: inout PastKill, by event: RecordEvent) {
    guard let outcome = event.outcome else { return }
    kill.decision?.outcome = outcome
    kill.decision?.escalation = event.more.escalation
    kill.decision?.after = event.more.after
    kill.decision?.freed = event.more.freed
    if kill.deed == .killed, isSpared(outcome) { kill.deed = .spared(outcome) }
  }
}
