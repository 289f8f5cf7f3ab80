import Policy

/// The syntax tree of a pattern, over bytes: a character beyond ASCII is a sequence.
indirect enum PatternNode: Equatable {
  /// Matches the empty text anywhere.
  case empty
  /// Matches one byte of a set.
  case bytes(Bits256)
  /// Matches the empty text at the beginning of the text only.
  case begin
  /// Matches the empty text at the end of the text only.
  case end
  case sequence([PatternNode])
  case choice([PatternNode])
  /// Matches `least` to `most` repetitions; without `most` there is no upper bound. `least <= most`.
  case repeated(PatternNode, least: Int, most: Int?)

  static func byte(_ byte: UInt8) -> PatternNode {
    .bytes(Bits256(byte...byte))
  }

  /// The number of positions that consume a byte, with repetitions written out. Saturates.
  var positions: Int {
    switch self {
    case .empty, .begin, .end: 0
    case .bytes: 1
    case .sequence(let parts), .choice(let parts): parts.reduce(0) { saturatingSum($0, $1.positions) }
    case .repeated(let body, let least, let most): saturatingProduct(body.positions, most ?? max(least, 1))
    }
  }

  /// The length in bytes of the shortest text that matches. Saturates.
  var leastLength: Int {
    switch self {
    case .empty, .begin, .end: 0
    case .bytes: 1
    case .sequence(let parts): parts.reduce(0) { saturatingSum($0, $1.leastLength) }
    case .choice(let parts): parts.map(\.leastLength).min() ?? 0
    case .repeated(let body, let least, _): saturatingProduct(body.leastLength, least)
    }
  }

  /// Whether the pattern has an anchor anywhere in it.
  var hasAnchors: Bool {
    switch self {
    case .begin, .end: true
    case .empty, .bytes: false
    case .sequence(let parts), .choice(let parts): parts.contains { $0.hasAnchors }
    case .repeated(let body, _, _): body.hasAnchors
    }
  }

  /// The nodes that match one after the other; none of them is a sequence or empty.
  var parts: [PatternNode] {
    switch self {
    case .empty: []
    case .sequence(let parts): parts.flatMap(\.parts)
    case .bytes, .begin, .end, .choice, .repeated: [self]
    }
  }

  /// The byte that the node matches; nil where it can match several bytes, or none.
  var onlyByte: UInt8? {
    if case .bytes(let set) = self { set.onlyMember } else { nil }
  }
}

private func saturatingSum(_ left: Int, _ right: Int) -> Int {
  let (sum, overflow) = left.addingReportingOverflow(right)
  return overflow ? .max : sum
}

private func saturatingProduct(_ left: Int, _ right: Int) -> Int {
  let (product, overflow) = left.multipliedReportingOverflow(by: right)
  return overflow ? .max : product
}

extension Bits256 {
  init(_ range: ClosedRange<UInt8>) {
    self.init()
    for byte in range { insert(byte) }
  }

  init(of bytes: String.UTF8View) {
    self.init()
    for byte in bytes { insert(byte) }
  }

  /// The set of all 256 bytes.
  static var all: Bits256 { Bits256(0...255) }

  var inverted: Bits256 {
    var result = Bits256.all
    for byte in UInt8.min...UInt8.max where contains(byte) { result.remove(byte) }
    return result
  }

  var onlyMember: UInt8? {
    let members = (UInt8.min...UInt8.max).filter { contains($0) }
    return members.count == 1 ? members.first : nil
  }
}
