package import LinuxSystem
import Record

/// Lines for people, on standard error unless told otherwise. A reader who does not read costs him lines, never the
/// agent its time.
package struct Messages: ~Copyable {
  /// Nil where the descriptor is closed.
  private let sink: OwnedDescriptor?
  private var line: [UInt8] = []

  package init(to descriptor: Int32 = 2) {
    sink = try? OwnedDescriptor.duplicate(descriptor)
    line.reserveCapacity(1024)
  }

  /// One line, with the program's name before it.
  package mutating func say(_ write: (inout [UInt8]) -> Void) {
    line.removeAll(keepingCapacity: true)
    line.append("spillwayd: ")
    write(&line)
    line.append("\n")
    switch sink {
    case .some(let sink): _ = try? sink.writeUnlessFull(line.span)
    case .none: break
    }
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
