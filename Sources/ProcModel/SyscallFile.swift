/// `/proc/PID/syscall` (`proc_pid_syscall`, fs/proc/base.c; Linux 2.6.27): the system call in which a process waits.
package struct SyscallFile: Equatable, Sendable {
  /// The number of the call. Nil while the process is running, and where it waits in none.
  package var number: UInt64?

  /// - Throws: What is wrong with the number.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var scanner = ByteScanner(bytes)
    if scanner.take("running") || scanner.take("-1") {
      number = nil
    } else {
      number = try scanner.decimal()
      if let byte = scanner.next, byte != .space, byte != .newline { throw .malformed(offset: scanner.offset) }
    }
  }

  /// The number of swapoff(2) (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h).
  package static var swapoff: UInt64 {
    #if arch(x86_64)
      168
    #else
      225
    #endif
  }
}
