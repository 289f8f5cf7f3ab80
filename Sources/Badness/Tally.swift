/// A whole-number score in the making. Each step changes it and reports itself, so that the terms always explain the
/// score.
///
/// It saturates where the kernel's arithmetic would wrap around: a hostile reading makes a score too large, never a
/// small one or a trap.
struct WholeTally {
  private(set) var points: Int64 = 0

  /// The score for ``Formula/score(_:on:adjustment:terms:)``. Exact up to 2⁵³.
  var score: Double { Double(points) }

  mutating func add<Sink: TermSink>(
    _ amount: Int64, for name: String, _ value: Double, terms: inout Sink
  ) {
    let (sum, overflow) = points.addingReportingOverflow(amount)
    points = overflow ? (amount < 0 ? .min : .max) : sum
    terms.add(Term(name, value, .add(Double(amount))))
  }

  /// Adds a quantity that is its own amount.
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

  /// Truncates as C does. 0 does not divide.
  mutating func divide<Sink: TermSink>(
    by divisor: UInt64, for name: String, _ value: Double, terms: inout Sink
  ) {
    let divisor = max(Int64(clamping: divisor), 1)
    points /= divisor
    terms.add(Term(name, value, divisor == 1 ? .none : .divide(Double(divisor))))
  }
}

/// As ``WholeTally``, in real numbers.
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
