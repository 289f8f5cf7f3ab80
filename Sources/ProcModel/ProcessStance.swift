/// The lines of `/proc/PID/status` (proc(5), `proc_pid_status` in fs/proc/array.c) that tell why a process does not
/// exit.
///
/// ``ProcessStatus`` reads other lines of the same file for every process of a survey; this is read of one process
/// alone.
package struct ProcessStance: Equatable, Sendable {
  /// `State`: the state letter of proc(5).
  package var state: UInt8
  /// `Threads`: the number of threads, the leader among them.
  package var threads: UInt32 = 1
  /// `TracerPid`: the process that traces this one; 0 where there is none.
  package var tracer: Int32 = 0
  /// `CoreDumping` (Linux 4.15): whether the kernel is writing a core dump of the process. False before 4.15, and for a
  /// process without memory, whose file has no such line.
  package var dumpsCore = false

  /// - Parameter bytes: The content of `/proc/PID/status`.
  /// - Throws: ``ProcParseError/truncated(offset:)`` without a `State` line; otherwise what is wrong with a known line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var state: UInt8?
    self.state = 0
    var scanner = ByteScanner(bytes)
    while !scanner.isAtEnd {
      if scanner.take("State:") {
        scanner.skipBlanks()
        state = scanner.next
      } else if scanner.take("TracerPid:") {
        scanner.skipBlanks()
        tracer = try scanner.signed32()
      } else if scanner.take("Threads:") {
        scanner.skipBlanks()
        threads = try scanner.unsigned32()
      } else if scanner.take("CoreDumping:") {
        scanner.skipBlanks()
        dumpsCore = try scanner.decimal() != 0
        // The kernel prints this line after the other three.
        break
      }
      scanner.skipLine()
    }
    guard let state else { throw .truncated(offset: scanner.offset) }
    self.state = state
  }

  /// Whether the process sleeps (`S` or `D`). A process in a frozen cgroup shows one of these two states.
  package var isAsleep: Bool { state == UInt8(ascii: "D") || state == UInt8(ascii: "S") }
}
