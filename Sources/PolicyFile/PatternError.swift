/// Why a text is no pattern, and where.
package struct PatternError: Error, Equatable, Sendable {
  /// The position in bytes from the beginning of the pattern as TOML gives it, with its slashes.
  package var offset: Int
  /// What is wrong, and what would be right: one phrase, no full stop.
  package var message: String
  /// Whether the pattern is only too large: its parts may be patterns.
  package var isTooLarge: Bool

  package init(offset: Int, _ message: String, isTooLarge: Bool = false) {
    self.offset = offset
    self.message = message
    self.isTooLarge = isTooLarge
  }
}
