package import ProcModel

/// How bad it is.
package enum Level: UInt8, Comparable, Sendable {
  /// Nothing to do.
  case calm
  /// Below the release line, above the floor.
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
  package var reading: MemoryReading
  package var lines: Lines
  /// Counts the episodes of trouble since the start, from 1; 0 before the first.
  package var episode: UInt32

  /// Whether a process has to be ended.
  package var acts: Bool { level >= .terminate }
}

/// Turns readings into verdicts. An episode of trouble begins at the floor and ends over the release line, so that a reading that
/// trembles about one line is one episode.
package struct Detector: Sendable {
  package var thresholds: Thresholds
  package private(set) var isInEpisode = false
  package private(set) var episode: UInt32 = 0

  package init(thresholds: Thresholds) {
    self.thresholds = thresholds
  }

  /// Judges a reading and moves the episode on. A reading of no memory at all makes no sense: it is calm, and leaves the episode as it is.
  package mutating func judge(_ reading: MemoryReading) -> Verdict {
    let lines = Lines(thresholds, total: reading.total, swapTotal: reading.swapTotal)
    guard reading.total > .zero else {
      return Verdict(level: .calm, reading: reading, lines: lines, episode: episode)
    }
    let isAtFloor = reading.isAtOrBelow(lines.floorAvailable, swapFree: lines.floorSwapFree)
    if isInEpisode {
      isInEpisode = isAtFloor || reading.available <= lines.release && reading.isSwapSpent(lines.floorSwapFree)
    } else if isAtFloor {
      isInEpisode = true
      episode &+= 1
    }
    return Verdict(level: level(of: reading, lines), reading: reading, lines: lines, episode: episode)
  }

  private func level(of reading: MemoryReading, _ lines: Lines) -> Level {
    if isInEpisode {
      let isDire = reading.isAtOrBelow(
        KiB(lines.floorAvailable.count / 2), swapFree: lines.floorSwapFree.map { KiB($0.count / 2) })
      return isDire ? .kill : .terminate
    }
    return reading.available <= lines.release ? .watch : .calm
  }
}

extension MemoryReading {
  fileprivate func isAtOrBelow(_ available: KiB, swapFree: KiB?) -> Bool {
    self.available <= available && isSwapSpent(swapFree)
  }

  fileprivate func isSwapSpent(_ line: KiB?) -> Bool {
    guard let line, swapTotal > .zero else { return true }
    return swapFree <= line
  }
}
