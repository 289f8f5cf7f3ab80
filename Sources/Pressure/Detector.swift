package import ProcModel

/// Turns readings into verdicts.
///
/// An episode of trouble begins when a trigger is true and confirmed, and ends when none is and available memory is
/// over the release line, so that a reading that trembles about one line is one episode.
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

  /// What is measured over a window is kept of readings at least so far apart.
  package var spacing: Nanoseconds { trend.spacing }

  /// Judges by other thresholds from here on. An episode goes on, and ends by the new ones.
  package mutating func replace(_ thresholds: Thresholds) {
    self.thresholds = thresholds
    trend = Trend(span: thresholds.span)
    gate = Detector.gate(thresholds.confirmation)
  }

  /// Forgets what was measured before now: after an end, only what follows it tells whether it helped.
  package mutating func beginAnew() {
    trend.clear()
  }

  /// Judges a reading and moves the episode on. A reading of no memory at all makes no sense: it is calm, and leaves
  /// the episode as it is.
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

  /// Whether a reading is one of trouble, whatever may still have to confirm it; changes nothing. For a last look before
  /// a signal, which must not count as another.
  package func isTrouble(_ reading: MemoryReading) -> Bool {
    let lines = Lines(thresholds, total: reading.total, swapTotal: reading.swapTotal)
    guard reading.total > .zero else { return false }
    return trigger(reading, lines) != .none || isInEpisode && isBetween(reading, lines)
  }

  /// Whether memory is not back yet.
  private func isBetween(_ reading: MemoryReading, _ lines: Lines) -> Bool {
    reading.available <= lines.release && reading.isSwapSpent(lines.floorSwapFree)
  }

  /// The first trigger that is true, the plainest first.
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
  func isAtOrBelow(_ available: KiB, swapFree: KiB?) -> Bool {
    self.available <= available && isSwapSpent(swapFree)
  }

  /// Whether free swap is at or below `line`; true where nothing is asked of swap, or there is none.
  func isSwapSpent(_ line: KiB?) -> Bool {
    guard let line, swapTotal > .zero else { return true }
    return swapFree <= line
  }
}
