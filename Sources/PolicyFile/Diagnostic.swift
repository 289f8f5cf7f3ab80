/// Something an author of a policy should know.
package struct Diagnostic: Equatable, Sendable, CustomStringConvertible {
  package enum Severity: Equatable, Sendable {
    /// There is no policy.
    case error
    /// There is one, but it hardly means what its author meant.
    case warning
  }

  package var severity: Severity
  /// As the compiler was told it.
  package var file: String
  /// From 1.
  package var line: Int
  /// From 1, in characters (Unicode scalars).
  package var column: Int
  /// What is wrong.
  package var what: String
  /// What would be right; empty where that cannot be said.
  package var meant: String

  package init(severity: Severity, file: String, line: Int, column: Int, what: String, meant: String) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.what = what
    self.meant = meant
  }

  /// `file:line:column: error: what, what would be right`, without a newline. Editors jump to it.
  package var description: String {
    let kind =
      switch severity {
      case .error: "error"
      case .warning: "warning"
      }
    let message = meant.isEmpty ? what : what + ", " + meant
    return "\(file):\(line):\(column): \(kind): \(message)"
  }
}
