import Fixtures
import Pressure
import ProcModel

/// A reading in MiB, by default of a machine with 1000 MiB of memory and 500 MiB of swap.
func reading(_ available: UInt64, swapFree: UInt64 = 0, total: UInt64 = 1000, swapTotal: UInt64 = 500) -> MemoryReading
{
  MemoryReading(
    time: .zero, total: mebibytes(total), available: mebibytes(available), swapTotal: mebibytes(swapTotal),
    swapFree: mebibytes(swapFree))
}

func mebibytes(_ count: UInt64) -> KiB { KiB(count * 1024) }

/// The floor is at 100 MiB (10 %) of memory and 50 MiB (10 %) of swap, and the release line at 150 MiB (15 %).
let tenPercent = Thresholds(
  floor: Floor(available: .share(.percent(10)), swapFree: .share(.percent(10))), release: .share(.percent(15)))

/// The same, without a line for swap.
let memoryOnly = Thresholds(
  floor: Floor(available: .share(.percent(10)), swapFree: nil), release: .share(.percent(15)))

extension SplitMix64 {
  /// A number of any magnitude, up to all 64 bits.
  mutating func amount() -> KiB { KiB(next() >> (next() % 64)) }

  mutating func reading() -> MemoryReading {
    MemoryReading(time: .zero, total: amount(), available: amount(), swapTotal: amount(), swapFree: amount())
  }
}
