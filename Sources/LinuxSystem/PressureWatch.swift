internal import CLinux

/// A PSI trigger, with which the kernel wakes this process when tasks stall on memory
/// (Documentation/accounting/psi.rst, Linux 5.2).
package struct PressureWatch: ~Copyable {
  let descriptor: OwnedDescriptor

  private init(descriptor: consuming OwnedDescriptor) {
    self.descriptor = descriptor
  }

  /// Asks the kernel to wake this process when tasks lost a tenth of a window. A window of one second is tried first.
  /// Without CAP_SYS_RESOURCE, kernels from 6.5 on grant only multiples of two seconds, and older kernels grant
  /// nothing.
  ///
  /// - Parameters:
  ///   - path: `/proc/pressure/memory`, or a cgroup's `memory.pressure`.
  ///   - full: Whether all tasks must lose the time (`full`), or one is enough (`some`).
  /// - Throws: The last refusal: `EPERM`, `EINVAL`, or `ENOENT` and `EOPNOTSUPP` where there is no PSI.
  package static func open(_ path: CPath, full: Bool) throws(Errno) -> PressureWatch {
    var refusal = Errno.invalidArgument
    for seconds: UInt32 in [1, 2] {
      let file = try OwnedDescriptor.open(path, .readWrite, .nonBlocking)
      var words: [UInt8] = []
      words.append(contentsOf: (full ? "full " : "some ").utf8)
      words.append(contentsOf: (seconds == 1 ? "100000 1000000" : "200000 2000000").utf8)
      // The kernel requires the NUL as well.
      words.append(0)
      do throws(Errno) {
        try file.write(words.span)
        return PressureWatch(descriptor: file)
      } catch {
        refusal = error
      }
    }
    throw refusal
  }
}

extension EventLoop {
  /// Wakes the loop at each stall, at most once in a window.
  package func watch(_ pressure: borrowing PressureWatch, tag: UInt64) throws(Errno) {
    try watch(pressure.descriptor.raw, tag: tag, events: EPOLLPRI.rawValue)
  }
}
