import Policy

/// Parses a glob over a whole field: `*`, `?`, `[abc]`, `[a-z]`, `[!x]` or `[^x]`, and a backslash before a character
/// that stands for itself. `?` and brackets match one byte.
struct GlobParser {
  let flavour: PatternFlavour

  func parse(_ text: [UInt8]) throws(PatternError) -> PatternNode {
    var cursor = PatternCursor(text)
    var parts: [PatternNode] = []
    while let byte = cursor.next() {
      switch byte {
      case UInt8(ascii: "*"): parts.append(star(&cursor))
      case UInt8(ascii: "?"): parts.append(.bytes(anyByte))
      case UInt8(ascii: "["): parts.append(try bracket(&cursor))
      case UInt8(ascii: "\\"):
        let offset = cursor.offset - 1
        guard let escaped = cursor.next() else {
          throw PatternError(offset: offset, "nothing follows the backslash, write \"\\\\\" for a backslash itself")
        }
        parts.append(.byte(escaped))
      case UInt8(ascii: "/") where flavour == .path && restIsTwoStars(cursor):
        cursor.advance(2)
        let below = PatternNode.sequence([.byte(byte), .repeated(.bytes(.all), least: 0, most: nil)])
        parts.append(.repeated(below, least: 0, most: 1))
      default: parts.append(.byte(byte))
      }
    }
    return .sequence(parts)
  }

  private var anyByte: Bits256 {
    var set = Bits256.all
    if flavour == .path { set.remove(UInt8(ascii: "/")) }
    return set
  }

  /// Whether the rest is `**`, which means the directory itself and everything below it.
  private func restIsTwoStars(_ cursor: PatternCursor) -> Bool {
    cursor.end - cursor.offset == 2 && cursor.peek == UInt8(ascii: "*") && cursor.peek(1) == UInt8(ascii: "*")
  }

  /// - Parameter cursor: Stands behind the first star before the call, and behind the last one after it.
  private func star(_ cursor: inout PatternCursor) -> PatternNode {
    var crosses = flavour == .plain
    while cursor.peek == UInt8(ascii: "*") {
      crosses = true
      cursor.advance()
    }
    return .repeated(.bytes(crosses ? .all : anyByte), least: 0, most: nil)
  }

  private func bracket(_ cursor: inout PatternCursor) throws(PatternError) -> PatternNode {
    let offset = cursor.offset - 1
    var set = try BracketParser(escapes: true, exclamationNegates: true).parse(&cursor)
    if flavour == .path { set.remove(UInt8(ascii: "/")) }
    guard !set.isEmpty else {
      throw PatternError(offset: offset, "brackets never match \"/\" in a path, write the slash outside of them")
    }
    return .bytes(set)
  }
}
