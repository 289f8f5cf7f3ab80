/// The limits on what is believed of the kernel's numbers. Two files may contradict each other: a container's files can
/// stand beside the machine's, and counters can wrap. Only numbers that can be true together are believed.
extension KiB {
  /// 4 PiB: more memory or swap than any machine can have. x86-64 and arm64 have 52 bits of physical address.
  package static let beyondAnyMachine = KiB(1 << 42)
}

extension Meminfo {
  /// The available memory that is believed. Nil where no line of the file can be true, or where the total cannot.
  ///
  /// - Parameter met: Receives ``Impossible/available`` where `MemAvailable` is not believed.
  package func believedAvailable(_ met: inout Impossible) -> KiB? {
    guard total > .zero, total <= .beyondAnyMachine else { return nil }
    let parts = free + (buffers + cached - shmem) + sReclaimable
    if availableIsEstimated ? parts <= total : available <= total { return available }
    met.insert(.available)
    if parts <= total { return parts }
    return free <= total ? free : nil
  }

  /// The pool of huge pages that is believed: all of it, or nothing.
  ///
  /// The kernel does not print the lines of one moment. A pool that grows meanwhile may overlap with available memory
  /// by a little, so a 64th of the total is allowed for.
  ///
  /// - Parameters:
  ///   - available: The available memory that is believed.
  ///   - met: Receives ``Impossible/hugePages`` where the pool does not fit beside it.
  package func believedPool(beside available: KiB, _ met: inout Impossible) -> KiB {
    guard hugePool > .zero else { return .zero }
    let slack = KiB(total.count / 64)
    guard hugePool < total, hugePool <= total - available + slack else {
      met.insert(.hugePages)
      return .zero
    }
    return hugePool
  }

  /// The memory that is in use, but by nothing that the file names. A cache that the file does not count, such as
  /// ZFS's, can be no larger.
  package func unnamedUse(besides pool: KiB) -> KiB {
    total - (pool + free + buffers + cached + anonPages + sReclaimable)
  }
}

/// The sums of `/proc/swaps`.
package struct SwapListing: Equatable, Sendable {
  /// The size of all areas.
  package var size: KiB
  /// The part of ``size`` that is in use.
  package var used: KiB
  /// The part of ``size`` that is on zram devices.
  package var zramSize: KiB

  package init(size: KiB, used: KiB, zramSize: KiB = .zero) {
    self.size = size
    self.used = used
    self.zramSize = zramSize
  }

  /// Nil where no machine can have so much swap, or where more is used than there is.
  package init?(_ table: borrowing SwapTable) {
    guard table.size <= .beyondAnyMachine, table.used <= table.size else { return nil }
    self.init(size: table.size, used: table.used, zramSize: table.zramSize)
  }
}

/// The swap that is believed.
package struct SwapBelief: Equatable, Sendable {
  package var total = KiB.zero
  package var free = KiB.zero
  /// Whether swapoff(2) is taking an area away: `/proc/swaps` lists the area, and meminfo no longer counts all of it.
  package var isBeingTakenAway = false

  /// - Parameters:
  ///   - total: `SwapTotal` of meminfo.
  ///   - free: `SwapFree` of meminfo.
  ///   - listing: The sums of `/proc/swaps` at the same moment; nil where the file cannot be read or makes no sense.
  ///   - isOneView: Whether both files are the kernel's own. Otherwise the table may be another machine's, and says
  ///     nothing where it is the larger.
  ///   - met: Receives what cannot be true.
  package init(total: KiB, free: KiB, listing: SwapListing?, isOneView: Bool, _ met: inout Impossible) {
    self.total = total
    self.free = free
    if let listing, total > listing.size {
      met.insert(.swapTotal)
      self.total = listing.size
    } else if total > .beyondAnyMachine {
      met.insert(.swapTotal)
      self.total = .zero
    }
    if self.free > self.total {
      // Without any swap, it is the total that was impossible, and that has been noted.
      if self.total > .zero || total == .zero { met.insert(.swapFree) }
      self.free = min(listing.map { $0.size - $0.used } ?? .zero, self.total)
    }
    guard isOneView, let listing, self.total < listing.size else { return }
    // The kernel counts what has yet to be read back as total and as free (si_swapinfo, mm/swapfile.c), and yet nothing
    // can be written there.
    isBeingTakenAway = true
    self.free = min(self.free, self.total - listing.used)
  }
}
