import Pressure
import ProcModel

/// Writes the text of a policy: comments, tables and rules.
struct ImportWriter {
  /// The longest line of a comment, in characters.
  private static let width = 110

  private(set) var text = ""

  mutating func line(_ line: String = "") {
    text += line + "\n"
  }

  /// Writes a comment, broken into lines between words. Control characters in it are escaped.
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

  /// Writes a release line if the default one, one and a half times the floor, would be more than the whole memory.
  mutating func release(over floor: Amount) {
    guard case .share(let share) = floor, share.count + share.count / 2 >= 10_000 else { return }
    comment(
      "Half way from the floor to the whole memory: with 1.5 times the floor the agent would never stop acting.")
    line("release = \"\(describe(.share(BasisPoints(share.count + (10_000 - share.count) / 2))))\"")
  }

  /// Writes a rule, after a blank line.
  ///
  /// - Parameters:
  ///   - comment: The comment above the rule; empty for none.
  ///   - match: The value of `match` in TOML, for instance `{ uid = 0 }`.
  ///   - effect: The line that sets the rule's effect.
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
  /// This amount, or the least amount above zero where it is zero: a line at zero is never met.
  var leastAboveNothing: Amount {
    guard isNothing else { return self }
    return switch self {
    case .share: .share(BasisPoints(1))
    case .size: .size(KiB(1))
    }
  }

  var isNothing: Bool { self == .share(BasisPoints(0)) || self == .size(.zero) }
}

/// A text as a TOML string, in the quotation marks that need no escapes, if there are such.
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

/// Whether a character cannot stand in a TOML string, or could not be seen in it.
private func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
  default: false
  }
}

/// Converts points that another agent adds to `oom_score` to the nearest key of a rule.
enum BadnessShift {
  /// The number of points between the least and the greatest score. Since Linux 5.9 a process without an adjustment
  /// scores 667 with next to no memory and 1333 with all of it (fs/proc/base.c, `proc_oom_score`).
  private static let span = 667

  /// - Parameter byScore: Whether the formula is `oom-score`, for which a weight has the effect of the points.
  static func effect(of points: Int, byScore: Bool) -> String {
    if !byScore || points.magnitude >= span { return "order = \"\(points > 0 ? "first" : "last")\"" }
    let hundredths = (100 * (span + points) + span / 2) / span
    let decimals = String(String(100 + hundredths % 100).dropFirst())
    return "weight = \(hundredths / 100).\(decimals)"
  }

  /// The comment that explains the conversion, above all such rules.
  static func reason(byScore: Bool) -> String {
    byScore
      ? """
      Points added to oom_score become factors here. Since Linux 5.9 a process without an adjustment scores 667 with \
      next to no memory and 1333 with all of it, so a factor of (667 + points) / 667 has the effect on an ordinary \
      process that the points had. From 667 points on, the rule sets an order. The factors of several rules multiply.
      """
      : """
      Points have no counterpart in this formula: processes that they preferred are killed first, and processes that \
      they avoided are killed last.
      """
  }
}
