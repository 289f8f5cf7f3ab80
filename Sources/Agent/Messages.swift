package import LinuxSystem
import Record

/// Lines for people, on standard error. A reader who does not read costs him lines, never the agent its time.
package struct Messages: ~Copyable {
  private let sink: OwnedDescriptor
  private var line: [UInt8] = []

  package init(sink: consuming OwnedDescriptor) {
    self.sink = sink
    line.reserveCapacity(1024)
  }

  /// One line, with the program's name before it.
  package mutating func say(_ write: (inout [UInt8]) -> Void) {
    line.removeAll(keepingCapacity: true)
    line.append("spillwayd: ")
    write(&line)
    line.append("\n")
    try? sink.writeUnlessFull(line.span)
  }

  package mutating func say(_ text: String) {
    say { line in line.append(text) }
  }

  /// A line that ends in the kernel's reason.
  package mutating func say(_ text: String, _ reason: Errno) {
    say { line in
      line.append(text)
      line.append(": ")
      line.append(reason.text)
    }
  }
}
