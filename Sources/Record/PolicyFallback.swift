/// What the agent runs by where the policy that it was asked to run by cannot be used.
package struct PolicyFallback: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    /// The policy that was last in force, in the mode that was asked for.
    ///
    /// - Parameter keptAt: When that was, in seconds since 1970-01-01 UTC.
    case lastGood(keptAt: UInt64)
    /// The preset that is built in, in dry run: it knows nothing of what the operator protects.
    case builtIn

    /// In a record.
    package var name: String {
      switch self {
      case .lastGood: "last_good"
      case .builtIn: "built_in"
      }
    }
  }

  package var kind: Kind
  /// Why, for people; untrusted text.
  package var reason: [UInt8]

  package init(_ kind: Kind, because reason: [UInt8]) {
    self.kind = kind
    self.reason = reason
  }

  /// How old the policy in force is, in seconds; nil for the built-in one.
  ///
  /// - Parameter now: Seconds since 1970-01-01 UTC.
  package func age(at now: UInt64) -> UInt64? {
    switch kind {
    case .lastGood(let keptAt): now > keptAt ? now - keptAt : 0
    case .builtIn: nil
    }
  }
}

extension Array where Element == UInt8 {
  /// What is in force in place of the policy, and why: `the LAST GOOD policy of 2026-11-20 14:02 UTC, because …`.
  package mutating func append(_ fallback: PolicyFallback) {
    switch fallback.kind {
    case .lastGood(let keptAt):
      append("the LAST GOOD policy of ")
      // Beyond the year 2554 the nanoseconds have no room.
      append(minuteOf: Timestamp(nanosecondsSinceEpoch: Swift.min(keptAt, 18_446_744_073) * 1_000_000_000))
    case .builtIn:
      append("the BUILT-IN policy")
    }
    append(", because ")
    if fallback.reason.isEmpty { append("the policy cannot be used") } else { append(visible: fallback.reason.span) }
  }
}
