/// One step of a formula: the quantity that it used, how large that was, and what it did to the score.
package struct Term: Sendable {
  /// The name of the quantity: a literal in lower case with underscores (`total_vm`, `cpu_seconds`). Names are stable.
  package var name: String
  /// The quantity itself, in the unit that its name says.
  package var value: Double
  package var effect: TermEffect

  package init(_ name: String, _ value: Double, _ effect: TermEffect) {
    self.name = name
    self.value = value
    self.effect = effect
  }
}

/// The effect of a term on the score before it.
package enum TermEffect: Equatable, Sendable {
  /// The term adds an amount, which may be negative. A formula's first term adds to zero.
  case add(Double)
  case multiply(Double)
  case divide(Double)
  /// The quantity was used, and left the score as it was.
  case none
}

/// A receiver of a formula's terms, in the order in which they are applied.
package protocol TermSink {
  mutating func add(_ term: Term)
}

/// A receiver that keeps nothing, for a decision's first pass. The calls are optimised away.
package struct NoTerms: TermSink {
  package init() {}
  package mutating func add(_ term: Term) {}
}

/// The terms of one score, in fixed storage.
package struct TermList: TermSink, Sendable {
  /// The largest number of terms. A test checks that no formula has more.
  package static let capacity = 12

  private var storage: InlineArray<12, Term>
  package private(set) var count = 0
  /// The number of terms for which there was no room.
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
