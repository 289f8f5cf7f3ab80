package import LinuxSystem
package import ProcModel

extension PanicSettings {
  /// Reads both settings. Allocates; for the start only.
  ///
  /// - Parameter proc: The root of the proc file system.
  /// - Throws: Why one of them cannot be read; `EINVAL` where it is no number.
  package init(readingBelow proc: borrowing OwnedDescriptor) throws(Errno) {
    self.init(
      panicOnOom: try sysctlNumber("sys/vm/panic_on_oom", below: proc),
      panicTimeout: try sysctlNumber("sys/kernel/panic", below: proc))
  }
}

private func sysctlNumber(_ path: String, below proc: borrowing OwnedDescriptor) throws(Errno) -> Int32 {
  var buffer = ByteBuffer(capacity: 32)
  let file = try proc.open(CPath(path), .read)
  buffer.count = try file.readWhole(into: &buffer.storage)
  do throws(ProcParseError) {
    return try SysctlNumber(parsing: buffer.bytes).value
  } catch {
    throw .invalidArgument
  }
}
