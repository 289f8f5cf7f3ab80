package import ProcModel

/// An amount of memory as an operator gives it: a share of a whole, or a size in KiB.
package enum Amount: Equatable, Sendable {
  case share(BasisPoints)
  case size(KiB)

  /// Returns the amount in KiB, for a whole. A share is rounded down. A size is returned as it is, even above the
  /// whole.
  package func of(_ whole: KiB) -> KiB {
    switch self {
    case .share(let points): points.of(whole)
    case .size(let size): size
    }
  }
}

/// The `floor` trigger: available memory **and** free swap at or below their lines.
package struct Floor: Equatable, Sendable {
  /// The line of available memory, of `MemTotal`.
  package var available: Amount
  /// The line of free swap, of `SwapTotal`. Nil asks nothing of swap. A machine without swap is always at or below this
  /// line.
  package var swapFree: Amount?

  package init(available: Amount, swapFree: Amount?) {
    self.available = available
    self.swapFree = swapFree
  }
}

/// What confirms a trigger before a kill.
package enum Confirmation: Equatable, Sendable {
  /// A trigger needs no confirmation.
  case immediate
  /// The kernel's historical checklist confirms a trigger.
  case classic(ClassicConstants)
}

/// When a domain is in trouble, and when no longer.
package struct Thresholds: Equatable, Sendable {
  package var floor: Floor
  /// Nil where the trigger is off, as with the next three.
  package var stall: Stall?
  package var thrash: Thrash?
  package var forecast: Forecast?
  /// The trigger is about cgroups alone.
  package var limit: Limit?
  /// The available memory, of `MemTotal`, over which an episode ends. Where the floor's line is higher, that counts.
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

  /// Returns the available memory above which no trigger that is measured over a window can be true, on a machine.
  ///
  /// - Parameter total: `MemTotal`.
  package func ceiling(of total: KiB) -> KiB {
    max(stall?.below.of(total) ?? .zero, thrash == nil ? .zero : Thrash.below.of(total))
  }

  /// Returns the available memory at or below which the agent reads for whose sake memory is taken back: a quarter
  /// above the line of the stall trigger, so that a window has begun where the line is crossed.
  ///
  /// - Parameter total: `MemTotal`.
  package func reclaimLine(of total: KiB) -> KiB {
    let below = stall?.below.of(total) ?? .zero
    return below + KiB(below.count / 4)
  }

  /// The shortest window of a trigger that PSI could fill between two readings; zero where no trigger has a window.
  package var shortestWatch: Nanoseconds {
    switch (stall?.over, thrash?.over) {
    case (let stall?, let thrash?): min(stall, thrash)
    case (let window?, nil), (nil, let window?): window
    case (nil, nil): .zero
    }
  }

  /// The longest time over which a trigger looks back.
  package var span: Nanoseconds {
    max(max(stall?.span ?? .zero, thrash?.over ?? .zero), Forecast.longWindow)
  }
}
