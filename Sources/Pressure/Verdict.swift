package import ProcModel

/// How bad it is.
package enum Level: UInt8, Comparable, Sendable {
  /// Nothing to do.
  case calm
  /// Below the release line, above the floor; or a trigger that is not confirmed yet.
  case watch
  /// A process has to go, politely.
  case terminate
  /// At half of the floor: no time to be polite.
  case kill

  package static func < (left: Level, right: Level) -> Bool {
    left.rawValue < right.rawValue
  }

  package var name: String {
    switch self {
    case .calm: "calm"
    case .watch: "watch"
    case .terminate: "terminate"
    case .kill: "kill"
    }
  }
}

/// What brought a verdict about, with its figure.
package enum Trigger: Equatable, Sendable {
  case none
  /// Available memory and free swap are at or below their lines.
  case floor
  /// So much of the window was lost.
  case stall(BasisPoints)
  /// So much of the file pages is read back each second.
  case thrash(BasisPoints)
  /// So long until nothing is left.
  case forecast(Nanoseconds)
  /// So often the limit was met just now, with next to nothing to take back.
  case limit(UInt64)
  /// No trigger is true any more, but memory is not back over the release line.
  case notReleased

  package var name: String {
    switch self {
    case .none: "none"
    case .floor: "floor"
    case .stall: "stall"
    case .thrash: "thrash"
    case .forecast: "forecast"
    case .limit: "limit"
    case .notReleased: "release"
    }
  }
}

/// The thresholds in KiB, on a machine of a given size.
package struct Lines: Equatable, Sendable {
  package var floorAvailable: KiB
  /// Nil where the policy asks nothing of swap.
  package var floorSwapFree: KiB?
  package var release: KiB

  package init(_ thresholds: Thresholds, total: KiB, swapTotal: KiB) {
    floorAvailable = thresholds.floor.available.of(total)
    floorSwapFree = thresholds.floor.swapFree.map { $0.of(swapTotal) }
    release = max(thresholds.release.of(total), floorAvailable)
  }
}

/// What a reading means, with the figures that say why.
package struct Verdict: Sendable {
  package var level: Level
  package var trigger: Trigger
  package var reading: MemoryReading
  package var lines: Lines
  /// Counts the episodes of trouble since the start, from 1; 0 before the first.
  package var episode: UInt32

  package init(level: Level, trigger: Trigger, reading: MemoryReading, lines: Lines, episode: UInt32) {
    self.level = level
    self.trigger = trigger
    self.reading = reading
    self.lines = lines
    self.episode = episode
  }

  /// Whether a process has to be ended.
  package var acts: Bool { level >= .terminate }

  /// Whether memory is short: a trigger is true, or available memory is not over the release line and free swap at or
  /// below its floor, which is how a shortage begins that comes slowly.
  package var isShort: Bool {
    trigger != .none || reading.available <= lines.release && reading.isSwapSpent(lines.floorSwapFree)
  }
}
