import ProcModel

extension KernelUnits {
  /// Returns a time in jiffies of a kernel that ticked `hz` times a second, rounded down; saturates.
  func jiffies(_ ticks: Ticks, hz: UInt64) -> UInt64 {
    let product = ticks.count.multipliedFullWidth(by: hz)
    guard product.high < ticksPerSecond else { return .max }
    return ticksPerSecond.dividingFullWidth(product).quotient
  }
}

extension ProcessFacts {
  /// Returns the age that a formula reckons with. An unknown age counts as a year, which is more than any formula asks
  /// for: a process must not lose its discount for service because a file told nothing.
  func reckonedAge(_ units: KernelUnits) -> Ticks {
    let year = units.ticksPerSecond.multipliedReportingOverflow(by: 365 * 86_400)
    return age ?? Ticks(year.overflow ? .max : year.partialValue)
  }
}
