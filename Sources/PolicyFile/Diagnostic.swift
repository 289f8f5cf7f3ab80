/// Something an author of a policy should know.
package struct Diagnostic: Equatable, Sendable, CustomStringConvertible {
  package enum Severity: Equatable, Sendable {
    /// There is no policy.
    case error
    /// There is one, but it hardly means what its author meant.
    case warning

    package var name: String {
      switch self {
      case .error: "error"
      case .warning: "warning"
      }
    }
  }

  package var severity: Severity
  /// As the compiler was told it.
  package var file: String
  /// From 1.
  package var line: Int
  /// From 1, in characters (Unicode scalars).
  package var column: Int
  /// Of what it is about, in characters; 0 where that is no part of the file's text.
  package var length: Int
  /// The line, or what of it stands around, without what a terminal should not see; empty where ``length`` is 0.
  package var excerpt: String
  /// How many characters of that stand before what it is about.
  package var indent: Int
  /// What is wrong.
  package var what: String
  /// What would be right; empty where that cannot be said.
  package var meant: String

  package init(
    severity: Severity, file: String, line: Int, column: Int, length: Int = 0, excerpt: String = "",
    indent: Int = 0, what: String, meant: String
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.length = length
    self.excerpt = excerpt
    self.indent = indent
    self.what = what
    self.meant = meant
  }

  /// `file:line:column: error: what, what would be right`, without a newline. Editors jump to it.
  package var description: String {
    let message = meant.isEmpty ? what : what + ", " + meant
    return "\(file):\(line):\(column): \(severity.name): \(message)"
  }

  /// That, and below it the line with what it is about underlined, each with a newline.
  package var text: String {
    let room = excerpt.unicodeScalars.count - indent
    guard length > 0, room > 0 else { return description + "\n" }
    let underline = String(repeating: " ", count: indent) + "^" + String(repeating: "~", count: min(length, room) - 1)
    return "\(description)\n  \(excerpt)\n  \(underline)\n"
  }
}
