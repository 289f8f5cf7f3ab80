import Badness
package import Ladder
package import LinuxSystem
package import Policy
package import Pressure
package import ProcModel

/// Writes what happened as JSON Lines (docs/record.md), each line when its event is over and done with.
package struct Recorder: ~Copyable {
  /// Raised when the meaning of a field changes or one goes away; not when one is added.
  package static let schema: UInt64 = 1

  /// Bytes of memory for lines that are not out yet. A decision with eight candidates takes some 6 KiB (RecorderTests).
  static let ringSize = 32 * 1024

  /// Members of a party that are named.
  private static let partyLimit = 64

  /// Where lines go.
  package var sink: LineSink
  var json = JSONWriter(capacity: 32 * 1024)
  package let isDryRun: Bool
  /// Whether lines are composed and not written.
  private var isHeld = false

  /// - Parameters:
  ///   - sink: Where lines go; nil writes none.
  ///   - isTorn: Whether the file ends in the middle of a line, as one does whose writer was killed.
  package init(sink: consuming OwnedDescriptor?, isDryRun: Bool, isTorn: Bool = false) {
    self.sink = LineSink(sink, isTorn: isTorn)
    self.isDryRun = isDryRun
  }

  /// Counts lines as lost until there is a sink.
  package mutating func awaitSink() {
    sink.lose()
  }

  /// Writes to `file` from here on, which could not be opened before.
  package mutating func takeUp(_ file: consuming OwnedDescriptor) {
    sink.attach(file)
    // Else the agent writes the record itself, and waits where the file does.
    try? detach()
  }

  /// Has lines written by a process of its own from here on, so that nobody else waits for the file.
  package mutating func detach() throws(Errno) {
    try sink.detach(size: Recorder.ringSize, name: CPath("spillway-record"))
  }

  /// Lines of another output are lost from here on.
  ///
  /// - Parameter reason: Why the last of them is.
  package mutating func lost(_ output: String, _ reason: Errno) {
    begin("lost")
    json.key("output")
    json.value(output)
    json.key("error")
    json.value(reason.text)
    finish()
  }

  /// The agent began.
  ///
  /// - Parameters:
  ///   - fallback: What is in force in place of the policy that was asked for; nil where it is that.
  ///   - judge: Of the system.
  ///   - roots: Whose first is the container's own cgroup; nil where the system is the machine.
  ///   - panic: Nil where it cannot be read.
  package mutating func start(
    version: String, policy: borrowing CPath, fallback: PolicyFallback? = nil, judge: Judge, roots: DomainRoots?,
    panic: PanicSettings?,
    held: CapabilitySet, lacking: CapabilitySet
  ) {
    begin("start")
    json.key("version")
    json.value(version)
    json.key("pid")
    json.value(Int64(OwnProcess.pid))
    json.key("policy")
    json.value(untrusted: policy.bytes)
    value(fallback)
    json.key("policy_fallback_reason")
    if let fallback { json.value(untrusted: fallback.reason.span) } else { json.null() }
    json.key("policy_age_s")
    if let age = fallback?.age(at: Clock.sinceEpoch() / 1_000_000_000) { json.value(age) } else { json.null() }
    json.key("total_kib")
    json.value(judge.machine.ram.count)
    json.key("hugetlb_kib")
    json.value(judge.machine.hugePool.count)
    json.key("swap_total_kib")
    json.value(judge.machine.swap.count)
    json.key("system_cgroup")
    if let roots {
      if roots.path(0).isEmpty { json.value("/") } else { json.value(untrusted: roots.path(0)) }
    } else {
      json.null()
    }
    json.key("domains")
    domains(of: judge.policy)
    json.key("panic_on_oom")
    if let panic { json.value(Int64(panic.panicOnOom)) } else { json.null() }
    json.key("kernel_panic")
    if let panic { json.value(Int64(panic.panicTimeout)) } else { json.null() }
    json.key("capabilities")
    capabilityNames(held)
    json.key("lacking")
    capabilityNames(lacking)
    finish()
  }

  /// Goes through the writing of a decision and lets it fall, so that its code and memory are in place.
  package mutating func warm(
    _ verdict: Verdict, _ shortlist: Shortlist, _ victim: Candidate?, _ party: borrowing Party, judge: Judge
  ) {
    compose(
      verdict, shortlist, victim, party, domain: nil, judge: judge, signal: .terminate, took: .zero,
      isRehearsed: isDryRun)
  }

  /// A victim was chosen, or none could be.
  ///
  /// - Parameters:
  ///   - victim: The party's leader; nil where nobody may be ended.
  ///   - party: Those who end together; of no meaning without a victim.
  ///   - domain: Its name; nil for the system.
  ///   - judge: Shows the terms of each candidate's score.
  ///   - signal: What was, or in a dry run would have been, sent.
  ///   - took: From the verdict to the decision.
  ///   - isRehearsed: Whether it came to the signal, in a dry run.
  package mutating func decision(
    _ verdict: Verdict, _ shortlist: Shortlist, _ victim: Candidate?, _ party: borrowing Party, domain: Slice?,
    judge: Judge, signal: Signal, took: Nanoseconds,
    isRehearsed: Bool
  ) {
    compose(
      verdict, shortlist, victim, party, domain: domain, judge: judge, signal: signal, took: took,
      isRehearsed: isRehearsed)
    finish()
  }

  private mutating func compose(
    _ verdict: Verdict, _ shortlist: Shortlist, _ victim: Candidate?, _ party: borrowing Party, domain: Slice?,
    judge: Judge, signal: Signal, took: Nanoseconds,
    isRehearsed: Bool
  ) {
    begin("decision")
    self.domain(domain, of: judge.policy)
    json.key("episode")
    json.value(UInt64(verdict.episode))
    json.key("level")
    json.value(verdict.level.name)
    json.key("trigger")
    json.value(verdict.trigger.name)
    json.key("reason")
    if victim == nil {
      json.value("no_candidate")
    } else {
      json.rawString { bytes in bytes.append(reason: verdict) }
    }
    reading(verdict)
    json.key("victim")
    if let victim {
      value(victim, judge: judge)
    } else {
      json.null()
    }
    json.key("party")
    if victim == nil { json.null() } else { value(party) }
    json.key("candidates")
    json.beginArray()
    for index in 0..<shortlist.count {
      value(shortlist[index], judge: judge)
    }
    json.endArray()
    json.key("considered")
    json.value(UInt64(shortlist.considered))
    json.key("protected")
    json.value(UInt64(shortlist.protected))
    json.key("too_small")
    json.value(UInt64(shortlist.tooSmall))
    json.key("passed_over")
    json.value(UInt64(shortlist.passedOver))
    json.key("action")
    json.value(victim == nil ? "none" : signal.name)
    if isRehearsed || isDryRun && victim == nil {
      json.key("outcome")
      json.value(isRehearsed ? "rehearsed" : "none")
    }
    json.key("took_us")
    json.value(took.microseconds)
  }

  /// It is over with a victim.
  ///
  /// - Parameters:
  ///   - members: Of its party, itself among them.
  ///   - cause: The verdict it was chosen on.
  ///   - signal: The last one sent; nil if none was.
  ///   - after: From the first signal to its end.
  ///   - freed: By how much available memory is more than when the first signal was sent.
  ///   - standstill: What kept it from ending, when that was last asked; nil where it never had to be.
  ///   - released: Processes of the party whose memory the kernel gave back before they had ended; nil where it was not
  ///     asked to, or has not answered yet.
  ///   - oneByOne: Why what may go whole was signalled process by process.
  ///   - counted: What its party was counted to give back; nil where nobody was signalled.
  package mutating func outcome(
    _ victim: Candidate, _ ending: Ending, members: Int, domain: Slice?, cause: Verdict, judge: Judge, signal: Signal?,
    escalation: Escalation?, after: Nanoseconds, available: KiB, freed: KiB, refusal: Errno?,
    standstill: Standstill? = nil, released: Int? = nil, oneByOne: OneByOne? = nil, counted: KiB? = nil
  ) {
    begin("outcome")
    self.domain(domain, of: judge.policy)
    json.key("episode")
    json.value(UInt64(cause.episode))
    json.key("reason")
    json.rawString { bytes in bytes.append(reason: cause) }
    json.key("victim")
    json.value(victim, terms: nil, policy: judge.policy, units: judge.machine.units)
    json.key("members")
    json.value(UInt64(max(members, 1)))
    json.key("action")
    json.value(signal?.name ?? "none")
    json.key("escalation")
    if let escalation { json.value(escalation.name) } else { json.null() }
    json.key("outcome")
    json.value(ending.name)
    if let refusal {
      json.key("error")
      json.value(refusal.text)
    }
    json.key("one_by_one")
    if let oneByOne { json.value(oneByOne.name) } else { json.null() }
    if let errno = oneByOne?.errno {
      json.key("one_by_one_error")
      json.value(errno.text)
    }
    json.key("standstill")
    if let standstill { json.value(standstill.name) } else { json.null() }
    json.key("released")
    if let released { json.value(UInt64(released)) } else { json.null() }
    json.key("after_ms")
    json.value(after.milliseconds)
    json.key("available_kib")
    json.value(available.count)
    json.key("freed_kib")
    json.value(freed.count)
    json.key("counted_kib")
    if let counted { json.value(counted.count) } else { json.null() }
    json.key("note")
    if let yield = Yield(ending, signal: signal, freed: freed, counted: counted) {
      json.rawString { bytes in bytes.append(yield) }
    } else {
      json.null()
    }
    finish()
  }

  /// The agent ended by request.
  package mutating func stop(signal: Signal) {
    stop(reason: signal.name)
  }

  /// The agent ended.
  package mutating func stop(reason: String) {
    begin("stop")
    json.key("reason")
    json.value(reason)
    finish()
  }

  // MARK: -

  mutating func begin(_ event: String) {
    json.clear()
    json.beginObject()
    json.key("schema")
    json.value(Recorder.schema)
    json.key("time")
    json.rawString { bytes in bytes.append(Timestamp(nanosecondsSinceEpoch: Clock.sinceEpoch())) }
    json.key("event")
    json.value(event)
    json.key("dry_run")
    json.value(isDryRun)
  }

  mutating func finish() {
    json.endObject()
    json.newline()
    if !isHeld { write() }
  }

  /// The last line that was composed, with its newline.
  package var line: Span<UInt8> {
    @_lifetime(borrow self) get { json.bytes.span }
  }

  /// Composes the line that `event` writes, and does not write it.
  package mutating func hold(_ event: (inout Recorder) -> Void) {
    isHeld = true
    event(&self)
    isHeld = false
  }

  /// Writes the last line that was composed. It tells how many were lost before it, where some were.
  package mutating func write() {
    let lost = sink.untoldLines()
    if lost > 0 {
      json.reopen()
      json.key("lost_lines")
      json.value(lost)
      json.endObject()
      json.newline()
    }
    sink.put(json.bytes, telling: lost)
  }

  /// Which fallback is in force, if one is.
  mutating func value(_ fallback: PolicyFallback?) {
    json.key("policy_fallback")
    if let fallback { json.value(fallback.kind.name) } else { json.null() }
  }

  private mutating func value(_ candidate: Candidate, judge: Judge) {
    var terms = TermList()
    _ = judge.candidate(candidate.process, standing: candidate.standing, terms: &terms)
    json.value(candidate, terms: terms, policy: judge.policy, units: judge.machine.units)
  }

  private mutating func value(_ party: borrowing Party) {
    json.beginObject()
    json.key("scope")
    json.value(party.scope.name)
    json.key("choice")
    json.value(party.choice.name)
    json.key("swarm")
    if let swarm = party.swarm { json.value(swarm.name) } else { json.null() }
    json.key("fallback")
    if let fallback = party.fallback { json.value(fallback.name) } else { json.null() }
    json.key("members")
    json.value(UInt64(max(party.members.count, 1)))
    json.key("pids")
    json.beginArray()
    for member in party.members.prefix(Recorder.partyLimit) { json.value(Int64(member.identity.pid)) }
    json.endArray()
    json.key("footprint_kib")
    json.value(party.footprint.count)
    json.key("left_out")
    json.beginObject()
    json.key("protected")
    json.value(UInt64(party.protected))
    json.key("in_vain")
    json.value(UInt64(party.inVain))
    json.key("outside")
    json.value(UInt64(party.outside))
    json.key("apart")
    json.value(UInt64(party.apart))
    json.key("beyond")
    json.value(UInt64(party.beyond))
    json.endObject()
    json.endObject()
  }

  mutating func reading(_ verdict: Verdict) {
    json.key("reading")
    json.beginObject()
    json.key("total_kib")
    json.value(verdict.reading.total.count)
    json.key("hugetlb_kib")
    json.value(verdict.reading.hugePool.count)
    json.key("available_kib")
    json.value(verdict.reading.available.count)
    json.key("floor_kib")
    json.value(verdict.lines.floorAvailable.count)
    json.key("release_kib")
    json.value(verdict.lines.release.count)
    json.key("swap_total_kib")
    json.value(verdict.reading.swapTotal.count)
    json.key("swap_free_kib")
    json.value(verdict.reading.swapFree.count)
    json.key("swap_floor_kib")
    if let line = verdict.lines.floorSwapFree { json.value(line.count) } else { json.null() }
    json.key("reclaim_count")
    if let count = verdict.reading.ownReclaim { json.value(count) } else { json.null() }
    json.key("swapoff")
    json.value(verdict.reading.isSwapBeingTakenAway)
    json.key("impossible")
    json.beginArray()
    for kind in 0..<Impossible.kinds where verdict.reading.impossible.contains(kind: kind) {
      json.value(Impossible.name(kind))
    }
    json.endArray()
    json.endObject()
  }

  mutating func domain(_ name: Slice?, of policy: CompiledPolicy) {
    json.key("domain")
    if let name { json.value(untrusted: policy.bytes(name)) } else { json.value("system") }
  }

  private mutating func domains(of policy: CompiledPolicy) {
    json.beginArray()
    for index in policy.domains.indices {
      json.beginObject()
      json.key("name")
      json.value(untrusted: policy.bytes(policy.domains[index].name))
      json.key("cgroup")
      json.value(untrusted: policy.bytes(policy.domains[index].cgroup))
      json.endObject()
    }
    json.endArray()
  }

  private mutating func capabilityNames(_ set: CapabilitySet) {
    json.beginArray()
    for need in CapabilityNeed.all where set.contains(need.capability) {
      json.value(need.name)
    }
    json.endArray()
  }
}
