import Policy

/// Parses a bracket expression, `[…]`, in the form that globs (glob(7)) and regular expressions (regex(7)) share. It
/// has ranges by byte value and classes of the C locale; a `]` that stands first is an ordinary character.
struct BracketParser {
  /// Whether a backslash takes the special meaning from the next byte, as in a glob. In a regular expression it is an
  /// ordinary character.
  let escapes: Bool
  /// Whether `!` negates the set, as `^` does.
  let exclamationNegates: Bool

  /// - Parameter cursor: Stands behind the `[` before the call, and behind the `]` after it.
  func parse(_ cursor: inout PatternCursor) throws(PatternError) -> Bits256 {
    let start = cursor.offset - 1
    var set = Bits256()
    var negated = false
    if cursor.peek == UInt8(ascii: "^") || (exclamationNegates && cursor.peek == UInt8(ascii: "!")) {
      negated = true
      cursor.advance()
    }
    var isFirst = true
    while true {
      guard let byte = cursor.peek else {
        throw PatternError(offset: start, "\"[\" has no \"]\", write \"\\[\" for a bracket itself")
      }
      if byte == UInt8(ascii: "]"), !isFirst {
        cursor.advance()
        break
      }
      isFirst = false
      if byte == UInt8(ascii: "["), cursor.peek(1) == UInt8(ascii: ":") {
        set.formUnion(try characterClass(&cursor))
        continue
      }
      let lowOffset = cursor.offset
      let low = try element(&cursor, start: start)
      guard cursor.peek == UInt8(ascii: "-"), let after = cursor.peek(1), after != UInt8(ascii: "]") else {
        set.insert(low)
        continue
      }
      cursor.advance()
      let high = try element(&cursor, start: start)
      guard low <= high else {
        throw PatternError(offset: lowOffset, "a range runs backwards, put its lower end first")
      }
      set.formUnion(Bits256(low...high))
    }
    return negated ? set.inverted : set
  }

  /// Parses one end of a range: a byte, `[.x.]` or `[=x=]`.
  private func element(_ cursor: inout PatternCursor, start: Int) throws(PatternError) -> UInt8 {
    let offset = cursor.offset
    guard var byte = cursor.next() else {
      throw PatternError(offset: start, "\"[\" has no \"]\", write \"\\[\" for a bracket itself")
    }
    if byte == UInt8(ascii: "["), let mark = cursor.peek, mark == UInt8(ascii: ".") || mark == UInt8(ascii: "=") {
      cursor.advance()
      guard let named = cursor.next(), cursor.next() == mark, cursor.next() == UInt8(ascii: "]") else {
        throw PatternError(offset: offset, "only one ASCII character can stand here, as in \"[.-.]\"")
      }
      byte = named
    } else if byte == UInt8(ascii: "\\"), escapes {
      guard let escaped = cursor.next() else {
        throw PatternError(offset: offset, "nothing follows the backslash, write \"\\\\\" for a backslash itself")
      }
      byte = escaped
    }
    guard byte < 0x80 else {
      throw PatternError(
        offset: offset,
        "brackets hold single bytes and this character is more than one, write one pattern for each")
    }
    return byte
  }

  private func characterClass(_ cursor: inout PatternCursor) throws(PatternError) -> Bits256 {
    let offset = cursor.offset
    cursor.advance(2)
    var name = ""
    while let byte = cursor.next() {
      if byte == UInt8(ascii: ":"), cursor.peek == UInt8(ascii: "]") {
        cursor.advance()
        guard let set = CharacterClass.named(name) else {
          throw PatternError(
            offset: offset,
            "no class is called \(quoted(name)), known are \(CharacterClass.names.joined(separator: ", "))")
        }
        return set
      }
      name.unicodeScalars.append(Unicode.Scalar(byte))
    }
    throw PatternError(offset: offset, "\"[:\" has no \":]\", as in \"[[:digit:]]\"")
  }
}

/// The character classes of the C locale (isalpha(3)).
enum CharacterClass {
  static let names = [
    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit",
  ]

  static func named(_ name: String) -> Bits256? {
    var set = Bits256()
    for byte in UInt8(0)...127 where contains(byte, name) { set.insert(byte) }
    return names.contains(name) ? set : nil
  }

  private static func contains(_ byte: UInt8, _ name: String) -> Bool {
    let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
    let isLower = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
    let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    let isGraph = byte > 0x20 && byte < 0x7F
    return switch name {
    case "alnum": isUpper || isLower || isDigit
    case "alpha": isUpper || isLower
    case "blank": byte == 0x20 || byte == 0x09
    case "cntrl": byte < 0x20 || byte == 0x7F
    case "digit": isDigit
    case "graph": isGraph
    case "lower": isLower
    case "print": isGraph || byte == 0x20
    case "punct": isGraph && !(isUpper || isLower || isDigit)
    case "space": byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
    case "upper": isUpper
    case "xdigit": isDigit || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"))
    default: false
    }
  }
}
