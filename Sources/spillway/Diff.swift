import ArgumentParser
import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import Record

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show which processes of this machine two policies treat differently.",
    discussion: """
      For each such process: whether it is protected, its order and weight, and how it would be killed. Then which \
      process each policy would kill first, and the settings that differ. Exits with 0 if nothing differs, and with 1 \
      if something does. With --flight, the processes are those of a flight.
      """)

  @Argument(help: ArgumentHelp("A policy file, or the name of a preset.", valueName: "old"))
  var old: String

  @Argument(help: ArgumentHelp("The policy file or preset to compare it with.", valueName: "new"))
  var new: String

  @OptionGroup var place: InspectedPlace

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    var isDifferent = false
    try reportingFailures { () throws(Failure) in
      let inspections = try place.inspect([old, new])
      let difference = Difference(from: inspections[0], to: inspections[1])
      isDifferent = !difference.isEmpty
      let output = Output()
      output.write(json ? difference.json : difference.text(output))
      StandardError.write((inspections[0].unread.notes + Difference.notes(inspections)).joined())
    }
    if isDifferent { throw ArgumentParser.ExitCode(1) }
  }
}

/// What a policy decides for one process.
private struct Fate: Equatable {
  var isProtected: Bool
  var order: Tier
  var weight: Double
  var scope: Scope
  var signal: VictimSignal
  /// Time from ``signal`` to SIGKILL; nil where ``signal`` is SIGKILL.
  var grace: Nanoseconds?
  /// The hook after the kill, with the user that it runs as and its time limit; nil without one.
  var hook: String?
  /// Those of `scope`, `signal`, `grace` and `hook` that a rule sets. The others come from the file's settings.
  var ofRules: Set<String>

  init(_ process: Inspected, _ context: ScoringContext) {
    let ruleOutcome = process.candidate.ruleOutcome
    isProtected = ruleOutcome.protection.protects
    order = ruleOutcome.tier
    weight = ruleOutcome.weight
    scope = context.scope(of: ruleOutcome)
    signal = context.signal(of: ruleOutcome)
    grace = signal == .kill ? nil : context.grace(of: ruleOutcome)
    hook = context.hook(of: ruleOutcome).map { context.policy.describe(command: $0) }
    ofRules = []
    if ruleOutcome.scope != nil { ofRules.insert("scope") }
    if ruleOutcome.signal != nil { ofRules.formUnion(["signal", "grace"]) }
    if ruleOutcome.grace != nil { ofRules.insert("grace") }
    if ruleOutcome.hook != nil { ofRules.insert("hook") }
  }

  /// Two protected processes are equal whatever their other values are: neither is killed.
  static func == (left: Fate, right: Fate) -> Bool {
    left.isProtected == right.isProtected && (left.isProtected || left.aspects.elementsEqual(right.aspects, by: ==))
  }

  /// The values to compare, each by its key in a policy.
  var aspects: [(name: String, text: String)] {
    if isProtected { return [("protect", "yes")] }
    return [
      ("protect", "no"), ("order", order.name), ("weight", decimal(weight)), ("scope", scope.name),
      ("signal", signal.name), ("grace", grace.map { describe($0) } ?? "none"),
      ("hook", hook ?? "off"),
    ]
  }
}

/// What differs between two policies on one machine.
struct Difference {
  private let old: Inspection
  private let new: Inspection
  /// The processes that the policies treat differently, in the order of the new policy's ranking.
  private let changes: [(old: Inspected, new: Inspected)]
  /// Lines that describe settings, domains and hooks of one policy and not the other.
  private let settings: (old: [String], new: [String])

  init(from old: Inspection, to new: Inspection) {
    self.old = old
    self.new = new
    var before: [ProcessIdentity: Inspected] = [:]
    for process in old.processes { before[process.candidate.process.identity] = process }
    changes = new.processes.compactMap { process in
      guard let earlier = before[process.candidate.process.identity],
        Fate(earlier, old.context) != Fate(process, new.context)
      else { return nil }
      return (earlier, process)
    }
    let lines = [old, new].map { inspection in
      describe(inspection.loaded.policy, patterns: inspection.loaded.patterns).split(separator: "\n").map(String.init)
        .prefix { !$0.hasPrefix("rule ") }
    }
    var settings: (old: [String], new: [String]) = ([], [])
    for change in Array(lines[1]).difference(from: Array(lines[0])) {
      switch change {
      case .remove(_, let line, _): settings.old.insert(line, at: 0)
      case .insert(_, let line, _): settings.new.append(line)
      }
    }
    self.settings = settings
  }

  /// What people are told of a flight; what is lacking for both policies alike, once.
  static func notes(_ inspections: [Inspection]) -> [String] {
    var notes: [String] = []
    for note in inspections.flatMap(\.flightNotes) where !notes.contains(note) { notes.append(note) }
    return notes
  }

  private var isSameVictim: Bool {
    old.victim?.candidate.process.identity == new.victim?.candidate.process.identity
  }

  var isEmpty: Bool { changes.isEmpty && isSameVictim && settings.old.isEmpty && settings.new.isEmpty }

  // MARK: For people

  func text(_ output: Output) -> String {
    var text = ""
    let (table, others) = table(output)
    if !table.isEmpty { text += table + "\n" }
    let first = old.victim.map(name) ?? "none"
    text += "first to go: " + (isSameVictim ? "\(first), as before" : "\(first) → \(new.victim.map(name) ?? "none")")
    text += "\n"
    for line in settings.old { text += "- \(line)\n" }
    for line in settings.new { text += "+ \(line)\n" }
    if others > 0 {
      text += others == 1 ? "1 process differs" : "\(others) processes differ"
      text += " by these settings alone, in how \(others == 1 ? "it" : "they") would be killed\n"
    }
    if changes.isEmpty { text += "both policies treat all \(new.processes.count) processes alike\n" }
    if new.tally.denied > 0 || new.tally.isHidden {
      text += "some processes may not be read and were not compared\n"
    }
    return text
  }

  private func name(_ process: Inspected) -> String {
    "\(process.candidate.process.identity.pid) (\(visible(process.candidate.process.comm.bytes)))"
  }

  /// The table of differences, one line for each. A process's further lines leave out what its first line shows.
  ///
  /// - Returns: The table, empty if there is no difference; and the number of processes that differ only by settings
  ///   that hold for every process.
  private func table(_ output: Output) -> (text: String, others: Int) {
    var others = 0
    var rows = [["PID", "NAME", "FOOTPRINT", "WHAT", "OLD", "NEW", "RULE"]]
    for (earlier, process) in changes {
      let facts = process.candidate.process
      var head = ["\(facts.identity.pid)", visible(facts.comm.bytes), amount(facts.footprint)]
      let (then, now) = (Fate(earlier, old.context), Fate(process, new.context))
      let ofAll = Set(["scope", "signal", "grace", "hook"]).subtracting(then.ofRules).subtracting(now.ofRules)
      let count = rows.count
      // The new policy's deciding rule; where it has none, that of the old policy.
      let rule =
        process.ruleName(new.context.policy) ?? earlier.ruleName(old.context.policy).map { $0 + " (before)" } ?? "-"
      for aspect in ["protect", "order", "weight", "scope", "signal", "grace", "hook"] where !ofAll.contains(aspect) {
        let values = [then, now].map { $0.aspects.first { $0.name == aspect }?.text }
        guard let left = values[0], let right = values[1], left != right else { continue }
        rows.append(head + [aspect, left, right, rule])
        head = ["", "", ""]
      }
      if rows.count == count { others += 1 }
    }
    if rows.count == 1 { return ("", others) }
    let widths = rows[0].indices.map { column in rows.reduce(0) { max($0, $1[column].count) } }
    var text = ""
    for (number, row) in rows.enumerated() {
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + ([0, 2].contains(column) ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      text += (number == 0 ? output.styled(line, .bold) : line) + "\n"
    }
    return (text, others)
  }

  // MARK: For programs

  var json: String {
    var json = JSONWriter(capacity: 16 * 1024)
    json.beginObject()
    json.key("different")
    json.value(!isEmpty)
    for (key, inspection, lines) in [("old", old, settings.old), ("new", new, settings.new)] {
      json.key(key)
      json.beginObject()
      json.key("policy")
      json.value(untrusted: Array(inspection.loaded.name.utf8).span)
      json.key("first_to_go")
      if let victim = inspection.victim { write(victim, to: &json) { _ in } } else { json.null() }
      json.key("settings")
      json.beginArray()
      for line in lines { json.value(untrusted: Array(line.utf8).span) }
      json.endArray()
      json.endObject()
    }
    json.key("processes")
    json.beginArray()
    for (earlier, process) in changes {
      write(process, to: &json) { json in
        json.key("footprint_kib")
        json.value(process.candidate.process.footprint.count)
        json.key("old")
        write(earlier, under: old, to: &json)
        json.key("new")
        write(process, under: new, to: &json)
      }
    }
    json.endArray()
    json.endObject()
    json.newline()
    return String(decoding: json.bytes, as: UTF8.self)
  }

  private func write(_ process: Inspected, to json: inout JSONWriter, _ more: (inout JSONWriter) -> Void) {
    json.beginObject()
    json.key("pid")
    json.value(Int64(process.candidate.process.identity.pid))
    json.key("start_time")
    json.value(process.candidate.process.identity.startTime.count)
    json.key("comm")
    json.value(untrusted: process.candidate.process.comm.bytes)
    more(&json)
    json.endObject()
  }

  private func write(_ process: Inspected, under inspection: Inspection, to json: inout JSONWriter) {
    let fate = Fate(process, inspection.context)
    json.beginObject()
    json.key("protected")
    json.value(fate.isProtected)
    json.key("order")
    json.value(fate.order.name)
    json.key("weight")
    json.value(fate.weight)
    json.key("scope")
    json.value(fate.scope.name)
    json.key("signal")
    json.value(fate.signal.name)
    json.key("grace_ms")
    if let grace = fate.grace { json.value(grace.milliseconds) } else { json.null() }
    json.key("hook")
    if let hook = fate.hook { json.value(hook) } else { json.null() }
    json.key("rule")
    if let rule = process.ruleName(inspection.context.policy) { json.value(rule) } else { json.null() }
    json.endObject()
  }
}
