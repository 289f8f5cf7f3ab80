package import ProcModel

/// An amount of memory as an operator gives it: a share of a whole, or a size.
package enum Amount: Equatable, Sendable {
  case share(BasisPoints)
  case size(KiB)

  /// In KiB, of the given whole. Shares are rounded down; a size is what it is, also above the whole.
  package func of(_ whole: KiB) -> KiB {
    switch self {
    case .share(let points): points.of(whole)
    case .size(let size): size
    }
  }
}

/// The `floor` trigger: available memory **and** free swap at or below their lines.
package struct Floor: Equatable, Sendable {
  /// Of `MemTotal`.
  package var available: Amount
  /// Of `SwapTotal`. Nil asks nothing of swap. A machine without swap is always at or below this line.
  package var swapFree: Amount?

  package init(available: Amount, swapFree: Amount?) {
    self.available = available
    self.swapFree = swapFree
  }
}

/// What stands between a trigger and an end.
package enum Confirmation: Equatable, Sendable {
  /// Nothing.
  case immediate
  /// The kernel's historical checklist.
  case classic(ClassicConstants)
}

/// When a domain is in trouble, and when it is out of it again.
package struct Thresholds: Equatable, Sendable {
  package var floor: Floor
  /// Nil where the trigger is off.
  package var stall: Stall?
  package var thrash: Thrash?
  package var forecast: Forecast?
  /// Says something of cgroups only.
  package var limit: Limit?
  /// Available memory, of `MemTotal`, over which an episode ends; the floor's own line where it is higher than this.
  package var release: Amount
  package var confirmation: Confirmation

  package init(
    floor: Floor, stall: Stall? = nil, thrash: Thrash? = nil, forecast: Forecast? = nil, limit: Limit? = nil,
    release: Amount,
    confirmation: Confirmation = .immediate
  ) {
    self.floor = floor
    self.stall = stall
    self.thrash = thrash
    self.forecast = forecast
    self.limit = limit
    self.release = release
    self.confirmation = confirmation
  }

  /// Available memory above which none of the triggers that are measured over a window can be true, on a machine.
  ///
  /// - Parameter total: `MemTotal`.
  package func ceiling(of total: KiB) -> KiB {
    max(stall?.below.of(total) ?? .zero, thrash == nil ? .zero : Thrash.below.of(total))
  }

  /// Available memory at or below which it is worth knowing for whose sake memory is taken back: a quarter above the line of
  /// the stall trigger, so that a window has begun where the line is crossed.
  ///
  /// - Parameter total: `MemTotal`.
  package func reclaimLine(of total: KiB) -> KiB {
    let below = stall?.below.of(total) ?? .zero
    return below + KiB(below.count / 4)
  }

  /// The shortest window that fills by itself while nobody looks; zero where no trigger has one.
  package var shortestWatch: Nanoseconds {
    switch (stall?.over, thrash?.over) {
    case (let stall?, let thrash?): min(stall, thrash)
    case (let window?, nil), (nil, let window?): window
    case (nil, nil): .zero
    }
  }

  /// The longest time that a trigger looks back over.
  package var span: Nanoseconds {
    max(max(stall?.span ?? .zero, thrash?.over ?? .zero), Forecast.longWindow)
  }
}
