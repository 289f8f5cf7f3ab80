package import Pressure
package import ProcModel

/// What a choice has to know of the memory domain that is short, beside how its processes are scored.
package struct Shortage: Equatable, Sendable {
  package var level: Level
  /// What is missing of available memory to the release line.
  package var shortfall: KiB
  /// The memory and swap in use.
  package var inUse: KiB
  /// How much less is available than there was since the last survey in calm time.
  package var fallen: KiB
  /// Whether that is a good part of the domain's memory.
  package var isFalling: Bool
  /// The time since the last survey in calm time.
  package var sinceSurvey: Ticks
  package var now: Nanoseconds

  /// - Parameter verdict: Of the domain.
  package init(_ verdict: Verdict, fallen: KiB, isFalling: Bool, sinceSurvey: Ticks, now: Nanoseconds) {
    let reading = verdict.reading
    level = verdict.level
    shortfall = verdict.lines.release - reading.available
    inUse = reading.total - reading.available + (reading.swapTotal - reading.swapFree)
    self.fallen = fallen
    self.isFalling = isFalling
    self.sinceSurvey = sinceSurvey
    self.now = now
  }
}
