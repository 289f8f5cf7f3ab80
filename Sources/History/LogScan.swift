import ProcModel

/// Finds the kills in one log, line by line, in the order in which they were written.
package struct LogScan {
  private var parser: LogLineParser
  private let origins: Origins
  /// The boot that the log is of, where that is known.
  private let boot: [UInt8]?
  /// Lines that the kernel wrote beyond doubt are never joined with others.
  private var proven = KernelKills()
  private var unproven = KernelKills()
  private var nohang: PastVictim?

  package init(_ context: LogContext, from origins: Origins, boot: [UInt8]? = nil) {
    parser = LogLineParser(context)
    self.origins = origins
    self.boot = boot
  }

  /// - Parameter text: A line of a text log, or a record of `/dev/kmsg`.
  /// - Returns: The kill that the line completes.
  package mutating func take(_ text: Span<UInt8>) -> PastKill? {
    guard LogScan.mayMatter(text) else { return nil }
    return take(parser.parse(LogScan.array(text)))
  }

  /// - Parameter json: An entry as `journalctl -o json` prints it.
  package mutating func take(journal json: Span<UInt8>) -> PastKill? {
    guard LogScan.mayMatter(json), let line = JournalEntry.line(json) else { return nil }
    return take(line)
  }

  private mutating func take(_ told: LogLine) -> PastKill? {
    var line = told
    if line.time.boot == nil { line.time.boot = boot }
    if let told = line.told { return told.kill(line, from: origins) }
    if line.writer == .kernel || line.writer == .untold, let message = KernelMessage(line.message) {
      return line.isProven
        ? proven.take(message, line, from: origins) : unproven.take(message, line, from: origins)
    }
    var kill = KillerMessage.kill(line, from: origins, nohang: &nohang)
    // The journal's own field names the unit that a message of the manager is about.
    if line.writer == .systemd, let unit = line.unit { kill?.victim.unit = unit }
    return kill
  }

  private static func array(_ text: Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    for index in text.indices { bytes.append(text[index]) }
    return bytes
  }

  /// Whether a line has one of the words that every message that counts has: `kill` in letters of either case,
  /// `SIGTERM`, `panic`, `badness`, `memory.oom.group`; or text that JSON had to write as numbers. Nearly all lines of
  /// a log have none.
  static func mayMatter(_ text: Span<UInt8>) -> Bool {
    let last = text.count - 4
    guard last >= 0 else { return false }
    var index = 0
    while index <= last {
      switch text[index] {
      case UInt8(ascii: "k"), UInt8(ascii: "K"):
        if matches(text, index + 1, "ill") || matches(text, index + 1, "ILL") { return true }
      case UInt8(ascii: "S"): if matches(text, index + 1, "IGTERM") { return true }
      case UInt8(ascii: "p"): if matches(text, index + 1, "anic") { return true }
      case UInt8(ascii: "b"): if matches(text, index + 1, "adness") { return true }
      case .colon: if text[index + 1] == UInt8(ascii: "["), text[index + 2].decimalDigit != nil { return true }
      default: break
      }
      index += 1
    }
    return false
  }

  private static func matches(_ text: Span<UInt8>, _ start: Int, _ word: String) -> Bool {
    let wanted = word.utf8Span.span
    guard text.count - start >= wanted.count else { return false }
    for index in wanted.indices where text[start + index] != wanted[index] { return false }
    return true
  }
}
