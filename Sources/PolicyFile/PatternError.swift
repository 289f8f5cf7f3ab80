/// Why a pattern is none, and where.
package struct PatternError: Error, Equatable, Sendable {
  /// In bytes from the beginning of the pattern as TOML gives it, its slashes included.
  package var offset: Int
  /// What is wrong, and what would be right: one phrase, no full stop.
  package var message: String

  package init(offset: Int, _ message: String) {
    self.offset = offset
    self.message = message
  }
}
