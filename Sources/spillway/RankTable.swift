import Policy
import ProcModel
import Record

/// The table of candidates, for people.
struct RankTable {
  private let inspection: Inspection

  init(_ inspection: Inspection) {
    self.inspection = inspection
  }

  /// A column: its heading, and its text for a process.
  private struct Column {
    var heading: String
    var isNumber: Bool
    /// Where the terminal is too narrow, the column with the highest value is dropped first; one with 0 never is.
    var expendability: Int
    var text: (Inspected) -> String
  }

  /// The whole table, cut to the terminal's width if there is a terminal.
  func text(_ shown: [Inspected], output: Output) -> String {
    guard !shown.isEmpty else { return "no process has memory to give back\n" + inspection.notes.joined() }
    let cells = shown.map { process in columns.map { $0.text(process) } }
    var widths = columns.indices.map { index in
      cells.reduce(columns[index].heading.count) { max($0, $1[index].count) }
    }
    let kept = keptColumns(&widths, within: output.columns)
    var text = ""
    text += output.styled(line(columns.map(\.heading), widths, kept), .bold) + "\n"
    for (process, row) in zip(shown, cells) {
      let line = line(row, widths, kept)
      text += style(of: process).map { output.styled(line, $0) } ?? line
      text += "\n"
    }
    if shown.count < inspection.processes.count {
      text += output.styled("and \(inspection.processes.count - shown.count) more", .dim) + "\n"
    }
    if !inspection.view.showsAllCgroups {
      text +=
        "process 1 is outside of this cgroup namespace: units and cgroups are unknown, and protect; see --cgroup-root\n"
    }
    if let together = inspection.together, let victim = inspection.victim {
      let name = "\(victim.candidate.process.identity.pid) (\(visible(victim.candidate.process.comm.bytes)))"
      text += "if memory fell to the floor now, \(name) would be killed \(together)\n"
    }
    return text + (inspection.holderNote ?? "") + inspection.notes.joined()
  }

  private var columns: [Column] {
    let units = inspection.context.machine.units
    let policy = inspection.context.policy
    let hasNotes = inspection.processes.contains { $0.note != nil }
    return [
      Column(heading: "PID", isNumber: true, expendability: 0) { "\($0.candidate.process.identity.pid)" },
      Column(heading: "NAME", isNumber: false, expendability: 0) { visible($0.candidate.process.comm.bytes) },
      Column(heading: "SCORE", isNumber: true, expendability: 0) { decimal($0.candidate.score.rounded()) },
      Column(heading: "OOM_SCORE", isNumber: true, expendability: 4) {
        $0.candidate.process.oomScore.map { "\($0)" } ?? "?"
      },
      Column(heading: "FOOTPRINT", isNumber: true, expendability: 0) { amount($0.candidate.process.footprint) },
      Column(heading: "SWAP", isNumber: true, expendability: 5) { amount($0.candidate.process.ownSwap) },
      Column(heading: "AGE", isNumber: true, expendability: 3) {
        $0.candidate.process.age.map { age(units.seconds($0)) } ?? "?"
      },
      Column(heading: "ORDER", isNumber: false, expendability: 2) { $0.order },
      Column(heading: "PROTECTED", isNumber: false, expendability: 1) {
        $0.candidate.ruleOutcome.protection.protects ? "yes" : "no"
      },
    ]
      + (hasNotes ? [Column(heading: "NOTE", isNumber: false, expendability: 6) { $0.note ?? "-" }] : [])
      + [Column(heading: "RULE", isNumber: false, expendability: 7) { $0.ruleName(policy) ?? "-" }]
  }

  /// Drops the most expendable columns, and cuts the last, until a line fits.
  private func keptColumns(_ widths: inout [Int], within limit: Int?) -> [Int] {
    var kept = Array(widths.indices)
    guard let limit else { return kept }
    func total() -> Int { kept.reduce(0) { $0 + widths[$1] + 2 } - 2 }
    // A rule's name is worth showing while a dozen letters of it fit.
    if let last = kept.last, total() > limit {
      let room = widths[last] - (total() - limit)
      if room >= 12 { widths[last] = room }
    }
    while total() > limit,
      let gone = kept.filter({ columns[$0].expendability > 0 })
        .max(by: { columns[$0].expendability < columns[$1].expendability })
    {
      kept.removeAll { $0 == gone }
    }
    return kept
  }

  private func line(_ cells: [String], _ widths: [Int], _ kept: [Int]) -> String {
    TextTable.line(cells, widths, kept) { columns[$0].isNumber }
  }

  private func style(of process: Inspected) -> Output.Style? {
    if process.candidate.ruleOutcome.protection.protects { return .green }
    if inspection.isInKillSet(process) { return .red }
    return process.isWorthKilling ? nil : .dim
  }
}

extension Inspected {
  /// The tier, with `~` after it where the process is too small to be worth killing.
  var order: String {
    candidate.ruleOutcome.tier.name + (isWorthKilling || candidate.ruleOutcome.protection.protects ? "" : " ~")
  }

  /// What sets it apart from others of its score; nil where nothing does.
  var note: String? {
    let process = candidate.process
    switch (process.isOrphan, process.inheritsOomScoreAdj) {
    case (false, false): return nil
    case (true, false): return "orphan"
    case (false, true): return "inherited \(process.oomScoreAdj)"
    case (true, true): return "orphan, inherited \(process.oomScoreAdj)"
    }
  }

  /// The name of the rule or built-in protection that decided; nil where none did.
  func ruleName(_ policy: CompiledPolicy) -> String? {
    if let name = candidate.builtInName { return name }
    guard let index = candidate.ruleOutcome.decidingRule else { return nil }
    let name = visible(policy.bytes(policy.rules[Int(index)].name))
    if case .assumed = candidate.ruleOutcome.protection { return name + " (assumed: some files could not be read)" }
    return name
  }
}

extension Inspection {
  /// The process that the agent would kill first; nil where none may be killed.
  var victim: Inspected? {
    guard let leader = killSet?.leader else { return nil }
    return processes.first { $0.candidate.process.identity == leader.identity }
  }

  /// `as one of 12 processes that are chosen as one (swarm: the same parent), 312 MiB together`; nil where the victim
  /// is chosen for itself.
  var together: String? {
    guard let killSet, let kin = killSet.swarm else { return nil }
    let kind = killSet.choice == .kin ? "kin that are too small to be killed alone" : "swarm"
    return "as one of \(killSet.members.count) processes that are chosen as one "
      + "(\(kind): the same \(kin.name)), \(amount(killSet.footprint)) together"
  }

  /// Whether it would be killed if memory fell to the floor now.
  func isInKillSet(_ process: Inspected) -> Bool {
    killSet?.members.contains { $0.identity == process.candidate.process.identity } ?? false
  }
}

// MARK: - Words for quantities

/// Untrusted bytes with everything escaped that could steer a terminal.
func visible(_ bytes: Span<UInt8>) -> String {
  var text: [UInt8] = []
  text.append(visible: bytes)
  return String(decoding: text, as: UTF8.self)
}

func amount(_ amount: KiB) -> String {
  var text: [UInt8] = []
  text.append(amount)
  return String(decoding: text, as: UTF8.self)
}

/// A number with up to three decimals.
func decimal(_ number: Double) -> String {
  var text: [UInt8] = []
  text.append(decimal: number)
  return String(decoding: text, as: UTF8.self)
}

/// `12 s`, `5 min`, `3 h`, `12 d`: the largest unit of which there are at least two.
func age(_ seconds: UInt64) -> String {
  switch seconds {
  case 0..<120: "\(seconds) s"
  case 120..<7200: "\(seconds / 60) min"
  case 7200..<172_800: "\(seconds / 3600) h"
  default: "\(seconds / 86_400) d"
  }
}
