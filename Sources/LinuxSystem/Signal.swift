internal import CLinux

/// The signals that the agent sends and receives (signal(7)).
package enum Signal: CaseIterable, Sendable {
  case terminate
  case kill
  case hangUp
  case interrupt
  case child
  case quit
  case abort
  case user1
  case user2
  /// Continues a stopped process.
  case resume

  package var rawValue: Int32 {
    switch self {
    case .terminate: SIGTERM
    case .kill: SIGKILL
    case .hangUp: SIGHUP
    case .interrupt: SIGINT
    case .child: SIGCHLD
    case .quit: SIGQUIT
    case .abort: SIGABRT
    case .user1: SIGUSR1
    case .user2: SIGUSR2
    case .resume: SIGCONT
    }
  }

  package init?(rawValue: Int32) {
    switch rawValue {
    case SIGTERM: self = .terminate
    case SIGKILL: self = .kill
    case SIGHUP: self = .hangUp
    case SIGINT: self = .interrupt
    case SIGCHLD: self = .child
    case SIGQUIT: self = .quit
    case SIGABRT: self = .abort
    case SIGUSR1: self = .user1
    case SIGUSR2: self = .user2
    case SIGCONT: self = .resume
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
    case .quit: "SIGQUIT"
    case .abort: "SIGABRT"
    case .user1: "SIGUSR1"
    case .user2: "SIGUSR2"
    case .resume: "SIGCONT"
    }
  }
}
