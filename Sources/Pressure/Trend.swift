package import ProcModel

/// The latest readings, in a fixed ring. They are thinned out so far that the ring spans the longest window of a
/// trigger.
package struct Trend: Sendable {
  private static let capacity = 128
  /// The number of readings that span the longest window. The others are there because readings do not come at even
  /// intervals.
  private static let spanning = 112

  /// On the heap: a ring within the structure was copied whole, 18 KiB, at each look and in each frame of the stack that
  /// passed it on. It has its room from the start, and grows into it.
  private var ring: [MemoryReading] = []
  private var newest = 0
  package private(set) var count = 0
  /// The least time between two readings that are kept.
  let spacing: Nanoseconds

  /// - Parameter span: The longest window that will be asked for.
  package init(span: Nanoseconds) {
    ring.reserveCapacity(Trend.capacity)
    spacing = Nanoseconds(span.count / UInt64(Trend.spanning))
  }

  /// Adds a reading, unless it follows the last one too closely to be kept. Time that went backwards, or leapt by more
  /// than an hour (the machine slept), begins the trend anew.
  package mutating func add(_ reading: MemoryReading) {
    if count > 0 {
      let last = ring[newest].time
      let leap = Nanoseconds.milliseconds(3_600_000)
      if reading.time < last || reading.time - last > leap {
        count = 0
      } else if reading.time - last < spacing {
        return
      }
    }
    newest = count == 0 ? 0 : (newest + 1) % Trend.capacity
    if newest == ring.count { ring.append(reading) } else { ring[newest] = reading }
    count = min(count + 1, Trend.capacity)
  }

  /// Returns the latest reading that is at least `window` older than `now`; nil where the readings do not reach so far
  /// back.
  package func reading(before now: Nanoseconds, by window: Nanoseconds) -> MemoryReading? {
    for age in 0..<count {
      let reading = ring[(newest + Trend.capacity - age) % Trend.capacity]
      if reading.time + window <= now { return reading }
    }
    return nil
  }

  /// Whether memory was taken back over a window because the domain itself is short of it. True where that is unknown.
  ///
  /// Lost time alone is no sign of that. Where a container thrashes at its own limit and no other task of the machine
  /// runs, PSI of the root counts all tasks as stalled.
  package func isReclaimed(_ reading: MemoryReading, over window: Nanoseconds) -> Bool {
    guard let now = reading.ownReclaim, let then = self.reading(before: reading.time, by: window)?.ownReclaim else {
      return true
    }
    return now != then
  }

  package mutating func clear() {
    count = 0
  }
}
