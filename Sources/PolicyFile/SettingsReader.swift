import Pressure
import ProcModel

/// Collects the diagnostics about one file.
struct DiagnosticLog {
  let file: String
  let source: SourceText
  private var entries: [(offset: Int, diagnostic: Diagnostic)] = []

  init(_ text: PolicyText) {
    file = text.file
    source = SourceText(text.bytes)
  }

  /// The diagnostics, in the order of the file.
  var diagnostics: [Diagnostic] {
    entries.enumerated().sorted { ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset) }
      .map(\.element.diagnostic)
  }

  mutating func error(at offset: Int, _ what: String, _ meant: String) {
    add(.error, at: offset, what, meant)
  }

  mutating func warning(at offset: Int, _ what: String, _ meant: String) {
    add(.warning, at: offset, what, meant)
  }

  /// Adds an error of the TOML parser, which gives lines and columns in place of an offset.
  mutating func error(line: Int, column: Int, _ what: String, _ meant: String) {
    entries.append((0, diagnostic(.error, line, column, at: source.offset(line: line, column: column), what, meant)))
  }

  /// Adds the diagnostics about another file, which this file names at `offset`.
  mutating func include(_ others: [Diagnostic], at offset: Int) {
    entries += others.map { (offset, $0) }
  }

  /// The position of an offset, as a diagnostic without a text.
  func place(of offset: Int) -> Diagnostic {
    let (line, column) = source.position(of: offset)
    return diagnostic(.warning, line, column, at: offset, "", "")
  }

  private mutating func add(_ severity: Diagnostic.Severity, at offset: Int, _ what: String, _ meant: String) {
    let (line, column) = source.position(of: offset)
    // A byte order mark does not count as a character.
    let start = max(offset, source.start(ofLine: 1))
    entries.append((offset, diagnostic(severity, line, column, at: start, what, meant)))
  }

  private func diagnostic(
    _ severity: Diagnostic.Severity, _ line: Int, _ column: Int, at offset: Int, _ what: String, _ meant: String
  ) -> Diagnostic {
    let length = source.extent(at: offset)
    let excerpt = length > 0 ? source.excerpt(at: offset) : (text: "", before: 0)
    return Diagnostic(
      severity: severity, file: file, line: line, column: column, length: length, excerpt: excerpt.text,
      indent: excerpt.before, what: what, meant: meant)
  }
}

/// Reads the values of one table, and reports each unknown key and each value of the wrong type.
struct SettingsReader {
  /// The name of the table in messages: `[trigger]`; empty for the file itself.
  let place: String
  /// The offset of the table, for messages about missing keys.
  let offset: Int
  private let entries: [SettingEntry]

  /// Reports every key that is not `known`.
  init(_ entries: [SettingEntry], at offset: Int, place: String, known: [String], log: inout DiagnosticLog) {
    self.entries = entries
    self.offset = offset
    self.place = place
    for entry in entries where !known.contains(entry.key) {
      let near = nearest(to: entry.key, among: known)
      log.error(
        at: entry.keyOffset, "unknown key \(quoted(entry.key))" + (place.isEmpty ? "" : " in \(place)"),
        near.map { "did you mean \"\($0)\"?" } ?? "known here are \(known.joined(separator: ", "))")
    }
  }

  subscript(key: String) -> SettingEntry? { entries.first { $0.key == key } }

  func string(_ key: String, _ example: String, log: inout DiagnosticLog) -> (text: String, offset: Int)? {
    guard let entry = self[key] else { return nil }
    guard case .string(let text) = entry.node.value else {
      log.error(at: entry.node.offset, "\"\(key)\" is \(entry.node.kind)", "it must be a string such as \(example)")
      return nil
    }
    return (text, entry.node.offset)
  }

  func boolean(_ key: String, log: inout DiagnosticLog) -> Bool? {
    guard let entry = self[key] else { return nil }
    guard case .boolean(let flag) = entry.node.value else {
      log.error(at: entry.node.offset, "\"\(key)\" is \(entry.node.kind)", "it must be true or false")
      return nil
    }
    return flag
  }

  /// Reads a quantity in a string. For a number without a unit the message says how to write it.
  func quantity<T>(
    _ key: String, _ example: String, log: inout DiagnosticLog, parse: (String) throws(QuantityError) -> T
  ) -> T? {
    guard let entry = self[key] else { return nil }
    switch entry.node.value {
    case .string(let text):
      do {
        return try parse(text)
      } catch {
        log.error(at: entry.node.offset, error.what, error.meant)
      }
    case .integer, .float:
      log.error(
        at: entry.node.offset, "\"\(key)\" is a number without a unit", "write it as a string such as \(example)")
    default:
      log.error(at: entry.node.offset, "\"\(key)\" is \(entry.node.kind)", "it must be a string such as \(example)")
    }
    return nil
  }

  func amount(_ key: String, _ example: String = AmountText.example, log: inout DiagnosticLog) -> Amount? {
    quantity(key, example, log: &log, parse: AmountText.parse)
  }

  func share(
    _ key: String, _ example: String, within allowed: ClosedRange<BasisPoints>, log: inout DiagnosticLog
  ) -> BasisPoints? {
    quantity(key, example, log: &log) { text throws(QuantityError) in
      try ShareText.parse(text, example, within: allowed)
    }
  }

  func duration(
    _ key: String, _ example: String, within allowed: ClosedRange<Nanoseconds>, log: inout DiagnosticLog
  ) -> Nanoseconds? {
    quantity(key, example, log: &log) { text throws(QuantityError) in
      try DurationText.parse(text, within: allowed)
    }
  }

  /// Reads a whole number.
  func count(
    _ key: String, _ example: String, within allowed: ClosedRange<UInt32>, log: inout DiagnosticLog
  ) -> UInt32? {
    guard let entry = self[key] else { return nil }
    guard case .integer(let number) = entry.node.value else {
      log.error(
        at: entry.node.offset, "\"\(key)\" is \(entry.node.kind)", "it must be a whole number such as \(example)")
      return nil
    }
    guard let count = UInt32(exactly: number), allowed.contains(count) else {
      log.error(
        at: entry.node.offset, "\"\(key)\" cannot be \(number)",
        "it can be \(allowed.lowerBound) to \(allowed.upperBound)")
      return nil
    }
    return count
  }

  /// Reads one of a few words.
  func choice<T>(_ key: String, _ choices: [(name: String, value: T)], log: inout DiagnosticLog) -> T? {
    let names = choices.map(\.name)
    guard let (text, offset) = string(key, quoted(names.first ?? ""), log: &log) else { return nil }
    if let choice = choices.first(where: { $0.name == text }) { return choice.value }
    log.error(
      at: offset, "\"\(key)\" cannot be \(quoted(text))",
      nearest(to: text, among: names).map { "did you mean \"\($0)\"?" }
        ?? (names.count == 1 ? "it can only be " : "it is one of ") + "\(names.map(quoted).joined(separator: ", "))")
    return nil
  }

  /// The value of a key that is either a word or a table.
  enum WordOrTable {
    case word(String)
    case table([SettingEntry], offset: Int)
  }

  /// Reads one of a few words, or a table.
  func wordOrTable(
    _ key: String, _ words: [String], _ example: String, log: inout DiagnosticLog
  ) -> WordOrTable? {
    guard let entry = self[key] else { return nil }
    let meant = "\(words.map(quoted).joined(separator: ", ")) or a table such as \(example)"
    switch entry.node.value {
    case .table(let entries):
      return .table(entries, offset: entry.node.offset)
    case .string(let text) where words.contains(text):
      return .word(text)
    case .string(let text):
      log.error(
        at: entry.node.offset, "\"\(key)\" cannot be \(quoted(text))",
        nearest(to: text, among: words).map { "did you mean \"\($0)\"?" } ?? "it is \(meant)")
    default:
      log.error(at: entry.node.offset, "\"\(key)\" is \(entry.node.kind)", "it must be \(meant)")
    }
    return nil
  }

  /// The entries of a table within this one.
  func table(_ key: String, _ example: String, log: inout DiagnosticLog) -> (entries: [SettingEntry], offset: Int)? {
    guard let entry = self[key] else { return nil }
    guard case .table(let entries) = entry.node.value else {
      log.error(at: entry.node.offset, "\"\(key)\" is \(entry.node.kind)", "it must be a table such as \(example)")
      return nil
    }
    return (entries, entry.node.offset)
  }
}
