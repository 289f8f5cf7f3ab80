package import ProcModel

/// Why a process that was signalled has not exited.
package enum Standstill: UInt8, CaseIterable, Sendable {
  /// It has exited after all.
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
  /// Its leader has exited and threads of it live on.
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

extension Standstill {
  /// What keeps a process, by its own files.
  ///
  /// A process that is frozen or that dumps its core shows ordinary states as well, so those two are asked first.
  ///
  /// - Parameter isFrozen: Whether its cgroup is frozen, in either hierarchy.
  package init(_ stance: ProcessStance, isFrozen: Bool) {
    if stance.dumpsCore {
      self = .dumpsCore
      return
    }
    if isFrozen {
      self = .frozen
      return
    }
    switch stance.state {
    case UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x"): self = stance.threads > 1 ? .threadsLeft : .gone
    case UInt8(ascii: "D"): self = .uninterruptible
    case UInt8(ascii: "T"): self = .stopped
    case UInt8(ascii: "t"): self = .traced
    default: self = .running
    }
  }
}
