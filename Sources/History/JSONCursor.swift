import ProcModel

/// Reads forward through one JSON value (RFC 8259) without making a tree of it: what is not asked for is skipped. It
/// never reads past the end, nests to a bounded depth, and takes nothing for granted, since a line may be torn.
struct JSONCursor: ~Escapable {
  private let bytes: Span<UInt8>
  private(set) var position: Int

  private static let deepest = 64

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
    position = 0
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while position < bytes.count {
      switch bytes[position] {
      case .space, .tab, .newline, UInt8(ascii: "\r"): position += 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard next == byte else { return false }
    position += 1
    return true
  }

  /// Whether only blanks follow.
  mutating func isAtEnd() -> Bool {
    skipBlanks()
    return position >= bytes.count
  }

  // MARK: Objects and lists

  mutating func beginObject() -> Bool { take(UInt8(ascii: "{")) }
  mutating func beginList() -> Bool { take(UInt8(ascii: "[")) }

  /// The range in the bytes of the next member's name, with its escapes; the cursor stands before its value then. Nil
  /// at the object's end, which is consumed, and where the text is broken: ``isBroken`` tells.
  mutating func nextName() -> Range<Int>? {
    _ = take(UInt8(ascii: ","))
    if take(UInt8(ascii: "}")) { return nil }
    guard let name = string(), take(UInt8(ascii: ":")) else {
      isBroken = true
      return nil
    }
    return name
  }

  /// Whether a list has another element, before which the cursor stands then.
  mutating func nextElement() -> Bool {
    _ = take(UInt8(ascii: ","))
    if take(UInt8(ascii: "]")) { return false }
    skipBlanks()
    if position >= bytes.count { isBroken = true }
    return !isBroken
  }

  /// Whether something was met that is no JSON, or the end of a line that was torn.
  private(set) var isBroken = false

  /// Whether the bytes of a range are those of `name`, which has to be a literal: its UTF-8 view is walked in place.
  func matches(_ range: Range<Int>, _ name: String) -> Bool {
    let wanted = name.utf8Span.span
    guard range.count == wanted.count else { return false }
    for index in wanted.indices where bytes[range.lowerBound + index] != wanted[index] { return false }
    return true
  }

  /// Whether the bytes of a range are those of two literals, one after the other.
  func matches(_ range: Range<Int>, _ start: String, _ end: String) -> Bool {
    let length = start.utf8Span.count
    return begins(range, start) && matches(range.lowerBound + length..<range.upperBound, end)
  }

  /// Whether the bytes of a range begin with those of a literal.
  func begins(_ range: Range<Int>, _ start: String) -> Bool {
    let length = start.utf8Span.count
    return range.count >= length && matches(range.lowerBound..<range.lowerBound + length, start)
  }

  // MARK: Values

  /// Consumes a value of any kind.
  mutating func skip() {
    var depth = 0
    repeat {
      skipBlanks()
      guard let byte = next, !isBroken else {
        isBroken = true
        return
      }
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
        if depth > JSONCursor.deepest { isBroken = true }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        position += 1
      case UInt8(ascii: "\""):
        if string() == nil { isBroken = true }
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        // At the outermost these end the value before this one.
        guard depth > 0 else {
          isBroken = true
          return
        }
        position += 1
      default:
        skipWord()
      }
    } while depth > 0
  }

  /// A number, `true`, `false` or `null`.
  private mutating func skipWord() {
    let start = position
    while let byte = next {
      switch byte {
      case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), .space, .newline, .tab, UInt8(ascii: "\r"):
        if position == start { isBroken = true }
        return
      default: position += 1
      }
    }
  }

  /// Consumes a string, and returns the range of its bytes without the quotes, with its escapes; nil, and nothing
  /// consumed, of another value. A string that is not closed is broken.
  private mutating func string() -> Range<Int>? {
    skipBlanks()
    guard next == UInt8(ascii: "\"") else { return nil }
    var index = position + 1
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        let range = position + 1..<index
        position = index + 1
        return range
      }
      index += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    isBroken = true
    position = bytes.count
    return nil
  }

  /// Consumes a string and gives its bytes, without escapes, or the bytes that a list of numbers says, as journalctl(1)
  /// writes text that is not UTF-8. Nil of `null` and of any other value, which is skipped.
  mutating func text() -> [UInt8]? {
    skipBlanks()
    if next == UInt8(ascii: "[") { return byteList() }
    guard let range = string() else {
      skip()
      return nil
    }
    return JSONCursor.unescaped(bytes.extracting(range))
  }

  private mutating func byteList() -> [UInt8]? {
    guard beginList() else { return nil }
    var list: [UInt8]? = []
    while nextElement() {
      if let number = number(), number < 256 { list?.append(UInt8(number)) } else { list = nil }
      if isBroken { return nil }
    }
    return list
  }

  /// Consumes a number without its fraction, or a string that is one, as journalctl(1) has all its fields. Nil of any
  /// other value, and of a negative number, which is skipped. It saturates.
  mutating func number() -> UInt64? {
    skipBlanks()
    let isText = next == UInt8(ascii: "\"")
    let start = position
    if isText { position += 1 }
    var value: UInt64?
    while let digit = next?.decimalDigit {
      let (tens, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
      value = overflow || carry ? .max : sum
      position += 1
    }
    if isText || value == nil {
      position = start
      skip()
    } else {
      // The fraction.
      while let byte = next,
        byte.decimalDigit != nil || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
          || byte == .minus || byte == UInt8(ascii: "+")
      {
        position += 1
      }
    }
    return value
  }

  /// Consumes `true` or `false`; nil of any other value, which is skipped.
  mutating func flag() -> Bool? {
    skipBlanks()
    let first = next
    skip()
    return first == UInt8(ascii: "t") ? true : first == UInt8(ascii: "f") ? false : nil
  }

  // MARK: Escapes

  private static func unescaped(_ text: Span<UInt8>) -> [UInt8] {
    var plain: [UInt8] = []
    plain.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      guard text[index] == UInt8(ascii: "\\"), index + 1 < text.count else {
        plain.append(text[index])
        index += 1
        continue
      }
      index += 2
      switch text[index - 1] {
      case UInt8(ascii: "n"): plain.append(.newline)
      case UInt8(ascii: "t"): plain.append(.tab)
      case UInt8(ascii: "r"): plain.append(UInt8(ascii: "\r"))
      case UInt8(ascii: "b"): plain.append(8)
      case UInt8(ascii: "f"): plain.append(12)
      case UInt8(ascii: "u"): plain.append(contentsOf: scalar(text, &index))
      case let byte: plain.append(byte)
      }
    }
    return plain
  }

  /// The character of four hexadecimal digits, or of two such escapes; U+FFFD of half a pair, and where digits lack.
  private static func scalar(_ text: Span<UInt8>, _ index: inout Int) -> [UInt8] {
    guard var value = unit(text, at: index) else { return Array("\u{fffd}".utf8) }
    index += 4
    if (0xd800...0xdbff).contains(value), index + 6 <= text.count, text[index] == UInt8(ascii: "\\"),
      text[index + 1] == UInt8(ascii: "u"), let low = unit(text, at: index + 2), (0xdc00...0xdfff).contains(low)
    {
      value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
      index += 6
    }
    return Array(String(Character(Unicode.Scalar(value) ?? "\u{fffd}")).utf8)
  }

  private static func unit(_ text: Span<UInt8>, at start: Int) -> UInt32? {
    guard start + 4 <= text.count else { return nil }
    var value: UInt32 = 0
    for index in start..<start + 4 {
      guard let digit = text[index].hexadecimalDigit else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}
