/// What a glob or regular expression asks of a text between its literal ends: a position automaton (Glushkov, 1961),
/// run over bytes.
///
/// A position is one place in the pattern that consumes a byte; `follow` says which may come after it. A match consumes
/// the whole, so an unanchored search is compiled with loops over everything before and after. Running takes at most
/// 256 steps a byte and allocates nothing, whatever the pattern: no backtracking, no blow-up.
///
/// Nearly all positions of a real pattern consume just one byte and lead to just one other (of the preset `server`, 99
/// % and 87 %), so a set of one takes no more than its number: 4 bytes a position instead of 64.
package struct Automaton: Equatable, Sendable {
  /// One place in the pattern.
  package struct Position: Equatable, Sendable {
    /// The bytes it consumes.
    package var bytes: SetReference
    /// The positions that may consume next.
    package var follow: SetReference

    package init(bytes: SetReference, follow: SetReference) {
      self.bytes = bytes
      self.follow = follow
    }
  }

  /// As many as an image may hold for one pattern.
  package static let maximumPositions = 256

  /// At most ``maximumPositions``; without any, only the empty text may match.
  package var positions: [Position]
  /// Those that are referred to.
  package var sets: [Bits256]
  /// The positions that may consume the first byte.
  package var first: SetReference
  /// The positions after which the text may be over.
  package var accepting: SetReference
  package var acceptsEmpty: Bool

  package init(
    positions: [Position], sets: [Bits256], first: SetReference, accepting: SetReference, acceptsEmpty: Bool
  ) {
    self.positions = positions
    self.sets = sets
    self.first = first
    self.accepting = accepting
    self.acceptsEmpty = acceptsEmpty
  }

  /// Whether `text` begins with `prefix`, ends with `suffix`, and matches between them, where they do not overlap.
  package func matches(_ text: Span<UInt8>, between prefix: Span<UInt8>, and suffix: Span<UInt8>) -> Bool {
    guard text.count >= prefix.count + suffix.count else { return false }
    let end = text.count - suffix.count
    return text.extracting(..<prefix.count).equals(prefix) && text.extracting(end...).equals(suffix)
      && matches(text.extracting(prefix.count..<end))
  }

  /// Whether the whole of `text` matches.
  package func matches(_ text: Span<UInt8>) -> Bool {
    if text.isEmpty { return acceptsEmpty }
    var reachable = Bits256()
    insert(first, into: &reachable)
    var current = Bits256()
    for index in text.indices {
      if index > 0 { reachable = follow(current) }
      current = consume(text[index], at: reachable)
      if current.isEmpty { return false }
    }
    var last = Bits256()
    insert(accepting, into: &last)
    current.formIntersection(last)
    return !current.isEmpty
  }

  private func follow(_ current: Bits256) -> Bits256 {
    var reachable = Bits256()
    current.forEach { insert(positions[Int($0)].follow, into: &reachable) }
    return reachable
  }

  private func consume(_ byte: UInt8, at reachable: Bits256) -> Bits256 {
    var current = Bits256()
    reachable.forEach { number in
      let bytes = positions[Int(number)].bytes
      let consumes = bytes.onlyMember.map { $0 == byte } ?? sets[bytes.index].contains(byte)
      if consumes { current.insert(number) }
    }
    return current
  }

  private func insert(_ reference: SetReference, into set: inout Bits256) {
    if let number = reference.onlyMember {
      set.insert(number)
    } else {
      set.formUnion(sets[reference.index])
    }
  }
}

/// A set of the numbers 0...255 in two bytes: below 256 it is that number alone, and n + 256 is the automaton's set n.
package struct SetReference: Equatable, Sendable {
  package var rawValue: UInt16

  package init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  package static func only(_ number: UInt8) -> SetReference {
    SetReference(rawValue: UInt16(number))
  }

  /// - Parameter index: Of ``Automaton/sets``, below ``maximumSets``.
  package static func set(_ index: Int) -> SetReference {
    SetReference(rawValue: UInt16(truncatingIfNeeded: index + 256))
  }

  /// How many sets can be told apart. No automaton needs more than two for each position, and two.
  package static let maximumSets = 65_536 - 256

  /// Nil where it is one of the automaton's sets.
  package var onlyMember: UInt8? { UInt8(exactly: rawValue) }

  /// Of the automaton's set; negative where it is none of them.
  package var index: Int { Int(rawValue) - 256 }
}
