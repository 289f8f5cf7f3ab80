internal import CLinux

/// The terminal behind a standard descriptor.
package enum Terminal {
  /// Returns the terminal's width in columns. Nil where the descriptor is no terminal, or where the width is unknown.
  package static func columns(of descriptor: Int32) -> Int? {
    let columns = clinux_terminal_columns(descriptor)
    return columns > 0 ? Int(columns) : nil
  }

  package static func isTerminal(_ descriptor: Int32) -> Bool {
    isatty(descriptor) == 1
  }
}
