package import ProcModel

/// How short memory is, and what has to be done.
package enum Level: UInt8, CaseIterable, Comparable, Sendable {
  /// Nothing has to be done.
  case calm
  /// Available memory is below the release line and above the floor, or a trigger is not confirmed yet.
  case watch
  /// A process has to be sent SIGTERM.
  case terminate
  /// Memory is at half of the floor: a process has to be sent SIGKILL.
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

/// The trigger of a verdict, with its figure.
package enum Trigger: Equatable, Sendable {
  case none
  /// Available memory and free swap are at or below their lines.
  case floor
  /// This share of the window was lost.
  case stall(BasisPoints)
  /// This share of the file pages is read back each second.
  case thrash(BasisPoints)
  /// Nothing is left after this time.
  case forecast(Nanoseconds)
  /// The limit was met this often since the last reading, with next to nothing to take back.
  case limit(UInt64)
  /// No trigger is true any more, but available memory is not back over the release line.
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

/// The lines of the thresholds in KiB, for a domain of a given size.
package struct Lines: Equatable, Sendable {
  /// The floor's line of available memory.
  package var floorAvailable: KiB
  /// The floor's line of free swap; nil where the policy asks nothing of swap.
  package var floorSwapFree: KiB?
  /// The release line; at least ``floorAvailable``.
  package var release: KiB

  package init(_ thresholds: Thresholds, total: KiB, swapTotal: KiB) {
    floorAvailable = thresholds.floor.available.of(total)
    floorSwapFree = thresholds.floor.swapFree.map { $0.of(swapTotal) }
    release = max(thresholds.release.of(total), floorAvailable)
  }
}

/// The meaning of a reading, with the figures that say why.
package struct Verdict: Sendable {
  package var level: Level
  package var trigger: Trigger
  package var reading: MemoryReading
  package var lines: Lines
  /// The number of episodes of trouble since the start; 0 before the first.
  package var episode: UInt32

  package init(level: Level, trigger: Trigger, reading: MemoryReading, lines: Lines, episode: UInt32) {
    self.level = level
    self.trigger = trigger
    self.reading = reading
    self.lines = lines
    self.episode = episode
  }

  /// Whether a process has to be killed or sent SIGTERM.
  package var acts: Bool { level >= .terminate }

  /// Whether memory is short. Either a trigger is true, or available memory is not over the release line and free swap
  /// is at or below its floor, which is how a slow shortage begins.
  package var isShort: Bool {
    trigger != .none || reading.available <= lines.release && reading.isSwapSpent(lines.floorSwapFree)
  }
}
