/// Text that a process may have for its name, its unit, its path or its words, and that must never reach a terminal, a
/// line of a record, or a page as it is. One table, through which every output of the program runs.
package enum HostileText {
  package static let all: [[UInt8]] = [
    // Steering a terminal: colour, clearing, the title, C1's one-byte CSI in UTF-8 and as a lone byte, BEL, backspace.
    Array("\u{1b}[31mred".utf8), Array("\u{1b}[2J\u{1b}[H".utf8), Array("\u{1b}]0;t\u{7}".utf8),
    Array("\u{9b}31m".utf8), [0x9b, 0x33, 0x31, 0x6d], Array("\u{7}\u{8}\u{8}x".utf8),
    // Another line, in each way that programs know.
    Array("a\nb".utf8), Array("a\r\nb".utf8), Array("a\u{2028}b".utf8), Array("a\u{2029}b".utf8),
    Array("a\u{b}\u{c}b".utf8), Array("a\u{85}b".utf8),
    // Turning direction, and marks that are not seen.
    Array("\u{202e}gnp".utf8), Array("\u{2066}x\u{2069}".utf8), Array("\u{200f}\u{61c}".utf8), Array("\u{feff}x".utf8),
    // No UTF-8: lone, overlong, cut off, a surrogate, beyond the last character.
    [0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0x80, 0x62],
    // NUL, DEL.
    [0x61, 0, 0x62], [0x7f],
    // The words of JSON, of HTML, of a shell, of formats.
    Array("\"".utf8), Array("\\".utf8), Array("\\\"".utf8), Array("\\u001b[31m".utf8), Array("</script>".utf8),
    Array("<b>&amp;".utf8), Array("';rm -rf /'".utf8), Array("$(id)`id`".utf8), Array("%s%n".utf8),
    // The words of logs.
    Array(") total-vm:1kB".utf8), Array(",pid=1,uid=0".utf8), Array(": badness 1".utf8), Array("{\"schema\":1}".utf8),
    // Nothing, blanks, and wide characters.
    [], Array(" ".utf8), Array("\t".utf8), Array("名前😀".utf8),
  ]

  /// Whether text that was put out is harmless: valid UTF-8 without anything that steers a terminal or ends a line.
  ///
  /// - Parameter lines: Whether newlines are the output's own.
  package static func isHarmless(_ output: [UInt8], lines: Bool = true) -> Bool {
    guard let text = String(validating: output, as: UTF8.self) else { return false }
    return text.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0x0a: lines
      case 0x00...0x1f, 0x7f...0x9f, 0x061c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: false
      default: true
      }
    }
  }
}
