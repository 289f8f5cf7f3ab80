import ProcModel

/// What an event is one of many of, where memory trembles about a line and the same happens each second: a day of that must
/// not fill the disk, nor push kills out of the record.
package enum Repetition: UInt8, CaseIterable, Sendable {
  /// A decision after which no signal was sent, with its outcome.
  case decision = 0
  /// A step beside the path: of relief, or of a hook that is no victim's.
  case step = 1
  /// The end of an episode in which no signal was sent, and the kernel killed nothing.
  case episode = 2
}

/// How often events that repeat themselves are told: at once while they are few, and then one a minute, with the number of
/// those that were left out.
package struct Folding: Sendable {
  /// Events that are told one by one before the limit holds: an evening of incidents.
  static let burst: UInt64 = 60
  /// The time after which one more is told.
  static let pause = Nanoseconds.milliseconds(60_000)

  fileprivate struct Budget: Sendable {
    /// Events that may be told now.
    var left = Folding.burst
    /// When it last grew, on the clock of records; nil before the first event.
    var grewAt: Nanoseconds?
    /// Events that were left out and of which nothing was told.
    var folded: UInt64 = 0
  }

  private var budgets = InlineArray<3, Budget>(repeating: Budget())
  /// The last decision that was left out: its outcome is, too.
  private var leftOut: UInt32 = 0

  package init() {}

  /// Whether a decision after which no signal was sent is left out.
  mutating func leavesOut(decision incident: UInt32, at now: Nanoseconds) -> Bool {
    guard leavesOut(.decision, at: now) else { return false }
    leftOut = incident
    return true
  }

  /// Whether the decision of an outcome was left out just before.
  func hasLeftOut(_ incident: UInt32) -> Bool { leftOut == incident && incident > 0 }

  /// Whether an event is left out. It is counted then.
  mutating func leavesOut(_ kind: Repetition, at now: Nanoseconds) -> Bool {
    let index = Int(kind.rawValue)
    var budget = budgets[index]
    defer { budgets[index] = budget }
    budget.grow(until: now)
    guard budget.left > 0 else {
      budget.folded += 1
      return true
    }
    budget.left -= 1
    return false
  }

  /// The number of events that were left out before one that is told, which tells of them.
  mutating func takeFolded(_ kind: Repetition) -> UInt64 {
    let folded = budgets[Int(kind.rawValue)].folded
    budgets[Int(kind.rawValue)].folded = 0
    return folded
  }
}

extension Folding.Budget {
  /// The clock of records may be set: back, which gives nothing, or on, which gives a burst at most.
  fileprivate mutating func grow(until now: Nanoseconds) {
    guard let last = grewAt, now >= last else {
      grewAt = now
      return
    }
    let steps = (now - last).count / Folding.pause.count
    guard steps > 0 else { return }
    left = min(Folding.burst, left + steps)
    grewAt = Nanoseconds(now.count - (now - last).count % Folding.pause.count)
  }
}
