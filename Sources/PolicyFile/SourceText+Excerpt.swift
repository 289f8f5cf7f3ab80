/// Excerpts of a text, for diagnostics.
extension SourceText {
  /// The most characters of a line that are shown, and the most of them before the text that the diagnostic is about.
  private static let width = 116
  private static let margin = 76

  /// The line around a byte, in a form that a terminal can show: each character of the file gives one character, and
  /// none is a control character.
  ///
  /// - Returns: The text, and how many of its characters stand before the byte.
  func excerpt(at offset: Int) -> (text: String, before: Int) {
    var start = offset
    var before = 0
    let first = self.start(ofLine: position(of: offset).line)
    while start > first, before < SourceText.margin {
      start -= 1
      if bytes[start] & 0xC0 != 0x80 { before += 1 }
    }
    let rest = bytes[start...]
    let line = rest.prefix(4 * SourceText.width).prefix { $0 != UInt8(ascii: "\n") }
    var shown = String.UnicodeScalarView()
    for scalar in String(decoding: line, as: UTF8.self).unicodeScalars.prefix(SourceText.width) where scalar != "\r" {
      switch scalar.properties.generalCategory {
      // A tab has no fixed width, so the underline would miss.
      case .control: shown.append(scalar == "\t" ? " " : "\u{FFFD}")
      // Direction marks and the like would break the line.
      case .format, .lineSeparator, .paragraphSeparator: shown.append("\u{FFFD}")
      default: shown.append(scalar)
      }
    }
    return (String(shown), before)
  }

  /// The number of characters of the element that begins at a byte: a string, a list or table, a header, or a word. It
  /// counts to the end of the line at most, and is at least one if there is any character.
  func extent(at offset: Int) -> Int {
    guard offset < bytes.count else { return 0 }
    let line = bytes[offset...].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard let first = line.first else { return 0 }
    let end: Int
    switch first {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): end = SourceText.endOfString(line, from: line.startIndex)
    case UInt8(ascii: "["), UInt8(ascii: "{"): end = SourceText.endOfBrackets(line)
    default:
      end = line.dropFirst().firstIndex { SourceText.endsWord($0) } ?? line.endIndex
    }
    return max(line[line.startIndex..<end].count { $0 & 0xC0 != 0x80 }, 1)
  }

  /// The offset of a line and column, both from 1; that of the line's end if the line has no such column.
  func offset(line: Int, column: Int) -> Int {
    var offset = start(ofLine: line)
    var left = column - 1
    while left > 0, offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") {
      offset += 1
      while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
      left -= 1
    }
    return offset
  }

  private static func endOfString(_ line: ArraySlice<UInt8>, from start: Int) -> Int {
    let quote = line[start]
    var index = start + 1
    if line[start...].prefix(3).count(where: { $0 == quote }) == 3 {
      // The string spans several lines, or is a long string on one line: it is underlined to the end of the line.
      return line.endIndex
    }
    while index < line.endIndex {
      if line[index] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        index += 1
      } else if line[index] == quote {
        return index + 1
      }
      index += 1
    }
    return line.endIndex
  }

  private static func endOfBrackets(_ line: ArraySlice<UInt8>) -> Int {
    var depth = 0
    var index = line.startIndex
    while index < line.endIndex {
      switch line[index] {
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        if depth == 0 { return index + 1 }
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        index = endOfString(line, from: index)
        continue
      case UInt8(ascii: "#"):
        return line[..<index].lastIndex { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }.map { $0 + 1 } ?? index
      default: break
      }
      index += 1
    }
    return line.endIndex
  }

  private static func endsWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "="), UInt8(ascii: ","), UInt8(ascii: "]"),
      UInt8(ascii: "}"), UInt8(ascii: "#"):
      true
    default: false
    }
  }
}
