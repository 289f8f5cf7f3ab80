import Pressure
import ProcModel

/// Writes a policy as a person would: comments, tables and rules.
struct ImportWriter {
  /// In characters, of a comment.
  private static let width = 110

  private(set) var text = ""

  mutating func line(_ line: String = "") {
    text += line + "\n"
  }

  /// A comment, broken into lines between words. What came from a file is harmless in it.
  mutating func comment(_ comment: String) {
    var line = "#"
    let indent = comment.hasPrefix("- ") ? "#  " : "#"
    for word in escaped(comment).split(separator: " ") {
      if line.count > indent.count, line.count + word.count >= ImportWriter.width {
        self.line(line)
        line = indent
      }
      line += " " + word
    }
    self.line(line)
  }

  /// The release line, where the usual one, half as much again as the floor, would be more than there is.
  mutating func release(over floor: Amount) {
    guard case .share(let share) = floor, share.count + share.count / 2 >= 10_000 else { return }
    comment(
      "Half way from the floor to all that there is: with the usual line, half as much again, acting would not stop.")
    line("release = \"\(describe(.share(BasisPoints(share.count + (10_000 - share.count) / 2))))\"")
  }

  /// A rule, after a blank line.
  ///
  /// - Parameters:
  ///   - comment: Above it; empty for none.
  ///   - match: As TOML, for instance `{ uid = 0 }`.
  ///   - effect: The line of what it does.
  mutating func rule(_ name: String, comment: String, match: String, effect: String) {
    line()
    if !comment.isEmpty { self.comment(comment) }
    line("[[rule]]")
    line("name = \(tomlString(name))")
    line("match = \(match)")
    line(effect)
  }
}

extension Amount {
  /// Itself, or the least that can be said where it is nothing: a line at nothing is never met.
  var leastAboveNothing: Amount {
    guard isNothing else { return self }
    return switch self {
    case .share: .share(BasisPoints(1))
    case .size: .size(KiB(1))
    }
  }

  var isNothing: Bool { self == .share(BasisPoints(0)) || self == .size(.zero) }
}

/// A string as TOML writes it: in the quotation marks that need no escapes, where there are such.
func tomlString(_ text: String) -> String {
  let scalars = text.unicodeScalars
  let isPlain = !scalars.contains { needsEscape($0) }
  if isPlain, !scalars.contains("\\"), !scalars.contains("\"") { return "\"\(text)\"" }
  if isPlain, !scalars.contains("'") { return "'\(text)'" }
  var result = "\""
  for scalar in scalars {
    if scalar == "\\" || scalar == "\"" {
      result += "\\"
      result.unicodeScalars.append(scalar)
    } else if needsEscape(scalar) {
      let digits = String(scalar.value, radix: 16, uppercase: true)
      let isLong = digits.count > 4
      result += (isLong ? "\\U" : "\\u") + String(repeating: "0", count: (isLong ? 8 : 4) - digits.count) + digits
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

/// Whether a character cannot stand in a TOML string, or could not be seen there.
private func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
  default: false
  }
}

/// Points that another agent adds to `oom_score`, as what comes nearest in a rule.
enum BadnessShift {
  /// Since Linux 5.9 a process without an adjustment scores 667 with next to no memory and 1333 with all of it
  /// (fs/proc/base.c, `proc_oom_score`): so many points lie between the least and the greatest of them.
  private static let span = 667

  /// - Parameter byScore: Whether the formula is `oom-score`, to which a factor does what points do.
  static func effect(of points: Int, byScore: Bool) -> String {
    if !byScore || points.magnitude >= span { return "order = \"\(points > 0 ? "first" : "last")\"" }
    let hundredths = (100 * (span + points) + span / 2) / span
    let decimals = String(String(100 + hundredths % 100).dropFirst())
    return "weight = \(hundredths / 100).\(decimals)"
  }

  /// Why, for the head of all such rules.
  static func reason(byScore: Bool) -> String {
    byScore
      ? """
      Points added to oom_score are factors here. Since Linux 5.9 a process without an adjustment scores 667 with next \
      to no memory and 1333 with all of it, so a factor of (667 + points) / 667 does to an ordinary process what the \
      points did; 667 points or more are an order of their own. Where several match, factors multiply.
      """
      : """
      Points added to a score have no likeness in this formula: what they preferred goes first here, and what they \
      avoided last.
      """
  }
}
