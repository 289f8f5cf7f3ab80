internal import CLinux

/// The user and group as which a program is started, without supplementary groups.
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
  /// The program's process number, which is also the number of its process group.
  package let pid: Int32
  /// A pidfd of the program. It becomes readable when the program has exited.
  package let handle: ProcessHandle
}

/// The result of starting a program.
package enum StartOutcome: ~Copyable {
  case started(StartedProgram)
  case failed(StartStage, Errno)
}

/// A prepared start of a program, which takes no memory of this process: the words, the environment and the new
/// process's first stack are in a mapping that was touched when it was made.
///
/// The program gets nothing of this process's but two descriptors. It has its own process group, default signal
/// actions, `oom_score_adj` 0, nice 0, no capability, `no_new_privs`, and `/` as its directory. It shares this
/// process's memory until it executes (`CLONE_VM | CLONE_VFORK`), so nothing is copied.
@safe
package struct ProgramStart: ~Copyable {
  // The mapping, which is freed with this unless a helper is still using it.
  let raw: UnsafeMutablePointer<clinux_hook>
  private let usedByWords: Int32

  /// - Parameters:
  ///   - words: The arguments. The first is the program's absolute path.
  ///   - user: The user and group; nil keeps this process's.
  /// - Throws: `EINVAL` without an absolute path, `E2BIG` where the words do not fit, `ENOMEM`.
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
      // The word is valid until the call returns, which copies it.
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
    // A program that is being started keeps its mapping for good.
    if unsafe clinux_hook_is_starting(raw) == 0 { unsafe clinux_hook_destroy(raw) }
  }

  /// Whether a helper is starting the program at this moment.
  package var isStarting: Bool { unsafe clinux_hook_is_starting(raw) != 0 }

  /// Removes the variables that ``setVariable(_:)`` added.
  package mutating func clearVariables() {
    guard !isStarting else { return }
    unsafe clinux_hook_keep(raw, 1, usedByWords)
  }

  /// Adds a variable to the program's environment, which has `PATH` and nothing else.
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

  /// Sets the descriptors that become the program's standard input, and its standard output and error. They must be
  /// above 2, and stay open until the program has started.
  package mutating func setDescriptors(input: borrowing OwnedDescriptor, output: borrowing OwnedDescriptor) {
    guard !isStarting else { return }
    unsafe raw.pointee.input = input.raw
    unsafe raw.pointee.output = output.raw
  }

  /// Starts the program, and waits until it has executed or failed. That takes as long as reading its file.
  package mutating func start() -> StartOutcome {
    unsafe clinux_hook_launch(raw)
    return takeOutcome() ?? .failed(.clone, .busy)
  }

  /// Returns the result of the last start, once. Nil while it is under way.
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
  /// Kills every process of the program's group, by the program's pidfd or, before Linux 6.9, by its number (kill(2)).
  ///
  /// The number cannot be another process's. The program has it until it is collected, which only ``reap()`` does, and
  /// that consumes the program. The kernel collects no child by itself, since ``EventLoop/taking(_:)`` gives SIGCHLD
  /// its usual action.
  package func killGroup() {
    do throws(Errno) {
      try RawProcess.send(.kill, toGroupLedBy: handle.descriptor.raw)
    } catch {
      if error == .invalidArgument { kill(-pid, SIGKILL) }
    }
  }

  /// Collects the program without waiting. Its number is free from then on.
  package consuming func reap() -> Reaped {
    let status = clinux_collect(pid)
    return status >= 0 ? .exited(status) : .running(self)
  }
}

/// The result of collecting a program.
package enum Reaped: ~Copyable {
  /// The exit code, or 128 plus the number of the signal that killed the program.
  case exited(Int32)
  case running(StartedProgram)
}
