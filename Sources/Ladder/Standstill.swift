package import ProcModel

/// Why a process that was told to end has not.
package enum Standstill: UInt8, CaseIterable, Sendable {
  /// It has ended after all.
  case gone
  /// It runs or can run: dying takes its time, or SIGTERM is not heeded.
  case running
  /// It waits in the kernel for something that no signal interrupts (state `D`).
  case uninterruptible
  /// The kernel writes its memory out as a core dump.
  case dumpsCore
  /// It was stopped (SIGSTOP, SIGTSTP), and heeds SIGKILL and SIGCONT only.
  case stopped
  /// A tracer holds it, and it heeds SIGKILL only.
  case traced
  /// Its cgroup is frozen. In a version 1 freezer it does not even heed SIGKILL.
  case frozen
  /// Its leader has ended and threads of it live on.
  case threadsLeft
  /// Its memory is another's too, which lives.
  case sharesMemory

  package var name: String {
    switch self {
    case .gone: "gone"
    case .running: "running"
    case .uninterruptible: "uninterruptible"
    case .dumpsCore: "dumps_core"
    case .stopped: "stopped"
    case .traced: "traced"
    case .frozen: "frozen"
    case .threadsLeft: "threads_left"
    case .sharesMemory: "shares_memory"
    }
  }

  /// As the end of a sentence that begins with the process.
  package var text: String {
    switch self {
    case .gone: "has ended"
    case .running: "is still running"
    case .uninterruptible: "waits in the kernel for something that no signal interrupts"
    case .dumpsCore: "is being written out as a core dump"
    case .stopped: "is stopped"
    case .traced: "is held by its tracer"
    case .frozen: "is in a frozen cgroup"
    case .threadsLeft: "has threads that outlive their leader"
    case .sharesMemory: "shares its memory with a process that lives"
    }
  }
}

/// How a process stands, by `/proc/PID/status` and its cgroup.
package struct ProcessStance: Equatable, Sendable {
  /// The state letter of proc(5).
  package var state: UInt8
  package var threads: UInt32 = 1
  /// 0 is none.
  package var tracer: Int32 = 0
  /// Linux 4.15; false before, and for a process without memory.
  package var dumpsCore = false
  /// Whether its cgroup is frozen, of either version.
  package var isFrozen = false

  package init(state: UInt8) {
    self.state = state
  }

  /// - Parameter bytes: Of `/proc/PID/status`.
  /// - Throws: ``ProcParseError/truncated(offset:)`` without a `State` line; else what is wrong with a known line.
  package init(status bytes: Span<UInt8>) throws(ProcParseError) {
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
        // The last of those that are wanted.
        break
      }
      scanner.skipLine()
    }
    guard let state else { throw .truncated(offset: scanner.offset) }
    self.state = state
  }

  /// Whether it may be frozen: such a process shows itself as sleeping, one way or the other.
  package var maySleep: Bool { state == UInt8(ascii: "D") || state == UInt8(ascii: "S") }

  /// What keeps it, of what is seen here. A frozen or dumping process shows other states as well, so those come first.
  package var standstill: Standstill {
    if dumpsCore { return .dumpsCore }
    if isFrozen { return .frozen }
    switch state {
    case UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x"): return threads > 1 ? .threadsLeft : .gone
    case UInt8(ascii: "D"): return .uninterruptible
    case UInt8(ascii: "T"): return .stopped
    case UInt8(ascii: "t"): return .traced
    default: return .running
    }
  }
}
