import ArgumentParser
import History
import ProcModel
import Record

struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Show what was killed: by Spillway, by the kernel and by other killers, in one table.",
    discussion: """
      Reads Spillway's record, the journal, the kernel's buffer and text logs, with what was rotated away from them. A \
      kill that several of them tell of is shown once; the newest is the last. What a dry run would have killed is shown \
      too. A ? behind a killer's name means that only a text log says so, to which any process can write.

      What may not be read is named on standard error. Exits with 0 also where nothing was killed, and with 77 where \
      nothing could be read for want of a permission.
      """)

  @OptionGroup var options: PastOptions

  @OptionGroup var most: MostOptions

  @Flag(help: "Print a JSON array.")
  var json = false

  func run() throws {
    try reportingFailures { () throws(Failure) in
      var reading = try PastReading(options)
      let found = try reading.kills(limit: most.limit)
      // A signal alone is no kill for want of memory: `why` tells of it.
      let kills = found.kills.filter { kill in
        if case .signalled = kill.deed { return false }
        if case .spared = kill.deed { return false }
        return true
      }
      let output = Output()
      if json {
        output.write(PastKillJSON.text(kills))
      } else {
        output.write(HistoryTable.text(kills, leftOut: found.leftOut, output))
      }
      try reading.tellNotes()
    }
  }
}

/// The table of kills, for people.
enum HistoryTable {
  static func text(_ kills: [PastKill], leftOut: UInt64, _ output: Output) -> String {
    guard !kills.isEmpty else { return "nothing was killed, as far as can be read\n" }
    var table = TextTable(columns: [
      .init(heading: "TIME"), .init(heading: "KILLER"), .init(heading: "WHAT"),
      .init(heading: "PID", isNumber: true), .init(heading: "NAME"),
      .init(heading: "UNIT", expendability: 1), .init(heading: "MEMORY", isNumber: true, expendability: 2),
      .init(heading: "INCIDENT", expendability: 3), .init(heading: "REASON"),
    ])
    for kill in kills {
      table.rows.append((cells(kill), style(kill)))
    }
    var text = table.text(output)
    if leftOut > 0 { text += output.styled("and older ones; --limit shows more", .dim) + "\n" }
    if kills.contains(where: { !$0.isProven }) {
      text += "?: only a text log says so, to which any process can write\n"
    }
    return text
  }

  private static func cells(_ kill: PastKill) -> [String] {
    [
      PastWords.time(kill.time.wall), PastWords.killer(kill), PastWords.deed(kill),
      kill.victim.pid.map { "\($0)" } ?? "-", PastWords.name(kill),
      PastWords.place(kill.victim), kill.memory.shown.map { amount($0) } ?? "-",
      PastWords.text(kill.decision?.incident), PastWords.reason(kill),
    ]
  }

  private static func style(_ kill: PastKill) -> Output.Style? {
    switch kill.deed {
    case .rehearsed, .spared: .dim
    case .panicked: .red
    case .killed, .signalled: kill.killer == .kernel ? .red : nil
    }
  }
}
