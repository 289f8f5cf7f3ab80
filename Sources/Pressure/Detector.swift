package import ProcModel

/// Turns readings into verdicts.
///
/// An episode of trouble begins when a trigger is true and confirmed. It ends when no trigger is true and available
/// memory is over the release line, so a reading that wavers about one line is one episode.
package struct Detector: Sendable {
  package private(set) var thresholds: Thresholds
  private let units: KernelUnits
  private var trend: Trend
  private var gate: ClassicGate?
  package private(set) var isInEpisode = false
  package private(set) var episode: UInt32 = 0

  package init(thresholds: Thresholds, units: KernelUnits) {
    self.thresholds = thresholds
    self.units = units
    trend = Trend(span: thresholds.span)
    gate = Detector.gate(thresholds.confirmation)
  }

  /// The least time between two readings that are kept for measuring over a window.
  package var spacing: Nanoseconds { trend.spacing }

  /// Replaces the thresholds. An episode goes on, and ends by the new ones.
  package mutating func replace(_ thresholds: Thresholds) {
    self.thresholds = thresholds
    trend = Trend(span: thresholds.span)
    gate = Detector.gate(thresholds.confirmation)
  }

  /// Forgets earlier readings. After a kill, only later ones tell whether it helped.
  package mutating func beginAnew() {
    trend.clear()
  }

  /// Judges a reading and begins or ends the episode. A reading with a total of zero makes no sense: its verdict is
  /// calm, and the episode stays as it is.
  package mutating func judge(_ reading: MemoryReading) -> Verdict {
    let lines = Lines(thresholds, total: reading.total, swapTotal: reading.swapTotal)
    guard reading.total > .zero else {
      return Verdict(level: .calm, trigger: .none, reading: reading, lines: lines, episode: episode)
    }
    var trigger = trigger(reading, lines)
    trend.add(reading)
    var isConfirmed = true
    if trigger == .none {
      let isBetween = isBetween(reading, lines)
      if isInEpisode, isBetween, gate == nil { trigger = .notReleased }
      isInEpisode = isInEpisode && isBetween
    } else {
      isConfirmed = admits(reading)
      if !isInEpisode, isConfirmed {
        isInEpisode = true
        episode &+= 1
      }
    }
    let level = level(reading, lines, trigger, isConfirmed: isConfirmed)
    return Verdict(level: level, trigger: trigger, reading: reading, lines: lines, episode: episode)
  }

  /// Whether a reading is one of trouble, confirmed or not. Changes nothing: it is for a last reading before a signal,
  /// which must not count as another failure.
  package func isTrouble(_ reading: MemoryReading) -> Bool {
    let lines = Lines(thresholds, total: reading.total, swapTotal: reading.swapTotal)
    guard reading.total > .zero else { return false }
    return trigger(reading, lines) != .none || isInEpisode && isBetween(reading, lines)
  }

  /// Whether memory has not come back yet.
  private func isBetween(_ reading: MemoryReading, _ lines: Lines) -> Bool {
    reading.available <= lines.release && reading.isSwapSpent(lines.floorSwapFree)
  }

  /// Returns the first trigger that is true, in order from the plainest.
  private func trigger(_ reading: MemoryReading, _ lines: Lines) -> Trigger {
    if reading.isAtOrBelow(lines.floorAvailable, swapFree: lines.floorSwapFree) { return .floor }
    if let limit = thresholds.limit, let hits = limit.fires(reading, trend, release: lines.release) {
      return .limit(hits)
    }
    if let forecast = thresholds.forecast, let left = forecast.fires(reading, trend) { return .forecast(left) }
    if let stall = thresholds.stall,
      let share = stall.fires(reading, trend, swapLine: lines.floorSwapFree, hasFired: isInEpisode)
    {
      return .stall(share)
    }
    if let thrash = thresholds.thrash, let rate = thrash.fires(reading, trend, units: units) { return .thrash(rate) }
    return .none
  }

  private mutating func admits(_ reading: MemoryReading) -> Bool {
    guard let constants = gate?.constants else { return true }
    let hasSwap = !reading.isSwapSpent(constants.swapFree.of(reading.swapTotal))
    return gate?.admits(failureAt: reading.time, hasSwap: hasSwap) ?? true
  }

  private func level(
    _ reading: MemoryReading, _ lines: Lines, _ trigger: Trigger, isConfirmed: Bool
  ) -> Level {
    if trigger == .none { return reading.available <= lines.release ? .watch : .calm }
    if !isConfirmed { return .watch }
    let isDire = reading.isAtOrBelow(
      KiB(lines.floorAvailable.count / 2), swapFree: lines.floorSwapFree.map { KiB($0.count / 2) })
    return isDire ? .kill : .terminate
  }

  private static func gate(_ confirmation: Confirmation) -> ClassicGate? {
    switch confirmation {
    case .immediate: nil
    case .classic(let constants): ClassicGate(constants)
    }
  }
}

extension MemoryReading {
  /// Whether available memory and free swap are at or below their lines.
  func isAtOrBelow(_ available: KiB, swapFree: KiB?) -> Bool {
    self.available <= available && isSwapSpent(swapFree)
  }

  /// Whether free swap is at or below `line`. True where the policy asks nothing of swap, and where there is no swap.
  func isSwapSpent(_ line: KiB?) -> Bool {
    guard let line, swapTotal > .zero else { return true }
    return swapFree <= line
  }
}
