import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import Record
import Replay

/// A policy of which one number is varied.
struct SweptPolicy {
  var policy: CompiledPolicy
  var name: String
}

/// What each value of a setting would have come to over a flight.
struct SweepResult {
  let file: String
  let sweep: SettingSweep
  /// The policy whose other settings hold.
  let policy: String
  /// In the order of the sweep's values.
  let trials: [PolicyTrial]

  init(
    _ sweep: SettingSweep, of base: SweptPolicy, over flight: OpenedFlight
  ) throws(Failure) {
    file = flight.file
    self.sweep = sweep
    policy = base.name
    var trials: [PolicyTrial] = []
    for value in sweep.values {
      var policy = base.policy
      do throws(QuantityError) {
        try sweep.setting.set(value, in: &policy)
      } catch {
        throw Failure(.usage, "--sweep \(sweep.setting.key), \(value): \(error.what): \(error.meant)")
      }
      do throws(ImageError) {
        try policy.validate()
      } catch {
        throw Failure(.usage, "--sweep \(sweep.setting.key), \(value): \(error.sentence)")
      }
      trials.append(try flight.tried(policy, named: base.name))
    }
    self.trials = trials
  }

  // MARK: For people

  func text(_ output: Output) -> String {
    let headings = [sweep.setting.key, "acts at", "kills", "available then", "decisions"]
    let rows = zip(sweep.values, trials).map { value, trial in cells(value, trial) }
    var widths = headings.map(\.count)
    for row in rows { for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) } }
    let lines = ([headings] + rows).map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        .reversed().drop { $0 == " " }.reversed()
    }
    var text = "\(file), policy \(policy)\n" + output.styled(String(lines[0]), .bold) + "\n"
    for line in lines.dropFirst() { text += String(line) + "\n" }
    if let least = trials.first?.least {
      text += "least available of the flight: \(amount(least.available)), at \(least.at.seconds) s\n"
    }
    return text + (trials.max { $0.decisions.count < $1.decisions.count }.map { TrialReport.notes(on: $0) } ?? "")
  }

  private func cells(_ value: String, _ trial: PolicyTrial) -> [String] {
    guard let first = trial.decisions.first else { return [value, "-", "nothing", "-", "0"] }
    return [
      value, "\(first.at.seconds) s", TrialReport.victim(first), SweepResult.available(first).map { amount($0) } ?? "?",
      "\(trial.decisions.count)",
    ]
  }

  /// The available memory at a decision.
  static func available(_ decision: PolicyTrial.Decision) -> KiB? {
    RecordLine(decision.line)["reading.available_kib"].flatMap { UInt64($0) }.map { KiB($0) }
  }

  // MARK: For programs

  /// A line for each value.
  var json: String {
    var json = JSONWriter(capacity: 16 * 1024)
    for (value, trial) in zip(sweep.values, trials) {
      json.beginObject()
      json.field("flight", untrusted: Array(file.utf8).span)
      json.field("setting", sweep.setting.key)
      json.field("value", untrusted: Array(value.utf8).span)
      json.key("decisions")
      json.beginArray()
      for decision in trial.decisions { SweepResult.write(decision, to: &json) }
      json.endArray()
      json.endObject()
      json.newline()
    }
    return String(decoding: json.bytes, as: UTF8.self)
  }

  private static func write(_ decision: PolicyTrial.Decision, to json: inout JSONWriter) {
    let line = RecordLine(decision.line)
    json.beginObject()
    json.field("at_ms", decision.at.milliseconds)
    json.field("trigger", optional: line["trigger"])
    json.field("available_kib", optional: available(decision)?.count)
    json.field("pid", optional: line["victim.pid"].flatMap { UInt64($0) })
    json.key("comm")
    if let comm = line["victim.comm"] { json.value(untrusted: Array(comm.utf8).span) } else { json.null() }
    json.field(
      "footprint_kib",
      optional: (line["kill_set.footprint_kib"] ?? line["victim.footprint_kib"]).flatMap { UInt64($0) })
    json.field("processes_age_ms", decision.age.milliseconds)
    json.field("processes_without_text", count: decision.lackingText)
    json.field("processes_without_scores", count: decision.unscored)
    json.endObject()
  }
}
