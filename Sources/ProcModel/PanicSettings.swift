/// What the kernel itself does when no memory is left (Documentation/admin-guide/sysctl/vm.rst and kernel.rst).
package struct PanicSettings: Equatable, Sendable {
  /// `vm.panic_on_oom`: 0 kills a process; 1 panics, unless only a memory policy or a cgroup is out of memory; 2 always
  /// panics.
  package var panicOnOom: Int32
  /// `kernel.panic`: seconds between a panic and the restart. At 0 the machine stays down; below 0 it restarts at once.
  package var panicTimeout: Int32

  package init(panicOnOom: Int32, panicTimeout: Int32) {
    self.panicOnOom = panicOnOom
    self.panicTimeout = panicTimeout
  }
}

/// A file of `/proc/sys` that holds one whole number.
package struct SysctlNumber: Equatable, Sendable {
  package var value: Int32

  /// - Throws: What is wrong with the number, or ``ProcParseError/malformed(offset:)`` where more follows it on its
  ///   line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    value = try scanner.signed32()
    try scanner.expectLineEnd()
  }
}
