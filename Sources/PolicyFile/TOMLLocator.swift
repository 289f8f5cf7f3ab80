/// The position of a value of a TOML document, and those of everything within it.
final class Location {
  /// The offset of the value. For a table without braces it is that of the key or header that made the table.
  var offset: Int
  /// The offset of the key of the value.
  var keyOffset: Int
  var members: [String: Location] = [:]
  var elements: [Location] = []

  init(offset: Int, keyOffset: Int) {
    self.offset = offset
    self.keyOffset = keyOffset
  }
}

/// Walks a TOML document that a parser has already found valid, and finds the position of every value. The parser
/// itself reports only the position of a syntax error.
struct TOMLLocator {
  private let bytes: [UInt8]
  private var offset = 0
  /// The positions of escapes that stand for NUL: the parser's strings stop there.
  private(set) var nulEscapes: [Int] = []
  /// A mistake that the parser does not report: it would abort there (`TOML_ASSERT_ASSUME` of toml++), or its tables
  /// are nested so deep that the stack is too small to free them.
  struct ParserGap {
    var offset: Int
    /// The offset of the header or key that leads there. Everything before it is a whole document.
    var statement: Int
    var what: String
    var meant: String
  }

  /// The first such mistake.
  private(set) var gap: ParserGap?
  private var statement = 0
  /// The depth of the table that the last header opened.
  private var tableDepth = 0

  /// How deep tables and lists may be nested, however they are written: each part of a dotted key or header counts. The
  /// parser has the same limit, but only for values within values.
  private static let maximumDepth = 256

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// - Parameter bytes: A TOML document in UTF-8. The result is right up to the first syntax error.
  static func locate(_ bytes: [UInt8]) -> (root: Location, nulEscapes: [Int], gap: ParserGap?) {
    var locator = TOMLLocator(bytes)
    let root = Location(offset: 0, keyOffset: 0)
    locator.document(into: root)
    return (root, locator.nulEscapes, locator.gap)
  }

  private mutating func noteGap(at offset: Int, _ what: String, _ meant: String) {
    gap = gap ?? ParserGap(offset: offset, statement: statement, what: what, meant: meant)
  }

  /// Stops the walk at something that is nested too deep.
  private mutating func noteExcessDepth(at place: Int) {
    noteGap(
      at: place, "tables and lists are nested more than \(TOMLLocator.maximumDepth) deep",
      "no policy needs that: is it the right file?")
    offset = bytes.count
  }

  private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func document(into root: Location) {
    if bytes.starts(with: SourceText.byteOrderMark) { offset = 3 }
    var table = root
    while true {
      skipBlank()
      guard let byte = peek else { return }
      statement = offset
      if byte == UInt8(ascii: "[") {
        table = header(in: root)
      } else {
        pair(into: table, depth: tableDepth)
      }
    }
  }

  /// - Returns: The table that the header opens.
  private mutating func header(in root: Location) -> Location {
    let start = offset
    offset += 1
    let isElement = peek == UInt8(ascii: "[")
    if isElement { offset += 1 }
    var table = root
    skipSpaces()
    if let byte = peek, byte != UInt8(ascii: "]"), !byte.beginsKey {
      noteGap(at: start, "not TOML: a header names no table", "write as in [trigger] or [[rule]]")
    }
    let path = keyPath()
    tableDepth = path.count
    if path.count > TOMLLocator.maximumDepth {
      noteExcessDepth(at: path[TOMLLocator.maximumDepth].offset)
      return root
    }
    for (index, key) in path.enumerated() {
      let known = table.members[key.name]
      let next = known ?? Location(offset: start, keyOffset: key.offset)
      table.members[key.name] = next
      if isElement, index == path.count - 1 {
        next.elements.append(Location(offset: start, keyOffset: key.offset))
      }
      // A header that names an array of tables means its last element.
      table = next.elements.last ?? next
    }
    while let byte = peek, byte == UInt8(ascii: "]") || byte == .blank || byte == .tabulator { offset += 1 }
    return table
  }

  /// Reads `key = value`, with the tables of a dotted key.
  ///
  /// - Parameter depth: The depth of `table`.
  private mutating func pair(into table: Location, depth: Int) {
    var table = table
    let path = keyPath()
    if depth + path.count > TOMLLocator.maximumDepth {
      return noteExcessDepth(at: path[max(TOMLLocator.maximumDepth - depth, 0)].offset)
    }
    guard let last = path.last else {
      // This is not TOML. The offset advances all the same, so that the walk ends.
      offset += 1
      return
    }
    for key in path.dropLast() {
      let next = table.members[key.name] ?? Location(offset: key.offset, keyOffset: key.offset)
      table.members[key.name] = next
      table = next
    }
    skipSpaces()
    if peek == UInt8(ascii: "=") { offset += 1 }
    skipSpaces()
    let value = value(keyOffset: last.offset, depth: depth + path.count)
    table.members[last.name] = value
  }

  private mutating func keyPath() -> [(name: String, offset: Int)] {
    var path: [(name: String, offset: Int)] = []
    while true {
      skipSpaces()
      let start = offset
      if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") {
        path.append((string(), start))
      } else {
        while let byte = peek, byte.isBareKey { offset += 1 }
        if offset == start { return path }
        path.append((String(decoding: bytes[start..<offset], as: UTF8.self), start))
      }
      skipSpaces()
      guard peek == UInt8(ascii: ".") else { return path }
      offset += 1
    }
  }

  private mutating func value(keyOffset: Int, depth: Int) -> Location {
    let location = Location(offset: offset, keyOffset: keyOffset)
    if depth > TOMLLocator.maximumDepth {
      noteExcessDepth(at: offset)
      return location
    }
    switch peek {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = string()
    case UInt8(ascii: "["):
      offset += 1
      while true {
        skipBlank()
        if peek == UInt8(ascii: ",") {
          offset += 1
          continue
        }
        guard let byte = peek, byte != UInt8(ascii: "]") else { break }
        if byte == UInt8(ascii: "}") {
          noteGap(at: offset, "not TOML: a list has a brace where a value is due", "close a list with \"]\"")
        }
        location.elements.append(value(keyOffset: offset, depth: depth + 1))
      }
      offset += 1
    case UInt8(ascii: "{"):
      offset += 1
      while true {
        skipBlank()
        if peek == UInt8(ascii: ",") {
          offset += 1
          continue
        }
        guard let byte = peek, byte != UInt8(ascii: "}") else { break }
        pair(into: location, depth: depth)
      }
      offset += 1
    default:
      let start = offset
      while let byte = peek, !byte.endsScalar { offset += 1 }
      // This is not TOML; see `pair`.
      if offset == start { offset += 1 }
    }
    return location
  }

  /// Reads a string of any of TOML's four kinds. The text of one on several lines is not needed, and not exact.
  private mutating func string() -> String {
    let quote = bytes[offset]
    let isLong =
      offset + 2 < bytes.count && bytes[offset + 1] == quote && bytes[offset + 2] == quote
    offset += isLong ? 3 : 1
    let escapes = quote == UInt8(ascii: "\"")
    var text: [UInt8] = []
    while let byte = peek {
      if byte == quote {
        let run = bytes[offset...].prefix { $0 == quote }.count
        if !isLong {
          offset += 1
          break
        }
        // Of up to five quotation marks, the last three close the string.
        if run >= 3 {
          offset += min(run, 5)
          break
        }
        offset += run
        text += [UInt8](repeating: quote, count: run)
      } else if byte == UInt8(ascii: "\\"), escapes {
        text += escape()
      } else {
        text.append(byte)
        offset += 1
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func escape() -> [UInt8] {
    let start = offset
    offset += 1
    guard let byte = peek else { return [] }
    offset += 1
    var digits = 0
    switch byte {
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "e"): return [0x1B]
    case UInt8(ascii: "x"): digits = 2
    case UInt8(ascii: "u"): digits = 4
    case UInt8(ascii: "U"): digits = 8
    default: return [byte]
    }
    let text = String(decoding: bytes[offset..<min(offset + digits, bytes.count)], as: UTF8.self)
    offset = min(offset + digits, bytes.count)
    let value = UInt32(text, radix: 16) ?? 0xFFFD
    if value == 0 { nulEscapes.append(start) }
    return Array(String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8)
  }

  private mutating func skipSpaces() {
    while let byte = peek, byte == .blank || byte == .tabulator { offset += 1 }
  }

  /// Skips spaces, line ends and comments.
  private mutating func skipBlank() {
    while let byte = peek {
      if byte == UInt8(ascii: "#") {
        while let byte = peek, byte != UInt8(ascii: "\n") { offset += 1 }
      } else if byte == .blank || byte == .tabulator || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        offset += 1
      } else {
        return
      }
    }
  }
}

extension UInt8 {
  fileprivate static let blank = UInt8(ascii: " ")
  fileprivate static let tabulator = UInt8(ascii: "\t")

  /// Whether the byte can stand in a key without quotation marks. TOML 1.0 has ASCII letters, digits, `-` and `_`;
  /// later versions add bytes beyond ASCII.
  fileprivate var isBareKey: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), 0x80...0xFF:
      true
    default: false
    }
  }

  /// Whether the parser, which reads TOML 1.0, accepts the byte at the beginning of a key.
  fileprivate var beginsKey: Bool {
    self < 0x80 && isBareKey || self == UInt8(ascii: "\"") || self == UInt8(ascii: "'")
  }

  fileprivate var endsScalar: Bool {
    switch self {
    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "#"), UInt8(ascii: "\n"),
      UInt8(ascii: "\r"):
      true
    default: false
    }
  }
}
