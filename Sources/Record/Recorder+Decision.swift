import Badness
import Ladder
import LinuxSystem
package import Policy
package import Pressure
import ProcModel

/// Decisions and what came of them.
extension Recorder {
  /// Members of a kill set that are named.
  private static let namedMembers = 64

  mutating func compose(_ event: DecisionEvent) -> Bool {
    let (decision, act) = (event.decision, event.act)
    let victim = decision.victim
    let shortlist = decision.shortlist
    begin("decision")
    field(incident: decision.incident)
    field(domain: decision.domain, of: decision.context.policy)
    cause(decision.verdict)
    json.key("reason")
    if victim == nil {
      json.value("no_candidate")
    } else {
      json.rawString { bytes in bytes.append(reason: decision.verdict) }
    }
    reading(decision.verdict)
    json.key("victim")
    if let victim { value(victim, decision.context, decision.origin) } else { json.null() }
    json.key("kill_set")
    if victim == nil { json.null() } else { value(decision.killSet) }
    json.key("candidates")
    json.beginArray()
    for index in 0..<shortlist.count { value(shortlist[index], decision.context) }
    json.endArray()
    if let comeback = decision.comeback, comeback.isInVain { value(comeback) }
    if let holder = decision.holder { value(holder, decision.context) }
    if shortlist.unread.count > 0 { value(unread: shortlist) }
    json.field("considered", count: shortlist.considered)
    json.field("protected", count: shortlist.protected)
    json.field("too_small", count: shortlist.tooSmall)
    json.field("passed_over", count: shortlist.passedOver)
    json.field("action", victim == nil ? "none" : decision.signal.name)
    if act == .rehearsed || victim == nil { json.field("outcome", act == .rehearsed ? "rehearsed" : "none") }
    json.field("took_us", decision.took.microseconds)
    return finish()
  }

  mutating func compose(_ outcome: Outcome) -> Bool {
    let incident = outcome.incident
    begin("outcome")
    field(incident: incident.number)
    field(domain: incident.domain, of: incident.context.policy)
    json.field("episode", UInt64(incident.cause.episode))
    json.key("reason")
    json.rawString { bytes in bytes.append(reason: incident.cause) }
    json.key("victim")
    json.value(
      incident.victim, terms: nil, policy: incident.context.policy, units: incident.context.machine.units,
      origin: incident.origin)
    json.field("members", count: max(incident.members, 1))
    json.field("action", outcome.signal?.name ?? "none")
    json.field("escalation", optional: outcome.escalation?.name)
    json.field("outcome", outcome.ending.name)
    if let refusal = outcome.refusal { json.field("error", refusal.text) }
    json.field("one_by_one", optional: outcome.oneByOne?.name)
    if let errno = outcome.oneByOne?.errno { json.field("one_by_one_error", errno.text) }
    json.field("standstill", optional: outcome.standstill?.name)
    json.field("released", optional: outcome.released.map { UInt64(max($0, 0)) })
    json.field("after_ms", outcome.after.milliseconds)
    json.field("available_kib", outcome.available)
    json.field("freed_kib", outcome.freed)
    json.field("counted_kib", optional: outcome.counted?.count)
    json.key("note")
    if let yield = Yield(outcome) {
      json.rawString { bytes in bytes.append(yield) }
    } else {
      json.null()
    }
    return finish()
  }

  /// Composes what the hook `warn` is told, and writes nothing: a line is written when its event is over, and this one
  /// has only begun.
  ///
  /// - Parameter domain: Its name in the policy's text; nil for the system.
  package mutating func composeWarning(_ verdict: Verdict, domain: Slice?, of policy: CompiledPolicy) {
    begin("warning")
    field(domain: domain, of: policy)
    cause(verdict)
    json.key("reason")
    json.rawString { bytes in bytes.append(reason: verdict) }
    reading(verdict)
    finish()
  }

  private mutating func cause(_ verdict: Verdict) {
    json.field("episode", UInt64(verdict.episode))
    json.field("level", verdict.level.name)
    json.field("trigger", verdict.trigger.name)
  }

  private mutating func value(_ candidate: Candidate, _ context: ScoringContext, _ origin: ProcessOrigin? = nil) {
    var terms = TermList()
    _ = context.candidate(candidate.process, ruleOutcome: candidate.ruleOutcome, terms: &terms)
    json.value(candidate, terms: terms, policy: context.policy, units: context.machine.units, origin: origin)
  }

  @inline(never)
  private mutating func value(_ comeback: Comeback) {
    json.key("comeback")
    json.beginObject()
    json.field("kills", UInt64(comeback.kills))
    json.field("since_ms", comeback.since.milliseconds)
    json.field("widened", comeback.isWidened)
    json.endObject()
  }

  @inline(never)
  private mutating func value(_ holder: Holder, _ context: ScoringContext) {
    json.key("holder")
    json.beginObject()
    json.field("kind", holder.kind.name)
    json.field("held_kib", holder.size)
    json.key("process")
    if let process = holder.process {
      json.value(process, terms: nil, policy: context.policy, units: context.machine.units)
    } else {
      json.null()
    }
    json.endObject()
  }

  /// What was not read, and what proves that none of it is the victim.
  private mutating func value(unread shortlist: Shortlist) {
    json.key("unread")
    json.beginObject()
    json.field("read", count: shortlist.considered)
    json.field("of", count: shortlist.considered + Int(shortlist.unread.count))
    json.field("remainder_kib", shortlist.unread.remainder)
    json.key("bound")
    json.value(shortlist.unread.bound)
    json.endObject()
  }

  private mutating func value(_ killSet: KillSet) {
    json.beginObject()
    json.field("scope", killSet.scope.name)
    json.field("choice", killSet.choice.name)
    json.field("swarm", optional: killSet.swarm?.name)
    json.field("fallback", optional: killSet.fallback?.name)
    json.field("members", count: max(killSet.members.count, 1))
    json.key("pids")
    json.beginArray()
    for member in killSet.members.prefix(Recorder.namedMembers) { json.value(Int64(member.identity.pid)) }
    json.endArray()
    json.field("footprint_kib", killSet.footprint)
    if let uncapped = killSet.uncapped { json.field("uncapped_kib", uncapped) }
    json.key("left_out")
    json.beginObject()
    json.field("protected", count: killSet.protected)
    json.field("in_vain", count: killSet.inVain)
    json.field("outside", count: killSet.outside)
    json.field("apart", count: killSet.apart)
    json.field("beyond", count: killSet.beyond)
    json.endObject()
    json.endObject()
  }

  private mutating func reading(_ verdict: Verdict) {
    let reading = verdict.reading
    json.key("reading")
    json.beginObject()
    json.field("total_kib", reading.total)
    json.field("hugetlb_kib", reading.hugePool)
    json.field("available_kib", reading.available)
    json.field("floor_kib", verdict.lines.floorAvailable)
    json.field("release_kib", verdict.lines.release)
    json.field("swap_total_kib", reading.swapTotal)
    json.field("swap_free_kib", reading.swapFree)
    json.field("swap_floor_kib", optional: verdict.lines.floorSwapFree?.count)
    json.field("reclaim_count", optional: reading.ownReclaim)
    json.field("swapoff", reading.isSwapBeingTakenAway)
    json.key("impossible")
    json.beginArray()
    for kind in 0..<Impossible.kinds where reading.impossible.contains(kind: kind) { json.value(Impossible.name(kind)) }
    json.endArray()
    json.endObject()
  }
}
