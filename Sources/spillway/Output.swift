import FoundationEssentials
import LinuxSystem

/// Text to standard error.
enum StandardError {
  static func write(_ text: String) {
    writeAll(text, to: 2)
  }
}

/// Writes to a standard descriptor. If it is closed, or its reader has exited, the text is dropped.
private func writeAll(_ text: String, to descriptor: Int32) {
  guard let descriptor = try? OwnedDescriptor.duplicate(descriptor) else { return }
  try? descriptor.write(Array(text.utf8).span)
}

/// Writes text to standard output, styled and cut as the terminal allows.
struct Output {
  /// Columns of the terminal; nil where the output is no terminal, and lines are not cut.
  let columns: Int?
  let isColoured: Bool

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    columns = Terminal.columns(of: 1)
    let noColour = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    isColoured = Terminal.isTerminal(1) && !noColour && environment["TERM"] != "dumb"
  }

  func write(_ text: String) {
    writeAll(text, to: 1)
  }

  /// `text` in the given style, or unchanged where colour is not used.
  func styled(_ text: String, _ style: Style) -> String {
    isColoured ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
  }

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
  }
}
