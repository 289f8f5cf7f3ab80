/// A message for the author of a policy.
package struct Diagnostic: Equatable, Sendable, CustomStringConvertible {
  package enum Severity: Equatable, Sendable {
    /// The policy cannot be used.
    case error
    /// The policy can be used, but probably does not say what its author meant.
    case warning

    package var name: String {
      switch self {
      case .error: "error"
      case .warning: "warning"
      }
    }
  }

  package var severity: Severity
  /// The name of the file, as it was given to the compiler.
  package var file: String
  /// The line, from 1.
  package var line: Int
  /// The column, from 1, in characters (Unicode scalars).
  package var column: Int
  /// The length of the text that the message is about, in characters; 0 where it is about no text of the file.
  package var length: Int
  /// The line of the file, or a part of a long one, without characters that a terminal would act on; empty where
  /// ``length`` is 0.
  package var excerpt: String
  /// The number of characters of ``excerpt`` before the text that the message is about.
  package var indent: Int
  /// What is wrong.
  package var what: String
  /// What would be right; empty where that is not known.
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

  /// `file:line:column: error: what, what would be right`, without a newline. Editors jump to the position in it.
  package var description: String {
    let message = meant.isEmpty ? what : what + ", " + meant
    return "\(file):\(line):\(column): \(severity.name): \(message)"
  }

  /// ``description``, then the line with the text underlined that the message is about. Each line ends in a newline.
  package var text: String {
    let room = excerpt.unicodeScalars.count - indent
    guard length > 0, room > 0 else { return description + "\n" }
    let underline = String(repeating: " ", count: indent) + "^" + String(repeating: "~", count: min(length, room) - 1)
    return "\(description)\n  \(excerpt)\n  \(underline)\n"
  }
}
