import ArgumentParser
import Policy
import ProcModel
import Record

struct Rank: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rank processes by how soon the agent would kill them.",
    discussion: """
      The processes that may be killed come first, the first one to be killed at the top; the protected ones follow. A \
      process that is too small to be worth killing is dim on a terminal, and marked with ~ in the order column. If memory fell to \
      the floor now and a swarm would be killed as one, a last line says so.
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
            process.candidate, terms: process.terms, policy: inspection.context.policy,
            units: inspection.context.machine.units)
        }
        json.endArray()
        json.newline()
        Output().write(String(decoding: json.bytes, as: UTF8.self))
        StandardError.write((inspection.unread.notes + inspection.flightNotes).joined())
      } else {
        let output = Output()
        output.write(RankTable(inspection).text(Array(shown), output: output))
      }
    }
  }
}
