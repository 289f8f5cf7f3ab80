import History
import ProcModel

/// An audit for people: a line for each incident, the kills that were not foreseen, and the verdict.
struct AuditText {
  private let story: AuditStory
  private let figures: AuditFigures
  private let period: Period

  init(_ story: AuditStory, _ period: Period) {
    self.story = story
    self.period = period
    figures = AuditFigures(story)
  }

  func text(_ output: Output) -> String {
    var text = ""
    if !story.incidents.isEmpty {
      text += table(output) + "\n"
    }
    if !story.unforeseen.isEmpty {
      text += output.styled("Killed by the kernel, and not foreseen:", .bold) + "\n"
      for unforeseen in story.unforeseen { text += "  " + AuditText.line(unforeseen) + "\n" }
      text += "\n"
    }
    for sentence in sentences { text += Paragraph.wrapped(sentence, output) }
    return text
  }

  // MARK: Incidents

  private func table(_ output: Output) -> String {
    var table = TextTable(columns: [
      .init(heading: "TIME"), .init(heading: "INCIDENT", expendability: 3), .init(heading: "DOMAIN", expendability: 2),
      .init(heading: "MODE"), .init(heading: "VICTIM"), .init(heading: "FREES", isNumber: true, expendability: 1),
      .init(heading: "WHAT HAPPENED"),
    ])
    for incident in story.incidents {
      let decision = incident.decision
      table.rows.append(
        (
          [
            PastWords.time(decision.time), PastWords.text(decision.incident), AuditText.domain(decision),
            incident.isRehearsal ? "dry run" : "armed", AuditText.victim(decision),
            (decision.killSet?.footprint ?? decision.victim?.footprint).map { amount($0) } ?? "-",
            AuditText.end(of: incident),
          ], incident.end == .kernelKilled ? .red : nil
        ))
    }
    return table.text(output) + (story.leftOut > 0 ? "and \(story.leftOut) older ones\n" : "")
  }

  private static func domain(_ event: RecordEvent) -> String {
    guard let domain = event.domain, !domain.elementsEqual("system".utf8) else { return "-" }
    return PastWords.text(domain)
  }

  private static func victim(_ event: RecordEvent) -> String {
    guard let victim = event.victim else { return "none can be killed" }
    let others = (event.killSet?.members ?? 1) > 1 ? " +\((event.killSet?.members ?? 1) - 1)" : ""
    return "\(victim.pid.map { "\($0) " } ?? "")(\(PastWords.text(victim.name)))\(others)"
  }

  /// What became of it, in a clause.
  static func end(of incident: AuditIncident) -> String {
    var words = incident.kills.map { kill(it: $0, incident) }
    if incident.untoldKernelKills > 0 {
      let count = incident.untoldKernelKills
      words.append(
        "the kernel counted \(count) \(words.isEmpty ? "" : "more ")\(count == 1 ? "kill" : "kills") that no log tells of"
      )
    }
    let ended = incident.episode?.ended
    switch incident.end {
    case .kernelKilled, .otherKilled: break
    case .spillwayKilled:
      let freed = incident.outcome?.more.freed.map { ", \(amount($0)) came back" } ?? ""
      words.append("Spillway killed it\(freed)")
    case .memoryBack:
      let after = ended?.duration.map { " after \(PastWords.duration($0))" } ?? ""
      words.append("memory came back by itself\(after)")
    case .stopped: words.append("the agent stopped while memory was short")
    case .unknown:
      words.append(incident.outcome.flatMap(\.outcome).map { "outcome: \(PastWords.text($0))" } ?? "no end is told")
    }
    if incident.isRehearsal, let exited = ended?.victimExitedAfter,
      !incident.kills.contains(where: incident.foresaw)
    {
      words.append("the victim exited \(PastWords.duration(exited)) after the decision")
    }
    return words.joined(separator: "; ")
  }

  private static func kill(it kill: PastKill, _ incident: AuditIncident) -> String {
    let killer = kill.killer == .kernel ? "the kernel" : kill.killer.name
    if kill.deed == .panicked { return "\(killer) panicked" }
    let lead = incident.lead(of: kill).map { " \(PastWords.duration($0)) later" } ?? ""
    let doubt = kill.isProven ? "" : " (a text log says)"
    if incident.foresaw(kill) { return "\(killer) killed it\(lead)\(doubt)" }
    let victim = kill.victim.pid.map { "\($0) (\(PastWords.name(kill)))" } ?? PastWords.text(kill.victim.unit)
    return "\(killer) killed \(victim)\(lead)\(doubt)"
  }

  private static func line(_ unforeseen: UnforeseenKill) -> String {
    let kill = unforeseen.kill
    let cause =
      switch unforeseen.cause {
      case .notRunning: "Spillway did not run then"
      case .controlGroup: "\(PastWords.reason(kill)), for which the policy has no domain"
      case .noIncident: "no trigger of the policy was true"
      case .noTime: "the line has no time"
      }
    if kill.deed == .panicked { return "\(PastWords.time(kill.time.wall))  \(PastWords.reason(kill)): \(cause)" }
    return "\(PastWords.time(kill.time.wall))  \(kill.victim.pid.map { "\($0) " } ?? "")(\(PastWords.name(kill)))"
      + "\(kill.isProven ? "" : "?")\(kill.memory.shown.map { ", \(amount($0))" } ?? ""): \(cause)"
  }

  // MARK: The verdict

  /// The verdict on arming, a sentence or two each.
  var sentences: [String] {
    var sentences = [summary] + verdict
    if story.otherKills > 0 {
      sentences.append(
        "Other killers killed \(AuditText.times(story.otherKills)) besides, when Spillway had no incident: see spillway "
          + "history.")
    }
    if figures.armedIncidents > 0 {
      sentences.append(
        "While it was armed, Spillway acted \(AuditText.times(figures.armedIncidents)).")
    }
    if figures.folded > 0 {
      sentences.append(
        "The record left out \(figures.folded) more decisions like these, since many came in a row; no figure here has "
          + "them.")
    }
    if figures.incidents > 0 {
      sentences.append(
        "This cannot know what an armed agent would have done after its first signal: whether that kill would have been "
          + "enough, which would have been the next, and whether what was killed would have come back.")
    }
    return sentences
  }

  private var span: String {
    let end = period.until ?? PastOptions.now
    guard let start = period.since ?? story.firstEvent, end > start else { return "" }
    let seconds = UInt64(end.since(start)) / 1000
    return " in \(seconds >= 172_800 ? "\((seconds + 43_200) / 86_400) days" : age(seconds))"
  }

  /// `4 incidents in 9 days; in 3 the kernel killed, postgres twice; Spillway would have killed leak each time, 31 s
  /// earlier.`
  private var summary: String {
    let count = figures.incidents
    guard count > 0 else { return "No incident of a dry run\(span)." }
    var text = "\(count) \(count == 1 ? "incident" : "incidents")\(span)"
    guard figures.kernelKilled > 0 else { return text + "; in none of them did the kernel kill." }
    text +=
      "; in \(count == figures.kernelKilled ? (count == 1 ? "it" : "each") : "\(figures.kernelKilled)") the kernel killed"
    let killed = figures.killedByKernel.prefix(3).map { "\(AuditText.name($0.name)) \(AuditText.times($0.count))" }
    if !killed.isEmpty { text += ", \(AuditText.list(killed))" }
    let own = figures.wouldHaveKilled
    let victims =
      own.count == 1
      ? "\(AuditText.name(own[0].name))\(own[0].count > 1 ? " each time" : "")"
      : AuditText.list(own.prefix(3).map { "\(AuditText.name($0.name)) \(AuditText.times($0.count))" })
    text += "; Spillway would have killed \(victims)"
    if let lead = figures.medianLead {
      text += ", \(PastWords.duration(lead)) earlier"
      if let least = figures.leads.first, let most = figures.leads.last, most > least {
        text += " (\(PastWords.duration(least)) to \(PastWords.duration(most)))"
      }
    }
    return text + "."
  }

  private var verdict: [String] {
    var sentences: [String] = []
    let others = figures.kernelKilled - figures.sameVictim
    if figures.kernelKilled > 0 {
      sentences.append(
        others > 0
          ? "Armed, Spillway would have acted before the kernel, which \(AuditText.times(others)) killed another process "
            + "than Spillway's victim."
          : "Armed, Spillway would have killed the same processes as the kernel, only earlier.")
    }
    if figures.memoryBack > 0 {
      let exited = figures.exitedByItself
      sentences.append(
        "In \(figures.memoryBack) memory came back without a kill"
          + (exited > 0 ? ", \(AuditText.times(exited)) with the victim's own exit" : "")
          + ": armed, Spillway would have killed there. spillway replay --sweep shows which line would have waited.")
    }
    if figures.otherKilled > 0 {
      sentences.append(
        "In \(figures.otherKilled) another killer acted first; while both run, a dry run cannot show what Spillway alone "
          + "would have met.")
    }
    if figures.withoutVictim > 0 {
      sentences.append(
        "\(AuditText.times(figures.withoutVictim).capitalizedFirst) no process could be killed: too much is protected.")
    }
    if figures.untold > 0 {
      sentences.append(
        "The kernel counted \(figures.untold) \(figures.untold == 1 ? "kill" : "kills") of which no log that can be read "
          + "tells.")
    }
    let unforeseen = story.unforeseen.count
    if unforeseen > 0 {
      sentences.append(
        "\(unforeseen) \(unforeseen == 1 ? "kill of the kernel was" : "kills of the kernel were") not foreseen.")
    }
    if figures.incidents == 0, unforeseen == 0, figures.armedIncidents == 0 {
      sentences.append("There is nothing to judge arming by: memory was never short.")
    }
    return sentences
  }

  // MARK: Words

  private static func name(_ name: [UInt8]) -> String { name.isEmpty ? "a process" : PastWords.text(name) }

  static func times(_ count: Int) -> String {
    switch count {
    case 1: "once"
    case 2: "twice"
    default: "\(count) times"
    }
  }

  private static func list(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
