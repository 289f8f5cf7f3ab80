/// Checks that a file is the configuration of a given agent, before anything in it is parsed.
enum ImportRecognition {
  private static let question = "is it the right file?"

  /// - Throws: ``ImportFault`` if the file cannot be the configuration of `killer`.
  static func check(_ source: ImportSource, of killer: Killer) throws(ImportFault) {
    let signs = Signs(source.bytes)
    guard !signs.of(killer) else { return }
    let other = Killer.allCases.first { $0 != killer && signs.of($0) }
    if let other {
      throw source.fault(
        at: 0, "this is the configuration of \(other.rawValue), and not of \(killer.rawValue)",
        "\(question) `spillway import \(other.rawValue)` reads it")
    }
    let what =
      signs.isEmpty
      ? "there is nothing in it"
      : signs.isUnit ? "this is a systemd unit" : "nothing in it is a setting of \(killer.rawValue)"
    let place =
      switch killer {
      case .earlyoom: "\(killer.path) sets \(EarlyoomOptions.variable)"
      case .nohang: "\(killer.path) sets soft_threshold_min_mem and the like"
      }
    throw source.fault(at: 0, what, "\(question) \(place)")
  }

  /// The signs by which a file is recognised.
  private struct Signs {
    private(set) var isEmpty = true
    private(set) var isUnit = false
    private var isEarlyoom = false
    private var isNohang = false

    init(_ bytes: [UInt8]) {
      for line in bytes.split(separator: UInt8(ascii: "\n")) {
        let text = line.drop(while: ImportValue.isBlank)
        guard let first = text.first else { continue }
        isEmpty = false
        if first == UInt8(ascii: "[") { isUnit = isUnit || Signs.isSection(text) }
        if Signs.setsArguments(text) { isEarlyoom = true }
        // nohang's comments are indented, so an indented line is no setting.
        if !ImportValue.isBlank(line.first ?? 0), Signs.isSetting(text) { isNohang = true }
      }
    }

    func of(_ killer: Killer) -> Bool {
      switch killer {
      case .earlyoom: isEarlyoom
      case .nohang: isNohang
      }
    }

    private static func isSection(_ line: ArraySlice<UInt8>) -> Bool {
      ["[Unit]", "[Service]", "[Install]"].contains { line.starts(with: $0.utf8) }
    }

    /// Whether a line holds `EARLYOOM_ARGS=`, also in a comment: a file in which it is commented out leaves earlyoom
    /// its defaults.
    private static func setsArguments(_ line: ArraySlice<UInt8>) -> Bool {
      var rest = line.drop { $0 == UInt8(ascii: "#") || $0 == UInt8(ascii: ";") || ImportValue.isBlank($0) }
      guard rest.starts(with: EarlyoomOptions.variable.utf8) else { return false }
      rest = rest.dropFirst(EarlyoomOptions.variable.utf8.count).drop(while: ImportValue.isBlank)
      return rest.first == UInt8(ascii: "=")
    }

    private static func isSetting(_ line: ArraySlice<UInt8>) -> Bool {
      if line.first == UInt8(ascii: "@") || line.first == UInt8(ascii: "$") {
        let key = line.prefix { !ImportValue.isBlank($0) }
        return NohangKeys.isKnownMark(String(decoding: key, as: UTF8.self))
      }
      guard let end = line.firstIndex(of: UInt8(ascii: "=")) else { return false }
      let key = line[..<end].reversed().drop(while: ImportValue.isBlank).reversed()
      return NohangKeys.isKnown(String(decoding: Array(key), as: UTF8.self))
    }
  }
}
