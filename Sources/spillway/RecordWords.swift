import History
import ProcModel

/// A line of the record as a sentence.
enum RecordWords {
  /// `2026-11-30 10:00:05  would send SIGTERM to 4711 (hog) …`, with the incident at its end.
  static func line(_ event: RecordEvent) -> String {
    let domain = event.domain.flatMap { $0.isEmpty || $0.elementsEqual("system".utf8) ? nil : $0 }
    let place = domain.map { "domain \(PastWords.text($0)): " } ?? ""
    let incident = event.incident.map { "  [\(PastWords.text($0))]" } ?? ""
    let folded = event.more.folded.map { "; \($0) more like it were left out before" } ?? ""
    let lost = event.more.lost.map { "; \($0) lines were lost before this one" } ?? ""
    return "\(PastWords.time(event.time))  \(place)\(sentence(event))\(folded)\(lost)\(incident)\n"
  }

  static func sentence(_ event: RecordEvent) -> String {
    switch event.kind {
    case .start: start(event)
    case .decision: decision(event)
    case .outcome: outcome(event)
    case .episode: episode(event)
    case .hook: hook(event)
    case .relief: relief(event)
    case .lastResort: "last resort: \(PastWords.text(event.action)) \(said(event.outcome))\(error(event))"
    case .reload: reload(event)
    case .lost: "lines of \(PastWords.text(event.more.subject)) are lost from here on\(error(event))"
    case .stop: "the agent stopped: \(PastWords.text(event.reason))"
    case .other: "an event that this program does not know"
    }
  }

  private static func start(_ event: RecordEvent) -> String {
    let pid = event.more.pid.map { " (PID \($0))" } ?? ""
    return "the agent started\(pid), version \(PastWords.text(event.more.version)), "
      + (event.isRehearsal ? "in dry run" : "armed") + ", policy \(PastWords.text(event.more.policy))"
  }

  // MARK: Incidents

  private static func decision(_ event: RecordEvent) -> String {
    guard let victim = event.victim else {
      let available = event.more.available.map { "; available \(amount($0))" } ?? ""
      return "NO PROCESS CAN BE KILLED (trigger \(PastWords.text(event.more.trigger))\(available))"
    }
    let others = event.killSet.map { $0.members > 1 ? " and \($0.members - 1) more" : "" } ?? ""
    let why = event.killSet.map { $0.members > 1 ? " (\(together($0)))" : "" } ?? ""
    let footprint = (event.killSet?.footprint ?? victim.footprint).map { ", footprint \(amount($0))" } ?? ""
    return (event.isRehearsal ? "dry run: would send " : "sent ") + "\(PastWords.text(event.action)) to "
      + "\(process(victim))\(others)\(why)\(footprint); \(PastWords.text(event.reason))"
  }

  private static func together(_ set: RecordedKillSet) -> String {
    guard let swarm = set.swarm else { return "its \(PastWords.text(set.scope))" }
    let kin = set.choice.elementsEqual("kin".utf8) ? "kin of the small, of one" : "swarm of one"
    return "\(kin) \(PastWords.text(swarm))"
  }

  /// `4711 (hog) of app.service`.
  private static func process(_ victim: RecordedVictim) -> String {
    let pid = victim.pid.map { "\($0) " } ?? ""
    let place = (victim.unit ?? victim.cgroup).map { " of \(PastWords.text($0))" } ?? ""
    return "\(pid)(\(PastWords.text(victim.name)))\(place)"
  }

  private static func outcome(_ event: RecordEvent) -> String {
    let subject = event.victim.map(process) ?? "the victim"
    let after = event.more.after.map { ", \(PastWords.duration($0))" } ?? ""
    let freed = event.more.freed.map { "; \(amount($0)) came back" } ?? ""
    let note = event.more.note.map { "; \(PastWords.text($0))" } ?? ""
    let words =
      switch event.outcome.map({ String(decoding: $0, as: UTF8.self) }) {
      case "exited": " exited after \(PastWords.text(event.action))\(after)\(freed)\(note)"
      case "killed": " was killed by SIGKILL\(after)\(freed)\(note)"
      case "stuck": " does not die of SIGKILL; the next is chosen"
      case "vanished": " had exited before it was signalled"
      case "changed": " is another process by now and was left alone"
      case "relieved": " was spared: memory came back"
      case "refused": " may not be signalled\(error(event)); the next is chosen"
      case "shares_protected": " has the memory of a protected process too; the next is chosen"
      default: ": \(PastWords.text(event.outcome))"
      }
    return subject + words
  }

  private static func episode(_ event: RecordEvent) -> String {
    guard let ended = event.ended else { return "an episode is over" }
    var words =
      switch ended.end.map({ String(decoding: $0, as: UTF8.self) }) {
      case "memory_back": "memory is back"
      case "stopped": "the agent stopped while memory was short"
      case "domain_removed": "the domain was removed while its memory was short"
      default: "the episode is over: \(PastWords.text(ended.end))"
      }
    if let duration = ended.duration { words += ", after \(PastWords.duration(duration))" }
    if let lowest = ended.lowestAvailable { words += "; at the lowest \(amount(lowest)) were available" }
    if let kills = ended.kernelKills, kills > 0 {
      words += "; the kernel killed \(kills) \(kills == 1 ? "process" : "processes") meanwhile"
    }
    if event.isRehearsal, (ended.decisions ?? 0) > 0 {
      words +=
        ended.victimExitedAfter.map { "; what would have been killed was gone \(PastWords.duration($0)) later" }
        ?? "; what would have been killed lived on"
    }
    return words
  }

  // MARK: The rest

  private static func hook(_ event: RecordEvent) -> String {
    let status = event.more.status.map { " with \($0)" } ?? ""
    return "hook \(PastWords.text(event.more.occasion)): \(PastWords.text(event.more.subject)) "
      + "\(said(event.outcome))\(status)\(error(event))"
  }

  private static func relief(_ event: RecordEvent) -> String {
    "relief: \(PastWords.text(event.action)) of \(PastWords.text(event.more.subject)) \(said(event.outcome))"
      + error(event)
  }

  private static func reload(_ event: RecordEvent) -> String {
    if event.outcome.map({ $0.elementsEqual("in_force".utf8) }) ?? false {
      return "the policy was read again, and is in force"
    }
    return "the policy was read again and refused: \(PastWords.text(event.reason))"
  }

  /// An outcome's name as words: `timed out`.
  private static func said(_ outcome: [UInt8]?) -> String {
    PastWords.text(outcome).split(separator: "_").joined(separator: " ")
  }

  private static func error(_ event: RecordEvent) -> String { event.more.error.map { ": \(PastWords.text($0))" } ?? "" }
}
