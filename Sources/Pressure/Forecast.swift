package import ProcModel

/// The `forecast` trigger: at the present rate, memory and swap are used up within the agent's reaction time.
///
/// A leak at the speed of memory crosses a fixed floor, and nothing is left before a signal takes effect. The ceiling
/// keeps a program that is merely starting on a machine with plenty of memory from being taken for such a leak.
package struct Forecast: Equatable, Sendable {
  /// The reaction time: the trigger is true where no more than this is left.
  package var horizon: Nanoseconds
  /// The available memory, of `MemTotal`, above which the trigger is never true.
  package var below: Amount

  package init(horizon: Nanoseconds, below: Amount) {
    self.horizon = horizon
    self.below = below
  }

  /// The shorter of two windows, which must agree: what used up memory in the longer one may be over, and what happened
  /// in the shorter one may be a blip.
  package static let shortWindow = Nanoseconds.milliseconds(40)
  /// The longer of the two windows.
  package static let longWindow = Nanoseconds.milliseconds(120)

  /// Returns the time until nothing is left, by the slower of both windows. Nil where nothing is being used up, or
  /// where the readings do not reach back far enough.
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

  /// Returns the time that is left, if the trigger is true.
  package func fires(_ reading: MemoryReading, _ trend: Trend) -> Nanoseconds? {
    guard reading.available <= below.of(reading.total), let left = timeLeft(reading, trend), left <= horizon
    else { return nil }
    return left
  }
}

extension MemoryReading {
  /// The memory and swap that can still be given out.
  var left: KiB { available + swapFree }
}
