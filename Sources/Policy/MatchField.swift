/// What of a process a test looks at. The raw values stand in images and never change.
package enum MatchField: UInt8, CaseIterable, Sendable {
  case comm = 1
  case exe = 2
  case cmdline = 3
  case cgroup = 4
  /// The system unit of its cgroup's path: never one that a user's own service manager named.
  case unit = 5
  /// The effective user ID. `user` is compiled to it.
  case uid = 6
  /// The effective capabilities.
  case capability = 7
  /// The effective group ID. `group` is compiled to it.
  case gid = 8
  case oomScoreAdj = 9
  case nice = 10
  /// Since its start: at least so long.
  case minAge = 11
  /// At most so long.
  case maxAge = 12
  /// What killing it would give back, at least.
  case minFootprint = 13
  /// How fast that grew lately, per second, at least.
  case growth = 14
  /// Whether it has a controlling terminal.
  case tty = 15
  /// Whether it lives in a pid namespace below that of the proc file system.
  case container = 16
  /// The name of any ancestor.
  case ancestor = 17
  // Of an ancestor as well: what a rule asks of ancestors, one and the same has to meet.
  case ancestorExe = 18
  case ancestorCgroup = 19
  case ancestorUnit = 20
  /// Whether it lost its parent and the leader of its session or group.
  case orphan = 21

  /// As a policy has it.
  package var name: String {
    switch self {
    case .comm: "comm"
    case .exe: "exe"
    case .cmdline: "cmdline"
    case .cgroup: "cgroup"
    case .unit: "unit"
    case .uid: "uid"
    case .capability: "capability"
    case .gid: "gid"
    case .oomScoreAdj: "oom_score_adj"
    case .nice: "nice"
    case .minAge: "min_age"
    case .maxAge: "max_age"
    case .minFootprint: "min_footprint"
    case .growth: "growth"
    case .tty: "tty"
    case .container: "container"
    case .ancestor: "ancestor"
    case .ancestorExe: "descendant_of.exe"
    case .ancestorCgroup: "descendant_of.cgroup"
    case .ancestorUnit: "descendant_of.unit"
    case .orphan: "orphan"
    }
  }

  /// What its alternatives are.
  package enum Kind: Sendable {
    /// Literals and patterns.
    case text
    case range
    case signedRange
    case capabilities
    case time
    case amount
    case flag
  }

  package var kind: Kind {
    switch self {
    case .comm, .exe, .cmdline, .cgroup, .unit, .ancestor, .ancestorExe, .ancestorCgroup, .ancestorUnit: .text
    case .uid, .gid: .range
    case .oomScoreAdj, .nice: .signedRange
    case .capability: .capabilities
    case .minAge, .maxAge: .time
    case .minFootprint, .growth: .amount
    case .tty, .container, .orphan: .flag
    }
  }

  /// Whether it is asked at each look anew: it changes while the process lives, and a survey's row tells it. What is
  /// not is asked once, and kept until the process is another.
  package var isDynamic: Bool {
    switch self {
    case .comm, .exe, .cmdline, .cgroup, .unit, .uid, .capability: false
    case .gid, .oomScoreAdj, .nice, .minAge, .maxAge, .minFootprint, .growth, .tty, .container, .orphan: true
    case .ancestor, .ancestorExe, .ancestorCgroup, .ancestorUnit: true
    }
  }

  /// Whether it is asked of ancestors.
  package var isOfAncestors: Bool {
    switch self {
    case .ancestor, .ancestorExe, .ancestorCgroup, .ancestorUnit: true
    default: false
    }
  }
}
