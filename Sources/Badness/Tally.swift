/// A whole-number score that is built step by step. Each step changes the score and reports itself, so the terms always
/// explain the score.
///
/// It saturates where the kernel's arithmetic would wrap around. A hostile reading makes a score too large, but never a
/// small one, and never a trap.
struct WholeTally {
  private(set) var points: Int64 = 0

  /// The score for ``Formula/score(_:on:adjustment:terms:)``. It is exact up to 2⁵³.
  var score: Double { Double(points) }

  mutating func add<Sink: TermSink>(
    _ amount: Int64, for name: String, _ value: Double, terms: inout Sink
  ) {
    let (sum, overflow) = points.addingReportingOverflow(amount)
    points = overflow ? (amount < 0 ? .min : .max) : sum
    terms.add(Term(name, value, .add(Double(amount))))
  }

  /// Adds a quantity. The term's value is the amount itself.
  mutating func add<Sink: TermSink>(_ amount: UInt64, _ name: String, terms: inout Sink) {
    let amount = Int64(clamping: amount)
    add(amount, for: name, Double(amount), terms: &terms)
  }

  mutating func multiply<Sink: TermSink>(
    by factor: Int64, for name: String, _ value: Double, terms: inout Sink
  ) {
    let (product, overflow) = points.multipliedReportingOverflow(by: factor)
    points = overflow ? ((points < 0) != (factor < 0) ? .min : .max) : product
    terms.add(Term(name, value, factor == 1 ? .none : .multiply(Double(factor))))
  }

  /// Divides the score and truncates as C does. A divisor of 0 counts as 1.
  mutating func divide<Sink: TermSink>(
    by divisor: UInt64, for name: String, _ value: Double, terms: inout Sink
  ) {
    let divisor = max(Int64(clamping: divisor), 1)
    points /= divisor
    terms.add(Term(name, value, divisor == 1 ? .none : .divide(Double(divisor))))
  }
}

/// A score in real numbers that is built step by step, as ``WholeTally``.
struct RealTally {
  private(set) var score = 0.0

  mutating func add<Sink: TermSink>(
    _ amount: Double, for name: String, _ value: Double, terms: inout Sink
  ) {
    score += amount
    terms.add(Term(name, value, .add(amount)))
  }

  mutating func multiply<Sink: TermSink>(
    by factor: Double, for name: String, _ value: Double, terms: inout Sink
  ) {
    score *= factor
    terms.add(Term(name, value, factor == 1 ? .none : .multiply(factor)))
  }

  mutating func divide<Sink: TermSink>(
    by divisor: Double, for name: String, _ value: Double, terms: inout Sink
  ) {
    score /= divisor
    terms.add(Term(name, value, divisor == 1 ? .none : .divide(divisor)))
  }
}
