/// `/proc/PID/stat` (proc(5), `do_task_stat` in fs/proc/array.c): most of its first 24 fields, and two more.
package struct ProcessStat: Sendable {
  /// Field 1, the process number; in a thread's file the thread's.
  package var pid: Int32
  /// Field 2, the name that the process gave itself.
  package var comm: Comm
  /// Field 3, the state letter of proc(5).
  package var state: UInt8
  /// Field 4, the parent's process number.
  package var parent: Int32
  /// Field 5, the process group.
  package var processGroup: Int32
  /// Field 6, the session.
  package var session: Int32
  /// Field 7, the device number of the controlling terminal; 0 is none.
  package var terminal: Int32
  /// Field 9, the bits `PF_*` of include/linux/sched.h.
  package var flags: UInt32
  /// Field 10, the page faults that needed no input, of all threads that the process ever had in its file.
  package var minorFaults: UInt64
  /// Field 14, the CPU time in user mode: of all threads in a process's file, of the one in a thread's.
  package var userTime: Ticks
  /// Field 15, the CPU time in the kernel, as ``userTime``.
  package var systemTime: Ticks
  /// Field 19, the nice value, −20…19.
  package var nice: Int8
  /// Field 20, the number of threads.
  package var threads: UInt32
  /// Field 22, the start time since boot.
  package var startTime: Ticks
  /// Field 23, the size of the address space in bytes.
  package var virtualBytes: UInt64
  /// Field 24, the resident memory in pages. It is approximate, since threads add their part in batches. It is 0 where
  /// the kernel printed a negative number.
  package var residentPages: UInt64
  /// A number made of fields 26 and 28, which tell where the code and the stack begin. The kernel scatters both, so the
  /// number changes with execve(2). It is 0 where the process has no memory, where the file ends before, or where the
  /// reader may not look into the process (ptrace(2), `PTRACE_MODE_READ_FSCREDS`).
  package var image: UInt64 = 0

  /// Whether this is a thread of the kernel (`PF_KTHREAD`).
  package var isKernelThread: Bool { flags & 0x0020_0000 != 0 }

  /// Whether the process, or the thread, is dead and waits to be collected: `Z`, `X` or `x`. Other threads of a process
  /// whose leader is dead may live on.
  package var isDead: Bool {
    state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") || state == UInt8(ascii: "x")
  }

  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    // A process names itself `foo) Z 1 (bar` if it likes; only numbers follow the name, so the last `)` ends it.
    var close = bytes.count - 1
    while close >= 0, bytes[close] != UInt8(ascii: ")") {
      close -= 1
    }
    var scanner = ByteScanner(bytes)
    pid = try scanner.signed32()
    try scanner.expect(.space)
    try scanner.expect(UInt8(ascii: "("))
    guard close >= scanner.offset else { throw .truncated(offset: bytes.count) }
    comm = Comm(bytes.extracting(scanner.offset..<close))

    scanner = ByteScanner(bytes, from: close + 1)
    try scanner.expect(.space)
    guard let letter = scanner.next else { throw .truncated(offset: scanner.offset) }
    guard letter > .space, letter < 0x7f else { throw .malformed(offset: scanner.offset) }
    state = letter
    scanner.advance()
    try scanner.expect(.space)
    parent = try ProcessStat.field32(&scanner)
    processGroup = try ProcessStat.field32(&scanner)
    session = try ProcessStat.field32(&scanner)
    terminal = try ProcessStat.field32(&scanner)
    ProcessStat.skipFields(1, &scanner)  // tpgid
    flags = try scanner.unsigned32()
    try scanner.expect(.space)
    minorFaults = try ProcessStat.field(&scanner)
    ProcessStat.skipFields(3, &scanner)  // cminflt majflt cmajflt
    userTime = Ticks(try ProcessStat.field(&scanner))
    systemTime = Ticks(try ProcessStat.field(&scanner))
    ProcessStat.skipFields(3, &scanner)  // cutime cstime priority
    let niceOffset = scanner.offset
    guard let nice = Int8(exactly: try scanner.signedDecimal()) else { throw .overflow(offset: niceOffset) }
    self.nice = nice
    try scanner.expect(.space)
    threads = try scanner.unsigned32()
    try scanner.expect(.space)
    ProcessStat.skipFields(1, &scanner)  // itrealvalue
    startTime = Ticks(try ProcessStat.field(&scanner))
    virtualBytes = try ProcessStat.field(&scanner)
    residentPages = UInt64(max(try scanner.signedDecimal(), 0))
    // Without the byte after it, a whole number cannot be told from the first digits of one.
    guard let end = scanner.next else { throw .truncated(offset: scanner.offset) }
    guard end == .space || end == .newline else { throw .malformed(offset: scanner.offset) }
    scanner.advance()
    ProcessStat.skipFields(1, &scanner)  // rsslim
    image = ProcessStat.image(&scanner)
  }

  /// Whether the process is on its way out (`PF_EXITING`), or SIGKILL is pending for its leader (bit 8 of field 31): the kernel
  /// takes a process's memory back before it exits (mm/oom_kill.c, `oom_reap_task`).
  ///
  /// - Parameter bytes: The file that this was parsed from.
  package func isLeaving(_ bytes: Span<UInt8>) -> Bool {
    if flags & 0x4 != 0 { return true }
    var close = bytes.count - 1
    while close >= 0, bytes[close] != UInt8(ascii: ")") { close -= 1 }
    var scanner = ByteScanner(bytes, from: close + 1)
    // A blank stands before field 3.
    ProcessStat.skipFields(29, &scanner)
    guard let pending = try? scanner.decimal() else { return false }
    return pending & (1 << 8) != 0
  }

  private static func image(_ scanner: inout ByteScanner) -> UInt64 {
    guard let code = try? field(&scanner) else { return 0 }
    skipFields(1, &scanner)  // endcode
    guard let stack = try? field(&scanner), stack > 0 else { return 0 }
    // The factor is odd, so that different addresses of code stay different.
    return (code &* 0x9E37_79B9_7F4A_7C15) ^ stack
  }

  private static func field(_ scanner: inout ByteScanner) throws(ProcParseError) -> UInt64 {
    let value = try scanner.decimal()
    try scanner.expect(.space)
    return value
  }

  private static func field32(_ scanner: inout ByteScanner) throws(ProcParseError) -> Int32 {
    let value = try scanner.signed32()
    try scanner.expect(.space)
    return value
  }

  private static func skipFields(_ count: Int, _ scanner: inout ByteScanner) {
    for _ in 0..<count {
      scanner.skipWord()
      scanner.advance()
    }
  }
}
