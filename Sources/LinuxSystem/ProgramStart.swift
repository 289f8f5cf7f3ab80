internal import CLinux

/// The user and group that a program is started as, with no further groups.
package struct Credentials: Equatable, Sendable {
  package var user: UInt32
  package var group: UInt32

  package init(user: UInt32, group: UInt32) {
    self.user = user
    self.group = group
  }

  /// `nobody` and `nogroup`, the kernel's overflow IDs.
  package static let nobody = Credentials(user: 65534, group: 65534)
}

/// The step at which a program could not be started.
package enum StartStage: UInt8, Sendable {
  case clone
  case group
  case descriptors
  case oomScore
  case priority
  case user
  case privileges
  case signals
  case execute

  package var text: String {
    switch self {
    case .clone: "no process could be made for it"
    case .group: "it could not get a process group of its own"
    case .descriptors: "its standard descriptors could not be set"
    case .oomScore: "its oom_score_adj could not be set"
    case .priority: "its priority could not be set"
    case .user: "its user could not be set (CAP_SETUID, CAP_SETGID)"
    case .privileges: "its privileges could not be taken"
    case .signals: "its signals could not be set"
    case .execute: "it could not be executed"
    }
  }
}

/// A program that was started.
package struct StartedProgram: ~Copyable {
  /// Also the number of its process group.
  package let pid: Int32
  /// Becomes readable when it has ended.
  package let handle: ProcessHandle
}

/// What the start of a program came to.
package enum StartOutcome: ~Copyable {
  case started(StartedProgram)
  case failed(StartStage, Errno)
}

/// A program's start, prepared so that it takes no memory of this process: words, environment and the new process's
/// first stack are in a mapping that was touched when it was made.
///
/// The program gets nothing of ours but the two descriptors: its own process group, every signal as usual,
/// `oom_score_adj` 0, nice 0, no capability, `no_new_privs`, `/` as its directory. It shares this process's memory until
/// it executes (`CLONE_VM | CLONE_VFORK`), so nothing is copied.
@safe
package struct ProgramStart: ~Copyable {
  // Its own mapping, freed with this unless a helper is still at it.
  let raw: UnsafeMutablePointer<clinux_hook>
  private let usedByWords: Int32

  /// - Parameters:
  ///   - words: The first is the program's absolute path; the others it gets as they are.
  ///   - user: Nil keeps this process's.
  /// - Throws: `EINVAL` without an absolute path, `E2BIG` where they do not fit, `ENOMEM`.
  package init(_ words: [CPath], as user: Credentials?) throws(Errno) {
    guard let first = words.first, first.bytes.count > 1, first.bytes[0] == UInt8(ascii: "/") else {
      throw .invalidArgument
    }
    guard let hook = unsafe clinux_hook_create() else { throw .current }
    unsafe hook.pointee.pidfd = -1
    if let user {
      unsafe hook.pointee.changes_user = 1
      unsafe hook.pointee.user = user.user
      unsafe hook.pointee.group = user.group
    }
    var fits = true
    for word in words {
      // The word lives until the call returns, which copies it.
      let result = unsafe word.withCString { text in unsafe clinux_hook_add_word(hook, text, Int32(word.bytes.count)) }
      if result != 0 { fits = false }
    }
    let path = CPath("PATH=/usr/sbin:/usr/bin:/sbin:/bin")
    let result = unsafe path.withCString { text in
      unsafe clinux_hook_add_variable(hook, text, Int32(path.bytes.count))
    }
    guard fits, result == 0 else {
      unsafe clinux_hook_destroy(hook)
      throw .tooLong
    }
    unsafe raw = unsafe hook
    usedByWords = unsafe hook.pointee.used
  }

  deinit {
    // One that is being started keeps its mapping for good.
    if unsafe clinux_hook_is_starting(raw) == 0 { unsafe clinux_hook_destroy(raw) }
  }

  /// Whether a helper is starting it at this moment.
  package var isStarting: Bool { unsafe clinux_hook_is_starting(raw) != 0 }

  /// Forgets what ``setVariable(_:)`` added.
  package mutating func clearVariables() {
    guard !isStarting else { return }
    unsafe clinux_hook_keep(raw, 1, usedByWords)
  }

  /// Adds a variable to its environment, which has `PATH` and nothing else.
  ///
  /// - Parameter text: `NAME=value` without a NUL.
  /// - Returns: Whether there was room.
  package mutating func setVariable(_ text: Span<UInt8>) -> Bool {
    guard !isStarting else { return false }
    // The span is borrowed for the call, which copies it.
    return unsafe text.withUnsafeBytes { bytes in
      unsafe clinux_hook_add_variable(
        raw, bytes.assumingMemoryBound(to: CChar.self).baseAddress, Int32(bytes.count)) == 0
    }
  }

  /// Names the descriptors that become its standard input, and its standard output and error. They must be above 2, and
  /// stay open until it has started.
  package mutating func setDescriptors(input: borrowing OwnedDescriptor, output: borrowing OwnedDescriptor) {
    guard !isStarting else { return }
    unsafe raw.pointee.input = input.raw
    unsafe raw.pointee.output = output.raw
  }

  /// Starts it, and waits until it has executed or failed: as long as its file takes to be read.
  package mutating func start() -> StartOutcome {
    unsafe clinux_hook_launch(raw)
    return takeOutcome() ?? .failed(.clone, .busy)
  }

  /// What the last start came to; nil while it is under way, or where it was taken.
  package mutating func takeOutcome() -> StartOutcome? {
    guard !isStarting else { return nil }
    let error = unsafe raw.pointee.error
    if error != 0 {
      unsafe raw.pointee.error = 0
      return .failed(stage(unsafe raw.pointee.stage), Errno(error))
    }
    let pidfd = unsafe raw.pointee.pidfd
    guard pidfd >= 0 else { return nil }
    unsafe raw.pointee.pidfd = -1
    return .started(
      StartedProgram(pid: unsafe raw.pointee.pid, handle: ProcessHandle(owning: OwnedDescriptor(owning: pidfd))))
  }

  private func stage(_ stage: clinux_hook_stage) -> StartStage {
    switch stage {
    case clinux_hook_group: .group
    case clinux_hook_descriptors: .descriptors
    case clinux_hook_oom_score: .oomScore
    case clinux_hook_priority: .priority
    case clinux_hook_user: .user
    case clinux_hook_privileges: .privileges
    case clinux_hook_signals: .signals
    case clinux_hook_execute: .execute
    default: .clone
    }
  }
}

extension StartedProgram {
  /// Kills every process of its group, by its pidfd or, before Linux 6.9, by its number (kill(2)).
  ///
  /// The number cannot be another's: the program has it until it is collected, which only ``reap()`` does, and that takes
  /// the program itself. The kernel collects none by itself, since ``EventLoop/taking(_:)`` has SIGCHLD as usual.
  package func killGroup() {
    do throws(Errno) {
      try RawProcess.send(.kill, toGroupLedBy: handle.descriptor.raw)
    } catch {
      if error == .invalidArgument { kill(-pid, SIGKILL) }
    }
  }

  /// Takes its exit code without waiting, or 128 and the signal's number. Its number is free from then on.
  package consuming func reap() -> Reaped {
    let status = clinux_collect(pid)
    return status >= 0 ? .ended(status) : .running(self)
  }
}

/// What collecting a program came to.
package enum Reaped: ~Copyable {
  case ended(Int32)
  case running(StartedProgram)
}
