import Agent
import Flight
import LinuxSystem
package import ProcModel
import ProcReader

/// Where a replay is in its flight. The machine and its kill calls go through it together.
final class FlightCursor {
  private let entries: [FlightEntry]
  /// The number of items that were passed.
  private(set) var index = 0
  /// The time of the last item that was taken, and the difference of the clocks then.
  private(set) var time: Nanoseconds
  private(set) var awakeOffset = Nanoseconds.zero
  /// The texts of processes as they were last read.
  private var texts: [Int32: [FlightTextFile: FlightText]] = [:]
  /// What the flight tells that the agent did not ask, or asked otherwise. The first of its kind; the rest follows from
  /// it.
  private(set) var divergence: Divergence?

  /// The number of the policy that is in force where it begins.
  private(set) var policy: UInt32 = 0

  /// - Parameter index: Of the item at which it begins. What was read before is known.
  init(_ entries: [FlightEntry], from start: Nanoseconds, at index: Int = 0) {
    self.entries = entries
    time = start
    while self.index < index { pass() }
  }

  /// The record's lines from an item on.
  func lines(from index: Int) -> [[UInt8]] {
    entries[index...].compactMap { if case .decision(let line) = $0.item { line.bytes } else { nil } }
  }

  private func pass() {
    let entry = entries[index]
    switch entry.item {
    case .text(let pid, let file, let text): texts[pid, default: [:]][file] = text
    case .policy(let number): policy = number
    case .state(let state):
      policy = state.policy
      for text in state.texts { texts[text.pid, default: [:]][text.file] = text.text }
    default: break
    }
    time = entry.time
    awakeOffset = entry.awakeOffset
    index += 1
  }

  /// Whether nothing is left to be answered.
  var isAtEnd: Bool { peek() == nil }

  /// The next item that answers something. Texts and lines on the way are passed over.
  func peek() -> FlightEntry? {
    while index < entries.count {
      let entry = entries[index]
      switch entry.item {
      case .text(let pid, let file, let text): texts[pid, default: [:]][file] = text
      case .decision, .policy: break
      case .state(let state):
        for text in state.texts { texts[text.pid, default: [:]][text.file] = text.text }
      default: return entry
      }
      index += 1
    }
    return nil
  }

  /// The number of the policy that came into force here, before anything else was asked.
  var policyAhead: UInt32? {
    var ahead = index
    while ahead < entries.count {
      switch entries[ahead].item {
      case .policy(let number): return number
      case .text, .decision: ahead += 1
      default: return nil
      }
    }
    return nil
  }

  /// The time of the next item that has one of its own: what the clock shows until then.
  func nextTime() -> Nanoseconds {
    var ahead = index
    while ahead < entries.count {
      switch entries[ahead].item {
      case .tick, .wake, .signal, .memory, .surveyBegan, .note: return entries[ahead].time
      default: ahead += 1
      }
    }
    return time
  }

  /// The difference of the clocks at that item.
  func nextAwakeOffset() -> Nanoseconds { index < entries.count ? entries[index].awakeOffset : awakeOffset }

  /// Takes the next item where it is the one that is asked for.
  ///
  /// - Parameters:
  ///   - question: What the agent asks, for people.
  ///   - answer: Nil where the item is no answer.
  func take<Answer>(_ question: @autoclosure () -> String, _ answer: (FlightItem) -> Answer?) -> Answer? {
    guard divergence == nil else { return nil }
    guard let entry = peek() else {
      diverge(question(), "the flight is over")
      return nil
    }
    guard let taken = answer(entry.item) else {
      diverge(question(), entry.item.summary)
      return nil
    }
    index += 1
    time = entry.time
    awakeOffset = entry.awakeOffset
    return taken
  }

  /// Takes the next item whatever it is, as far as nothing asked for it.
  func skip() {
    guard let entry = peek() else { return }
    index += 1
    time = entry.time
    awakeOffset = entry.awakeOffset
  }

  /// Ends the replay here.
  func stop(at question: String, _ found: String) {
    if divergence == nil { diverge(question, found) }
  }

  private func diverge(_ question: String, _ found: String) {
    divergence = Divergence(item: index, time: time, asked: question, found: found)
  }

  /// The text of a process's file: the one that was read here, or as it was last read. Of a `smaps_rollup`, which is
  /// another at each reading, only the one that was read here.
  func text(_ file: FlightTextFile, of pid: Int32) -> FlightText? {
    if index < entries.count, case .text(let other, let name, let text) = entries[index].item, other == pid,
      name == file
    {
      texts[pid, default: [:]][file] = text
      index += 1
      return text
    }
    return file == .smapsRollup ? nil : texts[pid]?[file]
  }
}

/// The first place at which a replay is no longer the run that was recorded.
package struct Divergence: Equatable, Sendable {
  /// The item's number in the flight.
  package var item: Int
  package var time: Nanoseconds
  /// What the agent asks there.
  package var asked: String
  /// What the flight has in its place.
  package var found: String
}

extension FlightItem {
  /// In a few words.
  var summary: String {
    switch self {
    case .state: "a keyframe"
    case .tick: "a tick"
    case .wake(let tag): "a wake-up by \(tag)"
    case .signal(let number): "signal \(number)"
    case .memory(let reading): "a reading of domain \(reading.domain)"
    case .surveyBegan: "the beginning of a survey"
    case .survey(let survey): "a survey of \(survey.rows.count) processes"
    case .surveyFailed: "a survey that failed"
    case .sighting(let pid, _): "process \(pid), read again"
    case .text(let pid, let file, _): "the text \(file) of process \(pid)"
    case .call(let code, let pid, let errno, let value): "call \(code) of \(pid): \(value), error \(errno)"
    case .bytes(let code, let pid, _): "bytes of call \(code) of \(pid)"
    case .decision: "a line of the record"
    case .note(let code, let value): "note \(code): \(value)"
    case .policy(let number): "policy \(number)"
    }
  }
}
