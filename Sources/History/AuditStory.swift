import ProcModel

/// What the record and the logs tell of a period, put together: each incident of Spillway with what others killed
/// meanwhile, and each kill of the kernel once.
package struct AuditStory: Sendable {
  package private(set) var incidents: [AuditIncident] = []
  /// Kills of the kernel at which Spillway had no incident.
  package private(set) var unforeseen: [UnforeseenKill] = []
  /// How many others, such as earlyoom, killed outside of incidents.
  package private(set) var otherKills = 0
  /// How many older incidents were left out.
  package private(set) var leftOut: UInt64 = 0
  /// The first and the last event of the record.
  package private(set) var firstEvent: WallTime?
  package private(set) var lastEvent: WallTime?

  /// When an agent ran.
  private var runs: [Run] = []
  /// The cgroups of the policy's domains, as the starts tell.
  private var domains: [[UInt8]: [UInt8]] = [:]
  private let limit: Int

  private struct Run {
    var start: WallTime
    var end: WallTime?
  }

  /// Kinds of events that it is made of.
  package static let kinds: Set<RecordKind> = [.start, .decision, .outcome, .episode, .stop]

  /// - Parameter limit: The largest number of incidents; the newest are kept.
  package init(limit: Int) {
    self.limit = max(limit, 1)
  }

  // MARK: The record, the oldest event first

  package mutating func add(_ event: RecordEvent) {
    firstEvent = firstEvent ?? event.time
    lastEvent = event.time ?? lastEvent
    switch event.kind {
    case .start: start(event)
    case .stop:
      if let last = runs.indices.last, runs[last].end == nil { runs[last].end = event.time }
      close(at: event.time)
    case .decision: decide(event)
    case .outcome: attach(event) { $0.outcome = event }
    case .episode: attach(episode: event)
    default: break
    }
  }

  private mutating func start(_ event: RecordEvent) {
    for domain in event.more.domains { domains[domain.name] = domain.cgroup }
    guard let time = event.time else { return }
    // One that was killed wrote no stop.
    if let last = runs.indices.last, runs[last].end == nil { runs[last].end = time }
    runs.append(Run(start: time, end: nil))
    close(at: time)
  }

  private mutating func decide(_ event: RecordEvent) {
    // Where the start was rotated away, the agent ran at least since its first event.
    if runs.isEmpty, let time = event.time { runs.append(Run(start: time, end: nil)) }
    var index = incidents.count - 1
    while index >= 0, incidents[index].closed == nil {
      if incidents[index].decision.domain == event.domain { incidents[index].closed = event.time }
      index -= 1
    }
    incidents.append(AuditIncident(event))
    if incidents.count >= limit * 2 {
      leftOut += UInt64(incidents.count - limit)
      incidents.removeFirst(incidents.count - limit)
    }
  }

  private mutating func close(at time: WallTime?) {
    var index = incidents.count - 1
    while index >= 0, incidents[index].closed == nil {
      incidents[index].closed = time
      index -= 1
    }
  }

  /// How far back an event may belong to an incident.
  private static let reach = 512

  private mutating func attach(_ event: RecordEvent, _ body: (inout AuditIncident) -> Void) {
    guard let incident = event.incident else { return }
    for index in incidents.indices.reversed().prefix(AuditStory.reach)
    where incidents[index].decision.incident == incident {
      body(&incidents[index])
      return
    }
  }

  /// The end of an episode belongs to all of its incidents.
  private mutating func attach(episode event: RecordEvent) {
    for index in incidents.indices.reversed().prefix(AuditStory.reach) {
      let incident = incidents[index]
      guard incident.episode == nil, incident.decision.boot == event.boot, incident.decision.domain == event.domain,
        incident.decision.episode == event.episode
      else { continue }
      // Another run of the agent counts from 1 again.
      if let closed = incident.closed, let time = event.time, runs.last.map({ closed <= $0.start }) ?? false,
        closed < time
      {
        break
      }
      incidents[index].episode = event
    }
  }

  // MARK: Kills of others

  /// Gives each kill its incident, once all events are there.
  package mutating func match(_ kills: [PastKill]) {
    if incidents.count > limit {
      leftOut += UInt64(incidents.count - limit)
      incidents.removeFirst(incidents.count - limit)
    }
    for kill in kills where kill.killer != .spillway {
      switch kill.deed {
      case .killed, .panicked: break
      case .rehearsed, .spared, .signalled: continue
      }
      if let index = incidents.lastIndex(where: { $0.covers(kill) && isOfDomain(kill, $0) }) {
        incidents[index].kills.append(kill)
      } else if kill.killer == .kernel {
        unforeseen.append(UnforeseenKill(kill: kill, cause: cause(kill)))
      } else {
        otherKills += 1
      }
    }
  }

  /// Whether what ran short for the kernel is the incident's domain.
  private func isOfDomain(_ kill: PastKill, _ incident: AuditIncident) -> Bool {
    let name = incident.decision.domain ?? []
    let isSystem = name.isEmpty || name.elementsEqual("system".utf8)
    guard kill.killer == .kernel else { return true }
    switch kill.shortage.constraint {
    case nil: return true
    case .machine, .cpuset, .memoryPolicy: return isSystem
    case .controlGroup:
      guard !isSystem else { return false }
      guard let cgroup = domains[name], let limited = kill.shortage.limited else { return true }
      return limited.starts(with: cgroup) && (limited.count == cgroup.count || limited[cgroup.count] == .slash)
    }
  }

  private func cause(_ kill: PastKill) -> UnforeseenKill.Cause {
    guard let time = kill.time.wall else { return .noTime }
    let slack: Int64 = 5000
    let isWatched = runs.contains { run in
      time >= run.start.advanced(milliseconds: -slack)
        && run.end.map { time <= $0.advanced(milliseconds: slack) } ?? true
    }
    guard isWatched else { return .notRunning }
    return kill.shortage.constraint == .controlGroup ? .controlGroup : .noIncident
  }
}

/// A kill of the kernel at which Spillway had no incident.
package struct UnforeseenKill: Sendable {
  package var kill: PastKill
  package var cause: Cause

  package enum Cause: String, Sendable {
    /// No agent ran then, as far as the record tells.
    case notRunning = "not_running"
    /// A control group reached its own limit, and the policy has no domain for it.
    case controlGroup = "control_group"
    /// The agent ran, and no trigger was true.
    case noIncident = "no_incident"
    /// The line that tells of it has no time.
    case noTime = "no_time"
  }
}

/// The figures of an audit.
package struct AuditFigures: Sendable {
  /// In dry run, and with a victim.
  package var incidents = 0
  package var armedIncidents = 0
  /// Incidents at which no process could be killed.
  package var withoutVictim = 0
  /// Of the incidents in dry run, by how they came to their end.
  package var kernelKilled = 0
  package var otherKilled = 0
  package var memoryBack = 0
  package var unknown = 0
  /// Decisions that were left out of the record, since many like them came before.
  package var folded: UInt64 = 0
  /// Of ``memoryBack``, those in which the would-be victim exited by itself.
  package var exitedByItself = 0
  /// How often the kernel killed which process, the most frequent first.
  package var killedByKernel: [(name: [UInt8], count: Int)] = []
  /// How often Spillway would have killed which process, in incidents in which the kernel killed.
  package var wouldHaveKilled: [(name: [UInt8], count: Int)] = []
  /// Incidents in which the kernel killed the process that Spillway would have killed, and no other.
  package var sameVictim = 0
  /// Milliseconds from the decision to the kernel's first kill, in order.
  package var leads: [UInt64] = []
  /// Kernel kills that are counted and that no log tells of.
  package var untold: UInt64 = 0

  package init(_ story: AuditStory) {
    var kernel: [[UInt8]: Int] = [:]
    var own: [[UInt8]: Int] = [:]
    for incident in story.incidents {
      untold = untold.addingReportingOverflow(incident.untoldKernelKills).partialValue
      guard let victim = incident.decision.victim else {
        withoutVictim += 1
        continue
      }
      guard incident.isRehearsal else {
        armedIncidents += 1
        continue
      }
      incidents += 1
      folded = folded.addingReportingOverflow(incident.decision.more.folded ?? 0).partialValue
      switch incident.end {
      case .kernelKilled:
        kernelKilled += 1
        own[victim.name, default: 0] += 1
        for kill in incident.kernelKills { kernel[kill.victim.name ?? kill.victim.unit ?? [], default: 0] += 1 }
        let kills = incident.kernelKills
        if !kills.isEmpty, kills.allSatisfy(incident.foresaw) { sameVictim += 1 }
        if let lead = kills.compactMap(incident.lead).min() { leads.append(lead) }
      case .otherKilled: otherKilled += 1
      case .memoryBack:
        memoryBack += 1
        if incident.episode?.ended?.victimExitedAfter != nil { exitedByItself += 1 }
      case .spillwayKilled, .stopped, .unknown: unknown += 1
      }
    }
    killedByKernel = AuditFigures.sorted(kernel)
    wouldHaveKilled = AuditFigures.sorted(own)
    leads.sort()
  }

  private static func sorted(_ counts: [[UInt8]: Int]) -> [(name: [UInt8], count: Int)] {
    counts.map { (name: $0.key, count: $0.value) }
      .sorted { $0.count != $1.count ? $0.count > $1.count : $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// The middle of ``leads``.
  package var medianLead: UInt64? { leads.isEmpty ? nil : leads[leads.count / 2] }
}
