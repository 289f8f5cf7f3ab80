package import ProcModel

/// The `forecast` trigger: at the present rate memory and swap are used up within the agent's reaction time.
///
/// A leak at memory speed crosses a fixed floor and is at the end before a signal takes effect. The ceiling keeps a
/// program that is merely starting, on a machine with plenty, from being taken for one.
package struct Forecast: Equatable, Sendable {
  package var horizon: Nanoseconds
  /// Available memory, of `MemTotal`.
  package var below: Amount

  package init(horizon: Nanoseconds, below: Amount) {
    self.horizon = horizon
    self.below = below
  }

  /// Two windows must agree: what went in the longer one may have ended, what went in the shorter may be a blip.
  package static let shortWindow = Nanoseconds.milliseconds(40)
  package static let longWindow = Nanoseconds.milliseconds(120)

  /// The time until nothing is left, by the slower of both windows; nil where nothing is being used up, or too little
  /// is known.
  package func timeLeft(_ reading: MemoryReading, _ trend: Trend) -> Nanoseconds? {
    guard let short = timeLeft(reading, trend, over: Forecast.shortWindow),
      let long = timeLeft(reading, trend, over: Forecast.longWindow)
    else { return nil }
    return max(short, long)
  }

  private func timeLeft(_ reading: MemoryReading, _ trend: Trend, over window: Nanoseconds) -> Nanoseconds? {
    guard let earlier = trend.reading(before: reading.time, by: window) else { return nil }
    let used = reading.used(since: earlier)
    let elapsed = reading.time - earlier.time
    guard used > .zero else { return nil }
    let (product, overflow) = reading.left.count.multipliedReportingOverflow(by: elapsed.milliseconds)
    return overflow ? Nanoseconds(.max) : .milliseconds(product / used.count)
  }

  /// The time that is left, if it is too short.
  package func fires(_ reading: MemoryReading, _ trend: Trend) -> Nanoseconds? {
    guard reading.available <= below.of(reading.total), let left = timeLeft(reading, trend), left <= horizon
    else { return nil }
    return left
  }
}

extension MemoryReading {
  /// All that can still be given out.
  var left: KiB { available + swapFree }
}
