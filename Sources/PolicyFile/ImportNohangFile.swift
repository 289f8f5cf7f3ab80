/// The lines of a nohang configuration, as nohang 0.2 and 0.3 read them: `key = value`, and lines that begin with `@`.
/// The names that older versions used are known too (``NohangKeys``).
struct NohangFile {
  struct Setting {
    /// The name of the setting in nohang 0.3.
    var key: String
    /// The name of the setting in the file.
    var written: String
    var value: String
    var offset: Int

    init(key: String, written: String? = nil, value: String, offset: Int) {
      self.key = key
      self.written = written ?? key
      self.value = value
      self.offset = offset
    }

    private var isReversed: Bool { NohangKeys.reversed[written] != nil }

    /// The value in the file.
    private var writtenValue: String { isReversed ? NohangFile.opposite(of: value) : value }

    var shown: String {
      written.hasPrefix("@") ? written : value.isEmpty ? "\(written) =" : "\(written) = \(writtenValue)"
    }
  }

  /// One adjustment, such as `@BADNESS_ADJ_RE_REALPATH -200 /// ^/usr/lib/gdm3/`.
  struct Adjustment {
    /// `NAME`, `REALPATH` and so on.
    var property: String
    var points: Int
    var pattern: String
    var line: Int
    var offset: Int
    var shown: String
    /// The setting that must be on for an older nohang to use the line; nil where there is none.
    var isOnBy: String?
  }

  /// One soft action, such as `@SOFT_ACTION_RE_NAME ^foo$ /// kill -USR1 $PID`.
  struct SoftAction {
    /// `NAME`, `CGROUP_V1` or `CGROUP_V2`.
    var property: String
    var pattern: String
    var command: String
    var line: Int
    var offset: Int
    var shown: String
    /// The setting that must be on for an older nohang to use the line; nil where there is none.
    var isOnBy: String?
  }

  private(set) var settings: [Setting] = []
  private(set) var adjustments: [Adjustment] = []
  private(set) var softActions: [SoftAction] = []
  /// Settings with an older name that the file also sets under the new name. The new name counts.
  private(set) var superseded: [Setting] = []

  /// The index of each key in ``settings``.
  private var places: [String: Int] = [:]

  subscript(key: String) -> Setting? { places[key].map { settings[$0] } }

  init(_ source: ImportSource) throws(ImportFault) {
    var offset = 0
    for (number, bytes) in source.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    {
      try read(bytes, number: number + 1, at: offset, source)
      offset += bytes.count + 1
    }
  }

  private mutating func read(
    _ bytes: ArraySlice<UInt8>, number: Int, at offset: Int, _ source: ImportSource
  ) throws(ImportFault) {
    // nohang's comments begin with these characters, and so does the text between its settings.
    guard let first = bytes.first, !"# \t\r".utf8.contains(first) else { return }
    let line = NohangFile.trimmed(bytes)
    let mark = String(line.prefix { !$0.isWhitespace })
    let older = NohangKeys.adjustments[mark]
    if let property = older?.property ?? NohangFile.property(of: line, "@BADNESS_ADJ_RE_") {
      let (points, pattern) = try NohangFile.halves(of: line, at: offset, source)
      guard let points = Int(points) else {
        throw source.fault(
          at: offset, "\(quoted(points)) is no number of points", "write as in \"@BADNESS_ADJ_RE_NAME -200 /// ^foo$\"")
      }
      adjustments.append(
        Adjustment(
          property: property, points: points, pattern: pattern, line: number, offset: offset, shown: line,
          isOnBy: older?.isOnBy))
    } else if let property = NohangFile.softAction(line, mark) {
      var (pattern, command) = try NohangFile.halves(of: line, at: offset, source)
      if mark == NohangKeys.softActionByName { pattern = "^\(NohangFile.literally(pattern))$" }
      softActions.append(
        SoftAction(
          property: property, pattern: pattern, command: command, line: number, offset: offset, shown: line,
          isOnBy: mark.hasPrefix("@SOFT") ? nil : NohangKeys.softActionsAreOnBy))
    } else if line.hasPrefix("@") {
      append(Setting(key: line, value: "", offset: offset))
    } else {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw source.fault(
          at: offset, "\(quoted(NohangFile.abbreviated(line))) is no setting",
          "write \"key = value\", or \"#\" before a comment")
      }
      try append(NohangFile.trimmed(parts[0].utf8), NohangFile.trimmed(parts[1].utf8), at: offset, source)
    }
  }

  private mutating func append(
    _ written: String, _ value: String, at offset: Int, _ source: ImportSource
  ) throws(ImportFault) {
    let key = NohangKeys.renamed[written] ?? NohangKeys.reversed[written] ?? written
    let isReversed = NohangKeys.reversed[written] != nil
    let setting = Setting(
      key: key, written: written, value: isReversed ? NohangFile.opposite(of: value) : value, offset: offset)
    guard let place = places[key] else { return append(setting) }
    let earlier = settings[place]
    if earlier.written == written {
      throw source.fault(at: offset, "\(quoted(written)) is set twice", "nohang refuses it: leave one of them out")
    }
    superseded.append(written == key ? earlier : setting)
    if written == key { settings[place] = setting }
  }

  fileprivate static func opposite(of value: String) -> String {
    switch value {
    case "True": "False"
    case "False": "True"
    default: value
    }
  }

  private static func softAction(_ line: String, _ mark: String) -> String? {
    if mark == NohangKeys.softActionByName { return "NAME" }
    if let property = property(of: line, NohangKeys.softAction) {
      return property == "PROCESSNAME" ? "NAME" : property
    }
    return property(of: line, "@SOFT_ACTION_RE_")
  }

  /// A regular expression that matches a text literally.
  private static func literally(_ text: String) -> String {
    String(text.flatMap { "\\.[]{}()*+?|^$".contains($0) ? ["\\", $0] : [$0] })
  }

  private mutating func append(_ setting: Setting) {
    places[setting.key] = settings.count
    settings.append(setting)
  }

  /// The part of the first word behind `key`; nil where the line does not begin with `key`.
  private static func property(of line: String, _ key: String) -> String? {
    guard line.hasPrefix(key) else { return nil }
    return String(line.dropFirst(key.count).prefix { !$0.isWhitespace })
  }

  /// The texts before and after `///`, without the key.
  private static func halves(
    of line: String, at offset: Int, _ source: ImportSource
  ) throws(ImportFault) -> (String, String) {
    let rest = Array(line.utf8.drop { !ImportValue.isBlank($0) })
    guard let mark = rest.indices.first(where: { rest[$0...].starts(with: "///".utf8) }) else {
      throw source.fault(
        at: offset, "\(quoted(abbreviated(line))) has no \"///\"", "write it between its two halves, as nohang wants it"
      )
    }
    return (trimmed(rest[..<mark]), trimmed(rest[(mark + 3)...]))
  }

  private static func abbreviated(_ line: String) -> String {
    line.count > 60 ? line.prefix(60) + "…" : line
  }

  private static func trimmed(_ bytes: some BidirectionalCollection<UInt8>) -> String {
    let front = bytes.drop(while: ImportValue.isBlank)
    let end = front.lastIndex { !ImportValue.isBlank($0) }
    return end.map { String(decoding: front[...$0], as: UTF8.self) } ?? ""
  }
}

/// Converts Python's regular expressions (re) to POSIX's, as far as POSIX can express them.
enum PythonPattern {
  /// A part of an expression that POSIX cannot express.
  struct Refusal: Error {
    var why: String
  }

  /// - Returns: A POSIX extended regular expression that matches the same texts.
  static func posix(_ pattern: String) throws(Refusal) -> String {
    var result: [UInt8] = []
    var rest = Array(pattern.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\\"):
        if rest.first == UInt8(ascii: "d") {
          rest.removeFirst()
          result += "[0-9]".utf8
        } else {
          result.append(byte)
          if let next = rest.popFirst() { result.append(next) }
        }
      case UInt8(ascii: "["): try copyBracket(&rest, into: &result)
      case UInt8(ascii: "("):
        result.append(byte)
        if rest.starts(with: "?:".utf8) { rest = rest.dropFirst(2) }
      case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "}"):
        result.append(byte)
        // A lazy repetition matches the same texts; how much of a text it takes does not matter here.
        if rest.first == UInt8(ascii: "?") {
          rest.removeFirst()
        } else if rest.first == UInt8(ascii: "+") {
          throw Refusal(why: "it has a possessive repetition, which POSIX has not")
        }
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func copyBracket(_ rest: inout ArraySlice<UInt8>, into result: inout [UInt8]) throws(Refusal) {
    result.append(UInt8(ascii: "["))
    if rest.first == UInt8(ascii: "^") { result.append(rest.removeFirst()) }
    // A `]` that stands first is an ordinary character.
    if rest.first == UInt8(ascii: "]") { result.append(rest.removeFirst()) }
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "[") {
        throw Refusal(why: "within its brackets a backslash or bracket means something else in POSIX")
      }
      result.append(byte)
      if byte == UInt8(ascii: "]") { return }
    }
  }

  /// The numbers that a pattern such as `^0$` or `^(0|1000)$` matches; nil for any other pattern.
  static func numbers(_ pattern: String) -> [UInt32]? {
    guard pattern.hasPrefix("^"), pattern.hasSuffix("$") else { return nil }
    var inner = pattern.dropFirst().dropLast()
    if inner.hasPrefix("("), inner.hasSuffix(")") {
      inner = inner.dropFirst().dropLast()
    } else if inner.contains("|") {
      return nil
    }
    let numbers = inner.split(separator: "|", omittingEmptySubsequences: false).map { text in
      text.allSatisfy(\.isNumber) ? UInt32(text) : nil
    }
    return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
  }
}
