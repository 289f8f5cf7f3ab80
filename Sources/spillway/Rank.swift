import ArgumentParser
import Policy
import ProcModel
import Record

struct Rank: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the candidates, worst first: whom the agent would end, and in what order.",
    discussion: """
      Those that may be ended come first, in their order; the protected ones follow. Processes too small to be \
      worth ending are dim on a terminal and marked with ~ in the order column.
      """)

  @OptionGroup var options: InspectionOptions

  func run() throws {
    try reportingFailures { () throws(Failure) in
      let inspection = try Inspection(options)
      let shown = inspection.processes.prefix(options.limit ?? inspection.processes.count)
      if options.json {
        var json = JSONWriter(capacity: 64 * 1024)
        json.beginArray()
        for process in shown {
          json.value(
            process.candidate, terms: process.terms, policy: inspection.judge.policy,
            units: inspection.judge.machine.units)
        }
        json.endArray()
        json.newline()
        Output().write(String(decoding: json.bytes, as: UTF8.self))
        StandardError.write(inspection.unread.notes.joined())
      } else {
        let output = Output()
        output.write(RankTable(inspection).text(Array(shown), output: output))
      }
    }
  }
}
