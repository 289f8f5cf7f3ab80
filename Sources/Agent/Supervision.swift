package import LinuxSystem
package import ProcModel
package import Record

/// What the service manager is told of the agent, and in which of its modes and policies the agent really is.
package struct Supervision: ~Copyable {
  private let manager: ServiceManager?
  /// Between two signs of life; nil where no manager waits for any.
  private let interval: Nanoseconds?
  /// When the next is to be given.
  private var feedAt = Nanoseconds.zero
  private var message: [UInt8] = []

  /// Whether the agent is armed, and by which policy.
  var mode: AgentMode
  /// What is in force in place of the policy that was asked for; nil where it is that.
  package private(set) var fallback: PolicyFallback?
  /// The agent was to be armed, and is in dry run because the built-in policy stood in when it started.
  package let isDisarmed: Bool
  /// When either is said again.
  private var repeatAt = Nanoseconds.zero

  /// Between signs of life, a part of what the manager waits for: two may be lost, and one be late.
  private static let part: UInt64 = 4
  /// Whatever the manager says, the agent has other work.
  private static let shortest = Nanoseconds.milliseconds(10)
  private static let repetition = Nanoseconds.milliseconds(3_600_000)

  /// - Parameters:
  ///   - manager: Nil where no manager asked to be told.
  ///   - isArmed: Whether the agent was to be armed.
  package init(
    _ manager: consuming ServiceManager? = nil,
    mode: AgentMode = AgentMode(isDryRun: false, policy: CPath(""), rules: 0),
    fallback: PolicyFallback? = nil, isArmed: Bool = false
  ) {
    self.mode = mode
    switch manager {
    case .some(let manager):
      interval = manager.watchdog.map { max(Nanoseconds($0 / Supervision.part), Supervision.shortest) }
    case .none: interval = nil
    }
    self.manager = consume manager
    self.fallback = fallback
    isDisarmed = isArmed && fallback?.kind == .builtIn
    message.reserveCapacity(1024)
  }

  /// Whether a manager would start the agent again.
  package var isManaged: Bool {
    switch manager {
    case .some: true
    case .none: false
    }
  }

  /// Gives a sign of life where it is time for one. To be called by the loop, as it gets on with its work, and by
  /// nothing else: a sign from anything else would not mean that memory is watched.
  package mutating func feed(at now: Nanoseconds) {
    guard let interval, now >= feedAt else { return }
    switch manager {
    case .some(let manager):
      // A manager that is behind is tried again soon.
      feedAt = now + (manager.tellAlive() ? interval : max(Nanoseconds(interval.count / 4), Supervision.shortest))
    case .none: break
    }
  }

  /// When the loop has to get on at the latest; nil where no manager waits for it.
  package var feedDue: Nanoseconds? { interval == nil ? nil : feedAt }

  /// Whether it is time to say again that something is not as it was asked for.
  package mutating func isTimeToRepeat(_ now: Nanoseconds) -> Bool {
    guard fallback != nil || isDisarmed else { return false }
    if repeatAt == .zero {
      // It is said at the start by itself.
      repeatAt = now + Supervision.repetition
      return false
    }
    guard now >= repeatAt else { return false }
    repeatAt = now + Supervision.repetition
    return true
  }

  /// The policy that was asked for is in force.
  package mutating func clearFallback() {
    fallback = nil
  }

  /// Tells how it is, with other lines before that.
  package mutating func tell(_ first: String) throws(Errno) {
    switch manager {
    case .some(let manager):
      message.removeAll(keepingCapacity: true)
      message.append(first)
      message.append("STATUS=")
      message.append(mode, fallback: fallback, isDisarmed: isDisarmed)
      message.append("\n")
      try manager.tell(message.span)
    case .none: break
    }
  }

  /// Tells that the agent stops.
  package func tellStopping() {
    switch manager {
    case .some(let manager): try? manager.tell(Array("STOPPING=1\nSTATUS=stopping\n".utf8).span)
    case .none: break
    }
  }
}

/// Whether the agent is armed, and by which policy.
package struct AgentMode: Sendable {
  package var isDryRun: Bool
  package var policy: CPath
  package var rules: Int

  package init(isDryRun: Bool, policy: CPath, rules: Int) {
    self.isDryRun = isDryRun
    self.policy = policy
    self.rules = rules
  }
}

extension Array where Element == UInt8 {
  /// One line for people: `armed; policy /etc/spillway/spillway.toml, 18 rules`.
  mutating func append(_ mode: AgentMode, fallback: PolicyFallback?, isDisarmed: Bool) {
    append(
      isDisarmed
        ? "DRY RUN ALTHOUGH ARMED WAS ASKED FOR" : mode.isDryRun ? "dry run" : "armed")
    if let fallback {
      append(", on ")
      append(fallback)
    } else if isDisarmed {
      append(": restart to arm")
    }
    append("; policy ")
    append(visible: mode.policy.bytes)
    append(", ")
    append(decimal: UInt64(mode.rules))
    append(mode.rules == 1 ? " rule" : " rules")
  }
}
