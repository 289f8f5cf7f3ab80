import Agent
import Flight
import ProcModel

/// A stretch of a flight in which the agent does nothing but look, long enough that nothing is left of what it remembered
/// from before: all windows were filled anew, and two surveys in calm time tell how fast each process grows. An agent that
/// begins there comes to the same decisions as one that ran before, but for what had been killed in vain.
struct QuietStretch: Equatable {
  /// Where it begins: an item of a flight, by its index.
  var start: Int
  /// Behind its last item. Decisions from here on are the recorded agent's.
  var end: Int

  /// Finds the stretches of a flight one after the other.
  struct Search {
    private let entries: [FlightEntry]
    private let span: Nanoseconds
    private var index = 0
    /// How far the next search begins behind one that was in vain. It doubles, up to a part of the flight: trouble may
    /// last for thousands of items, and each would be tried.
    private var stride = 1
    private static let leastTries = 64

    /// - Parameter span: The longest time over which a trigger looks back.
    init(_ entries: [FlightEntry], span: Nanoseconds) {
      self.entries = entries
      self.span = span
    }

    /// Looks for the next stretch behind an item, at which one that was found turned out to be none.
    mutating func goOn(after item: Int) {
      index = item + stride
      stride = min(stride * 2, max(entries.count / Search.leastTries, 1))
    }

    mutating func next() -> QuietStretch? {
      var start: Int?
      var surveys = 0
      while index < entries.count {
        defer { index += 1 }
        switch entries[index].item {
        case .tick: start = start ?? index
        case .survey: surveys += start == nil ? 0 : 1
        default:
          if entries[index].item.isOfAnAct {
            start = nil
            surveys = 0
          }
        }
        if let start, surveys >= 2, entries[index].time - entries[start].time >= span {
          return QuietStretch(start: start, end: index + 1)
        }
      }
      return nil
    }
  }
}

extension FlightItem {
  /// Whether the agent decides or acts there, or watches a victim.
  fileprivate var isOfAnAct: Bool {
    switch self {
    case .decision, .note(FlightCode.mark, _): true
    case .call(let code, _, _, _), .bytes(let code, _, _): code != FlightCode.file
    default: false
    }
  }
}
