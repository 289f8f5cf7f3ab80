import Policy

/// Parses a POSIX extended regular expression (regex(7)), over bytes in the C locale.
///
/// What POSIX leaves undefined is an error, because it is hardly ever meant: an empty alternative (it would match
/// everything), a `)` too many, a `*` with nothing before it. Back references are no regular language and are refused.
/// Of GNU's escapes `\w`, `\W`, `\s` and `\S` are known.
struct RegexParser {
  /// The most repetitions. POSIX's RE_DUP_MAX is at least 255, and no more positions than that fit into an automaton.
  private static let mostRepetitions = 255

  private var cursor: PatternCursor
  /// A warning about the first repetition of a repetition, which is hardly ever meant.
  private(set) var hint: PatternError?

  /// - Parameter cursor: Covers the text between the slashes.
  init(_ cursor: PatternCursor) {
    self.cursor = cursor
  }

  mutating func parse() throws(PatternError) -> PatternNode {
    let node = try choice()
    if !cursor.isAtEnd {
      throw PatternError(offset: cursor.offset, "\")\" closes nothing, write \"\\)\" for a parenthesis itself")
    }
    return node
  }

  private mutating func choice() throws(PatternError) -> PatternNode {
    var branches = [try branch()]
    while cursor.peek == UInt8(ascii: "|") {
      cursor.advance()
      branches.append(try branch())
    }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func branch() throws(PatternError) -> PatternNode {
    let start = cursor.offset
    var parts: [PatternNode] = []
    while let byte = cursor.peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
      var part = try atom()
      if part != .begin {
        var repetitions = 0
        var offset = cursor.offset
        while let repetition = try repetition() {
          repetitions += 1
          if repetitions == 2 { noteRepetition(at: offset) }
          offset = cursor.offset
          part = .repeated(part, least: repetition.least, most: repetition.most)
        }
      }
      parts.append(part)
    }
    if parts.isEmpty {
      throw PatternError(offset: start, "an alternative is empty and would match everything, write what it stands for")
    }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  /// - Parameter offset: The position of the second of two adjacent repetitions. The cursor is behind it.
  private mutating func noteRepetition(at offset: Int) {
    guard hint == nil else { return }
    let (first, second) = (cursor.bytes[offset - 1], cursor.bytes[offset])
    let mark = String(decoding: [second], as: UTF8.self)
    let message: String
    switch (first, second) {
    case (UInt8(ascii: "+"), UInt8(ascii: "+")):
      // This is the case of g++, c++ and notepad++.
      let before = cursor.bytes[max(offset - 2, 0)]
      let name = Bits256.wordCharacters.contains(before) ? String(decoding: [before], as: UTF8.self) : ""
      message = "\"+\" after \"+\" repeats what is repeated, write \(quoted("\(name)\\+\\+")) for the characters"
    case (_, UInt8(ascii: "?")):
      message = "\"?\" after a repetition makes it optional, and not lazy, leave it out"
    case (UInt8(ascii: "*"), UInt8(ascii: "*")):
      message = "\"*\" after \"*\" repeats what is repeated, write \".*\" for any text"
    default:
      message =
        "\(quoted(mark)) after a repetition repeats what is repeated, leave one out, or write "
        + "\(quoted("\\" + mark)) for the character"
    }
    hint = PatternError(offset: offset, message)
  }

  private mutating func atom() throws(PatternError) -> PatternNode {
    let offset = cursor.offset
    guard let byte = cursor.next() else { return .empty }
    switch byte {
    case UInt8(ascii: "("):
      let unclosed = PatternError(offset: offset, "\"(\" has no \")\", write \"\\(\" for a parenthesis itself")
      if cursor.isAtEnd { throw unclosed }
      let inner = try choice()
      guard cursor.next() == UInt8(ascii: ")") else { throw unclosed }
      return inner
    case UInt8(ascii: "."): return .bytes(.all)
    case UInt8(ascii: "^"): return .begin
    case UInt8(ascii: "$"): return .end
    case UInt8(ascii: "["):
      return .bytes(try BracketParser(escapes: false, exclamationNegates: false).parse(&cursor))
    case UInt8(ascii: "\\"): return try escape(at: offset)
    case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
      let mark = quoted(String(decoding: [byte], as: UTF8.self))
      if byte == UInt8(ascii: "?"), offset > 0, cursor.bytes[offset - 1] == UInt8(ascii: "(") {
        throw PatternError(
          offset: offset, "\"(?\" has no meaning here, leave \"?:\" out, and write \"[aA]\" for \"(?i)a\"")
      }
      let anything = byte == UInt8(ascii: "*") ? "\".*\" for any text, or " : ""
      throw PatternError(
        offset: offset,
        "\(mark) has nothing to repeat, write \(anything)\"\\\(mark.dropFirst().dropLast())\" for the character")
    default: return cursor.character(beginningWith: byte)
    }
  }

  private mutating func escape(at offset: Int) throws(PatternError) -> PatternNode {
    guard let byte = cursor.next() else {
      throw PatternError(offset: offset, "nothing follows the backslash, write \"\\\\\" for a backslash itself")
    }
    var word = CharacterClass.named("alnum") ?? Bits256()
    word.insert(UInt8(ascii: "_"))
    let space = CharacterClass.named("space") ?? Bits256()
    switch byte {
    case UInt8(ascii: "w"): return .bytes(word)
    case UInt8(ascii: "W"): return .bytes(word.inverted)
    case UInt8(ascii: "s"): return .bytes(space)
    case UInt8(ascii: "S"): return .bytes(space.inverted)
    case UInt8(ascii: "1")...UInt8(ascii: "9"):
      throw PatternError(offset: offset, "a pattern cannot refer back to a group, write out what may stand there")
    case _ where Bits256.wordCharacters.contains(byte) || "<>`'".utf8.contains(byte):
      let name = String(decoding: [byte], as: UTF8.self)
      throw PatternError(
        offset: offset, "\"\\\(name)\" is not known, escape only what has a meaning, such as \"\\.\"")
    default: return cursor.character(beginningWith: byte)
    }
  }

  /// Parses a `*`, `+`, `?` or `{least,most}` at the cursor; nil where there is none.
  private mutating func repetition() throws(PatternError) -> (least: Int, most: Int?)? {
    switch cursor.peek {
    case UInt8(ascii: "*"):
      cursor.advance()
      return (0, nil)
    case UInt8(ascii: "+"):
      cursor.advance()
      return (1, nil)
    case UInt8(ascii: "?"):
      cursor.advance()
      return (0, 1)
    case UInt8(ascii: "{"): return try interval()
    default: return nil
    }
  }

  private mutating func interval() throws(PatternError) -> (least: Int, most: Int?) {
    let offset = cursor.offset
    let malformed = PatternError(offset: offset, "\"{\" begins a count, as in \"{2}\", \"{2,}\" or \"{2,5}\"")
    cursor.advance()
    let least = number()
    var most = least
    if cursor.peek == UInt8(ascii: ",") {
      cursor.advance()
      most = number()
      if least == nil, most == nil { throw malformed }
    } else if least == nil {
      throw malformed
    }
    guard cursor.next() == UInt8(ascii: "}") else { throw malformed }
    if max(least ?? 0, most ?? 0) > RegexParser.mostRepetitions {
      throw PatternError(offset: offset, "a count can be at most \(RegexParser.mostRepetitions)")
    }
    if let most, most < least ?? 0 {
      throw PatternError(offset: offset, "the count runs backwards, put the lower number first")
    }
    return (least ?? 0, most)
  }

  /// Parses a decimal number at the cursor; nil where there is none. A number that is too large stays too large.
  private mutating func number() -> Int? {
    var value: Int?
    while let byte = cursor.peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      value = min((value ?? 0) * 10 + Int(byte - UInt8(ascii: "0")), 1_000_000)
      cursor.advance()
    }
    return value
  }
}

extension Bits256 {
  fileprivate static var wordCharacters: Bits256 {
    CharacterClass.named("alnum") ?? Bits256()
  }
}
