/// `/proc/meminfo` (proc(5), fs/proc/meminfo.c): the lines that matter here. Lines not known are passed over; one that
/// is not there counts as zero, for `MemTotal`, `MemFree` and `MemAvailable` see below.
package struct Meminfo: Equatable, Sendable {
  package var total: KiB
  package var free: KiB
  /// What can be had without swapping. See ``availableIsEstimated``.
  package var available: KiB
  /// Whether the kernel gave no `MemAvailable` (before 3.14, and in some containers), so that ``available`` is
  /// `MemFree + Buffers + Cached − Shmem + SReclaimable`, and at most ``total``.
  ///
  /// These are the parts of the kernel's own sum (commit 34e431b0ae39, `si_mem_available` in mm/show_mem.c): page cache
  /// without shared memory, which cannot be dropped, and slab that can be reclaimed. The kernel takes its low
  /// watermarks off, which this file does not tell; ours is higher by as much.
  package var availableIsEstimated: Bool
  package var buffers: KiB
  /// The page cache, shared memory and tmpfs included, swap cache not.
  package var cached: KiB
  /// Shared memory and tmpfs.
  package var shmem: KiB
  package var sReclaimable: KiB
  /// The file LRU is these two: what a machine without swap has left to reclaim.
  package var activeFile: KiB
  package var inactiveFile: KiB
  package var anonPages: KiB
  package var swapTotal: KiB
  package var swapFree: KiB
  /// In memory and in swap at once.
  package var swapCached: KiB
  /// Static huge pages, the hugetlb pool, free or not, surplus pages with them: they are part of ``total`` and never of
  /// ``available``.
  ///
  /// The `Hugetlb` line counts the pages of all sizes (4.20). Before it there is `HugePages_Total` × `Hugepagesize`, which
  /// counts the default size alone: pools of other sizes are not seen there.
  package var hugePool: KiB
  /// Memory that zswap's pool occupies, compressed (5.19).
  package var zswap: KiB
  /// What is in that pool, as large as it was before.
  package var zswapped: KiB

  /// - Throws: ``ProcParseError/missing(_:)`` without `MemTotal` or `MemFree`; else what is wrong with a known line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var total: KiB?
    var free: KiB?
    var available: KiB?
    buffers = .zero
    cached = .zero
    shmem = .zero
    sReclaimable = .zero
    activeFile = .zero
    inactiveFile = .zero
    anonPages = .zero
    swapTotal = .zero
    swapFree = .zero
    swapCached = .zero
    zswap = .zero
    zswapped = .zero
    var hugetlb: KiB?
    var hugePages: UInt64 = 0
    var hugePageSize = KiB.zero

    var scanner = ByteScanner(bytes)
    while let first = scanner.next {
      switch first {
      case UInt8(ascii: "M"):
        if scanner.take("MemTotal:") {
          total = try scanner.kibibytes()
        } else if scanner.take("MemFree:") {
          free = try scanner.kibibytes()
        } else if scanner.take("MemAvailable:") {
          available = try scanner.kibibytes()
        }
      case UInt8(ascii: "B"):
        if scanner.take("Buffers:") { buffers = try scanner.kibibytes() }
      case UInt8(ascii: "C"):
        if scanner.take("Cached:") { cached = try scanner.kibibytes() }
      case UInt8(ascii: "A"):
        if scanner.take("Active(file):") {
          activeFile = try scanner.kibibytes()
        } else if scanner.take("AnonPages:") {
          anonPages = try scanner.kibibytes()
        }
      case UInt8(ascii: "H"):
        if scanner.take("Hugetlb:") {
          hugetlb = try scanner.kibibytes()
        } else if scanner.take("HugePages_Total:") {
          // A count, without a unit.
          scanner.skipBlanks()
          hugePages = try scanner.decimal()
        } else if scanner.take("Hugepagesize:") {
          hugePageSize = try scanner.kibibytes()
        }
      case UInt8(ascii: "I"):
        if scanner.take("Inactive(file):") { inactiveFile = try scanner.kibibytes() }
      case UInt8(ascii: "S"):
        if scanner.take("Shmem:") {
          shmem = try scanner.kibibytes()
        } else if scanner.take("SReclaimable:") {
          sReclaimable = try scanner.kibibytes()
        } else if scanner.take("SwapTotal:") {
          swapTotal = try scanner.kibibytes()
        } else if scanner.take("SwapFree:") {
          swapFree = try scanner.kibibytes()
        } else if scanner.take("SwapCached:") {
          swapCached = try scanner.kibibytes()
        }
      case UInt8(ascii: "Z"):
        if scanner.take("Zswap:") {
          zswap = try scanner.kibibytes()
        } else if scanner.take("Zswapped:") {
          zswapped = try scanner.kibibytes()
        }
      default:
        break
      }
      scanner.skipLine()
    }

    guard let total else { throw .missing(.memTotal) }
    guard let free else { throw .missing(.memFree) }
    self.total = total
    self.free = free
    let (pool, overflow) = hugePages.multipliedReportingOverflow(by: hugePageSize.count)
    hugePool = hugetlb ?? KiB(overflow ? .max : pool)
    if let available {
      self.available = available
      availableIsEstimated = false
    } else {
      self.available = min(free + (buffers + cached - shmem) + sReclaimable, total)
      availableIsEstimated = true
    }
  }
}
