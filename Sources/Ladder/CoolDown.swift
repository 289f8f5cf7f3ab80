package import Pressure
package import ProcModel

/// After a kill that gave next to nothing back: no other process is killed for the floor's sake while memory does not
/// go on falling. The process that filled a tmpfs has stopped filling it, and what is in there stays, whatever else is
/// killed.
///
/// Half of the floor, and every trigger that tells of harm being done, make it void.
package struct CoolDown: Equatable, Sendable {
  /// What was available when the kill's effect had been seen.
  private let available: KiB
  /// It may fall by so much before it counts as falling.
  private let slack: KiB

  /// - Parameters:
  ///   - freed: By how much available memory was more after the kill than before.
  ///   - verdict: What was seen after it.
  /// - Returns: Nil where the kill gave back at least half of what lies between floor and release line: then the next
  ///   may do the rest.
  package init?(freed: KiB, verdict: Verdict) {
    let gap = verdict.lines.release - verdict.lines.floorAvailable
    guard freed.count < gap.count / 2 else { return nil }
    available = verdict.reading.available
    slack = KiB(gap.count / 8)
  }

  /// Whether no process is killed at such a verdict.
  package func holds(_ verdict: Verdict) -> Bool {
    guard verdict.level != .kill else { return false }
    switch verdict.trigger {
    case .floor, .notReleased: return verdict.reading.available + slack >= available
    case .none, .stall, .thrash, .forecast, .limit: return false
    }
  }
}
