/// What the memory in use is: amounts that no list of processes tells, because a process maps only a part of them or
/// none.
///
/// They are whole MiB, rounded down. They say who holds most of the memory, and no trigger is measured in them; a flight
/// keeps them at each look, and the last pages of an amount change at each.
package struct MemoryParts: Equatable, Sendable {
  // In MiB, in 32 bits: a trend keeps a hundred readings.
  private var anonymousMiB: UInt32
  private var sharedMiB: UInt32
  private var pageTablesMiB: UInt32
  private var kernelMiB: UInt32
  private var unnamedMiB: UInt32

  package init(
    anonymous: KiB, shared: KiB, pageTables: KiB = .zero, kernel: KiB = .zero, unnamed: KiB = .zero
  ) {
    anonymousMiB = MemoryParts.mebibytes(anonymous)
    sharedMiB = MemoryParts.mebibytes(shared)
    pageTablesMiB = MemoryParts.mebibytes(pageTables)
    kernelMiB = MemoryParts.mebibytes(kernel)
    unnamedMiB = MemoryParts.mebibytes(unnamed)
  }

  private static func mebibytes(_ amount: KiB) -> UInt32 { UInt32(clamping: amount.count / 1024) }

  /// `AnonPages`, or `anon` of a cgroup: mapped memory that belongs to no file. A page that processes share since a fork
  /// is counted once.
  package var anonymous: KiB { KiB(UInt64(anonymousMiB) * 1024) }
  /// `Shmem`: shared memory and tmpfs, mapped or not.
  package var shared: KiB { KiB(UInt64(sharedMiB) * 1024) }
  /// `PageTables`.
  package var pageTables: KiB { KiB(UInt64(pageTablesMiB) * 1024) }
  /// What the kernel keeps for itself and cannot drop: `SUnreclaim`, `KernelStack` and `Percpu`.
  package var kernel: KiB { KiB(UInt64(kernelMiB) * 1024) }
  /// What is in use by nothing that meminfo names: drivers, graphics, a hypervisor's balloon. Zero for a cgroup.
  package var unnamed: KiB {
    get { KiB(UInt64(unnamedMiB) * 1024) }
    set { unnamedMiB = MemoryParts.mebibytes(newValue) }
  }

  /// Nil where the file does not tell of anonymous memory, or where the parts are more than there is.
  ///
  /// - Parameter pool: The huge pages that are believed.
  package init?(_ meminfo: Meminfo, besides pool: KiB) {
    // The kernel does not print the lines of one moment.
    let slack = KiB(meminfo.total.count / 16)
    let kernel = meminfo.sUnreclaim + meminfo.kernelStack + meminfo.perCPU
    let named = meminfo.anonPages + meminfo.shmem + meminfo.pageTables + kernel
    guard meminfo.anonPages > .zero, named + pool <= meminfo.total + slack else { return nil }
    let unnamed = meminfo.unnamedUse(besides: pool) - (meminfo.swapCached + meminfo.pageTables + kernel)
    self.init(
      anonymous: meminfo.anonPages, shared: meminfo.shmem, pageTables: meminfo.pageTables, kernel: kernel,
      unnamed: unnamed)
  }

  /// Nil where the file does not tell of anonymous memory, or where the parts are more than the cgroup holds.
  ///
  /// - Parameter usage: What it holds. `memory.stat` is up to two seconds older (rstat).
  package init?(_ stat: CgroupMemoryStat, of usage: KiB) {
    guard let anonymous = stat.anonymous else { return nil }
    let named = anonymous + stat.shared + stat.pageTables + stat.kernel
    guard named <= usage + KiB(usage.count / 8) + KiB(64 * 1024) else { return nil }
    self.init(anonymous: anonymous, shared: stat.shared, pageTables: stat.pageTables, kernel: stat.kernel)
  }
}
