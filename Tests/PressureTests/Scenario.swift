import Pressure
import ProcModel

/// A machine's memory over time, for a detector to judge.
struct Scenario {
  /// The machine's memory, in KiB.
  var total: UInt64 = 1024 * 1024
  var swapTotal: UInt64 = 0
  /// The time between two readings.
  var interval = Nanoseconds.milliseconds(100)
  /// How long it lasts, in seconds.
  var seconds = 10.0
  /// Available memory, free swap and file cache, as shares of their wholes (the cache of RAM), by seconds since the
  /// beginning.
  var available: @Sendable (Double) -> Double = { _ in 0.9 }
  var swapFree: @Sendable (Double) -> Double = { _ in 1 }
  var fileCache: @Sendable (Double) -> Double = { _ in 0.3 }
  /// The share of the time that all, and some, tasks lose; nil where the kernel does not tell.
  var stalled: (@Sendable (Double) -> (full: Double, some: Double))? = { _ in (0, 0) }
  /// The pages refaulted and the pages scanned directly, per second.
  var reclaim: (@Sendable (Double) -> (refaults: Double, scans: Double))? = { _ in (0, 0) }

  /// The pages that the domain itself reclaims, per second; nil where that is not told.
  var ownReclaim: (@Sendable (Double) -> Double)?

  /// Gives its readings to a detector.
  ///
  /// - Returns: The second at which the detector first acted, or nil; its trigger then; the number of episodes.
  func run(against thresholds: Thresholds) -> (actedAt: Double?, trigger: Trigger, episodes: UInt32) {
    var detector = Detector(thresholds: thresholds, units: .common)
    var actedAt: Double?
    var trigger = Trigger.none
    var stall = StallTotals(some: 0, full: 0)
    var reclaimed = ReclaimTotals(refaults: 0, directScans: 0)
    var own: UInt64 = 0
    let step = Double(interval.count) / 1e9
    for index in 0...Int(seconds / step) {
      let second = Double(index) * step
      var reading = MemoryReading(
        time: Nanoseconds(1_000_000_000_000 + UInt64(index) * interval.count), total: KiB(total),
        available: KiB(UInt64(available(second) * Double(total))), swapTotal: KiB(swapTotal),
        swapFree: KiB(UInt64(swapFree(second) * Double(swapTotal))))
      reading.fileCache = KiB(UInt64(fileCache(second) * Double(total)))
      if let stalled {
        let lost = stalled(second)
        stall.full += UInt64(lost.full * step * 1e6)
        stall.some += UInt64(lost.some * step * 1e6)
        reading.stall = stall
      }
      if let reclaim {
        let rates = reclaim(second)
        reclaimed.refaults += UInt64(rates.refaults * step)
        reclaimed.directScans += UInt64(rates.scans * step)
        reading.reclaim = reclaimed
      }
      if let ownReclaim {
        own += UInt64(ownReclaim(second) * step)
        reading.ownReclaim = own
      }
      let verdict = detector.judge(reading)
      if verdict.acts, actedAt == nil {
        actedAt = second
        trigger = verdict.trigger
      }
    }
    return (actedAt, trigger, detector.episode)
  }
}

extension Thresholds {
  /// All triggers on, with the figures of the default preset.
  static let server = Thresholds(
    floor: Floor(available: .share(.percent(8)), swapFree: .share(.percent(10))),
    stall: Stall(isFull: true, share: .percent(25), over: .milliseconds(1000), below: .share(.percent(40))),
    thrash: Thrash(refaults: .percent(1), over: .milliseconds(2000), swapFree: .share(.percent(10))),
    forecast: Forecast(horizon: .milliseconds(200), below: .share(.percent(16))),
    release: .share(.percent(12)))
}
