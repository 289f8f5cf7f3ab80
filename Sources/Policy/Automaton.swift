/// A glob or regular expression as the tool compiled it: a position automaton (Glushkov, 1961), run over bytes.
///
/// The text is read as `begin`, each byte, `end`. A position is one place in the pattern that consumes one of these;
/// `follow` says which may come after it. A match consumes the whole, so an unanchored search is compiled with loops
/// over everything before and after. Running takes at most 256 steps a byte and allocates nothing, whatever the
/// pattern: no backtracking, no blow-up.
package struct Automaton: Equatable, Sendable {
  /// One place in the pattern.
  package struct Position: Equatable, Sendable {
    /// The bytes it consumes.
    package var bytes: Bits256
    package var consumesBegin: Bool
    package var consumesEnd: Bool
    /// The positions that may consume next.
    package var follow: Bits256

    package init(
      bytes: Bits256, consumesBegin: Bool = false, consumesEnd: Bool = false,
      follow: Bits256 = Bits256()
    ) {
      self.bytes = bytes
      self.consumesBegin = consumesBegin
      self.consumesEnd = consumesEnd
      self.follow = follow
    }
  }

  /// As many as an image may hold for one pattern.
  package static let maximumPositions = 256

  /// 1...256 of them.
  package var positions: [Position]
  /// Those that may consume `begin`.
  package var first: Bits256
  /// Those after which the text may be over.
  package var accepting: Bits256

  package init(positions: [Position], first: Bits256, accepting: Bits256) {
    self.positions = positions
    self.first = first
    self.accepting = accepting
  }

  /// Whether the whole of `text` matches.
  package func matches(_ text: Span<UInt8>) -> Bool {
    var reachable = first
    var current = consume(reachable) { $0.consumesBegin }
    for index in text.indices {
      if current.isEmpty { return false }
      reachable = follow(current)
      let byte = text[index]
      current = consume(reachable) { $0.bytes.contains(byte) }
    }
    reachable = follow(current)
    var end = consume(reachable) { $0.consumesEnd }
    end.formIntersection(accepting)
    return !end.isEmpty
  }

  private func follow(_ current: Bits256) -> Bits256 {
    var reachable = Bits256()
    for index in positions.indices where current.contains(UInt8(truncatingIfNeeded: index)) {
      reachable.formUnion(positions[index].follow)
    }
    return reachable
  }

  private func consume(_ reachable: Bits256, where accepts: (Position) -> Bool) -> Bits256 {
    var current = reachable
    for index in positions.indices {
      let number = UInt8(truncatingIfNeeded: index)
      if current.contains(number), !accepts(positions[index]) {
        current.remove(number)
      }
    }
    return current
  }
}
