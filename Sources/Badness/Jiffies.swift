import ProcModel

extension KernelUnits {
  /// A time in jiffies of a kernel that ticked `hz` times a second, rounded down. Saturates.
  func jiffies(_ ticks: Ticks, hz: UInt64) -> UInt64 {
    let product = ticks.count.multipliedFullWidth(by: hz)
    guard product.high < ticksPerSecond else { return .max }
    return ticksPerSecond.dividingFullWidth(product).quotient
  }
}
