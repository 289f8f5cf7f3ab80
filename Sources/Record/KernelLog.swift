package import LinuxSystem

/// Lines in the kernel's log: one for each kill, and one for each step of the last resort.
package struct KernelLog: ~Copyable {
  package var sink: LineSink
  private var notice: [UInt8] = []

  /// Bytes of memory for lines that are not out yet: a decision writes eight at most, of some 200 bytes each.
  private static let ringSize = 4096

  /// - Parameter file: `/dev/kmsg`; nil writes nothing.
  package init(_ file: consuming OwnedDescriptor?) {
    sink = LineSink(file)
    notice.reserveCapacity(128)
  }

  /// Has lines written by a process of its own from here on: a program that writes to the kernel's log may have to
  /// print it, and a serial console takes its time.
  package mutating func detach() throws(Errno) {
    try sink.detach(size: KernelLog.ringSize, name: CPath("spillway-kmsg"))
  }

  /// Writes a line, with its level and newline. It tells before it how many were lost, where some were.
  package mutating func write(_ line: [UInt8]) {
    let lost = sink.untoldLines()
    if lost > 0 {
      notice.removeAll(keepingCapacity: true)
      notice.append("<4>spillwayd: lines that are missing before this one: ")
      notice.append(decimal: lost)
      notice.append("\n")
      sink.put(notice, telling: lost, isNotice: true)
    }
    sink.put(line)
  }
}
