/// `/proc/meminfo` (proc(5), fs/proc/meminfo.c): the lines that the agent needs, in KiB.
///
/// Unknown lines are skipped. A known line that is missing counts as zero; `MemTotal`, `MemFree` and `MemAvailable` are
/// treated as described below.
package struct Meminfo: Equatable, Sendable {
  /// `MemTotal`: the memory that the kernel manages. What it reserved for itself at boot is not counted.
  package var total: KiB
  /// `MemFree`: the memory that nothing uses.
  package var free: KiB
  /// `MemAvailable` (Linux 3.14): the kernel's estimate of the memory that programs can get without swapping. See
  /// ``availableIsEstimated``.
  package var available: KiB
  /// Whether the file has no `MemAvailable` (before 3.14, and in some containers). ``available`` is then `MemFree +
  /// Buffers + Cached − Shmem + SReclaimable`, and at most ``total``.
  ///
  /// These are the parts of the kernel's own sum (commit 34e431b0ae39, `si_mem_available` in mm/show_mem.c): the page
  /// cache without shared memory, which cannot be dropped, and slab that can be reclaimed. The kernel subtracts its low
  /// watermarks, which this file does not tell, so our sum is higher by as much.
  package var availableIsEstimated: Bool
  /// `Buffers`: the page cache of block devices.
  package var buffers: KiB
  /// `Cached`: the page cache of files. It includes shared memory and tmpfs, and excludes the swap cache.
  package var cached: KiB
  /// `Shmem` (2.6.32): shared memory and tmpfs.
  package var shmem: KiB
  /// `SReclaimable` (2.6.19): the kernel's own caches that it can drop.
  package var sReclaimable: KiB
  /// `Active(file)` (2.6.28): the file pages that were used lately. With ``inactiveFile`` they are the file LRU, which
  /// is all that a machine without swap has left to reclaim.
  package var activeFile: KiB
  /// `Inactive(file)` (2.6.28): the file pages that are reclaimed first.
  package var inactiveFile: KiB
  /// `AnonPages` (2.6.18): mapped pages that belong to no file.
  package var anonPages: KiB
  /// `PageTables` (2.6.18): the memory that page tables take.
  package var pageTables: KiB
  /// `SUnreclaim` (2.6.19): the kernel's own objects that it cannot drop.
  package var sUnreclaim: KiB
  /// `KernelStack` (2.6.32): the kernel's stack of each thread.
  package var kernelStack: KiB
  /// `Percpu` (4.17): what the kernel keeps for each CPU.
  package var perCPU: KiB
  /// `SwapCached`: memory that is in a swap area too. `Cached` does not count it.
  package var swapCached: KiB
  /// `SwapTotal`: the size of all swap areas.
  package var swapTotal: KiB
  /// `SwapFree`: the part of the swap areas that nothing uses.
  package var swapFree: KiB
  /// The hugetlb pool: static huge pages, free or not, with surplus pages. They are part of ``total`` and never of
  /// ``available``.
  ///
  /// The line `Hugetlb` counts the pages of all sizes (4.20). Before 4.20 this is `HugePages_Total` × `Hugepagesize`,
  /// which counts pages of the default size alone; pools of other sizes are not seen there.
  package var hugePool: KiB

  /// - Throws: ``ProcParseError/missing(_:)`` without `MemTotal` or `MemFree`; otherwise what is wrong with a known
  ///   line.
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
    pageTables = .zero
    sUnreclaim = .zero
    kernelStack = .zero
    perCPU = .zero
    swapCached = .zero
    swapTotal = .zero
    swapFree = .zero
    var hugetlb: KiB?
    var hugePages: UInt64 = 0
    var hugePageSize = KiB.zero

    // Two letters are looked at before whole names are compared, since this is read at each look.
    var scanner = ByteScanner(bytes)
    while let first = scanner.next {
      switch (first, scanner.byte(1) ?? .newline) {
      case (UInt8(ascii: "M"), UInt8(ascii: "e")):
        if scanner.take("MemTotal:") {
          total = try scanner.kibibytes()
        } else if scanner.take("MemFree:") {
          free = try scanner.kibibytes()
        } else if scanner.take("MemAvailable:") {
          available = try scanner.kibibytes()
        }
      case (UInt8(ascii: "B"), UInt8(ascii: "u")):
        if scanner.take("Buffers:") { buffers = try scanner.kibibytes() }
      case (UInt8(ascii: "C"), UInt8(ascii: "a")):
        if scanner.take("Cached:") { cached = try scanner.kibibytes() }
      case (UInt8(ascii: "A"), UInt8(ascii: "c")):
        if scanner.take("Active(file):") { activeFile = try scanner.kibibytes() }
      case (UInt8(ascii: "A"), UInt8(ascii: "n")):
        if scanner.take("AnonPages:") { anonPages = try scanner.kibibytes() }
      case (UInt8(ascii: "H"), UInt8(ascii: "u")):
        if scanner.take("Hugetlb:") {
          hugetlb = try scanner.kibibytes()
        } else if scanner.take("HugePages_Total:") {
          // This is a number of pages, without a unit.
          scanner.skipBlanks()
          hugePages = try scanner.decimal()
        } else if scanner.take("Hugepagesize:") {
          hugePageSize = try scanner.kibibytes()
        }
      case (UInt8(ascii: "I"), UInt8(ascii: "n")):
        if scanner.take("Inactive(file):") { inactiveFile = try scanner.kibibytes() }
      case (UInt8(ascii: "K"), UInt8(ascii: "e")):
        if scanner.take("KernelStack:") { kernelStack = try scanner.kibibytes() }
      case (UInt8(ascii: "P"), UInt8(ascii: "a")):
        if scanner.take("PageTables:") { pageTables = try scanner.kibibytes() }
      case (UInt8(ascii: "P"), UInt8(ascii: "e")):
        if scanner.take("Percpu:") { perCPU = try scanner.kibibytes() }
      case (UInt8(ascii: "S"), UInt8(ascii: "h")):
        if scanner.take("Shmem:") { shmem = try scanner.kibibytes() }
      case (UInt8(ascii: "S"), UInt8(ascii: "R")):
        if scanner.take("SReclaimable:") { sReclaimable = try scanner.kibibytes() }
      case (UInt8(ascii: "S"), UInt8(ascii: "U")):
        if scanner.take("SUnreclaim:") { sUnreclaim = try scanner.kibibytes() }
      case (UInt8(ascii: "S"), UInt8(ascii: "w")):
        if scanner.take("SwapCached:") {
          swapCached = try scanner.kibibytes()
        } else if scanner.take("SwapTotal:") {
          swapTotal = try scanner.kibibytes()
        } else if scanner.take("SwapFree:") {
          swapFree = try scanner.kibibytes()
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
