/// What the ranking made of one row of a table: what those have to know who choose several at once.
package struct Place: Equatable, Sendable {
  package enum Reach: UInt8, Sendable {
    case mayEnd
    case protected
    /// Ending it was tried in vain.
    case inVain
    /// Of another memory domain: nobody looked whether it may end.
    case outside
  }

  package var tier: Tier
  package var reach: Reach
  /// What its rules, or else the domain's settings, have killed with it.
  package var scope: Scope
  /// The formula's number, times the weights of its rules.
  package var score: Double

  package init(tier: Tier, reach: Reach, scope: Scope = .process, score: Double = 0) {
    self.tier = tier
    self.reach = reach
    self.scope = scope
    self.score = score
  }
}

/// The places of a table's rows, in their order. Filled anew by each ranking; what was reserved is kept.
package struct Places: Sendable {
  private var rows: [Place] = []

  /// - Parameter capacity: Rows that need no further memory.
  package init(capacity: Int) {
    rows.reserveCapacity(capacity)
  }

  package var count: Int { rows.count }

  package mutating func clear() {
    rows.removeAll(keepingCapacity: true)
  }

  /// Adds the place of the next row.
  package mutating func append(_ candidate: Candidate, scope: Scope = .process, isPassedOver: Bool) {
    let isProtected = candidate.standing.protection.protects
    rows.append(
      Place(
        tier: candidate.standing.tier, reach: isProtected ? .protected : isPassedOver ? .inVain : .mayEnd,
        scope: scope, score: candidate.score))
  }

  /// Says that the next row is not of the domain that is ranked.
  package mutating func appendOutside() {
    rows.append(Place(tier: .last, reach: .outside))
  }

  /// Who was not ranked counts as protected.
  package subscript(row: Int) -> Place {
    row < rows.count ? rows[row] : Place(tier: .last, reach: .protected)
  }
}
