/// `/proc/PID/stat` (proc(5), `do_task_stat` in fs/proc/array.c): its first 24 fields, and two more.
package struct ProcessStat: Sendable {
  package var pid: Int32
  package var comm: Comm
  /// The state letter of proc(5).
  package var state: UInt8
  package var parent: Int32
  package var processGroup: Int32
  package var session: Int32
  /// The controlling terminal's device number; 0 is none.
  package var terminal: Int32
  /// `PF_*` of include/linux/sched.h.
  package var flags: UInt32
  /// Of all threads, in the file of a process; of the one, in that of a thread.
  package var userTime: Ticks
  package var systemTime: Ticks
  package var nice: Int8
  package var threads: UInt32
  /// Since boot.
  package var startTime: Ticks
  /// The address space, in bytes.
  package var virtualBytes: UInt64
  /// Approximate: threads add theirs in batches. Zero where the kernel printed less than that.
  package var residentPages: UInt64
  /// Of where its code and its stack begin, which the kernel scatters: another after execve(2). 0 where there is no
  /// memory, or the reader may not look into the process (ptrace(2), `PTRACE_MODE_READ_FSCREDS`), or was not told.
  package var image: UInt64 = 0

  /// `PF_KTHREAD`.
  package var isKernelThread: Bool { flags & 0x0020_0000 != 0 }

  /// Whether it has ended and waits to be collected: `Z`, `X` or `x`. With more than one thread the others live on.
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
    ProcessStat.skipFields(4, &scanner)  // minflt cminflt majflt cmajflt
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
    // Without what follows a field one cannot tell a whole number from the front of one.
    guard let end = scanner.next else { throw .truncated(offset: scanner.offset) }
    guard end == .space || end == .newline else { throw .malformed(offset: scanner.offset) }
    scanner.advance()
    ProcessStat.skipFields(1, &scanner)  // rsslim
    image = ProcessStat.image(&scanner)
  }

  private static func image(_ scanner: inout ByteScanner) -> UInt64 {
    guard let code = try? field(&scanner) else { return 0 }
    skipFields(1, &scanner)  // endcode
    guard let stack = try? field(&scanner), stack > 0 else { return 0 }
    // Odd, so that no two beginnings of code become one.
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
