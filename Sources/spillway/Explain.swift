import ArgumentParser
import Badness
import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import Record

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Explain a process's score and rank.",
    discussion: """
      Prints its score term by term, each rule that matches it, the processes that rank before it, and how it would be \
      killed: the signal, the grace time, the processes that would be killed with it, and the hooks that would run. \
      Growth is what the process holds over its age; with --flight, it is as measured where the flight tells of the \
      process twice.
      """)

  @Argument(help: ArgumentHelp("The process ID.", valueName: "pid"))
  var pid: Int32

  @OptionGroup var options: InspectionOptions

  func run() throws {
    try reportingFailures { () throws(Failure) in
      let inspection = try Inspection(options)
      guard let place = inspection.processes.firstIndex(where: { $0.candidate.process.identity.pid == pid }) else {
        if inspection.unread.senseless.contains(pid) {
          throw Failure(
            .usage, "the stat of \(pid) makes no sense, so nothing is known of it: the agent would not choose it")
        }
        if inspection.unread.unreadable.contains(pid) {
          throw Failure(.noPermission, "the stat of \(pid) may not be read, so nothing is known of it")
        }
        throw Failure(
          .usage,
          "\(options.place.name) shows no process \(pid) with memory: it is a kernel thread, has exited, or is hidden"
        )
      }
      let process = inspection.processes[place]
      if options.json {
        var json = JSONWriter(capacity: 8 * 1024)
        json.value(
          process.candidate, terms: process.terms, policy: inspection.context.policy,
          units: inspection.context.machine.units)
        json.newline()
        Output().write(String(decoding: json.bytes, as: UTF8.self))
        StandardError.write((inspection.unread.notes + inspection.flightNotes).joined())
      } else {
        Output().write(Explanation(inspection, process, place: place, neighbours: options.limit ?? 3).text)
      }
    }
  }
}

/// The text of `spillway explain`.
struct Explanation {
  private let inspection: Inspection
  private let process: Inspected
  private let place: Int
  private let neighbours: Int

  init(_ inspection: Inspection, _ process: Inspected, place: Int, neighbours: Int) {
    self.inspection = inspection
    self.process = process
    self.place = place
    self.neighbours = neighbours
  }

  private var facts: ProcessFacts { process.candidate.process }
  private var ruleOutcome: RuleOutcome { process.candidate.ruleOutcome }
  private var policy: CompiledPolicy { inspection.context.policy }

  var text: String {
    let notes = inspection.notes.joined()
    return ([identity, memory, score, rules, rank, action] + (notes.isEmpty ? [] : [notes])).joined(separator: "\n")
  }

  private var identity: String {
    let units = inspection.context.machine.units
    var lines = "\(facts.identity.pid) (\(visible(facts.comm.bytes)))\n"
    lines +=
      "  user \(facts.effectiveUID), \(facts.age.map { "started \(age(units.seconds($0))) ago" } ?? "started at an unknown time"),"
    lines += " used \(age(units.seconds(facts.cpu))) of processor time, nice \(facts.nice)\n"
    if let exe = process.exe { lines += "  executable \(visible(exe.span))\n" }
    if let cgroup = process.cgroup {
      lines += "  cgroup \(visible(cgroup.span))\(process.unit.map { ", unit \(visible($0.span))" } ?? "")\n"
    }
    lines += "  oom_score \(facts.oomScore.map { "\($0)" } ?? "unknown"), oom_score_adj \(facts.oomScoreAdj)"
    lines += facts.inheritsOomScoreAdj ? ", which it inherits from its parent and which does not count\n" : "\n"
    if facts.isOrphan {
      lines += "  orphan: process \(facts.parent) adopted it, and the leader of its \(lostLeader) is gone\n"
    }
    return lines
  }

  private var lostLeader: String {
    facts.processGroup == facts.session
      ? "session \(facts.session)" : "session \(facts.session) or group \(facts.processGroup)"
  }

  private var memory: String {
    var lines = "killing it gives back \(amount(facts.footprint)):\n"
    lines += "  anonymous \(amount(facts.ownAnonymous)), swap \(amount(facts.ownSwap)),"
    lines += " page tables \(amount(facts.pageTables)), shared \(amount(facts.ownShared))"
    if facts.sharedElsewhere > .zero { lines += " (of \(amount(facts.shared)), which other processes map as well)" }
    lines += "\n"
    if facts.forkShared > .zero {
      lines += "  not counted: \(amount(facts.forkShared)) of its \(amount(facts.heldAnonymous)) of anonymous memory"
      lines += " and swap,\n    which it shares with the process that it was forked from\n"
    }
    lines += "  not counted: \(amount(facts.file)) of file pages, which the kernel can drop by itself\n"
    if let growth = process.measuredGrowth { lines += "  it grows by \(amount(growth)) a second, as measured\n" }
    return lines
  }

  private var score: String {
    let formula = inspection.context.settings.formula
    var lines = "score \(decimal(process.candidate.score)) \(formula.unit) by formula \(formula.name):\n"
    var value = 0.0
    for index in 0..<process.terms.count {
      let term = process.terms[index]
      value = term.effect.applied(to: value)
      if formula.isWhole { value = value.rounded(.towardZero) }
      let effect = term.effect == .none ? "no effect" : effect(term.effect)
      lines += "  " + term.name.padded(24) + decimal(term.value).padded(14) + effect.padded(18) + decimal(value) + "\n"
    }
    if ruleOutcome.weight != 1 {
      lines += "  " + "weight of its rules".padded(24) + decimal(ruleOutcome.weight).padded(14)
      lines += "× \(decimal(ruleOutcome.weight))".padded(18) + decimal(process.candidate.score) + "\n"
    }
    return lines
  }

  private func effect(_ effect: TermEffect) -> String {
    var text: [UInt8] = []
    text.append(effect)
    return String(decoding: text, as: UTF8.self)
  }

  private var rules: String {
    var lines = ""
    if process.candidate.isSwappingOff { lines += "  built-in: swapoff: the process is killed first, and alone\n" }
    for index in policy.rules.indices where ruleOutcome.rules.contains(UInt8(truncatingIfNeeded: index)) {
      let rule = policy.rules[index]
      lines += "  \"\(visible(policy.bytes(rule.name)))\": \(describe(effectOf: rule, in: policy))\n"
    }
    if lines.isEmpty { lines = "  none\n" }
    return "rules of \(inspection.loaded.name) that match it:\n" + lines
  }

  private var rank: String {
    if ruleOutcome.protection.protects {
      if let name = process.candidate.builtInName { return "it is never killed (\(name))\n" }
      return "it is never killed: the rule \"\(process.ruleName(policy) ?? "")\" protects it\n"
    }
    let total = inspection.processes.count { !$0.candidate.ruleOutcome.protection.protects }
    var lines = "rank \(place + 1) of the \(total) processes that may be killed, order \(ruleOutcome.tier.name)\n"
    for other in inspection.processes[..<place].suffix(neighbours) {
      lines += "  after \(name(other)): \(reason(other))\n"
    }
    if place + 1 < total {
      let next = inspection.processes[place + 1]
      lines += "  before \(name(next)), score \(decimal(next.candidate.score))\n"
    }
    return lines
  }

  private func name(_ other: Inspected) -> String {
    "\(other.candidate.process.identity.pid) (\(visible(other.candidate.process.comm.bytes)))"
  }

  private func reason(_ other: Inspected) -> String {
    if other.candidate.isSwappingOff, !process.candidate.isSwappingOff { return "it takes swap away (swapoff)" }
    if other.candidate.ruleOutcome.tier != ruleOutcome.tier {
      return "its order is \(other.candidate.ruleOutcome.tier.name)"
    }
    if other.candidate.score != process.candidate.score { return "its score is \(decimal(other.candidate.score))" }
    return "its score is the same, but it is larger or younger"
  }

  private var action: String {
    if ruleOutcome.protection.protects { return "no signal would be sent to it\n" }
    return ExplainedEnd(inspection, process).text
  }
}

extension TermEffect {
  fileprivate func applied(to value: Double) -> Double {
    switch self {
    case .add(let amount): value + amount
    case .multiply(let factor): value * factor
    case .divide(let divisor): value / divisor
    case .none: value
    }
  }
}

extension String {
  fileprivate func padded(_ width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }
}
