package import LinuxSystem

/// Lines for people, on standard error unless told otherwise. A reader who does not read costs him lines, never the
/// agent its time.
///
/// Where the journal reads them, each begins with its level as `<4>` (sd-daemon(3)), and the journal has the program's
/// name beside it; elsewhere each begins with that name.
package struct Messages: ~Copyable {
  /// Nowhere, where the descriptor is closed.
  package var sink: LineSink
  private var line: [UInt8] = []
  let isForJournal: Bool

  /// Milliseconds that a message waits for a reader before the loop begins.
  private static let patience: Int32 = 1000
  /// Bytes of memory for messages that are not out yet.
  private static let ringSize = 8192

  /// - Parameter stream: As `$JOURNAL_STREAM` has it; nil for what is in the environment.
  package init(to descriptor: Int32 = 2, stream: CPath? = nil) {
    sink = LineSink(try? OwnedDescriptor.duplicate(descriptor), patience: Messages.patience)
    if let stream {
      isForJournal = JournalStream.names(descriptor, stream)
    } else {
      isForJournal = JournalStream.isRead(descriptor)
    }
    line.reserveCapacity(1024)
  }

  /// Has lines written by a process of its own from here on, so that the agent does not wait for the file. The
  /// journal's socket needs none: it is asked not to wait.
  package mutating func detach() throws(Errno) {
    try sink.detach(size: Messages.ringSize, name: CPath("spillway-say"))
  }

  /// One line. It tells before it how many were lost, where some were.
  package mutating func say(_ level: MessageLevel, _ write: (inout [UInt8]) -> Void) {
    let lost = sink.untoldLines()
    if lost > 0 {
      begin(.warning)
      line.append(decimal: lost)
      line.append(lost == 1 ? " message was lost: " : " messages were lost: ")
      line.append(sink.reason.text)
      line.append("\n")
      sink.put(line, telling: lost, isNotice: true)
    }
    begin(level)
    write(&line)
    line.append("\n")
    sink.put(line)
  }

  package mutating func say(_ level: MessageLevel, _ text: String) {
    say(level) { line in line.append(text) }
  }

  /// A line that ends in the kernel's reason.
  package mutating func say(_ level: MessageLevel, _ text: String, _ reason: Errno) {
    say(level) { line in
      line.append(text)
      line.append(": ")
      line.append(reason.text)
    }
  }

  private mutating func begin(_ level: MessageLevel) {
    line.removeAll(keepingCapacity: true)
    if isForJournal { line.append(prefix: level) } else { line.append("spillwayd: ") }
  }
}
