/// What the ranking made of one row of a table: what those have to know who choose several at once.
package struct Eligibility: Equatable, Sendable {
  package enum Status: UInt8, Sendable {
    case eligible
    case protected
    /// Ending it was tried in vain.
    case inVain
    /// Of another memory domain: it was not looked at whether it may be killed.
    case outside
  }

  package var tier: Tier
  package var status: Status
  /// What its rules, or else the domain's settings, have killed with it.
  package var scope: Scope
  /// The formula's number, times the weights of its rules.
  package var score: Double

  package init(tier: Tier, status: Status, scope: Scope = .process, score: Double = 0) {
    self.tier = tier
    self.status = status
    self.scope = scope
    self.score = score
  }
}

/// The places of a table's rows, in their order. Filled anew by each ranking; what was reserved is kept.
package struct EligibilityTable: Sendable {
  private var rows: [Eligibility] = []

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
    let isProtected = candidate.ruleOutcome.protection.protects
    rows.append(
      Eligibility(
        tier: candidate.ruleOutcome.tier, status: isProtected ? .protected : isPassedOver ? .inVain : .eligible,
        scope: scope, score: candidate.score))
  }

  /// Says that the next row is not of the domain that is ranked.
  package mutating func appendOutside() {
    rows.append(Eligibility(tier: .last, status: .outside))
  }

  /// Who was not ranked counts as protected.
  package subscript(row: Int) -> Eligibility {
    row < rows.count ? rows[row] : Eligibility(tier: .last, status: .protected)
  }
}
