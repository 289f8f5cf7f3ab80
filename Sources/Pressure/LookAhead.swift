package import ProcModel

/// How long the agent may look away: memory cannot be used up faster than it can be filled.
package struct LookAhead: Sendable {
  package static let shortest = Nanoseconds.milliseconds(1)
  package static let longest = Nanoseconds.milliseconds(10_000)

  /// What is reckoned with where nothing was measured, in KiB per millisecond: 6 GiB/s. Two cores and a little more: one
  /// core faulted in 4 KiB pages at 2.4 to 2.6 GiB/s (x86-64, Linux 6.18, nothing else running).
  package static let usualFill: UInt64 = 6 * 1024
  /// However slow a machine seems at start, half a GiB/s is reckoned with.
  private static let leastFill: UInt64 = 512
  /// Swap fills at the speed of a device, or of a compressor: 1 GiB/s.
  package static let swapFill: UInt64 = 1024
  /// While a window of stalls or refaults is to be filled, and PSI does not wake the agent, this share of it.
  private static let looksPerWindow: UInt64 = 4

  /// The fastest that memory was seen to go, in KiB per millisecond; halved each minute.
  package private(set) var fastestFill: UInt64 = 0
  private var last: MemoryReading?
  private var halvedAt = Nanoseconds.zero

  private let slowestFill: UInt64

  /// - Parameter fill: The least that is reckoned with, in KiB per millisecond.
  package init(fill: UInt64 = LookAhead.usualFill) {
    slowestFill = fill
  }

  /// What to reckon with on a machine.
  ///
  /// - Parameters:
  ///   - one: What one processor fills, measured, in KiB per millisecond; 0 where that is not known.
  ///   - processors: All of which may fill at once.
  package static func fill(of one: UInt64, times processors: UInt64) -> UInt64 {
    guard one > 0 else { return usualFill }
    let (all, overflow) = one.multipliedReportingOverflow(by: max(processors, 1))
    // A quarter more: the measured ones were small pages, and large ones come faster.
    return overflow ? usualFill : max(withPart(all, 4), leastFill)
  }

  /// A rate and so large a part of it more. Saturates.
  private static func withPart(_ rate: UInt64, _ part: UInt64) -> UInt64 {
    let (sum, overflow) = rate.addingReportingOverflow(rate / part)
    return overflow ? .max : sum
  }

  /// Learns from a reading how fast memory can go on this machine.
  package mutating func learn(_ reading: MemoryReading) {
    if let last, reading.time > last.time {
      let gone = (last.available - reading.available).count
      let elapsed = max((reading.time - last.time).milliseconds, 1)
      fastestFill = max(fastestFill, gone / elapsed)
    }
    last = reading
    if reading.time - halvedAt >= .milliseconds(60_000) {
      halvedAt = reading.time
      fastestFill /= 2
    }
  }

  /// The time after which the floor could be reached, within ``shortest`` and ``longest``.
  ///
  /// - Parameter window: The shortest window over which a trigger must be watched by looking; zero where none must.
  package func delay(_ verdict: Verdict, watching window: Nanoseconds = .zero) -> Nanoseconds {
    let reading = verdict.reading
    // Half as fast again as was ever seen, for what was not seen yet.
    let fill = max(slowestFill, LookAhead.withPart(fastestFill, 2), 1)
    var milliseconds = (reading.available - verdict.lines.floorAvailable).count / fill
    // Both must be at their lines, and both can fill at once.
    if let swapLine = verdict.lines.floorSwapFree, reading.swapTotal > .zero {
      milliseconds = max(milliseconds, (reading.swapFree - swapLine).count / LookAhead.swapFill)
    }
    var delay = min(max(.milliseconds(milliseconds), LookAhead.shortest), LookAhead.longest)
    if window > .zero { delay = min(delay, Nanoseconds(window.count / LookAhead.looksPerWindow)) }
    return delay
  }
}
