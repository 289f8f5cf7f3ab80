import Flight
import FoundationEssentials
import LinuxSystem
import ProcModel
import Replay

/// What `--at` says: a moment in a flight.
struct FlightTime {
  /// As it was written; nil for the first decision, or the end where there is none.
  private let text: String?

  init(_ text: String?) {
    self.text = text
  }

  /// Where in a flight it is.
  struct Place {
    /// The number of the flight's items up to then.
    var items: Int
    var time: Nanoseconds
  }

  func place(in flight: OpenedFlight) throws(Failure) -> Place {
    let items = flight.replay.items
    guard let first = items.first?.time, let last = items.last?.time else {
      throw Failure(.configuration, "\(flight.file): the flight is empty")
    }
    let started = flight.replay.header.started
    let lines = Self.lines(of: flight.replay)
    guard let text, text != "end" else {
      let decision = text == nil ? lines.first { $0.line.isDecision } : nil
      return decision.map { Place(items: $0.item + 1, time: $0.time) } ?? Place(items: items.count, time: last)
    }
    if let line = lines.first(where: { $0.line["incident"] == text || $0.line["time"] == text }) {
      return Place(items: line.item + 1, time: line.time)
    }
    let time: Nanoseconds?
    if text == "start" {
      time = first
    } else if let seconds = Self.seconds(text) {
      // What is printed is cut to a thousandth, and means all of it.
      let end = started + seconds + Nanoseconds(999_999)
      time = text.hasPrefix("-") ? last - seconds : end - last < .milliseconds(1) ? min(end, last) : end
    } else if let wall = Self.sinceEpoch(text) {
      time = try Self.time(of: wall, lines, flight)
    } else {
      throw Failure(.usage, "--at \(Self.shown(text)): \(Self.meant(lines))")
    }
    guard let time, time >= first, time <= last else {
      throw Failure(
        .usage, "--at \(Self.shown(text)) is outside of \(flight.file), which covers \(Self.span(flight, lines))")
    }
    let end = items.lastIndex { $0.time <= time } ?? 0
    return Place(items: end + 1, time: time)
  }

  // MARK: The flight's own times

  /// A line of the record in the flight.
  private struct Line {
    var item: Int
    var time: Nanoseconds
    var line: RecordLine
  }

  private static func lines(of replay: Replay) -> [Line] {
    replay.items.enumerated().compactMap { index, entry in
      guard case .decision(let bytes) = entry.item else { return nil as Line? }
      return Line(item: index, time: entry.time, line: RecordLine(bytes.bytes))
    }
  }

  /// The moment of a time of day, which the lines of the record tell beside that of the agent's clock.
  private static func time(
    of wall: Int64, _ lines: [Line], _ flight: OpenedFlight
  ) throws(Failure) -> Nanoseconds? {
    let known = lines.compactMap { line in
      line.line["time"].flatMap(sinceEpoch).map { (wall: $0, time: line.time) }
    }
    guard let known = known.min(by: { abs($0.wall - wall) < abs($1.wall - wall) }) else {
      throw Failure(
        .usage,
        "\(flight.file) has no decision, beside which a time of day would be known: give --at in seconds, "
          + "\(span(flight, lines))")
    }
    let milliseconds = Int64(clamping: known.time.milliseconds) + (wall - known.wall)
    return milliseconds < 0 ? nil : .milliseconds(UInt64(milliseconds))
  }

  /// Such as `0.012 s to 63.921 s`, with the incidents that are in it.
  private static func span(_ flight: OpenedFlight, _ lines: [Line]) -> String {
    let started = flight.replay.header.started
    let times = flight.replay.items
    let (first, last) = (times.first?.time ?? started, times.last?.time ?? started)
    return "\((first - started).seconds) s to \((last - started).seconds) s since the agent's start\(incidents(lines))"
  }

  private static func incidents(_ lines: [Line]) -> String {
    let names = lines.compactMap { $0.line.isDecision ? $0.line["incident"] : nil }
    guard let first = names.first else { return ", and has no decision" }
    return names.count == 1 ? ", and has incident \(first)" : ", and has incidents \(first) to \(names.last ?? first)"
  }

  private static func meant(_ lines: [Line]) -> String {
    "give seconds since the agent's start (12.5) or before the end (-2), an incident of the flight, a time of day "
      + "(2026-11-23T06:30:00Z), start or end; the flight\(incidents(lines).dropFirst(", and".count))"
  }

  private static func shown(_ text: String) -> String { visible(Array(text.utf8).span) }

  // MARK: What people write

  /// `12.5`, `12.5s`, `+12.5` or `-2`, without the sign; nil where it is something else.
  static func seconds(_ text: String) -> Nanoseconds? {
    var rest = text[...]
    if rest.hasPrefix("+") || rest.hasPrefix("-") { rest.removeFirst() }
    if rest.hasSuffix("s") { rest.removeLast() }
    while rest.hasSuffix(" ") { rest.removeLast() }
    let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = parts.first, (1...9).contains(whole.count),
      parts.allSatisfy({ $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }),
      let seconds = UInt64(whole)
    else { return nil }
    var fraction: UInt64 = 0
    if parts.count == 2 {
      guard !parts[1].isEmpty else { return nil }
      let digits = parts[1].prefix(9)
      fraction = UInt64(digits) ?? 0
      for _ in digits.count..<9 { fraction *= 10 }
    }
    return Nanoseconds(seconds * 1_000_000_000 + fraction)
  }

  /// Milliseconds since 1970 of a time as RFC 3339 writes it; nil where it is none.
  static func sinceEpoch(_ text: String) -> Int64? {
    for hasFraction in [true, false] {
      let style = Date.ISO8601FormatStyle(includingFractionalSeconds: hasFraction)
      if let date = try? style.parse(text) {
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        return milliseconds.magnitude < 1e15 ? Int64(milliseconds) : nil
      }
    }
    return nil
  }
}
