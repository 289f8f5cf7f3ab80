import FoundationEssentials
import LinuxSystem

/// Text to standard error.
enum StandardError {
  static func write(_ text: String) {
    writeAll(text, to: 2)
  }
}

/// Writes to a standard descriptor; one that is closed, or whose reader has gone, takes nothing.
private func writeAll(_ text: String, to descriptor: Int32) {
  guard let descriptor = try? OwnedDescriptor.duplicate(descriptor) else { return }
  try? descriptor.write(Array(text.utf8).span)
}

/// Text to standard output, and what may be done with it.
struct Output {
  /// Columns of the terminal; nil where it is none, and nothing needs to be cut.
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

  /// `text` in the given style, or as it is where there is no colour.
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
