import TOMLKit

/// A value of a policy file, and its position.
struct SettingNode {
  enum Value {
    case string(String)
    case integer(Int)
    case float(Double)
    case boolean(Bool)
    case array([SettingNode])
    case table([SettingEntry])
    /// A date or a time. No setting has such a value.
    case moment
  }

  var value: Value
  var offset: Int

  /// The kind of the value, for messages.
  var kind: String {
    switch value {
    case .string: "a string"
    case .integer: "an integer"
    case .float: "a floating-point number"
    case .boolean: "a boolean"
    case .array: "a list"
    case .table: "a table"
    case .moment: "a date or time"
    }
  }
}

/// A key of a table and its value.
struct SettingEntry {
  var key: String
  var keyOffset: Int
  var node: SettingNode
}

/// Why a text is no TOML document that could be a policy.
struct TOMLFault: Error {
  var line: Int
  var column: Int
  var what: String
  var meant: String

  init(line: Int, column: Int, _ what: String, _ meant: String = "") {
    self.line = line
    self.column = column
    self.what = what
    self.meant = meant
  }

  init(at offset: Int, in source: SourceText, _ what: String, _ meant: String) {
    let position = source.position(of: offset)
    self.init(line: position.line, column: position.column, what, meant)
  }
}

/// Parses TOML with the library, and adds the positions that ``TOMLLocator`` finds.
enum TOMLDocument {
  /// The longest document, in bytes. A policy written by hand is far shorter.
  static let maximumSize = 1 << 20

  /// - Returns: The document's entries, in the order in which they stand.
  static func parse(_ source: SourceText) throws(TOMLFault) -> [SettingEntry] {
    guard source.bytes.count <= maximumSize else {
      throw TOMLFault(
        line: 1, column: 1, "the file has more than \(maximumSize) bytes", "write fewer or shorter rules")
    }
    if let offset = source.bytes.firstIndex(of: 0) {
      throw TOMLFault(at: offset, in: source, "a NUL byte", "a policy is a text file in UTF-8")
    }
    if let offset = source.firstInvalidByte {
      throw TOMLFault(at: offset, in: source, "these bytes are not UTF-8", "save the file as UTF-8")
    }
    let (root, nulEscapes, gap) = TOMLLocator.locate(source.bytes)
    if let gap {
      // A mistake before this position is reported first.
      _ = try read(source.bytes[..<gap.statement])
      throw TOMLFault(at: gap.offset, in: source, gap.what, gap.meant)
    }
    let table = try read(source.bytes[...])
    if let offset = nulEscapes.first {
      throw TOMLFault(at: offset, in: source, "a NUL character", "no name and no path can hold one")
    }
    return entries(of: table, at: root)
  }

  private static func read(_ bytes: ArraySlice<UInt8>) throws(TOMLFault) -> TOMLTable {
    do {
      return try TOMLTable(string: String(decoding: bytes, as: UTF8.self))
    } catch let error as TOMLParseError {
      throw fault(error)
    } catch {
      throw TOMLFault(line: 1, column: 1, "the file cannot be read as TOML", "see https://toml.io")
    }
  }

  private static func fault(_ error: TOMLParseError) -> TOMLFault {
    let begin = error.source.begin
    let isEscape = error.description.contains("escape sequence")
    return TOMLFault(
      line: begin.line, column: begin.column, "not TOML: " + escaped(error.description),
      isEscape ? "write patterns in 'single quotes', where a backslash is an ordinary character" : "")
  }

  private static func entries(of table: TOMLTable, at location: Location) -> [SettingEntry] {
    var entries: [SettingEntry] = []
    for key in table.keys {
      guard let value = table[key] else { continue }
      let place = location.members[key]
      entries.append(
        SettingEntry(
          key: key, keyOffset: place?.keyOffset ?? location.offset,
          node: node(value, at: place ?? location)))
    }
    // The library sorts entries by name.
    return entries.sorted { $0.keyOffset < $1.keyOffset }
  }

  private static func node(_ value: any TOMLValueConvertible, at location: Location) -> SettingNode {
    let result: SettingNode.Value
    if let text = value.string {
      result = .string(text)
    } else if let number = value.int {
      result = .integer(number)
    } else if let number = value.double {
      result = .float(number)
    } else if let flag = value.bool {
      result = .boolean(flag)
    } else if let array = value.array {
      result = .array(
        array.enumerated().map { index, element in
          node(element, at: index < location.elements.count ? location.elements[index] : location)
        })
    } else if let table = value.table {
      result = .table(entries(of: table, at: location))
    } else {
      result = .moment
    }
    return SettingNode(value: result, offset: location.offset)
  }
}
