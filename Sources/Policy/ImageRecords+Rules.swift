import Pressure
import ProcModel

extension Slice: ImageRecord {
  static var blank: Slice { Slice(start: 0, count: 0) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.slice(&self)
  }
}

/// A byte of the text.
extension UInt8: ImageRecord {
  static var blank: UInt8 { 0 }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.number(&self)
  }
}

extension Rule: ImageRecord {
  static var blank: Rule { Rule(name: .blank, tests: .blank, protects: false, order: nil, weight: 1) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.slice(&name)
    pass.slice(&tests)
    pass.number(&exceptions)
    try pass.flag(&protects, .ruleProtects)
    try pass.optionalChoice(&order, .ruleOrder)
    var bits = weight.bitPattern
    pass.number(&bits)
    let weight = Double(bitPattern: bits)
    // Minus zero too would be a second way to write zero.
    try pass.limit(weight.isFinite && weight.sign == .plus, .ruleWeight)
    self.weight = weight
    try pass.optionalChoice(&scope, .ruleScope)
    try pass.optionalChoice(&signal, .ruleSignal)
    var ownGrace = grace.map { OwnGrace(time: $0) }
    try pass.optional(&ownGrace, .ruleGrace)
    grace = ownGrace?.time
    var number = hook?.number ?? ImageLayout.commandNone
    pass.number(&number)
    hook = HookChoice(number: number)
  }
}

/// A rule's own grace: none at all is one too.
private struct OwnGrace: OptionalImageRecord {
  var time: Nanoseconds

  static var blank: OwnGrace { OwnGrace(time: .zero) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.time(&time)
  }
}

extension HookChoice {
  fileprivate var number: UInt16 {
    switch self {
    case .off: ImageLayout.commandOff
    case .command(let index): index &+ 1
    }
  }

  /// Nil where a rule says nothing of hooks.
  fileprivate init?(number: UInt16) {
    switch number {
    case ImageLayout.commandNone: return nil
    case ImageLayout.commandOff: self = .off
    default: self = .command(number - 1)
    }
  }
}

extension FieldTest: ImageRecord {
  static var blank: FieldTest { FieldTest(field: .comm, alternatives: .blank) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.choice(&field, .testField)
    pass.slice(&alternatives)
  }
}

/// A kind and eight bytes, which each kind uses in its own way.
extension Alternative: ImageRecord {
  static var blank: Alternative { .never }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    var (kind, first, second) = parts
    pass.number(&kind)
    pass.number(&first)
    pass.number(&second)
    guard let known = Alternative(kind: kind, first, second) else {
      let isKnown = (ImageLayout.alternativeLiteral...ImageLayout.alternativeFlag).contains(kind)
      throw .invalid(isKnown ? .alternativeUnused : .alternativeKind, entry: pass.entry)
    }
    self = known
  }

  private var parts: (kind: UInt8, first: UInt32, second: UInt32) {
    switch self {
    case .literal(let text): (ImageLayout.alternativeLiteral, text.start, text.count)
    case .pattern(let index): (ImageLayout.alternativePattern, index, 0)
    case .range(let low, let high): (ImageLayout.alternativeRange, low, high)
    case .capabilities(let set): Alternative.halves(ImageLayout.alternativeCapabilities, set.rawValue)
    case .never: (ImageLayout.alternativeNever, 0, 0)
    case .signedRange(let low, let high):
      (ImageLayout.alternativeSignedRange, UInt32(bitPattern: low), UInt32(bitPattern: high))
    case .time(let time): Alternative.halves(ImageLayout.alternativeTime, time.count)
    case .amount(.share(let points)): (ImageLayout.alternativeShare, points.count, 0)
    case .amount(.size(let size)): Alternative.halves(ImageLayout.alternativeSize, size.count)
    case .flag(let flag): (ImageLayout.alternativeFlag, flag ? 1 : 0, 0)
    }
  }

  private static func halves(_ kind: UInt8, _ number: UInt64) -> (kind: UInt8, first: UInt32, second: UInt32) {
    (kind, UInt32(truncatingIfNeeded: number), UInt32(truncatingIfNeeded: number >> 32))
  }

  /// Nil for an unknown kind, and for numbers that its kind has no use for.
  private init?(kind: UInt8, _ first: UInt32, _ second: UInt32) {
    let whole = UInt64(first) | UInt64(second) << 32
    switch kind {
    case ImageLayout.alternativeLiteral: self = .literal(Slice(start: first, count: second))
    case ImageLayout.alternativePattern where second == 0: self = .pattern(first)
    case ImageLayout.alternativeRange: self = .range(first, second)
    case ImageLayout.alternativeCapabilities: self = .capabilities(CapabilitySet(rawValue: whole))
    case ImageLayout.alternativeNever where whole == 0: self = .never
    case ImageLayout.alternativeSignedRange: self = .signedRange(Int32(bitPattern: first), Int32(bitPattern: second))
    case ImageLayout.alternativeTime: self = .time(Nanoseconds(whole))
    case ImageLayout.alternativeShare where second == 0: self = .amount(.share(BasisPoints(first)))
    case ImageLayout.alternativeSize: self = .amount(.size(KiB(whole)))
    case ImageLayout.alternativeFlag where whole <= 1: self = .flag(first == 1)
    default: return nil
    }
  }
}

extension TextPattern: ImageRecord {
  static var blank: TextPattern { TextPattern(prefix: .blank, automaton: 0, suffix: .blank) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.slice(&prefix)
    pass.number(&automaton)
    pass.slice(&suffix)
  }
}

/// Its positions and sets stand in sections of their own; here is how many of them are its.
extension Automaton: ImageRecord {
  static var blank: Automaton {
    Automaton(
      positions: [], sets: [], first: .only(0), accepting: .only(0), acceptsEmpty: false)
  }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    var ownPositions = UInt16(truncatingIfNeeded: positions.count)
    try pass.share(&ownPositions, of: .positions, .automatonPositions)
    let count = ownPositions
    try pass.limit(count <= Automaton.maximumPositions, .automatonPositions)
    positions.resize(to: Int(ownPositions))
    var ownSets = UInt16(truncatingIfNeeded: sets.count)
    try pass.share(&ownSets, of: .sets, .automatonSets)
    sets.resize(to: Int(ownSets))
    pass.number(&first.rawValue)
    pass.number(&accepting.rawValue)
    try pass.flag(&acceptsEmpty, .automatonEmpty)
  }
}

extension Array where Element: ImageRecord {
  /// Has as many entries as `count` says, blank where they are new.
  fileprivate mutating func resize(to count: Int) {
    guard self.count != count else { return }
    self = [Element](repeating: .blank, count: count)
  }
}

extension Automaton.Position: ImageRecord {
  static var blank: Automaton.Position { Automaton.Position(bytes: .only(0), follow: .only(0)) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.number(&bytes.rawValue)
    pass.number(&follow.rawValue)
  }
}

extension Bits256: ImageRecord {
  static var blank: Bits256 { Bits256() }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    for index in 0..<4 { pass.number(&words[index]) }
  }
}
