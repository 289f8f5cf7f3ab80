package import ProcModel

/// What a decision may still ask of processes that calm time has not come to.
package struct Inquiry: Sendable {
  /// Processes that one decision asks.
  static let limit = 4
  /// No further process is asked after so long. With the time of the last reading a decision takes 80 ms more at most.
  static let patience = Nanoseconds.milliseconds(40)

  private var asked = 0
  private var took = Nanoseconds.zero

  package init() {}

  /// Whether there is time for one more.
  package var isOpen: Bool { asked < Inquiry.limit && took < Inquiry.patience }

  package mutating func count(_ time: Nanoseconds) {
    asked += 1
    took = took + time
  }
}
