package import Policy
package import ProcModel

/// An episode of trouble is over: what it came to.
package struct EpisodeEvent: Sendable {
  /// The domain's name in the policy's text; nil for the system.
  package var domain: Slice?
  package var policy: CompiledPolicy
  package var account: EpisodeAccount
  package var end: EpisodeEnd
  package var duration: Nanoseconds
  package var available: KiB
  /// Nil where the kernel does not count them.
  package var kernelKills: UInt64?

  package init(
    domain: Slice?, policy: CompiledPolicy, account: EpisodeAccount, end: EpisodeEnd, duration: Nanoseconds,
    available: KiB,
    kernelKills: UInt64?
  ) {
    self.domain = domain
    self.policy = policy
    self.account = account
    self.end = end
    self.duration = duration
    self.available = available
    self.kernelKills = kernelKills
  }
}

/// Why an episode is over.
package enum EpisodeEnd: UInt8, CaseIterable, Sendable {
  case memoryBack
  /// The agent stops meanwhile.
  case stopped
  /// A reload took its domain out of the policy.
  case domainRemoved

  package var name: String {
    switch self {
    case .memoryBack: "memory_back"
    case .stopped: "stopped"
    case .domainRemoved: "domain_removed"
    }
  }
}

/// What is counted over an episode.
package struct EpisodeAccount: Sendable {
  /// 0 where there is no episode.
  package var number: UInt32 = 0
  package var lowest = KiB.zero
  /// The decisions that were told.
  package var decisions: UInt32 = 0
  /// Whether a signal was sent after one of them.
  package var hasSignalled = false
  /// The number of the first of them; 0 where there is none.
  package var incident: UInt32 = 0
  /// The victim that would have been killed; process number 0 where there is none.
  package var victim = ProcessIdentity(pid: 0, startTime: .zero)
  package var victimName = Comm()
  /// The time from the decision to its exit; nil while it lives, and where that cannot be told.
  package var victimExitedAfter: Nanoseconds?

  package init() {}

  /// Counts a decision, by its number.
  package mutating func count(_ decision: UInt32) {
    decisions += 1
    if incident == 0 { incident = decision }
  }

  package var hasVictim: Bool { victim.pid != 0 }
}

extension EpisodeEvent: Event {
  package static var isOfAnIncident: Bool { false }
  package static var repetition: Repetition? { .episode }

  package func isLeftOut(by folding: inout Folding, at now: Nanoseconds) -> Bool {
    !account.hasSignalled && kernelKills ?? 0 == 0 && folding.leavesOut(.episode, at: now)
  }

  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }

  package func say(by reporter: inout Reporter) {
    let level: MessageLevel = kernelKills ?? 0 > 0 ? .warning : .info
    reporter.say(of: domain, in: policy, level) { line in line.append(self) }
  }
}

extension Recorder {
  mutating func compose(_ event: EpisodeEvent) -> Bool {
    begin("episode")
    field(domain: event.domain, of: event.policy)
    json.field("episode", UInt64(event.account.number))
    field(incident: event.account.incident)
    json.field("decisions", UInt64(event.account.decisions))
    json.field("duration_ms", event.duration.milliseconds)
    json.field("lowest_available_kib", event.account.lowest.count)
    json.field("available_kib", event.available.count)
    json.field("kernel_kills", optional: event.kernelKills)
    json.field("victim_exited_after_ms", optional: event.account.victimExitedAfter?.milliseconds)
    json.field("end", event.end.name)
    return finish()
  }
}

extension Array where Element == UInt8 {
  /// `memory is back: available 300 MiB; the kernel killed 1 process meanwhile`.
  package mutating func append(_ event: EpisodeEvent) {
    switch event.end {
    case .memoryBack: append("memory is back: available ")
    case .stopped: append("the agent stops while memory is short: available ")
    case .domainRemoved: append("the domain was taken out of the policy while its memory was short: available ")
    }
    append(event.available)
    let account = event.account
    if account.hasVictim {
      append("; ")
      append(visible: account.victimName.bytes)
      append(" (process ")
      append(decimal: UInt64(UInt32(bitPattern: account.victim.pid)))
      append("), which would have been killed, ")
      if let after = account.victimExitedAfter {
        append("was gone ")
        append(decimal: after.milliseconds)
        append(" ms later")
      } else {
        append("still runs")
      }
    }
    guard let kills = event.kernelKills, kills > 0 else { return }
    append("; the kernel itself killed ")
    append(decimal: kills)
    append(kills == 1 ? " process meanwhile" : " processes meanwhile")
  }
}
