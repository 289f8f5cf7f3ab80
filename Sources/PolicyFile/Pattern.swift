package import Policy

/// Whether `*` and `?` of a glob match a slash.
package enum PatternFlavour: Sendable {
  /// The flavour of `exe` and `cgroup`: `*`, `?` and brackets do not match a slash, `**` does, and a trailing `/**`
  /// also matches the directory itself.
  case path
  /// The flavour of all other fields: `*` and `?` match any byte.
  case plain
}

/// A compiled text, glob or `/regular expression/` of a policy. All of them are matched byte by byte.
package struct Pattern: Equatable, Sendable {
  /// The compiled form that a process's field is compared with.
  package enum Form: Equatable, Sendable {
    case literal([UInt8])
    /// The text begins with the prefix and ends with the suffix, and the automaton accepts what lies between them.
    case automaton(prefix: [UInt8], Automaton, suffix: [UInt8])
  }

  package var form: Form
  /// The length in bytes of the shortest text that matches.
  package var leastLength: Int
  /// A warning about a pattern that is valid, but probably does not say what was meant.
  package var hint: PatternError?

  /// The longest pattern with wildcards, in bytes; a longer text can only be a literal.
  package static let maximumLength = 1024
  /// The longest literal, in bytes: PATH_MAX.
  package static let maximumLiteralLength = 4096

  /// - Parameters:
  ///   - text: The text as TOML gives it. Between slashes it is a regular expression that may match anywhere in the
  ///     field, otherwise a glob over the whole field.
  ///   - flavour: Whether the stars of a glob match a slash.
  package init(_ text: String, flavour: PatternFlavour) throws(PatternError) {
    let bytes = [UInt8](text.utf8)
    if bytes.isEmpty {
      throw PatternError(offset: 0, "an empty text matches no process, leave it out or write \"*\" for any text")
    }
    if bytes.count > Pattern.maximumLiteralLength {
      throw PatternError(
        offset: Pattern.maximumLiteralLength,
        "the text has \(bytes.count) bytes, at most \(Pattern.maximumLiteralLength)", isTooLarge: true)
    }
    let isRegex = Pattern.isRegex(bytes)
    let node: PatternNode
    if isRegex {
      if bytes.count == 2 {
        throw PatternError(offset: 0, "an empty regular expression matches everything, write what it should find")
      }
      var parser = RegexParser(PatternCursor(bytes, from: 1, to: bytes.count - 1))
      node = try Pattern.bounded(bytes) { () throws(PatternError) in try parser.parse() }
      hint = parser.hint
    } else {
      node = try GlobParser(flavour: flavour).parse(bytes)
    }
    leastLength = node.leastLength
    guard let parts = Pattern.wholeText(node, isRegex: isRegex) else {
      form = .automaton(
        prefix: [],
        try Pattern.bounded(bytes) { () throws(PatternError) in try AutomatonBuilder.build(node, searching: true) },
        suffix: [])
      return
    }
    let prefix = parts.prefix { $0.onlyByte != nil }
    let rest = parts.dropFirst(prefix.count)
    if rest.isEmpty {
      form = .literal(prefix.compactMap(\.onlyByte))
      return
    }
    let suffix = rest.reversed().prefix { $0.onlyByte != nil }.reversed()
    let middle = PatternNode.sequence(Array(rest.dropLast(suffix.count)))
    form = .automaton(
      prefix: prefix.compactMap(\.onlyByte),
      try Pattern.bounded(bytes) { () throws(PatternError) in
        try AutomatonBuilder.build(middle, searching: false)
      }, suffix: suffix.compactMap(\.onlyByte))
  }

  /// Whether a text is a regular expression: it begins and ends with a slash.
  package static func isRegex(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 2 && bytes.first == UInt8(ascii: "/") && bytes.last == UInt8(ascii: "/")
  }

  /// Whether `text` matches.
  package func matches(_ text: [UInt8]) -> Bool {
    switch form {
    case .literal(let literal): literal == text
    case .automaton(let prefix, let automaton, let suffix):
      automaton.matches(text.span, between: prefix.span, and: suffix.span)
    }
  }

  private static func bounded<T>(
    _ bytes: [UInt8], _ body: () throws(PatternError) -> T
  ) throws(PatternError) -> T {
    guard bytes.count <= maximumLength else {
      throw PatternError(
        offset: maximumLength, "the pattern has \(bytes.count) bytes, at most \(maximumLength), write it as several",
        isTooLarge: true)
    }
    return try body()
  }

  /// The parts of a pattern that has to match the whole text, a glob or `/^…$/`. Nil where it may match anywhere, or
  /// has further anchors inside.
  private static func wholeText(_ node: PatternNode, isRegex: Bool) -> [PatternNode]? {
    let parts = node.parts
    guard isRegex else { return parts }
    guard parts.count >= 2, parts.first == .begin, parts.last == .end else { return nil }
    let inner = parts.dropFirst().dropLast()
    return inner.contains { $0.hasAnchors } ? nil : Array(inner)
  }
}
