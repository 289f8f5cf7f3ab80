/// A text of the policy as a message shows it: in quotation marks, with nothing in it that a terminal would act on.
func quoted(_ text: String) -> String {
  "\"" + escaped(text) + "\""
}

/// The text with control and formatting characters written as TOML writes them.
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
