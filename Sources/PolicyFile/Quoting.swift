/// A text of the policy for a message: in quotation marks, with everything escaped that a terminal would act on.
func quoted(_ text: String) -> String {
  "\"" + escaped(text) + "\""
}

/// The text with control and formatting characters escaped as in TOML.
func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
      let digits = String(scalar.value, radix: 16, uppercase: true)
      result += "\\u" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
