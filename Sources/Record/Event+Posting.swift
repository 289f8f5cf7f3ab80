import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel

// What is posted to the system's log (``SystemLog``), so that whoever lost something finds it where they look. docs/record.md
// lists the fields.

extension DecisionEvent {
  package func post(by reporter: inout Reporter) -> Bool {
    let kind: EntryKind
    let level: MessageLevel
    switch act {
    case .signalled: (kind, level) = (.kill, .warning)
    case .rehearsed: (kind, level) = (.wouldBeKill, .notice)
    case .none where decision.victim == nil: (kind, level) = (.noCandidate, .error)
    // No process was killed: the outcome tells why, or the hook's.
    case .none, .asksHook: return false
    }
    let (decision, act, run, isDryRun) = (decision, act, reporter.recorder.run, reporter.recorder.isDryRun)
    return reporter.systemLog.post(kind, level) { line in
      switch kind {
      case .kill: line.append("killed by spillway: ")
      case .wouldBeKill: line.append("would have been killed by spillway, which runs in dry run: ")
      case .outcome, .noCandidate: break
      }
      line.append(decision, act)
      line.append("; incident ")
      line.append(incident: decision.incident, of: run)
    } fields: { fields in
      fields.add("SPILLWAY_EVENT", "decision")
      fields.add(decision.incident, run, decision.domain, decision.context.policy, decision.verdict)
      fields.add("SPILLWAY_DRY_RUN", isDryRun ? 1 : 0)
      fields.add("SPILLWAY_CONSIDERED", UInt64(decision.shortlist.considered))
      fields.add("SPILLWAY_PROTECTED", UInt64(decision.shortlist.protected))
      fields.add("SPILLWAY_TOO_SMALL", UInt64(decision.shortlist.tooSmall))
      fields.add("SPILLWAY_PASSED_OVER", UInt64(decision.shortlist.passedOver))
      guard let victim = decision.victim else { return }
      fields.add(object: victim, decision.origin, isAlive: true)
      fields.add(victim, decision.origin, decision.context.policy)
      fields.add("SPILLWAY_CHOICE", decision.killSet.choice.name)
      fields.add("SPILLWAY_SCOPE", decision.killSet.scope.name)
      fields.add("SPILLWAY_MEMBERS", UInt64(max(decision.killSet.members.count, 1)))
      fields.add("SPILLWAY_SIGNAL", decision.signal.name)
      let counted = decision.killSet.members.isEmpty ? victim.process.footprint : decision.killSet.footprint
      fields.add("SPILLWAY_FOOTPRINT_KIB", counted.count)
    }
  }
}

extension Outcome {
  package func post(by reporter: inout Reporter) -> Bool {
    let (outcome, run, isDryRun) = (self, reporter.recorder.run, reporter.recorder.isDryRun)
    return reporter.systemLog.post(.outcome, ending.level) { line in
      line.append(outcome)
      line.append("; incident ")
      line.append(incident: outcome.incident.number, of: run)
    } fields: { fields in
      let incident = outcome.incident
      fields.add("SPILLWAY_EVENT", "outcome")
      fields.add(incident.number, run, incident.domain, incident.context.policy, incident.cause)
      fields.add("SPILLWAY_DRY_RUN", isDryRun ? 1 : 0)
      switch outcome.ending {
      case .exited, .killed: fields.add(object: incident.victim, incident.origin, isAlive: false)
      case .stuck, .refused, .sharesProtected:
        fields.add(object: incident.victim, incident.origin, isAlive: true)
      // Nothing was done to it.
      case .vanished, .changed, .relieved: break
      }
      fields.add(incident.victim, incident.origin, incident.context.policy)
      fields.add("SPILLWAY_OUTCOME", outcome.ending.name)
      fields.add("SPILLWAY_MEMBERS", UInt64(max(incident.members, 1)))
      if let signal = outcome.signal { fields.add("SPILLWAY_SIGNAL", signal.name) }
      if let escalation = outcome.escalation { fields.add("SPILLWAY_ESCALATION", escalation.name) }
      if let standstill = outcome.standstill { fields.add("SPILLWAY_STANDSTILL", standstill.name) }
      if let refusal = outcome.refusal { fields.add("SPILLWAY_ERROR") { text in text.append(refusal.text) } }
      if let counted = outcome.counted { fields.add("SPILLWAY_FOOTPRINT_KIB", counted.count) }
      fields.add("SPILLWAY_AFTER_MS", outcome.after.milliseconds)
      fields.add("SPILLWAY_FREED_KIB", outcome.freed.count)
    }
  }
}

extension JournalFields {
  /// What an incident has from its beginning on.
  ///
  /// - Parameter domain: Its name in the policy's text; nil for the system.
  fileprivate mutating func add(
    _ incident: UInt32, _ run: RunID, _ domain: Slice?, _ policy: CompiledPolicy, _ verdict: Verdict
  ) {
    add("SPILLWAY_INCIDENT") { text in text.append(incident: incident, of: run) }
    if let domain {
      add("SPILLWAY_DOMAIN", visible: policy.bytes(domain))
    } else {
      add("SPILLWAY_DOMAIN", "system")
    }
    add("SPILLWAY_EPISODE", UInt64(verdict.episode))
    add("SPILLWAY_LEVEL", verdict.level.name)
    add("SPILLWAY_TRIGGER", verdict.trigger.name)
    add("SPILLWAY_REASON") { text in text.append(reason: verdict) }
    add("SPILLWAY_AVAILABLE_KIB", verdict.reading.available.count)
  }

  /// By which the journal shows the entry among those of the victim's unit (journald's fields for logging on behalf of
  /// another program, systemd.journal-fields(7)).
  ///
  /// - Parameter isAlive: Whether the victim may have its number still: the journal asks the process of that number who it is.
  fileprivate mutating func add(object victim: Candidate, _ origin: ProcessOrigin?, isAlive: Bool) {
    if isAlive { add("OBJECT_PID", UInt64(max(victim.process.identity.pid, 0))) }
    if let origin, origin.hasUnit { add("OBJECT_SYSTEMD_UNIT", visible: origin.unit) }
  }

  fileprivate mutating func add(_ victim: Candidate, _ origin: ProcessOrigin?, _ policy: CompiledPolicy) {
    let process = victim.process
    add("SPILLWAY_PID", UInt64(max(process.identity.pid, 0)))
    add("SPILLWAY_START_TIME", process.identity.startTime.count)
    add("SPILLWAY_COMM", visible: process.comm.bytes)
    add("SPILLWAY_UID", UInt64(process.effectiveUID))
    if let origin {
      if origin.hasUnit { add("SPILLWAY_UNIT", visible: origin.unit) }
      if origin.hasCgroup { add("SPILLWAY_CGROUP", visible: origin.cgroup) }
      if origin.hasExecutable { add("SPILLWAY_EXE", visible: origin.executable) }
    }
    add("SPILLWAY_ORDER", victim.ruleOutcome.tier.name)
    if let name = victim.builtInName {
      add("SPILLWAY_RULE", name)
    } else if let index = victim.ruleOutcome.decidingRule {
      add("SPILLWAY_RULE", visible: policy.bytes(policy.rules[Int(index)].name))
    }
    add("SPILLWAY_SCORE") { text in text.append(decimal: victim.score) }
  }
}
