import Policy

/// Splits a regular expression of another agent into patterns that together match the same texts. It is one pattern if
/// the expression fits into one automaton, and otherwise one for each part of its alternatives.
struct PatternSplit {
  /// The most patterns that a list may have; no operator reads more.
  static let maximumParts = 64
  /// The longest expression, in bytes. A longer one would give more than ``maximumParts`` in any case.
  private static let maximumLength = 64 << 10
  /// The most pairs of parentheses that are removed because they hold no alternatives.
  private static let maximumUnwraps = 64

  /// Each part between slashes, with its compiled pattern.
  private(set) var parts: [(text: String, pattern: Pattern)] = []
  private let flavour: PatternFlavour

  /// - Parameter expression: A POSIX extended regular expression, without slashes around it.
  init(_ expression: String, flavour: PatternFlavour) throws(PatternError) {
    self.flavour = flavour
    // The recursion is as deep as the logarithm of the number of parts, because alternatives are halved.
    try take(Array(expression.utf8))
  }

  private mutating func take(_ bytes: [UInt8]) throws(PatternError) {
    let text = "/" + String(decoding: bytes, as: UTF8.self) + "/"
    let failure: PatternError
    do throws(PatternError) {
      parts.append((text, try Pattern(text, flavour: flavour)))
      return
    } catch {
      failure = error
    }
    guard failure.isTooLarge, bytes.count <= PatternSplit.maximumLength, let halves = PatternSplit.halves(of: bytes)
    else { throw failure }
    try take(halves.0)
    guard parts.count < PatternSplit.maximumParts else { throw failure }
    try take(halves.1)
  }

  /// Two expressions that together match what one matches, each with half of its outermost alternatives; nil where
  /// there are none.
  private static func halves(of bytes: [UInt8]) -> ([UInt8], [UInt8])? {
    var bytes = bytes
    for _ in 0..<maximumUnwraps {
      guard let outline = Outline(bytes) else { return nil }
      if let middle = outline.middle(of: outline.bars) {
        return (Array(bytes[..<middle]), Array(bytes[(middle + 1)...]))
      }
      guard let group = outline.groups.max(by: { $0.close - $0.open < $1.close - $1.open }) else { return nil }
      if let middle = outline.middle(of: group.bars) {
        let (before, after) = (bytes[..<(group.open + 1)], bytes[group.close...])
        return (
          Array(before + bytes[(group.open + 1)..<middle] + after),
          Array(before + bytes[(middle + 1)..<group.close] + after)
        )
      }
      // Parentheses without alternatives have no meaning.
      bytes = Array(bytes[..<group.open] + bytes[(group.open + 1)..<group.close] + bytes[(group.close + 1)...])
    }
    return nil
  }

  /// The positions of an expression's outermost alternatives and groups.
  private struct Outline {
    struct Group {
      var open: Int
      var close: Int
      /// The positions of the bars between the group's own alternatives.
      var bars: [Int]
    }

    private(set) var bars: [Int] = []
    /// The groups without a repetition behind them: a repeated group cannot be halved.
    private(set) var groups: [Group] = []

    /// Nil where the expression's parentheses or brackets do not pair.
    init?(_ bytes: [UInt8]) {
      var depth = 0
      var group = Group(open: 0, close: 0, bars: [])
      var index = 0
      while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "\\"): index += 1
        case UInt8(ascii: "["):
          guard let end = Outline.endOfBracket(bytes, from: index) else { return nil }
          index = end
        case UInt8(ascii: "("):
          depth += 1
          if depth == 1 { group = Group(open: index, close: 0, bars: []) }
        case UInt8(ascii: ")"):
          depth -= 1
          if depth < 0 { return nil }
          let next = index + 1 < bytes.count ? bytes[index + 1] : 0
          if depth == 0, !"*+?{".utf8.contains(next) {
            group.close = index
            groups.append(group)
          }
        case UInt8(ascii: "|"):
          if depth == 0 { bars.append(index) }
          if depth == 1 { group.bars.append(index) }
        default: break
        }
        index += 1
      }
      if depth != 0 { return nil }
    }

    func middle(of bars: [Int]) -> Int? { bars.isEmpty ? nil : bars[bars.count / 2] }

    /// The index of the bracket that closes the one at `start`.
    private static func endOfBracket(_ bytes: [UInt8], from start: Int) -> Int? {
      var index = start + 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "^") { index += 1 }
      // A `]` that stands first is an ordinary character.
      if index < bytes.count, bytes[index] == UInt8(ascii: "]") { index += 1 }
      while index < bytes.count, bytes[index] != UInt8(ascii: "]") {
        let mark = index + 1 < bytes.count ? bytes[index + 1] : 0
        if bytes[index] == UInt8(ascii: "["), ":.=".utf8.contains(mark) {
          // `[:alpha:]` and the like.
          index += 2
          while index + 1 < bytes.count, bytes[index] != mark || bytes[index + 1] != UInt8(ascii: "]") { index += 1 }
          index += 1
        }
        index += 1
      }
      return index < bytes.count ? index : nil
    }
  }
}

/// The field of an imported rule's `match`, as TOML writes it, or why there is none.
enum ImportedMatch {
  case field(String)
  case none(String)

  /// - Parameters:
  ///   - expression: A POSIX extended regular expression that may match anywhere in the field.
  init(_ field: MatchField, _ expression: String) {
    let isPath = field == .exe || field == .cgroup
    do throws(PatternError) {
      var parts = try PatternSplit(expression, flavour: isPath ? .path : .plain).parts
      if field == .comm { parts.removeAll { $0.pattern.leastLength > 15 } }
      if parts.isEmpty {
        self = .none("it never matched: the kernel keeps 15 bytes of a name")
        return
      }
      let texts = parts.map { part in
        let text = part.pattern.hint == nil ? part.text : ImportedMatch.withoutRepeatedRepetitions(part.text)
        return tomlString(isPath ? ImportedMatch.unlikeAPath(text) : text)
      }
      self = .field("\(field.name) = " + (texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"))
    } catch {
      self = .none("the pattern cannot be written here: at byte \(error.offset) \(error.message)")
    }
  }

  /// Writes `g++` as `g+`, and `.+?` as `.*`. Other agents accept these repetitions as they stand, and `check` warns of
  /// them.
  private static func withoutRepeatedRepetitions(_ text: String) -> String {
    var result: [UInt8] = []
    var bytes = Array(text.utf8)[...]
    var isInBrackets = false
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "\\") where !isInBrackets:
        result.append(byte)
        if let next = bytes.popFirst() { result.append(next) }
      case UInt8(ascii: "["), UInt8(ascii: "]"):
        // A `]` that stands first does not close the bracket here. If it was meant to, what follows is left unchanged.
        isInBrackets = byte == UInt8(ascii: "[") || (isInBrackets && result.last == UInt8(ascii: "["))
        result.append(byte)
      case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
        var run: Set<UInt8> = [byte]
        while !isInBrackets, let next = bytes.first, "*+?".utf8.contains(next) { run.insert(bytes.removeFirst()) }
        result.append(run.count == 1 ? byte : UInt8(ascii: "*"))
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Changes a word that looks like a path between its slashes, because `check` would warn of it.
  private static func unlikeAPath(_ text: String) -> String {
    MatchReader.looksLikeAPath(text) ? "/(\(text.dropFirst().dropLast()))/" : text
  }
}
