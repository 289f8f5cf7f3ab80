/// A count of one unit. Its arithmetic saturates: a hostile or torn reading may give nonsense, never a trap.
package protocol SaturatingCount: Hashable, Comparable, Sendable {
  var count: UInt64 { get set }

  init(_ count: UInt64)
}

extension SaturatingCount {
  package static var zero: Self { Self(0) }

  /// The product of both, or the largest count.
  package init(_ count: UInt64, times factor: UInt64) {
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    self.init(overflow ? .max : product)
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.count < right.count
  }

  /// The sum, or the largest count.
  package static func + (left: Self, right: Self) -> Self {
    let (sum, overflow) = left.count.addingReportingOverflow(right.count)
    return Self(overflow ? .max : sum)
  }

  /// The difference, or zero where `right` is the larger. Of two points of time that is the case where the clocks were
  /// read one after the other, and a process started between the two.
  package static func - (left: Self, right: Self) -> Self {
    Self(left.count > right.count ? left.count - right.count : 0)
  }

  package static func += (left: inout Self, right: Self) {
    left = left + right
  }
}

/// An amount of memory in units of 1024 bytes, the unit of `/proc/meminfo` and `/proc/PID/status`.
package struct KiB: SaturatingCount {
  package var count: UInt64

  package init(_ count: UInt64) {
    self.count = count
  }

  /// - Parameter bytes: An amount in bytes. It is rounded down to whole KiB.
  package init(bytes: UInt64) {
    count = bytes / 1024
  }

  /// A rate in KiB per second; saturates.
  ///
  /// - Parameters:
  ///   - amount: What was added in the time.
  ///   - milliseconds: The time. Less than 1 counts as 1.
  package static func perSecond(_ amount: KiB, over milliseconds: UInt64) -> KiB {
    KiB(KiB(amount.count, times: 1000).count / max(milliseconds, 1))
  }
}

/// A count of clock ticks (`sysconf(_SC_CLK_TCK)` per second, 100 on Linux), the unit of times in `/proc/PID/stat`.
package struct Ticks: SaturatingCount {
  package var count: UInt64

  package init(_ count: UInt64) {
    self.count = count
  }
}

/// A point of time on `CLOCK_BOOTTIME`, or a length of time, in nanoseconds. In the pure rooms time is always an
/// argument.
package struct Nanoseconds: SaturatingCount {
  package var count: UInt64

  package init(_ count: UInt64) {
    self.count = count
  }

  /// - Parameter count: A time in milliseconds; saturates.
  package static func milliseconds(_ count: UInt64) -> Nanoseconds {
    Nanoseconds(count, times: 1_000_000)
  }

  /// The time in milliseconds, rounded down.
  package var milliseconds: UInt64 { count / 1_000_000 }

  /// The time in microseconds, rounded down.
  package var microseconds: UInt64 { count / 1000 }
}

/// A share in hundredths of a percent: 10 000 is the whole, and a larger count is more than the whole.
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

  /// Returns this share of `whole`, rounded down; saturates.
  package func of(_ whole: KiB) -> KiB {
    // Full-width, so that no size of machine overflows.
    let product = whole.count.multipliedFullWidth(by: UInt64(count))
    guard product.high < 10_000 else { return KiB(.max) }
    return KiB(UInt64(10_000).dividingFullWidth(product).quotient)
  }
}

/// The two constants that turn the kernel's counts of pages and ticks into amounts of memory and times.
package struct KernelUnits: Equatable, Sendable {
  /// The size of a page in KiB: `sysconf(_SC_PAGESIZE) / 1024`.
  package var pageSizeKiB: UInt64
  /// The number of clock ticks in a second: `sysconf(_SC_CLK_TCK)`, the kernel's USER_HZ.
  package var ticksPerSecond: UInt64

  package init(pageSizeKiB: UInt64, ticksPerSecond: UInt64) {
    self.pageSizeKiB = max(pageSizeKiB, 1)
    self.ticksPerSecond = max(ticksPerSecond, 1)
  }

  /// The units of x86-64, in which fixtures are composed: 4 KiB pages and 100 ticks a second.
  package static let common = KernelUnits(pageSizeKiB: 4, ticksPerSecond: 100)

  /// The memory that so many pages are; saturates.
  package func kib(pages: UInt64) -> KiB {
    KiB(pages, times: pageSizeKiB)
  }

  /// The whole pages in an amount of memory.
  package func pages(_ amount: KiB) -> UInt64 {
    amount.count / pageSizeKiB
  }

  /// The whole seconds in a count of ticks.
  package func seconds(_ ticks: Ticks) -> UInt64 {
    ticks.count / ticksPerSecond
  }

  /// The whole ticks in a time; saturates. What is less than a millisecond is left out.
  package func ticks(_ time: Nanoseconds) -> Ticks {
    let (product, overflow) = time.milliseconds.multipliedReportingOverflow(by: ticksPerSecond)
    return Ticks(overflow ? .max : product / 1000)
  }
}
