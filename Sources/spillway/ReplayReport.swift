import Flight
import ProcModel
import Replay

/// What there is to be told of a flight, for people.
struct ReplayReport {
  private let flight: OpenedFlight

  init(_ flight: OpenedFlight) {
    self.flight = flight
  }

  /// The flight in a line, and where it is cut off in another.
  var title: String {
    let (file, replay) = (flight.file, flight.replay)
    let header = replay.header
    let policy = replay.policies.first.map { String(decoding: $0.name, as: UTF8.self) } ?? "none"
    let span = replay.items.last.map { $0.time - header.started } ?? .zero
    var text =
      "\(file): \(header.isRehearsal ? "dry run" : "armed") of spillway "
      + "\(String(decoding: header.agentVersion, as: UTF8.self)), policy \(policy), "
      + "\(span.seconds) s in \(replay.items.count) items\n"
    if case .cutOff(let offset) = replay.ending { text += "the flight is cut off at byte \(offset)\n" }
    return text
  }

  func text(_ outcome: Replay.Outcome) -> String {
    let lines = outcome.recorded.count
    let from = outcome.from.map { "replayed from \($0.seconds) s on, after a quiet stretch\n" } ?? ""
    return title + from
      + (outcome.difference == nil
        ? "\(lines) \(lines == 1 ? "decision or outcome" : "decisions and outcomes"): all as recorded\n"
        : "\(lines) recorded, \(outcome.computed.count) computed\n")
  }
}
