package import Ladder
import ProcModel

/// How much a message matters, as the journal counts it (syslog(3), `journalctl -p`).
package enum MessageLevel: UInt8, CaseIterable, Sendable {
  /// The agent cannot do what it is there for, or a person has to put something right.
  case error = 3
  /// A process is killed, or the agent can do less than it should.
  case warning = 4
  /// Out of the ordinary, and all right.
  case notice = 5
  case info = 6
}

extension Array where Element == UInt8 {
  /// `<4>`, as sd-daemon(3) has it.
  package mutating func append(prefix level: MessageLevel) {
    append("<")
    append(decimal: UInt64(level.rawValue))
    append(">")
  }
}

extension OutcomeKind {
  package var level: MessageLevel {
    switch self {
    case .exited, .killed, .stuck, .refused, .sharesProtected: .warning
    case .vanished, .changed, .relieved: .notice
    }
  }
}

extension HookOutcome {
  package var level: MessageLevel {
    switch self {
    case .ended(let end):
      switch end.outcome {
      case .exited(let status): status == 0 ? .info : .warning
      case .timedOut, .notStarted: .warning
      }
    case .skipped: .warning
    case .rehearsed: .info
    }
  }
}

extension ReliefOutcome {
  package var level: MessageLevel {
    switch self {
    case .began, .undone, .done, .partial, .rehearsed: .notice
    case .skipped: .info
    case .failed: .warning
    }
  }
}

extension LastResortOutcome {
  package var level: MessageLevel {
    switch self {
    case .begun, .told, .refused, .exhausted: .error
    case .calledOff, .rehearsed: .warning
    }
  }
}

extension CapabilityNeed {
  /// Of the message that it is not held.
  package var level: MessageLevel {
    // The agent writes to the kernel's log and does not read it.
    capability == .syslog ? .notice : .warning
  }
}
