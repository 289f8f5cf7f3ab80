package import ProcModel

/// How long the agent may wait until the next reading: memory cannot be used up faster than it can be filled.
package struct LookAhead: Sendable {
  /// The shortest wait.
  package static let shortest = Nanoseconds.milliseconds(1)
  /// The longest wait.
  package static let longest = Nanoseconds.milliseconds(10_000)

  /// The fill rate in KiB per millisecond that is assumed where none was measured: 6 GiB/s. That is what two cores fill
  /// and a little more; one core faulted in 4 KiB pages at 2.4 to 2.6 GiB/s (x86-64, Linux 6.18, nothing else running).
  package static let usualFill: UInt64 = 6 * 1024
  /// The least fill rate that is assumed, in KiB per millisecond, however slow a machine seems at the start: 0.5 GiB/s.
  private static let leastFill: UInt64 = 512
  /// The fill rate of swap that is assumed, in KiB per millisecond: 1 GiB/s, the speed of a device or of a compressor.
  package static let swapFill: UInt64 = 1024
  /// Memory rests when nothing of it was used up and nothing stalled for so long.
  private static let restful = Nanoseconds.milliseconds(1000)
  /// The number of readings in a window of stalls or refaults, where PSI does not wake the agent.
  private static let looksPerWindow: UInt64 = 4

  /// The fastest rate at which memory was seen to be used up, in KiB per millisecond. It is halved each minute.
  package private(set) var fastestFill: UInt64 = 0
  private var last: MemoryReading?
  private var halvedAt = Nanoseconds.zero
  /// The last account of stalls, in microseconds, and when it was read.
  private var lastStall: (some: UInt64, time: Nanoseconds) = (0, .zero)
  /// The most that was available since it last fell, and when that was.
  private var rest: (available: KiB, since: Nanoseconds) = (.zero, .zero)

  private let slowestFill: UInt64

  /// - Parameter fill: The least fill rate that is assumed, in KiB per millisecond.
  package init(fill: UInt64 = LookAhead.usualFill) {
    slowestFill = fill
  }

  /// Returns the fill rate to assume on a machine, in KiB per millisecond.
  ///
  /// - Parameters:
  ///   - one: The rate that was measured of one processor, in KiB per millisecond; 0 where there is none.
  ///   - processors: The number of processors, all of which may fill memory at once.
  package static func fill(of one: UInt64, times processors: UInt64) -> UInt64 {
    guard one > 0 else { return usualFill }
    let (all, overflow) = one.multipliedReportingOverflow(by: max(processors, 1))
    // A quarter is added: small pages were measured, and large ones come faster.
    return overflow ? usualFill : max(withPart(all, 4), leastFill)
  }

  /// Returns a rate raised by one `part`-th of it; saturates.
  private static func withPart(_ rate: UInt64, _ part: UInt64) -> UInt64 {
    let (sum, overflow) = rate.addingReportingOverflow(rate / part)
    return overflow ? .max : sum
  }

  /// Learns from a reading how fast memory is used up on this machine.
  package mutating func learn(_ reading: MemoryReading) {
    if let last, reading.time > last.time {
      let gone = (last.available - reading.available).count
      let elapsed = max((reading.time - last.time).milliseconds, 1)
      fastestFill = max(fastestFill, gone / elapsed)
    }
    // Within a five hundredth it rests: the kernel's counters move by that much by themselves.
    let fell = reading.available + KiB(reading.total.count / 512) < rest.available
    if hasStalled(by: reading) || fell || last == nil { rest = (reading.available, reading.time) }
    rest.available = max(rest.available, reading.available)
    last = reading
    if reading.time - halvedAt >= .milliseconds(60_000) {
      halvedAt = reading.time
      fastestFill /= 2
    }
  }

  /// Whether tasks have stalled for more than a hundredth of the time since the last reading with an account of stalls.
  private mutating func hasStalled(by reading: MemoryReading) -> Bool {
    guard let stall = reading.stall else { return false }
    defer { lastStall = (stall.some, reading.time) }
    let stalled = stall.some > lastStall.some ? stall.some - lastStall.some : 0
    return stalled > (reading.time - lastStall.time).microseconds / 100
  }

  /// Returns the time after which the floor could be reached, within ``shortest`` and ``longest``.
  ///
  /// - Parameter window: The shortest window over which a trigger must be watched by reading; zero where there is none.
  package func delay(_ verdict: Verdict, watching window: Nanoseconds = .zero) -> Nanoseconds {
    let reading = verdict.reading
    // The fastest rate that was seen is raised by half, for a faster one that was not seen yet.
    let fill = max(slowestFill, LookAhead.withPart(fastestFill, 2), 1)
    var headroom = reading.available - verdict.lines.floorAvailable
    // Where memory rests near the floor, half of what is below it may be used up before the next look.
    if reading.time - rest.since >= LookAhead.restful { headroom += KiB(verdict.lines.floorAvailable.count / 2) }
    var milliseconds = headroom.count / fill
    // Available memory and free swap must both be at their lines, and both can fill at once.
    if let swapLine = verdict.lines.floorSwapFree, reading.swapTotal > .zero {
      milliseconds = max(milliseconds, (reading.swapFree - swapLine).count / LookAhead.swapFill)
    }
    var delay = min(max(.milliseconds(milliseconds), LookAhead.shortest), LookAhead.longest)
    if window > .zero { delay = min(delay, Nanoseconds(window.count / LookAhead.looksPerWindow)) }
    return delay
  }
}
