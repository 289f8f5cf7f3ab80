/// A word of a command line, and its offset in the file.
struct ImportWord: Equatable {
  var text: String
  var offset: Int
  /// Whether a backslash was removed that was probably meant to stay: one before a character that needs no escape.
  var lostBackslash = false
}

/// A value with the offset in the file of each of its bytes.
struct ImportValue {
  var bytes: [UInt8] = []
  var offsets: [Int] = []

  mutating func append(_ byte: UInt8, at offset: Int) {
    bytes.append(byte)
    offsets.append(offset)
  }

  mutating func dropTrailingBlanks() {
    while let last = bytes.last, ImportValue.isBlank(last) {
      bytes.removeLast()
      offsets.removeLast()
    }
  }

  static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
  }

  /// The program whose rules for backslashes and quotation marks apply.
  enum Quoting {
    /// systemd.service(5), for a variable that stands alone: a backslash takes the special meaning from the character
    /// after it, also between quotation marks.
    case systemd
    /// A POSIX shell: between single quotes a backslash is an ordinary character, between double quotes it escapes `"`
    /// and `\`.
    case shell
  }

  /// - Returns: Nil where a quotation mark is not closed.
  func words(_ quoting: Quoting) -> [ImportWord]? {
    var words: [ImportWord] = []
    var word: [UInt8] = []
    var start: Int?
    var quote: UInt8?
    var lostBackslash = false
    var index = 0
    func finish() {
      guard let offset = start else { return }
      words.append(
        ImportWord(text: String(decoding: word, as: UTF8.self), offset: offset, lostBackslash: lostBackslash))
      word = []
      start = nil
      lostBackslash = false
    }
    while index < bytes.count {
      let byte = bytes[index]
      if quote == nil, ImportValue.isBlank(byte) {
        finish()
        index += 1
        continue
      }
      start = start ?? offsets[index]
      let next = index + 1 < bytes.count ? bytes[index + 1] : nil
      if byte == UInt8(ascii: "\\"), let next, escapes(next, within: quote, quoting) {
        word.append(next)
        if !ImportValue.isBlank(next), !"\\'\"".utf8.contains(next) { lostBackslash = true }
        index += 2
        continue
      }
      if byte == quote {
        quote = nil
      } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      } else {
        word.append(byte)
      }
      index += 1
    }
    finish()
    return quote == nil ? words : nil
  }

  private func escapes(_ next: UInt8, within quote: UInt8?, _ quoting: Quoting) -> Bool {
    switch (quoting, quote) {
    case (.systemd, _), (.shell, nil): true
    case (.shell, UInt8(ascii: "'")): false
    case (.shell, .some): next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\")
    }
  }
}

/// The assignments of an `EnvironmentFile=`, as systemd.exec(5) reads them. A shell reads nearly the same.
struct EnvironmentFile {
  struct Assignment {
    var name: String
    var nameOffset: Int
    var value: ImportValue
  }

  private(set) var assignments: [Assignment] = []

  init(_ source: ImportSource) throws(ImportFault) {
    let bytes = source.bytes
    var index = bytes.starts(with: SourceText.byteOrderMark) ? SourceText.byteOrderMark.count : 0
    while index < bytes.count {
      if ImportValue.isBlank(bytes[index]) {
        index += 1
      } else if bytes[index] == UInt8(ascii: "#") || bytes[index] == UInt8(ascii: ";") {
        EnvironmentFile.skipLine(bytes, &index)
      } else {
        try readAssignment(source, &index)
      }
    }
  }

  /// The last assignment of a name, which is the one that counts.
  subscript(name: String) -> Assignment? { assignments.last { $0.name == name } }

  private static func skipLine(_ bytes: [UInt8], _ index: inout Int) {
    while index < bytes.count, bytes[index] != UInt8(ascii: "\n") {
      index += 1
    }
  }

  private mutating func readAssignment(_ source: ImportSource, _ index: inout Int) throws(ImportFault) {
    let bytes = source.bytes
    let start = index
    while index < bytes.count, bytes[index] != UInt8(ascii: "="), bytes[index] != UInt8(ascii: "\n") {
      index += 1
    }
    // systemd ignores a line without "=".
    guard index < bytes.count, bytes[index] == UInt8(ascii: "=") else { return }
    let name = bytes[start..<index].reversed().drop(while: ImportValue.isBlank).reversed()
    index += 1
    let value = try EnvironmentFile.readValue(source, &index)
    assignments.append(
      Assignment(name: String(decoding: Array(name), as: UTF8.self), nameOffset: start, value: value))
  }

  private static func readValue(_ source: ImportSource, _ index: inout Int) throws(ImportFault) -> ImportValue {
    let bytes = source.bytes
    var value = ImportValue()
    while index < bytes.count, bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "\t") {
      index += 1
    }
    var isQuoted = false
    while index < bytes.count, bytes[index] != UInt8(ascii: "\n") {
      let byte = bytes[index]
      if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\""), value.bytes.isEmpty || isQuoted {
        isQuoted = true
        try readQuoted(byte, source, &index, into: &value)
        continue
      }
      if byte == UInt8(ascii: "\\"), index + 1 < bytes.count {
        index += 1
        // A backslash at the end of a line continues the line.
        if bytes[index] != UInt8(ascii: "\n") { value.append(bytes[index], at: index) }
      } else {
        value.append(byte, at: index)
      }
      index += 1
    }
    if !isQuoted { value.dropTrailingBlanks() }
    return value
  }

  /// A `]` that stands first does not close the bracket here. If it was meant to, what follows is left unchanged.
  private static func readQuoted(
    _ quote: UInt8, _ source: ImportSource, _ index: inout Int, into value: inout ImportValue
  ) throws(ImportFault) {
    let bytes = source.bytes
    let start = index
    index += 1
    while index < bytes.count, bytes[index] != quote {
      if bytes[index] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\""), index + 1 < bytes.count {
        let next = bytes[index + 1]
        if next == UInt8(ascii: "\n") {
          index += 2
          continue
        }
        if "\"\\`$".utf8.contains(next) { index += 1 }
      }
      value.append(bytes[index], at: index)
      index += 1
    }
    guard index < bytes.count else {
      throw source.fault(at: start, "the quotation mark is not closed", "close it where the value ends")
    }
    index += 1
  }
}
