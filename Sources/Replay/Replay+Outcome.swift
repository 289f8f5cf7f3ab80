package import ProcModel

extension Replay {
  /// What a replay came to.
  package struct Outcome: Sendable {
    /// The record's lines of decisions and outcomes: as they were written, and as they were computed now.
    package var recorded: [[UInt8]]
    package var computed: [[UInt8]]
    /// Where the agent asked what the flight does not tell; nil where it was asked to its end.
    package var divergence: Divergence?
    /// The time since the agent's start from which it was replayed; nil where it was replayed from the start. The
    /// agent's count of incidents and episodes is then not known, and they are compared by their distance from the
    /// first.
    package var from: Nanoseconds?

    /// The first difference, in words; nil where all is the same.
    package var difference: String? {
      var (before, after) = (IncidentCount(), IncidentCount())
      for index in 0..<max(recorded.count, computed.count) {
        guard index < recorded.count else {
          return "line \(index + 1) was not recorded: \(RecordLine(computed[index]).title)"
        }
        guard index < computed.count else { break }
        var (one, other) = (RecordLine(recorded[index]), RecordLine(computed[index]))
        let title = one.title
        if from != nil { (one, other) = (before.relative(one), after.relative(other)) }
        if let field = one.firstDifference(from: other) { return "line \(index + 1), \(title): \(field)" }
      }
      if let divergence {
        return "item \(divergence.item): the agent asks for \(divergence.asked), and the flight has \(divergence.found)"
      }
      if computed.count < recorded.count {
        return "line \(computed.count + 1) was not reached: \(RecordLine(recorded[computed.count]).title)"
      }
      return nil
    }
  }
}

/// The numbers that count from the agent's start, as far as a record's lines tell them.
private struct IncidentCount {
  private var incident: Double?
  private var episodes: [String: Double] = [:]

  /// The line with its incident and episode counted from the first line's.
  mutating func relative(_ line: RecordLine) -> RecordLine {
    var line = line
    if let number = line.incidentNumber {
      let first = incident ?? number
      incident = first
      line.incidentNumber = number - first
    }
    if let number = line.episode {
      let domain = line["domain"] ?? ""
      let first = episodes[domain] ?? number
      episodes[domain] = first
      line.episode = number - first
    }
    return line
  }
}
