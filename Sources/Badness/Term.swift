/// One step of a formula: what was looked at, how large it was, and what it did to the score.
package struct Term: Sendable {
  /// Stable, in lower case with underscores: `total_vm`, `cpu_seconds`. A literal.
  package var name: String
  /// The quantity itself, in the unit its name says.
  package var value: Double
  package var effect: TermEffect

  package init(_ name: String, _ value: Double, _ effect: TermEffect) {
    self.name = name
    self.value = value
    self.effect = effect
  }
}

/// What a term does to the score before it.
package enum TermEffect: Equatable, Sendable {
  /// Adds the amount, which may be negative. A formula's first term adds to zero.
  case add(Double)
  case multiply(Double)
  case divide(Double)
  /// Looked at, and left the score as it was.
  case none
}

/// Where a formula reports its terms, in the order in which they work.
package protocol TermSink {
  mutating func add(_ term: Term)
}

/// For a decision's first pass: nothing is kept, and the calls are optimised away.
package struct NoTerms: TermSink {
  package init() {}
  package mutating func add(_ term: Term) {}
}

/// The terms of one score, in a fixed place.
package struct TermList: TermSink, Sendable {
  /// No formula has more; a test holds it to that.
  package static let capacity = 12

  private var storage: InlineArray<12, Term>
  package private(set) var count = 0
  /// Terms that found no room.
  package private(set) var dropped = 0

  package init() {
    storage = InlineArray(repeating: Term("", 0, .none))
  }

  package mutating func add(_ term: Term) {
    guard count < TermList.capacity else {
      dropped += 1
      return
    }
    storage[count] = term
    count += 1
  }

  package subscript(index: Int) -> Term { storage[index] }
}
