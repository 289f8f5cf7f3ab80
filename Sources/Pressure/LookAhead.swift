package import ProcModel

/// How long the agent may look away: memory cannot be used up faster than it can be filled.
package enum LookAhead {
  /// Two cores and a little more: one core faulted in 4 KiB pages at 2.4 to 2.6 GiB/s where this was measured (x86-64,
  /// Linux 6.18).
  package static let memoryKiBPerMillisecond: UInt64 = 6 * 1024
  /// Swap fills at the speed of a device, or of a compressor.
  package static let swapKiBPerMillisecond: UInt64 = 1024
  package static let shortest = Nanoseconds.milliseconds(10)
  package static let longest = Nanoseconds.milliseconds(1000)

  /// The time after which the floor could be reached from `reading`, within ``shortest`` and ``longest``.
  package static func delay(_ verdict: Verdict) -> Nanoseconds {
    let reading = verdict.reading
    var milliseconds = (reading.available - verdict.lines.floorAvailable).count / memoryKiBPerMillisecond
    if let swapLine = verdict.lines.floorSwapFree, reading.swapTotal > .zero {
      milliseconds += (reading.swapFree - swapLine).count / swapKiBPerMillisecond
    }
    return min(max(.milliseconds(milliseconds), shortest), longest)
  }
}
