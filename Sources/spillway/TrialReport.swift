import FoundationEssentials
import ProcModel
import Replay

/// What another policy would have decided over a flight, beside the flight's own, for people.
struct TrialReport {
  private let flight: OpenedFlight
  private let own: PolicyTrial
  private let trial: PolicyTrial
  private let policy: String

  init(_ flight: OpenedFlight, own: PolicyTrial, _ trial: PolicyTrial, policy: String) {
    self.flight = flight
    self.own = own
    self.trial = trial
    self.policy = policy
  }

  /// Whether other processes would have been killed, or more or fewer.
  var differs: Bool { victims(of: own) != victims(of: trial) }

  private func victims(of trial: PolicyTrial) -> [ProcessIdentity?] {
    trial.decisions.map { RecordLine($0.line).victim }
  }

  /// - Parameter isBrief: Whether a flight over which nothing differs takes one line.
  func text(isBrief: Bool, _ output: Output) -> String {
    if isBrief, !differs { return "\(flight.file): \(summary)\n" }
    var text = ReplayReport(flight).title
    text += lines("its own policy", own)
    text += lines(policy, trial)
    text += output.styled(summary, differs ? .bold : .dim) + "\n"
    return text + notes
  }

  private var least: String {
    guard let least = trial.least else { return "memory was not read" }
    return "least available was \(amount(least.available)), at \(least.at.seconds) s"
  }

  /// The most decisions that are shown of a policy.
  private static let mostShown = 5

  private func lines(_ name: String, _ trial: PolicyTrial) -> String {
    if trial.decisions.isEmpty { return row(name, "kills nothing; \(least)") }
    var text = trial.decisions.prefix(TrialReport.mostShown).map { line(name, $0) }.joined()
    let more = trial.decisions.count - TrialReport.mostShown
    if more > 0 { text += row(name, "and \(more) more") }
    return text
  }

  private func line(_ name: String, _ decision: PolicyTrial.Decision) -> String {
    let reason = RecordLine(decision.line)["reason"] ?? "?"
    return row(name, "\(decision.at.seconds) s  \(TrialReport.victim(decision)), \(reason)")
  }

  private func row(_ name: String, _ text: String) -> String {
    let width = max("its own policy".count, policy.count)
    return "  " + name + String(repeating: " ", count: width - name.count) + "  " + text + "\n"
  }

  /// Such as `leak (140), 281 MiB`.
  static func victim(_ decision: PolicyTrial.Decision) -> String {
    let line = RecordLine(decision.line)
    guard let comm = line["victim.comm"], let pid = line["victim.pid"] else { return "no process may be killed" }
    let footprint = line["kill_set.footprint_kib"] ?? line["victim.footprint_kib"]
    let others = line["kill_set.members"].flatMap { UInt64($0) } ?? 1
    let name = "\(visible(Array(comm.utf8).span)) (\(pid))" + (others > 1 ? " and \(others - 1) more" : "")
    return name + (footprint.flatMap { UInt64($0) }.map { ", \(amount(KiB($0)))" } ?? "")
  }

  private var summary: String {
    if differs { return "it decides otherwise" }
    guard let first = own.decisions.first, let now = trial.decisions.first else { return "neither kills" }
    if now.at == first.at { return "the same, at the same moments" }
    return now.at < first.at
      ? "the same victims, the first \((first.at - now.at).seconds) s sooner"
      : "the same victims, the first \((now.at - first.at).seconds) s later"
  }

  /// What the trial lacked, a line each.
  private var notes: String { TrialReport.notes(on: trial) }

  static func notes(on trial: PolicyTrial) -> String {
    var text = ""
    if let lacking = trial.decisions.map(\.lackingText).max(), lacking > 0 {
      text += "of \(processes(lacking)) the flight lacks a text that rules ask for; "
      text += "what a rule might protect by it is protected\n"
    }
    if let unscored = trial.decisions.map(\.unscored).max(), unscored > 0 {
      text += "of \(processes(unscored)) oom_score_adj was not read; it counts as 0\n"
    }
    if let untold = trial.decisions.map(\.untold).max(), untold > 0 {
      text += "of \(processes(Int(untold))), the smallest, the flight tells nothing\n"
    }
    if let age = trial.decisions.map(\.age).max(), age > .milliseconds(1000) {
      text += "processes are as they were up to \(age.seconds) s before a decision\n"
    }
    for name in trial.unread { text += "the flight has no readings of domain \(name): it was not tried\n" }
    for name in trial.blindTriggers { text += "the flight has no figures for the trigger \(name): it was not tried\n" }
    return text
  }
}
