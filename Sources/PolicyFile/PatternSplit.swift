import Policy

/// A regular expression of another agent, as the patterns of a list that match what it matches: one where it fits an
/// automaton, else one for each part of its alternatives.
struct PatternSplit {
  /// More patterns than that are no list that anyone reads.
  static let maximumParts = 64
  /// In bytes. What is longer comes to more than ``maximumParts`` in any case.
  private static let maximumLength = 64 << 10
  /// Parentheses that are taken away because they hold no alternatives.
  private static let maximumUnwraps = 64

  /// Each between slashes, with the pattern that it is.
  private(set) var parts: [(text: String, pattern: Pattern)] = []
  private let flavour: PatternFlavour

  /// - Parameter expression: A POSIX extended regular expression, without slashes around it.
  init(_ expression: String, flavour: PatternFlavour) throws(PatternError) {
    self.flavour = flavour
    // The depth of this is the logarithm of the number of parts: alternatives are halved.
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

  /// Two expressions that together match what one matches, each with half of its outermost alternatives.
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
      // Without alternatives its parentheses mean nothing.
      bytes = Array(bytes[..<group.open] + bytes[(group.open + 1)..<group.close] + bytes[(group.close + 1)...])
    }
    return nil
  }

  /// Where an expression's outermost alternatives and groups stand.
  private struct Outline {
    struct Group {
      var open: Int
      var close: Int
      /// Of the bars between its own alternatives.
      var bars: [Int]
    }

    private(set) var bars: [Int] = []
    /// Those that stand once: what is repeated cannot be halved.
    private(set) var groups: [Group] = []

    /// Nil where its parentheses and brackets do not pair.
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
      // One that stands first is itself.
      if index < bytes.count, bytes[index] == UInt8(ascii: "]") { index += 1 }
      while index < bytes.count, bytes[index] != UInt8(ascii: "]") {
        let mark = index + 1 < bytes.count ? bytes[index + 1] : 0
        if bytes[index] == UInt8(ascii: "["), ":.=".utf8.contains(mark) {
          // `[:alpha:]` and its kin.
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

/// What a rule of an imported policy asks, as TOML writes it, or why there is none.
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
      self = .none("the pattern cannot be had here: at byte \(error.offset) \(error.message)")
    }
  }

  /// `g++` is `g+`, and `.+?` is `.*`: what other agents took as it stands, and `check` asks about.
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
        // A bracket that closes where it stands first closes too late here, and what follows stays as it is.
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

  /// Between slashes a word looks as a path does, and `check` asks whether it was to be one.
  private static func unlikeAPath(_ text: String) -> String {
    MatchReader.looksLikeAPath(text) ? "/(\(text.dropFirst().dropLast()))/" : text
  }
}
