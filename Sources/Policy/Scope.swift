/// How far a kill reaches beyond the process that was chosen. The raw values stand in images and never change.
package enum Scope: UInt8, CaseIterable, Sendable {
  /// The process alone.
  case process = 1
  /// Its process group.
  case group = 2
  /// Its session.
  case session = 3
  /// The process and all that descend from it. What was orphaned on the way descends from another.
  case tree = 4
  /// Its cgroup and the cgroups below.
  case cgroup = 5
  /// The system unit that its cgroup is or lies in.
  case unit = 6

  package var name: String {
    switch self {
    case .process: "process"
    case .group: "group"
    case .session: "session"
    case .tree: "tree"
    case .cgroup: "cgroup"
    case .unit: "unit"
    }
  }
}

/// The signal that asks a process to exit. The raw values stand in images and never change; they are no numbers of
/// signals.
package enum VictimSignal: UInt8, CaseIterable, Sendable {
  case terminate = 1
  case interrupt = 2
  case quit = 3
  case hangUp = 4
  case user1 = 5
  case user2 = 6
  /// Asks nothing: there is no grace.
  case kill = 7

  package var name: String {
    switch self {
    case .terminate: "SIGTERM"
    case .interrupt: "SIGINT"
    case .quit: "SIGQUIT"
    case .hangUp: "SIGHUP"
    case .user1: "SIGUSR1"
    case .user2: "SIGUSR2"
    case .kill: "SIGKILL"
    }
  }
}

extension CompiledPolicy {
  /// Whether a whole cgroup may be killed by it: by the scope of a rule or of settings, or as a swarm.
  package var mayReachCgroups: Bool {
    if settings.mayReachCgroups { return true }
    for domain in domains where domain.settings.mayReachCgroups { return true }
    for rule in rules where rule.scope?.isOfCgroup == true { return true }
    return false
  }
}

extension Settings {
  fileprivate var mayReachCgroups: Bool { scope.isOfCgroup || swarm != nil }
}

extension Scope {
  fileprivate var isOfCgroup: Bool {
    switch self {
    case .cgroup, .unit: true
    case .process, .group, .session, .tree: false
    }
  }
}
