/// An amount of memory in units of 1024 bytes, the unit of `/proc/meminfo` and `/proc/PID/status`.
///
/// Arithmetic saturates: a hostile or torn reading may give nonsense, never a trap.
package struct KiB: Equatable, Hashable, Comparable, Sendable {
  package var count: UInt64

  package init(_ count: UInt64) {
    self.count = count
  }

  package static let zero = KiB(0)

  /// - Parameter bytes: Rounded down to whole KiB.
  package init(bytes: UInt64) {
    count = bytes / 1024
  }

  package static func < (left: KiB, right: KiB) -> Bool {
    left.count < right.count
  }

  package static func + (left: KiB, right: KiB) -> KiB {
    let (sum, overflow) = left.count.addingReportingOverflow(right.count)
    return KiB(overflow ? .max : sum)
  }

  /// The difference, or zero where `right` is the larger.
  package static func - (left: KiB, right: KiB) -> KiB {
    KiB(left.count > right.count ? left.count - right.count : 0)
  }

  /// A rate in KiB per second. Saturates.
  ///
  /// - Parameter milliseconds: At least 1 counts.
  package static func perSecond(_ amount: KiB, over milliseconds: UInt64) -> KiB {
    let (product, overflow) = amount.count.multipliedReportingOverflow(by: 1000)
    return KiB((overflow ? .max : product) / max(milliseconds, 1))
  }

  package static func += (left: inout KiB, right: KiB) {
    left = left + right
  }
}

/// A count of clock ticks (`sysconf(_SC_CLK_TCK)` per second, 100 on Linux), the unit of times in `/proc/PID/stat`.
package struct Ticks: Equatable, Hashable, Comparable, Sendable {
  package var count: UInt64

  package init(_ count: UInt64) {
    self.count = count
  }

  package static let zero = Ticks(0)

  package static func < (left: Ticks, right: Ticks) -> Bool {
    left.count < right.count
  }

  package static func + (left: Ticks, right: Ticks) -> Ticks {
    let (sum, overflow) = left.count.addingReportingOverflow(right.count)
    return Ticks(overflow ? .max : sum)
  }

  /// The difference, or zero where `right` is the larger (a start time after the present: clocks are read one after
  /// the other).
  package static func - (left: Ticks, right: Ticks) -> Ticks {
    Ticks(left.count > right.count ? left.count - right.count : 0)
  }
}

/// A point of `CLOCK_BOOTTIME` or a length of time, in nanoseconds. Time is always an argument in the pure rooms.
package struct Nanoseconds: Equatable, Hashable, Comparable, Sendable {
  package var count: UInt64

  package init(_ count: UInt64) {
    self.count = count
  }

  package static let zero = Nanoseconds(0)

  package static func milliseconds(_ count: UInt64) -> Nanoseconds {
    let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000)
    return Nanoseconds(overflow ? .max : product)
  }

  /// Rounded down.
  package var milliseconds: UInt64 { count / 1_000_000 }

  /// Rounded down.
  package var microseconds: UInt64 { count / 1000 }

  package static func < (left: Nanoseconds, right: Nanoseconds) -> Bool {
    left.count < right.count
  }

  package static func + (left: Nanoseconds, right: Nanoseconds) -> Nanoseconds {
    let (sum, overflow) = left.count.addingReportingOverflow(right.count)
    return Nanoseconds(overflow ? .max : sum)
  }

  /// The difference, or zero where `right` is the later.
  package static func - (left: Nanoseconds, right: Nanoseconds) -> Nanoseconds {
    Nanoseconds(left.count > right.count ? left.count - right.count : 0)
  }
}

/// A share in hundredths of a percent: 10 000 is the whole.
package struct BasisPoints: Equatable, Hashable, Comparable, Sendable {
  package var count: UInt32

  package init(_ count: UInt32) {
    self.count = count
  }

  package static func percent(_ percent: UInt32) -> BasisPoints {
    BasisPoints(percent * 100)
  }

  package static func < (left: BasisPoints, right: BasisPoints) -> Bool {
    left.count < right.count
  }

  /// This share of `whole`, rounded down.
  package func of(_ whole: KiB) -> KiB {
    // Full-width, so that no size of machine overflows.
    let product = whole.count.multipliedFullWidth(by: UInt64(count))
    guard product.high < 10_000 else { return KiB(.max) }
    return KiB(UInt64(10_000).dividingFullWidth(product).quotient)
  }
}

/// The two constants by which the kernel's counts become amounts and times.
package struct KernelUnits: Equatable, Sendable {
  /// KiB in a page, `sysconf(_SC_PAGESIZE) / 1024`.
  package var pageSizeKiB: UInt64
  /// Clock ticks in a second, `sysconf(_SC_CLK_TCK)`: the kernel's USER_HZ.
  package var ticksPerSecond: UInt64

  package init(pageSizeKiB: UInt64, ticksPerSecond: UInt64) {
    self.pageSizeKiB = max(pageSizeKiB, 1)
    self.ticksPerSecond = max(ticksPerSecond, 1)
  }

  /// 4 KiB pages and 100 ticks a second: x86-64, and what fixtures are composed in.
  package static let common = KernelUnits(pageSizeKiB: 4, ticksPerSecond: 100)

  package func kib(pages: UInt64) -> KiB {
    let (product, overflow) = pages.multipliedReportingOverflow(by: pageSizeKiB)
    return KiB(overflow ? .max : product)
  }

  package func pages(_ amount: KiB) -> UInt64 {
    amount.count / pageSizeKiB
  }

  package func seconds(_ ticks: Ticks) -> UInt64 {
    ticks.count / ticksPerSecond
  }

  /// Rounded down. What is less than a millisecond is left out.
  package func ticks(_ time: Nanoseconds) -> Ticks {
    let (product, overflow) = time.milliseconds.multipliedReportingOverflow(by: ticksPerSecond)
    return Ticks(overflow ? .max : product / 1000)
  }
}
