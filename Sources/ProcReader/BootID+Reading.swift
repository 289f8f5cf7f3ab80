package import LinuxSystem
package import ProcModel

extension BootID {
  /// Reads it. Allocates; for the start only.
  ///
  /// - Parameter proc: The root of the proc file system.
  /// - Throws: Why it cannot be read; `EINVAL` where it is no such id.
  package init(readingBelow proc: borrowing OwnedDescriptor) throws(Errno) {
    var buffer = ByteBuffer(capacity: 64)
    let file = try proc.open(CPath("sys/kernel/random/boot_id"), .read)
    buffer.count = try file.readWhole(into: &buffer.storage)
    guard let id = BootID(parsing: buffer.bytes) else { throw .invalidArgument }
    self = id
  }
}
