internal import CLinux

/// A hold on one process that no later process with the same number can slip into (pidfd_open(2), Linux 5.3).
package struct ProcessHandle: ~Copyable {
  package let descriptor: OwnedDescriptor

  /// - Throws: `ESRCH` where there is no such process, `ENOSYS` before Linux 5.3.
  package init(pid: Int32) throws(Errno) {
    let raw = try retrying { Int(clinux_pidfd_open(pid)) }
    descriptor = OwnedDescriptor(owning: Int32(raw))
  }

  /// pidfd_send_signal(2).
  ///
  /// - Throws: `ESRCH` once it is gone, `EPERM` where it is not ours to signal.
  package func send(_ signal: Signal) throws(Errno) {
    let raw = descriptor.raw
    _ = try retrying { Int(clinux_pidfd_send_signal(raw, signal.rawValue)) }
  }

  /// Whether it has ended (its memory is released, though its parent may not have waited for it yet).
  package var hasExited: Bool {
    var request = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
    // One pollfd, on the stack, for the call.
    return unsafe poll(&request, 1, 0) == 1
  }

  /// Whether this kernel can hold processes at all.
  package static var isSupported: Bool {
    do {
      _ = try ProcessHandle(pid: getpid())
      return true
    } catch {
      return error != .notSupported
    }
  }
}

/// The signals the agent sends and takes.
package enum Signal: Sendable {
  case terminate
  case kill
  case hangUp
  case interrupt
  case child

  package var rawValue: Int32 {
    switch self {
    case .terminate: SIGTERM
    case .kill: SIGKILL
    case .hangUp: SIGHUP
    case .interrupt: SIGINT
    case .child: SIGCHLD
    }
  }

  package init?(rawValue: Int32) {
    switch rawValue {
    case SIGTERM: self = .terminate
    case SIGKILL: self = .kill
    case SIGHUP: self = .hangUp
    case SIGINT: self = .interrupt
    case SIGCHLD: self = .child
    default: return nil
    }
  }

  package var name: String {
    switch self {
    case .terminate: "SIGTERM"
    case .kill: "SIGKILL"
    case .hangUp: "SIGHUP"
    case .interrupt: "SIGINT"
    case .child: "SIGCHLD"
    }
  }
}
