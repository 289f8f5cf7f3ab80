/// Why a pattern is none, and where.
package struct PatternError: Error, Equatable, Sendable {
  /// In bytes from the beginning of the pattern as TOML gives it, its slashes included.
  package var offset: Int
  /// What is wrong, and what would be right: one phrase, no full stop.
  package var message: String
  /// Whether it is one but for its size: its parts may be patterns.
  package var isTooLarge: Bool

  package init(offset: Int, _ message: String, isTooLarge: Bool = false) {
    self.offset = offset
    self.message = message
    self.isTooLarge = isTooLarge
  }
}
