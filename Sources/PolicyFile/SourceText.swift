/// A policy's text, with conversions between offsets and positions.
struct SourceText {
  let bytes: [UInt8]
  /// The offset of each line's first byte.
  private let lines: [Int]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var lines = [0]
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      lines.append(offset + 1)
    }
    self.lines = lines
  }

  /// The line and column of a byte, both from 1. Columns count characters (Unicode scalars), as the TOML parser's do; a
  /// byte that is not part of a character counts as one.
  func position(of offset: Int) -> (line: Int, column: Int) {
    let line = max((lines.firstIndex { $0 > offset } ?? lines.count) - 1, 0)
    let start = start(ofLine: line + 1)
    let before = bytes[min(start, offset)..<min(offset, bytes.count)]
    return (line + 1, before.count { $0 & 0xC0 != 0x80 } + 1)
  }

  /// The offset of a line's first character; lines count from 1.
  func start(ofLine line: Int) -> Int {
    let start = lines[max(min(line, lines.count), 1) - 1]
    // A byte order mark does not count as a character of the first line.
    return start == 0 && bytes.starts(with: SourceText.byteOrderMark) ? 3 : start
  }

  static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The offset of the first byte that is not well-formed UTF-8, or nil.
  var firstInvalidByte: Int? {
    var decoder = UTF8()
    var input = bytes.makeIterator()
    var offset = 0
    while true {
      switch decoder.decode(&input) {
      case .scalarValue(let scalar): offset += UTF8.width(scalar)
      case .emptyInput: return nil
      case .error: return offset
      }
    }
  }
}
