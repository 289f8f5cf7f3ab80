/// What of the kernel's numbers is believed: those that can be true beside each other.
extension KiB {
  /// More memory, or swap, than any machine can have: 4 PiB, the 52 bits of physical addresses of x86-64 and arm64.
  package static let beyondAnyMachine = KiB(1 << 42)
}

extension Meminfo {
  /// Available memory as far as it can be true; nil where no line of it can be, or the total cannot.
  ///
  /// - Parameter met: Told of what cannot.
  package func believedAvailable(_ met: inout Impossible) -> KiB? {
    guard total > .zero, total <= .beyondAnyMachine else { return nil }
    let parts = free + (buffers + cached - shmem) + sReclaimable
    if availableIsEstimated ? parts <= total : available <= total { return available }
    met.insert(.available)
    if parts <= total { return parts }
    return free <= total ? free : nil
  }

  /// The pool of huge pages, as far as it fits beside what is available.
  ///
  /// The file's lines are not of one moment: a pool that grows meanwhile may overlap by a little.
  ///
  /// - Parameters:
  ///   - available: As it is believed.
  ///   - met: Told where the pool does not fit.
  package func believedPool(beside available: KiB, _ met: inout Impossible) -> KiB {
    guard hugePool > .zero else { return .zero }
    let slack = KiB(total.count / 64)
    guard hugePool < total, hugePool <= total - available + slack else {
      met.insert(.hugePages)
      return .zero
    }
    return hugePool
  }

  /// Memory that is in use, and not by what the file names: where a cache can be that it does not count.
  package func unnamedUse(besides pool: KiB) -> KiB {
    total - (pool + free + buffers + cached + anonPages + sReclaimable)
  }
}

/// What `/proc/swaps` says in all.
package struct SwapListing: Equatable, Sendable {
  package var areas: Int
  package var size: KiB
  package var used: KiB
  /// Of ``size``, the part on zram.
  package var zramSize: KiB

  package init(areas: Int, size: KiB, used: KiB, zramSize: KiB = .zero) {
    self.areas = areas
    self.size = size
    self.used = used
    self.zramSize = zramSize
  }

  /// Nil where no machine can have so much.
  package init?(_ table: borrowing SwapTable) {
    guard table.size <= .beyondAnyMachine, table.used <= table.size else { return nil }
    self.init(areas: table.count, size: table.size, used: table.used, zramSize: table.zramSize)
  }
}

/// Swap as it is believed.
package struct SwapBelief: Equatable, Sendable {
  package var total = KiB.zero
  package var free = KiB.zero
  /// Whether an area is listed that meminfo does not count whole: swapoff(2) reads it back.
  package var isBeingTakenAway = false

  /// - Parameters:
  ///   - listing: Of the same moment; nil where it cannot be read, or makes no sense.
  ///   - isOneView: Whether both are the kernel's own. Else the table may be of another machine than meminfo, and says
  ///     nothing where it is the larger.
  ///   - met: Told of what cannot be true.
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
      // Where there is no swap to be free, it was the total that cannot be.
      if self.total > .zero || total == .zero { met.insert(.swapFree) }
      self.free = min(listing.map { $0.size - $0.used } ?? .zero, self.total)
    }
    guard isOneView, let listing, self.total < listing.size else { return }
    // What is read back counts as total and as free (si_swapinfo, mm/swapfile.c), and yet nothing can go there.
    isBeingTakenAway = true
    self.free = min(self.free, self.total - listing.used)
  }
}
