/// The four figures every verdict is made of, and when they were read.
package struct MemoryReading: Equatable, Sendable {
  /// `CLOCK_BOOTTIME` at the reading.
  package var time: Nanoseconds
  package var total: KiB
  package var available: KiB
  package var swapTotal: KiB
  package var swapFree: KiB

  package init(time: Nanoseconds, total: KiB, available: KiB, swapTotal: KiB, swapFree: KiB) {
    self.time = time
    self.total = total
    self.available = available
    self.swapTotal = swapTotal
    self.swapFree = swapFree
  }

  /// The system's reading, as `/proc/meminfo` has it.
  package init(_ meminfo: Meminfo, at time: Nanoseconds) {
    self.init(
      time: time, total: meminfo.total, available: meminfo.available, swapTotal: meminfo.swapTotal,
      swapFree: meminfo.swapFree)
  }
}
